//! What is in an account, in all of its Regions.

use std::collections::BTreeMap;
use std::fmt;

use phonehome_cloud::CloudError;
use phonehome_network::{Inventory, Kind, NatState, TAG_MANAGED_BY, Tags};
use phonehome_wire::{AccountId, Region};

/// The kinds that have to be in view in each Region. Whatever runs in a VPC has a network interface, also what AWS runs
/// for others; the rest is what keeps an address or leads somewhere without one.
pub const LOOKED_AT: [Kind; 10] = [
    Kind::Vpc,
    Kind::InternetGateway,
    Kind::ElasticIp,
    Kind::NatGateway,
    Kind::RouteTable,
    Kind::SecurityGroup,
    Kind::NetworkAcl,
    Kind::Endpoint,
    Kind::Peering,
    Kind::NetworkInterface,
];

/// What was seen of an account.
#[derive(Debug, Clone)]
pub struct Premises {
    /// By Region, of those that are enabled in it; or why nobody knows which those are.
    pub regions: Result<BTreeMap<Region, RegionSeen>, CloudError>,
}

/// What was seen of one Region.
#[derive(Debug, Clone)]
pub struct RegionSeen {
    /// What is there of [`LOOKED_AT`].
    pub inventory: Result<Inventory, CloudError>,
    /// The data that phonehome's own stacks keep when they go.
    pub retained: Result<Vec<Retained>, CloudError>,
}

/// Data of phonehome's own that outlives its stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retained {
    /// Its name or id.
    pub id: String,
    /// What it is: `log group`, `bucket`.
    pub what: String,
    /// Which stack keeps it.
    pub holder: Holder,
}

/// Which stack keeps data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// None.
    Nobody,
    /// One that lists it for as long as there is that stack.
    Stack(String),
    /// One that somebody deleted. It is known that the stack had it, and not whether it is still there.
    DeletedStack(String),
}

/// Something that is in an account's network.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The VPC that it is in; `None` for what is in none.
    pub vpc_id: Option<String>,
    /// Its id.
    pub id: String,
    /// Whether it carries phonehome's tag, or is in a VPC that does.
    pub ours: bool,
    /// What it is.
    pub thing: Thing,
}

/// What something is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// A VPC that is not the default one.
    Vpc,
    /// A network interface: something runs there.
    NetworkInterface {
        /// What it says it is for.
        description: String,
    },
    /// A NAT gateway that is not gone.
    NatGateway,
    /// An endpoint.
    Endpoint {
        /// `com.amazonaws.us-east-1.s3`
        service: String,
    },
    /// A peering with another VPC.
    Peering,
    /// A public address, which is lost for good with the account.
    ElasticIp {
        /// The address.
        public_ip: String,
    },
    /// An internet gateway that is of no default VPC.
    InternetGateway,
    /// A route table that AWS did not make with the VPC.
    RouteTable,
    /// A security group that AWS did not make with the VPC.
    SecurityGroup {
        /// Its name.
        name: String,
    },
    /// A network ACL that AWS did not make with the VPC.
    NetworkAcl,
}

/// Everything that is in the VPCs of one Region but a default VPC as AWS makes it: with its subnets, its gateway, and
/// the table, group and ACL that come with it. What another account shares is not this one's; an interface in it is.
#[must_use]
pub fn found(inventory: &Inventory, account: &AccountId) -> Vec<Found> {
    let own = inventory.own(account);
    let mut all = Finds { own: &own, all: vec![] };
    for it in own.vpcs.iter().filter(|it| !it.is_default) {
        all.note(Some(&it.id), &it.id, &it.tags, Thing::Vpc);
    }
    for it in &inventory.network_interfaces {
        let description = it.description.clone();
        all.note(Some(&it.vpc_id), &it.id, &Tags::new(), Thing::NetworkInterface { description });
    }
    for it in own.nat_gateways.iter().filter(|it| it.state != NatState::Gone) {
        all.note(Some(&it.vpc_id), &it.id, &it.tags, Thing::NatGateway);
    }
    for it in own.endpoints.iter().filter(|it| !it.is_gone) {
        all.note(Some(&it.vpc_id), &it.id, &it.tags, Thing::Endpoint { service: it.service.clone() });
    }
    for it in own.peerings.iter().filter(|it| it.is_live()) {
        let sides = [&it.requester, &it.accepter];
        let side = sides.into_iter().find(|side| side.account == account.as_str());
        all.note(side.map(|side| side.vpc_id.as_str()), &it.id, &it.tags, Thing::Peering);
    }
    for it in &own.elastic_ips {
        all.note(None, &it.allocation_id, &it.tags, Thing::ElasticIp { public_ip: it.public_ip.clone() });
    }
    all.parts();
    let mut all = all.all;
    all.sort();
    all
}

/// What was found, as it is gathered.
struct Finds<'a> {
    own: &'a Inventory,
    all: Vec<Found>,
}

impl Finds<'_> {
    fn note(&mut self, vpc_id: Option<&str>, id: &str, tags: &Tags, thing: Thing) {
        let mut ours = self.own.vpcs.iter().filter(|vpc| vpc.tags.contains_key(TAG_MANAGED_BY));
        let is_in_ours = vpc_id.is_some_and(|vpc_id| ours.any(|vpc| vpc.id == vpc_id));
        let ours = tags.contains_key(TAG_MANAGED_BY) || is_in_ours;
        self.all.push(Found { vpc_id: vpc_id.map(str::to_owned), id: id.to_owned(), ours, thing });
    }

    /// What a VPC is made of and AWS did not make with it.
    fn parts(&mut self) {
        let own = self.own;
        let is_default = |id: &String| own.vpcs.iter().any(|vpc| vpc.id == *id && vpc.is_default);
        for it in own.internet_gateways.iter().filter(|it| !it.vpc_id.as_ref().is_some_and(is_default)) {
            self.note(it.vpc_id.as_deref(), &it.id, &it.tags, Thing::InternetGateway);
        }
        for it in own.route_tables.iter().filter(|it| !it.main) {
            self.note(Some(&it.vpc_id), &it.id, &it.tags, Thing::RouteTable);
        }
        for it in own.security_groups.iter().filter(|it| it.name != "default") {
            self.note(Some(&it.vpc_id), &it.id, &it.tags, Thing::SecurityGroup { name: it.name.clone() });
        }
        for it in own.network_acls.iter().filter(|it| !it.is_default) {
            self.note(Some(&it.vpc_id), &it.id, &it.tags, Thing::NetworkAcl);
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vpc_id, id, ours, thing } = self;
        match thing {
            Thing::Vpc if *ours => return write!(f, "VPC {id}, which carries phonehome's tag"),
            Thing::Vpc => return write!(f, "VPC {id}, which is not phonehome's"),
            Thing::NetworkInterface { description } if description.is_empty() => {
                write!(f, "network interface {id}")
            }
            Thing::NetworkInterface { description } => write!(f, "network interface {id} ({description})"),
            Thing::NatGateway => write!(f, "NAT gateway {id}"),
            Thing::Endpoint { service } => write!(f, "endpoint {id} ({service})"),
            Thing::Peering => write!(f, "peering {id}"),
            Thing::ElasticIp { public_ip } => write!(f, "elastic IP {public_ip} ({id})"),
            Thing::InternetGateway => write!(f, "internet gateway {id}"),
            Thing::RouteTable => write!(f, "route table {id}"),
            Thing::SecurityGroup { name } => write!(f, "security group {id} ({name})"),
            Thing::NetworkAcl => write!(f, "network ACL {id}"),
        }?;
        vpc_id.as_ref().map_or(Ok(()), |vpc_id| write!(f, " in {vpc_id}"))
    }
}
