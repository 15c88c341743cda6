//! What is declared: the stack an account should have.

use ipnet::Ipv4Net;
use phonehome_fleet::addresses::{LayoutError, Tier, layout};
use phonehome_fleet::{Fleet, Member, Nat};
use phonehome_wire::Check;
use serde::{Deserialize, Serialize};

/// The network and the probes of one account in one Region, as declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackSpec {
    /// The account's 12-digit id.
    pub account: String,
    /// The account's name, `shop-prod`; the prefix of every `Name` tag.
    pub account_name: String,
    /// The Region, `us-east-1`.
    pub region: String,
    /// The VPC's CIDR: the block the ledger holds for this account and Region.
    pub cidr: Ipv4Net,
    /// One entry for each Availability Zone.
    pub zones: Vec<ZoneSpec>,
    /// What the probes have in common.
    pub probe: ProbeSpec,
    /// Tags for every resource, beside phonehome's own.
    pub tags: Vec<(String, String)>,
}

/// One Availability Zone's share of the stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZoneSpec {
    /// The AZ ID, `use1-az1`: the same zone for every account, as names are not.
    pub az_id: String,
    /// The CIDR of the public subnet.
    pub public: Ipv4Net,
    /// The CIDR of the private subnet.
    pub private: Ipv4Net,
    /// The AZ ID whose NAT gateway is the private subnet's way out; `None`: it has none.
    pub nat_az_id: Option<String>,
}

/// What every probe of a stack has in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeSpec {
    /// The checks each zone's probe runs.
    pub checks: Vec<Check>,
    /// The number of this plan; written into a probe's input when the input changes.
    pub generation: u64,
    /// Lambda's `CodeSha256` of the probe's zip: base64 of its SHA-256.
    pub code_sha256: String,
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

impl StackSpec {
    /// The stack that `member` should have in `region`, in the block `cidr`.
    ///
    /// # Errors
    /// [`LayoutError`] when the block cannot be cut into the Region's subnets.
    pub fn of(
        fleet: &Fleet,
        member: &Member,
        account: &str,
        region: &str,
        cidr: Ipv4Net,
        probe: ProbeSpec,
    ) -> Result<Self, LayoutError> {
        let az_ids: Vec<String> =
            fleet.region(region).map(|region| region.availability_zones.clone()).unwrap_or_default();
        let subnets = layout(cidr, &az_ids)?;
        let nat =
            fleet.environment(&member.environment).map(|environment| environment.nat).unwrap_or_default();
        let first = az_ids.iter().min().cloned();
        let mut zones = Vec::new();
        for az_id in az_ids {
            let cidr_of = |tier| subnets.iter().find(|s| s.az_id == az_id && s.tier == tier).map(|s| s.cidr);
            let (Some(public), Some(private)) = (cidr_of(Tier::Public), cidr_of(Tier::Private)) else {
                continue;
            };
            let nat_az_id = match nat {
                Nat::PerAz => Some(az_id.clone()),
                Nat::Single => first.clone(),
                Nat::None => None,
            };
            zones.push(ZoneSpec { az_id, public, private, nat_az_id });
        }
        let tags = vec![
            ("phonehome:domain".to_owned(), member.domain.clone()),
            ("phonehome:environment".to_owned(), member.environment.clone()),
        ];
        Ok(Self {
            account: account.to_owned(),
            account_name: member.account_name.clone(),
            region: region.to_owned(),
            cidr,
            zones,
            probe,
            tags,
        })
    }

    /// The zones that have a NAT gateway, in order.
    pub fn nat_zones(&self) -> Vec<&str> {
        let has = |az_id: &str| self.zones.iter().any(|zone| zone.nat_az_id.as_deref() == Some(az_id));
        self.zones.iter().map(|zone| zone.az_id.as_str()).filter(|az_id| has(az_id)).collect()
    }

    /// The name of a zone's probe function, and of its schedule: `phonehome-probe-use1-az1`.
    pub fn probe_name(az_id: &str) -> String {
        format!("phonehome-probe-{az_id}")
    }

    /// The `Name` tag of a resource: `shop-prod-subnet-private-use1-az1`.
    pub fn name_tag(&self, address: &crate::Address) -> String {
        format!("{}-{}", self.account_name, address.0.replace('/', "-"))
    }

    /// The ARN of a zone's probe function.
    pub fn probe_arn(&self, az_id: &str) -> String {
        format!("arn:aws:lambda:{}:{}:function:{}", self.region, self.account, Self::probe_name(az_id))
    }
}
