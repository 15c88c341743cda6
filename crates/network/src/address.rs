//! Names of resources within a stack.

use std::convert::Infallible;
use std::str::FromStr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Tier;

#[cfg(test)]
mod tests;
mod text;

/// The tag that says which resource of the stack this is; its value is an [`Address`].
pub const TAG_ADDRESS: &str = "phonehome:address";
/// The tag that says phonehome made this and may change it.
pub const TAG_MANAGED_BY: &str = "phonehome:managed-by";
/// The value of [`TAG_MANAGED_BY`].
pub const TAG_MANAGED_BY_VALUE: &str = "phonehome";

/// The tag of what was there before phonehome, and that phonehome therefore never deletes: an adopted
/// VPC, and what in it fits the stack.
pub const TAG_ADOPTED: &str = "phonehome:adopted";

/// Which resource of a stack, or which part of one: `vpc`, `subnet/private/use1-az1`,
/// `nat-gateway/use1-az1/tags`.
///
/// It is unique within one account and Region, it is what a resource is looked up by (it is
/// written as a tag in the create call itself), and it never changes: Availability Zones are named
/// by AZ ID, never by position. Its text, by [`std::fmt::Display`] and [`FromStr`], is stored in tags and
/// documents, so it never changes either. A text that names nothing known here is
/// [`Resource::Unknown`] and stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// Which resource.
    pub resource: Resource,
    /// Where more than one is at the same address, the id of this one.
    pub id: Option<String>,
    /// Which part of it.
    pub part: Part,
}

/// A resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// The VPC.
    Vpc,
    /// The internet gateway.
    InternetGateway,
    /// One subnet.
    Subnet {
        /// Which kind.
        tier: Tier,
        /// The AZ ID of its zone.
        az_id: String,
    },
    /// The elastic IP of a zone's NAT gateway.
    ElasticIp {
        /// The zone's AZ ID.
        az_id: String,
    },
    /// A zone's NAT gateway.
    NatGateway {
        /// The zone's AZ ID.
        az_id: String,
    },
    /// The regional NAT gateway, which spans all zones.
    RegionalNatGateway,
    /// The one route table of all public subnets.
    PublicRouteTable,
    /// The route table of a zone's private subnet.
    PrivateRouteTable {
        /// The zone's AZ ID.
        az_id: String,
    },
    /// The VPC's main route table, which nothing uses.
    MainRouteTable,
    /// The VPC's default security group, emptied.
    DefaultSecurityGroup,
    /// The probes' security group.
    ProbeSecurityGroup,
    /// The security group that lets declared connections in.
    InboundSecurityGroup,
    /// The VPC's default network ACL.
    DefaultNetworkAcl,
    /// The gateway endpoint of a service.
    Endpoint {
        /// `s3` or `dynamodb`.
        service: String,
    },
    /// The VPC's flow log.
    FlowLog,
    /// The peering with another account of the fleet.
    Peering {
        /// The other account's name.
        peer: String,
    },
    /// A zone's probe function.
    Probe {
        /// The zone's AZ ID.
        az_id: String,
    },
    /// A function of ours, by its name.
    Function {
        /// Its name.
        name: String,
    },
    /// A schedule of ours, by its name.
    Schedule {
        /// Its name.
        name: String,
    },
    /// The Region's default VPC, or with an id something in it.
    DefaultVpc {
        /// `vpc-…`
        vpc_id: String,
    },
    /// What this version does not know: the whole text.
    Unknown(String),
}

/// A part of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// All of it.
    Whole,
    /// An internet gateway's attachment to its VPC.
    Attachment,
    /// A VPC's resolution of names.
    DnsSupport,
    /// A VPC's host names.
    DnsHostNames,
    /// A subnet's association with a route table.
    Association,
    /// The setting of a subnet that gives public addresses.
    PublicIpOnLaunch,
    /// The default route of a route table.
    DefaultRoute,
    /// Another route of a route table.
    Route(Ipv4Net),
    /// An entry of a network ACL.
    AclEntry(i32),
    /// The inbound rules of a security group.
    InboundRules,
    /// Declared inbound rules that do not fit into a security group.
    RulesBeyondQuota,
    /// Inbound rules of a security group that nobody declared.
    UndeclaredInboundRules,
    /// Those of them that a declared connection had opened.
    FormerlyDeclaredRules,
    /// The outbound rules of a security group.
    OutboundRules,
    /// Where a probe sends its reports.
    Destination,
    /// The schedule of a probe.
    Schedule,
    /// The schedule of a further part of a probe's checks, by the part's number.
    PartSchedule(u32),
    /// A resource's tags.
    Tags,
}

impl Address {
    /// All of a resource.
    pub const fn of(resource: Resource) -> Self {
        Self { resource, id: None, part: Part::Whole }
    }

    /// Another resource with the same address.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..self }
    }

    /// A part of the same resource.
    #[must_use]
    pub fn part(&self, part: Part) -> Self {
        Self { part, ..self.clone() }
    }

    /// The VPC.
    pub const fn vpc() -> Self {
        Self::of(Resource::Vpc)
    }

    /// The internet gateway.
    pub const fn internet_gateway() -> Self {
        Self::of(Resource::InternetGateway)
    }

    /// The internet gateway's attachment to the VPC.
    pub fn internet_gateway_attachment() -> Self {
        Self::internet_gateway().part(Part::Attachment)
    }

    /// The VPC's default security group, emptied.
    pub const fn default_security_group() -> Self {
        Self::of(Resource::DefaultSecurityGroup)
    }

    /// The probes' security group.
    pub const fn probe_security_group() -> Self {
        Self::of(Resource::ProbeSecurityGroup)
    }

    /// One subnet.
    pub fn subnet(tier: Tier, az_id: &str) -> Self {
        Self::of(Resource::Subnet { tier, az_id: az_id.to_owned() })
    }

    /// The elastic IP of a zone's NAT gateway.
    pub fn elastic_ip(az_id: &str) -> Self {
        Self::of(Resource::ElasticIp { az_id: az_id.to_owned() })
    }

    /// A zone's NAT gateway.
    pub fn nat_gateway(az_id: &str) -> Self {
        Self::of(Resource::NatGateway { az_id: az_id.to_owned() })
    }

    /// The one route table of all public subnets.
    pub const fn public_route_table() -> Self {
        Self::of(Resource::PublicRouteTable)
    }

    /// The route table of a zone's private subnet.
    pub fn private_route_table(az_id: &str) -> Self {
        Self::of(Resource::PrivateRouteTable { az_id: az_id.to_owned() })
    }

    /// The default route of a route table.
    pub fn default_route(table: &Address) -> Self {
        table.part(Part::DefaultRoute)
    }

    /// The association of a route table with a subnet.
    pub fn association(tier: Tier, az_id: &str) -> Self {
        Self::subnet(tier, az_id).part(Part::Association)
    }

    /// The VPC's resolution of names.
    pub fn dns_support() -> Self {
        Self::vpc().part(Part::DnsSupport)
    }

    /// The VPC's host names.
    pub fn dns_host_names() -> Self {
        Self::vpc().part(Part::DnsHostNames)
    }

    /// The VPC's default network ACL.
    pub const fn default_network_acl() -> Self {
        Self::of(Resource::DefaultNetworkAcl)
    }

    /// An entry of a network ACL.
    pub fn acl_entry(acl: &Address, number: i32) -> Self {
        acl.part(Part::AclEntry(number))
    }

    /// The VPC's main route table, which nothing uses.
    pub const fn main_route_table() -> Self {
        Self::of(Resource::MainRouteTable)
    }

    /// The regional NAT gateway, which spans all zones.
    pub const fn regional_nat_gateway() -> Self {
        Self::of(Resource::RegionalNatGateway)
    }

    /// The gateway endpoint of a service, `s3` or `dynamodb`.
    pub fn endpoint(service: &str) -> Self {
        Self::of(Resource::Endpoint { service: service.to_owned() })
    }

    /// The VPC's flow log.
    pub const fn flow_log() -> Self {
        Self::of(Resource::FlowLog)
    }

    /// The security group that lets declared connections in.
    pub const fn inbound_security_group() -> Self {
        Self::of(Resource::InboundSecurityGroup)
    }

    /// The peering with another account of the fleet.
    pub fn peering(account_name: &str) -> Self {
        Self::of(Resource::Peering { peer: account_name.to_owned() })
    }

    /// A route of a route table.
    pub fn route(table: &Address, destination: &Ipv4Net) -> Self {
        table.part(Part::Route(*destination))
    }

    /// The inbound rules of a security group.
    pub fn inbound_rules(group: &Address) -> Self {
        group.part(Part::InboundRules)
    }

    /// Inbound rules of a security group that must not be there.
    pub fn undeclared_inbound_rules(group: &Address) -> Self {
        group.part(Part::UndeclaredInboundRules)
    }

    /// The outbound rules of a security group.
    pub fn outbound_rules(group: &Address) -> Self {
        group.part(Part::OutboundRules)
    }

    /// A resource's tags.
    pub fn tags(of: &Address) -> Self {
        of.part(Part::Tags)
    }

    /// The setting of a subnet that gives public addresses.
    pub fn public_ip_on_launch(subnet: &Address) -> Self {
        subnet.part(Part::PublicIpOnLaunch)
    }

    /// A zone's probe function.
    pub fn probe(az_id: &str) -> Self {
        Self::of(Resource::Probe { az_id: az_id.to_owned() })
    }

    /// Where a zone's probe sends its reports.
    pub fn probe_destination(az_id: &str) -> Self {
        Self::probe(az_id).part(Part::Destination)
    }

    /// The schedule of a zone's probe.
    pub fn probe_schedule(az_id: &str) -> Self {
        Self::probe(az_id).part(Part::Schedule)
    }

    /// The schedule that runs a part of the checks of a zone's probe; part 0 has the probe's own.
    pub fn part_schedule(az_id: &str, part: u32) -> Self {
        match part {
            0 => Self::probe_schedule(az_id),
            part => Self::probe(az_id).part(Part::PartSchedule(part)),
        }
    }
}

impl Resource {
    /// Whether it is a NAT gateway, a zone's or the regional one.
    pub fn is_nat_gateway(&self) -> bool {
        matches!(self, Self::NatGateway { .. } | Self::RegionalNatGateway)
    }

    /// Whether it is a route table.
    pub fn is_route_table(&self) -> bool {
        matches!(self, Self::PublicRouteTable | Self::PrivateRouteTable { .. } | Self::MainRouteTable)
    }

    /// Whether it is a security group.
    pub fn is_security_group(&self) -> bool {
        matches!(self, Self::DefaultSecurityGroup | Self::ProbeSecurityGroup | Self::InboundSecurityGroup)
    }
}

impl FromStr for Address {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::from(text))
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::from(text.as_str()))
    }
}
