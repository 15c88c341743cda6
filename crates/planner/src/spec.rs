//! What is declared: the stack an account should have.

use ipnet::Ipv4Net;
use phonehome_fleet::addresses::{LayoutError, Tier, layout};
use phonehome_fleet::{Fleet, Member, Nat, Parts};
use phonehome_wire::{AccountId, AzId, Check, Region, StackId, partition};
use serde::{Serialize, Serializer};

use phonehome_network::{
    Address, Function, Inventory, Kind, Rule, TAG_ADDRESS, TAG_ADOPTED, TAG_MANAGED_BY, TAG_MANAGED_BY_VALUE,
    Tags,
};

/// The network and the probes of one account in one Region, as declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StackSpec {
    /// The account's 12-digit id.
    pub account: AccountId,
    /// The account's name, `shop-prod`; the prefix of every `Name` tag.
    pub account_name: String,
    /// The Region, `us-east-1`.
    pub region: Region,
    /// The VPC's CIDR: the block the ledger holds for this account and Region.
    pub cidr: Ipv4Net,
    /// One entry for each Availability Zone.
    pub zones: Vec<ZoneSpec>,
    /// The way out.
    #[serde(skip)]
    pub nat: Nat,
    /// What there is beside subnets, gateways and routes.
    pub features: Features,
    /// Other accounts of the fleet that declared connections lead to or come from.
    pub links: Vec<LinkSpec>,
    /// The existing VPC to take over instead of making one.
    pub adopt: Option<String>,
    /// What the probes have in common; `None`: no probes.
    pub probe: Option<ProbeSpec>,
    /// Tags for every resource, beside phonehome's own.
    pub tags: Tags,
    /// What is known from earlier observations. It is not declared, and tells no stack from another.
    #[serde(skip)]
    pub history: History,
}

/// What an observation cannot see, and earlier ones did: it tells a change of the declaration from a change
/// by hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Just this was declared before, and the stack was as declared: what differs was changed by hand.
    pub was_as_declared: bool,
    /// What the inbound group lets in because a declared connection once opened it.
    pub opened: Vec<Rule>,
}

/// What a stack has beside subnets, gateways and routes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Features {
    /// The VPC resolves names and gives host names.
    pub dns: bool,
    /// The default security group is empty, the default network ACL closes ports 22 and 3389 to the
    /// internet, subnets give no public addresses, and what AWS made with the VPC is tagged.
    #[serde(rename = "closed")]
    pub hardening: bool,
    /// The gateway endpoints: `s3`, `dynamodb`. They cost nothing.
    pub endpoints: Vec<String>,
    /// The ARN of the bucket that the VPC's flow log goes to; `None`: no flow log.
    pub flow_logs_to: Option<String>,
}

/// Another account of the fleet that declared connections lead to or come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkSpec {
    /// Its name.
    pub peer_name: String,
    /// Which account it is; `None` as long as that is not known.
    #[serde(serialize_with = "or_empty")]
    pub peer_account: Option<AccountId>,
    /// Its Region.
    pub peer_region: Region,
    /// Its VPC, once there is one.
    pub peer_vpc: Option<String>,
    /// Its addresses: none of them may be this account's.
    pub peer_cidrs: Vec<Ipv4Net>,
    /// Its private subnets: where the connections end or start.
    pub peer_subnets: Vec<Ipv4Net>,
    /// Whether this account asks for the peering, and the other one accepts.
    pub requester: bool,
    /// The ports that the peer may open here.
    pub inbound: Vec<u16>,
}

/// As specs were always written, whose digests are stored.
fn or_empty<S: Serializer>(account: &Option<AccountId>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(account.as_deref().unwrap_or_default())
}

impl LinkSpec {
    /// The peer's id; empty as long as it is not known.
    pub(crate) fn peer_id(&self) -> &str {
        self.peer_account.as_deref().unwrap_or_default()
    }
}

/// One Availability Zone's share of the stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ZoneSpec {
    /// The AZ ID, `use1-az1`: the same zone for every account, as names are not.
    pub az_id: AzId,
    /// The CIDR of the public subnet.
    pub public: Ipv4Net,
    /// The CIDR of the private subnet.
    pub private: Ipv4Net,
    /// The AZ ID whose NAT gateway is the private subnet's way out; `None`: it has none, or the
    /// regional one.
    pub nat_az_id: Option<AzId>,
}

/// What the names of probes and of their schedules begin with.
pub const PROBE_PREFIX: &str = "phonehome-probe-";
/// What stands between the AZ ID and the number of a part.
const PART_INFIX: &str = "-part-";

/// What every probe of a stack has in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProbeSpec {
    /// The checks each zone's probe runs.
    pub checks: Vec<Check>,
    /// The number of this plan; written into a probe's input when the input changes.
    pub generation: u64,
    /// Lambda's `CodeSha256` of the probe's zip: base64 of its SHA-256.
    pub code_sha256: String,
    /// The certificate authorities in that zip, as PEM. They are a part of the code, and tell no stack from another.
    #[serde(skip)]
    pub authorities: Option<String>,
    /// Why that code is not at hand, for people: probes that have other code, or none, are left as they are; `None`
    /// where it is. It tells no stack from another.
    #[serde(skip)]
    pub no_code: Option<String>,
    /// `arm64` or `x86_64`.
    pub architecture: String,
    /// ARN of the role the functions run as.
    pub role_arn: String,
    /// ARN of the role the schedules invoke them with.
    pub schedule_role_arn: String,
    /// ARN of the member account's event bus, which takes the reports.
    pub bus_arn: String,
    /// Name of the log group they write to.
    pub log_group: String,
    /// Memory in MB.
    pub memory_mb: i32,
    /// Time limit of one run, in seconds.
    pub timeout_s: i32,
}

/// Where a stack goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The account's 12-digit id.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
    /// The block the ledger holds for the two.
    pub cidr: Ipv4Net,
}

/// Why there is no spec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// The block cannot be cut into the Region's subnets.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The fleet has no such Region.
    #[error("the fleet file has no Region {region}: its stack is left as it is")]
    UnknownRegion {
        /// The Region.
        region: Region,
    },
}

impl ProbeSpec {
    /// Why a function cannot be given its code: it has other code, or is not there (`None`), and the code is not at
    /// hand.
    pub fn lacks_code(&self, seen: Option<&Function>) -> Option<&str> {
        let has_code = seen.is_some_and(|function| function.code_sha256 == self.code_sha256);
        self.no_code.as_deref().filter(|_| !has_code)
    }

    /// How the checks are spread over the inputs of each probe.
    pub fn parts(&self) -> Parts {
        Parts::of(&self.checks)
    }
}

impl StackSpec {
    /// The stack that `member` should have at `home`.
    ///
    /// # Errors
    /// [`SpecError`] when the Region is not the fleet's, or the block cannot be cut into its subnets.
    pub fn of(
        fleet: &Fleet,
        member: &Member,
        home: Home,
        probe: Option<ProbeSpec>,
        links: Vec<LinkSpec>,
    ) -> Result<Self, SpecError> {
        let Home { account, region, cidr } = home;
        let Some(declared) = fleet.region(&region) else { return Err(SpecError::UnknownRegion { region }) };
        let nat =
            fleet.environment(&member.environment).map(|environment| environment.nat).unwrap_or_default();
        let adoption = member.adopt.as_ref().filter(|adoption| adoption.region == region);
        Ok(Self {
            account,
            account_name: member.account_name.clone(),
            zones: zones(cidr, &declared.availability_zones, nat)?,
            region,
            cidr,
            nat,
            features: features(fleet, &declared.name),
            links,
            adopt: adoption.map(|adoption| adoption.vpc_id.clone()),
            probe,
            tags: Tags::from([
                ("phonehome:domain".to_owned(), member.domain.clone()),
                ("phonehome:environment".to_owned(), member.environment.clone()),
            ]),
            history: History::default(),
        })
    }

    /// A spec that declares nothing: for observing an account's Region, and taking away from it.
    pub fn bare(stack: &StackId, account_name: &str) -> Self {
        let StackId { account, region } = stack.clone();
        Self {
            account,
            account_name: account_name.to_owned(),
            region,
            cidr: Ipv4Net::default(),
            zones: vec![],
            nat: Nat::None,
            features: Features::default(),
            links: vec![],
            adopt: None,
            probe: None,
            tags: Tags::new(),
            history: History::default(),
        }
    }

    /// The account in the Region that it is for.
    pub fn stack(&self) -> StackId {
        StackId::new(&self.account, &self.region)
    }

    /// The AZ IDs of the zones that have a NAT gateway of their own, in order.
    pub fn nat_zones(&self) -> Vec<&str> {
        let has = |az_id: &str| self.zones.iter().any(|zone| zone.nat_az_id.as_deref() == Some(az_id));
        self.zones.iter().map(|zone| zone.az_id.as_str()).filter(|az_id| has(az_id)).collect()
    }

    /// The kinds of resource that have to be observed to plan this stack: one describe call each.
    pub fn kinds(&self) -> Vec<Kind> {
        let needed = |kind: &Kind| match kind {
            Kind::VpcAttribute => self.features.dns,
            Kind::SecurityGroup => self.features.hardening || self.probe.is_some() || !self.links.is_empty(),
            Kind::NetworkAcl => self.features.hardening,
            // What is no longer declared is seen only by looking.
            Kind::Endpoint => !self.features.endpoints.is_empty() || self.features.hardening,
            Kind::FlowLog => self.features.flow_logs_to.is_some() || self.features.hardening,
            Kind::Peering => !self.links.is_empty() || self.features.hardening,
            Kind::NetworkInterface => false,
            Kind::Function | Kind::Schedule => self.probe.is_some(),
            _ => true,
        };
        Kind::ALL.into_iter().filter(needed).collect()
    }

    /// The name of a zone's probe function, and of its schedule: `phonehome-probe-use1-az1`.
    pub fn probe_name(az_id: &str) -> String {
        format!("{PROBE_PREFIX}{az_id}")
    }

    /// The name of the schedule that runs a part of a zone's checks: the probe's own for part 0, and
    /// `phonehome-probe-use1-az1-part-1` for the next.
    pub fn schedule_name(az_id: &str, part: u32) -> String {
        let name = Self::probe_name(az_id);
        if part == 0 { name } else { format!("{name}{PART_INFIX}{part}") }
    }

    /// The AZ ID and the part of [`StackSpec::schedule_name`]; none where that would be called otherwise.
    pub fn of_schedule(name: &str) -> Option<(&str, u32)> {
        let zone_and_part = name.strip_prefix(PROBE_PREFIX)?;
        let (az_id, part) = match zone_and_part.split_once(PART_INFIX) {
            None => (zone_and_part, 0),
            Some((az_id, part)) => (az_id, part.parse().ok()?),
        };
        (Self::schedule_name(az_id, part) == name).then_some((az_id, part))
    }

    /// The tags a resource is made with: phonehome's own two, the stack's, and a `Name` such as
    /// `shop-prod-subnet-private-use1-az1`.
    pub fn tags_of(&self, address: &Address) -> Tags {
        let mut tags = self.kept_tags(address);
        tags.insert(
            "Name".to_owned(),
            format!("{}-{}", self.account_name, address.to_string().replace('/', "-")),
        );
        tags
    }

    /// The tags that are put back when they are lost or changed. Not the `Name`: that is for people,
    /// who may give it a better one.
    pub fn kept_tags(&self, address: &Address) -> Tags {
        let mut tags = self.tags.clone();
        tags.insert(TAG_MANAGED_BY.to_owned(), TAG_MANAGED_BY_VALUE.to_owned());
        tags.insert(TAG_ADDRESS.to_owned(), address.to_string());
        if self.adopt.is_some() && *address == Address::vpc() {
            tags.insert(TAG_ADOPTED.to_owned(), "true".to_owned());
        }
        tags
    }

    /// Why a zone's function cannot be given its code, where one cannot.
    pub fn lacks_code(&self, seen: &Inventory) -> Option<&str> {
        let probe = self.probe.as_ref()?;
        self.zones.iter().find_map(|zone| {
            let name = Self::probe_name(&zone.az_id);
            probe.lacks_code(seen.functions.iter().find(|function| function.name == name))
        })
    }

    /// The ARN of a zone's probe function.
    pub fn probe_arn(&self, az_id: &str) -> String {
        let Self { region, account, .. } = self;
        format!("arn:{}:lambda:{region}:{account}:function:{}", partition(region), Self::probe_name(az_id))
    }
}

/// Every stack is closed and has DNS; the rest is the fleet's choice.
fn features(fleet: &Fleet, region: &Region) -> Features {
    let arn = |bucket: &String| format!("arn:{}:s3:::{bucket}", partition(region));
    Features {
        dns: true,
        hardening: true,
        endpoints: fleet.network.gateway_endpoints.iter().map(ToString::to_string).collect(),
        flow_logs_to: fleet.network.flow_logs_bucket.as_ref().map(arn),
    }
}

fn zones(cidr: Ipv4Net, az_ids: &[AzId], nat: Nat) -> Result<Vec<ZoneSpec>, LayoutError> {
    let subnets = layout(cidr, az_ids)?;
    let zone = |az_id: &AzId| {
        let cidr_of = |tier| subnets.iter().find(|s| s.az_id == *az_id && s.tier == tier).map(|s| s.cidr);
        let nat_az_id = nat.gateway_of(az_id, az_ids).cloned();
        let (public, private) = (cidr_of(Tier::Public)?, cidr_of(Tier::Private)?);
        Some(ZoneSpec { az_id: az_id.clone(), public, private, nat_az_id })
    };
    Ok(az_ids.iter().filter_map(zone).collect())
}
