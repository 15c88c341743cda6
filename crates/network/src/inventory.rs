//! What is seen in an account, in one Region: phonehome's own resources and everybody else's.

mod ec2;
mod known;
mod life;
mod order;
mod probes;
mod tags;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Address, TAG_ADDRESS, TAG_ADOPTED, TAG_MANAGED_BY, TAG_MANAGED_BY_VALUE};

pub use ec2::{
    AclAssociation, AclEntry, Association, ElasticIp, Endpoint, FlowLog, InternetGateway, NatGateway,
    NatState, NetworkAcl, NetworkInterface, Peering, PeeringState, PeeringVpc, Route, RouteTable,
    RouteTarget, Rule, RulePeer, SecurityGroup, Subnet, Vpc,
};
pub use known::{KnownFunction, KnownProbes, KnownSchedule, Lists};
pub use probes::{Function, FunctionState, Schedule};
pub use tags::Tags;

/// What was observed in one account and Region.
///
/// It holds what is there, whoever made it: what is phonehome's carries its tags (see [`Tagged`]).
/// A kind of which not everything was seen is named in `unseen`; nothing is planned on half a view of
/// it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The kinds that were not observed, or that the account's role may not see.
    pub unseen: BTreeSet<Kind>,
    /// VPCs.
    pub vpcs: Vec<Vpc>,
    /// Subnets.
    pub subnets: Vec<Subnet>,
    /// Internet gateways.
    pub internet_gateways: Vec<InternetGateway>,
    /// Elastic IPs.
    pub elastic_ips: Vec<ElasticIp>,
    /// NAT gateways, in any state.
    pub nat_gateways: Vec<NatGateway>,
    /// Route tables.
    pub route_tables: Vec<RouteTable>,
    /// Security groups.
    pub security_groups: Vec<SecurityGroup>,
    /// Network ACLs.
    pub network_acls: Vec<NetworkAcl>,
    /// Gateway endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Flow logs.
    pub flow_logs: Vec<FlowLog>,
    /// VPC peering connections, as this account sees them.
    pub peerings: Vec<Peering>,
    /// Network interfaces.
    pub network_interfaces: Vec<NetworkInterface>,
    /// Probe functions, found by name.
    pub functions: Vec<Function>,
    /// Probe schedules, found by name.
    pub schedules: Vec<Schedule>,
    /// Probe schedules that were not read again, as AWS says that nothing has changed them since they were: by name, the
    /// digest of what was read then. They are not among `schedules`, so that whoever does not know what this means takes
    /// them for missing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unchanged_schedules: BTreeMap<String, String>,
}

/// A kind of resource: what one describe call answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each variant is the kind of that name")]
pub enum Kind {
    Vpc,
    /// Whether a VPC resolves names and gives host names: asked for one VPC at a time.
    VpcAttribute,
    Subnet,
    InternetGateway,
    ElasticIp,
    NatGateway,
    RouteTable,
    SecurityGroup,
    NetworkAcl,
    Endpoint,
    FlowLog,
    Peering,
    NetworkInterface,
    Function,
    Schedule,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::Vpc,
        Self::VpcAttribute,
        Self::Subnet,
        Self::InternetGateway,
        Self::ElasticIp,
        Self::NatGateway,
        Self::RouteTable,
        Self::SecurityGroup,
        Self::NetworkAcl,
        Self::Endpoint,
        Self::FlowLog,
        Self::Peering,
        Self::NetworkInterface,
        Self::Function,
        Self::Schedule,
    ];

    /// The API operation that observes it, by the name that IAM and CloudTrail know it by.
    pub fn operation(self) -> &'static str {
        match self {
            Self::Vpc => "ec2:DescribeVpcs",
            Self::VpcAttribute => "ec2:DescribeVpcAttribute",
            Self::Subnet => "ec2:DescribeSubnets",
            Self::InternetGateway => "ec2:DescribeInternetGateways",
            Self::ElasticIp => "ec2:DescribeAddresses",
            Self::NatGateway => "ec2:DescribeNatGateways",
            Self::RouteTable => "ec2:DescribeRouteTables",
            Self::SecurityGroup => "ec2:DescribeSecurityGroups",
            Self::NetworkAcl => "ec2:DescribeNetworkAcls",
            Self::Endpoint => "ec2:DescribeVpcEndpoints",
            Self::FlowLog => "ec2:DescribeFlowLogs",
            Self::Peering => "ec2:DescribeVpcPeeringConnections",
            Self::NetworkInterface => "ec2:DescribeNetworkInterfaces",
            Self::Function => "lambda:GetFunctionConfiguration",
            Self::Schedule => "scheduler:GetSchedule",
        }
    }

    /// In the plural, for people.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Vpc => "VPCs",
            Self::VpcAttribute => "VPC attributes",
            Self::Subnet => "subnets",
            Self::InternetGateway => "internet gateways",
            Self::ElasticIp => "elastic IPs",
            Self::NatGateway => "NAT gateways",
            Self::RouteTable => "route tables",
            Self::SecurityGroup => "security groups",
            Self::NetworkAcl => "network ACLs",
            Self::Endpoint => "gateway endpoints",
            Self::FlowLog => "flow logs",
            Self::Peering => "peering connections",
            Self::NetworkInterface => "network interfaces",
            Self::Function => "functions",
            Self::Schedule => "schedules",
        }
    }
}

/// Something with an id and tags.
pub trait Tagged {
    /// Its id.
    fn id(&self) -> &str;
    /// Its tags.
    fn tags(&self) -> &Tags;
    /// Which resource of the stack it is: what its tags say, `None` when phonehome did not make it.
    fn address(&self) -> Option<Address> {
        let ours = self.tags().get(TAG_MANAGED_BY).is_some_and(|by| by == TAG_MANAGED_BY_VALUE);
        let address = self.tags().get(TAG_ADDRESS).filter(|_| ours)?;
        Some(Address::from(address.as_str()))
    }
    /// Whether it carries either of phonehome's own two tags: then somebody may have damaged the
    /// other one.
    fn is_half_tagged(&self) -> bool {
        self.tags().contains_key(TAG_MANAGED_BY) || self.tags().contains_key(TAG_ADDRESS)
    }
}

macro_rules! tagged {
    ($($kind:ty: $id:ident),* $(,)?) => {$(
        impl Tagged for $kind {
            fn id(&self) -> &str {
                &self.$id
            }
            fn tags(&self) -> &Tags {
                &self.tags
            }
        }
    )*};
}

tagged! {
    Vpc: id, Subnet: id, InternetGateway: id, ElasticIp: allocation_id, NatGateway: id, RouteTable: id,
    SecurityGroup: id, NetworkAcl: id, Endpoint: id, FlowLog: id, Peering: id,
}

impl Inventory {
    /// What is the account's own. A VPC whose owner shares its subnets (by AWS RAM) is listed in this
    /// account too, with its subnets and route tables: it is the owner's to look after, and its addresses
    /// are the owner's.
    #[must_use]
    pub fn own(&self, account: &str) -> Self {
        let is_shared = |vpc: &&Vpc| vpc.owner.as_ref().is_some_and(|owner| owner != account);
        let shared: BTreeSet<&str> = self.vpcs.iter().filter(is_shared).map(|vpc| vpc.id.as_str()).collect();
        let mut own = self.clone();
        if shared.is_empty() {
            return own;
        }
        let stays = |vpc_id: &String| !shared.contains(vpc_id.as_str());
        own.vpcs.retain(|it| stays(&it.id));
        own.subnets.retain(|it| stays(&it.vpc_id));
        own.route_tables.retain(|it| stays(&it.vpc_id));
        own.security_groups.retain(|it| stays(&it.vpc_id));
        own.network_acls.retain(|it| stays(&it.vpc_id));
        own.nat_gateways.retain(|it| stays(&it.vpc_id));
        own.endpoints.retain(|it| stays(&it.vpc_id));
        own.network_interfaces.retain(|it| stays(&it.vpc_id));
        own.flow_logs.retain(|it| stays(&it.resource_id));
        own.internet_gateways.retain(|it| it.vpc_id.as_ref().is_none_or(&stays));
        own
    }

    /// Whether a route table is one that AWS made for a regional NAT gateway: nobody's to keep, nor to
    /// take over.
    pub fn is_of_nat_gateway(&self, table: &RouteTable) -> bool {
        self.nat_gateways.iter().any(|nat| nat.route_table_id.as_ref() == Some(&table.id))
    }

    /// Everything in it that carries tags.
    pub fn tagged(&self) -> impl Iterator<Item = &dyn Tagged> {
        fn of<T: Tagged>(items: &[T]) -> impl Iterator<Item = &dyn Tagged> {
            items.iter().map(|item| item as &dyn Tagged)
        }
        of(&self.vpcs)
            .chain(of(&self.subnets))
            .chain(of(&self.internet_gateways))
            .chain(of(&self.elastic_ips))
            .chain(of(&self.nat_gateways))
            .chain(of(&self.route_tables))
            .chain(of(&self.security_groups))
            .chain(of(&self.network_acls))
            .chain(of(&self.endpoints))
            .chain(of(&self.flow_logs))
            .chain(of(&self.peerings))
    }

    /// Whether something was there before phonehome, which adopted it.
    pub fn is_adopted(&self, id: &str) -> bool {
        self.tagged().any(|it| it.id() == id && it.tags().contains_key(TAG_ADOPTED))
    }

    /// Whether everything of a kind was seen.
    pub fn has_seen(&self, kind: Kind) -> bool {
        !self.unseen.contains(&kind)
    }
}
