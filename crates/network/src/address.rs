//! Names of resources within a stack.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Tier;

/// The tag that says which resource of the stack this is; its value is an [`Address`].
pub const TAG_ADDRESS: &str = "phonehome:address";
/// The tag that says phonehome made this and may change it.
pub const TAG_MANAGED_BY: &str = "phonehome:managed-by";
/// The value of [`TAG_MANAGED_BY`].
pub const TAG_MANAGED_BY_VALUE: &str = "phonehome";

/// The tag of what was there before phonehome, and that phonehome therefore never deletes: an adopted
/// VPC, and what in it fits the stack.
pub const TAG_ADOPTED: &str = "phonehome:adopted";

/// Which resource of a stack: `vpc`, `subnet/private/use1-az1`, `nat-gateway/use1-az1`.
///
/// It is unique within one account and Region, it is what a resource is looked up by (it is
/// written as a tag in the create call itself), and it never changes: Availability Zones are named
/// by AZ ID, never by position.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(pub String);

impl Address {
    /// The VPC.
    pub fn vpc() -> Self {
        Self("vpc".into())
    }
    /// The internet gateway.
    pub fn internet_gateway() -> Self {
        Self("internet-gateway".into())
    }
    /// The internet gateway's attachment to the VPC.
    pub fn internet_gateway_attachment() -> Self {
        Self("internet-gateway/attachment".into())
    }
    /// The VPC's default security group, emptied.
    pub fn default_security_group() -> Self {
        Self("security-group/default".into())
    }
    /// The probes' security group.
    pub fn probe_security_group() -> Self {
        Self("security-group/probe".into())
    }
    /// One subnet.
    pub fn subnet(tier: Tier, az_id: &str) -> Self {
        Self(format!("subnet/{tier}/{az_id}"))
    }
    /// The elastic IP of a zone's NAT gateway.
    pub fn elastic_ip(az_id: &str) -> Self {
        Self(format!("elastic-ip/{az_id}"))
    }
    /// A zone's NAT gateway.
    pub fn nat_gateway(az_id: &str) -> Self {
        Self(format!("nat-gateway/{az_id}"))
    }
    /// The one route table of all public subnets.
    pub fn public_route_table() -> Self {
        Self("route-table/public".into())
    }
    /// The route table of a zone's private subnet.
    pub fn private_route_table(az_id: &str) -> Self {
        Self(format!("route-table/private/{az_id}"))
    }
    /// The default route of a route table.
    pub fn default_route(table: &Address) -> Self {
        Self(format!("{table}/default-route"))
    }
    /// The association of a route table with a subnet.
    pub fn association(tier: Tier, az_id: &str) -> Self {
        Self(format!("subnet/{tier}/{az_id}/route-table"))
    }
    /// The VPC's resolution of names.
    pub fn dns_support() -> Self {
        Self("vpc/dns-support".into())
    }
    /// The VPC's host names.
    pub fn dns_host_names() -> Self {
        Self("vpc/dns-host-names".into())
    }
    /// The VPC's default network ACL.
    pub fn default_network_acl() -> Self {
        Self("network-acl/default".into())
    }
    /// An entry of a network ACL.
    pub fn acl_entry(acl: &Address, number: i32) -> Self {
        Self(format!("{acl}/{number}"))
    }
    /// The VPC's main route table, which nothing uses.
    pub fn main_route_table() -> Self {
        Self("route-table/main".into())
    }
    /// The regional NAT gateway, which spans all zones.
    pub fn regional_nat_gateway() -> Self {
        Self::nat_gateway("regional")
    }
    /// The gateway endpoint of a service, `s3` or `dynamodb`.
    pub fn endpoint(service: &str) -> Self {
        Self(format!("endpoint/{service}"))
    }
    /// The VPC's flow log.
    pub fn flow_log() -> Self {
        Self("flow-log".into())
    }
    /// The security group that lets declared connections in.
    pub fn inbound_security_group() -> Self {
        Self("security-group/inbound".into())
    }
    /// The peering with another account of the fleet.
    pub fn peering(account_name: &str) -> Self {
        Self(format!("peering/{account_name}"))
    }
    /// A route of a route table.
    pub fn route(table: &Address, destination: &ipnet::Ipv4Net) -> Self {
        Self(format!("{table}/route/{destination}"))
    }
    /// The inbound rules of a security group.
    pub fn inbound_rules(group: &Address) -> Self {
        Self(format!("{group}/inbound-rules"))
    }
    /// Inbound rules of a security group that must not be there.
    pub fn undeclared_inbound_rules(group: &Address) -> Self {
        Self(format!("{group}/surplus-inbound-rules"))
    }
    /// The outbound rules of a security group.
    pub fn outbound_rules(group: &Address) -> Self {
        Self(format!("{group}/outbound-rules"))
    }
    /// A resource's tags.
    pub fn tags(of: &Address) -> Self {
        Self(format!("{of}/tags"))
    }
    /// The setting of a subnet that gives public addresses.
    pub fn public_ip_on_launch(subnet: &Address) -> Self {
        Self(format!("{subnet}/public-ip-on-launch"))
    }
    /// A zone's probe function.
    pub fn probe(az_id: &str) -> Self {
        Self(format!("probe/{az_id}"))
    }
    /// Where a zone's probe sends its reports.
    pub fn probe_destination(az_id: &str) -> Self {
        Self(format!("probe/{az_id}/destination"))
    }
    /// The schedule of a zone's probe.
    pub fn probe_schedule(az_id: &str) -> Self {
        Self(format!("probe/{az_id}/schedule"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
