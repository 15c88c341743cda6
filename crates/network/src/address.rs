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
