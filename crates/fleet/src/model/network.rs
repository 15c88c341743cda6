//! Regions, addresses, environments.

use ipnet::Ipv4Net;
use schemars::JsonSchema;
use serde::Serialize;

/// An AWS Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Region {
    /// Its name, such as us-east-1.
    #[schemars(regex(pattern = r"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$"))]
    pub name: String,
    /// The Availability Zones to use, by AZ ID (use1-az1), never by name (us-east-1a): which zone
    /// a name means differs from account to account. Adding one later moves nothing.
    #[schemars(
        length(min = 1, max = 8),
        extend("uniqueItems" = true),
        inner(regex(pattern = r"^[a-z]+[0-9]{1,2}-az[1-8]$"))
    )]
    pub availability_zones: Vec<String>,
}

/// A range of addresses from which accounts get theirs, in blocks of one size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AddressPool {
    /// Its name: small letters, digits and hyphens, at most 40 characters.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"), length(max = 40))]
    pub name: String,
    /// The Region its networks are in.
    pub region: String,
    /// The range, in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10.
    #[schemars(with = "String", regex(pattern = r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$"))]
    pub cidr: Ipv4Net,
    /// The prefix length of the block each account gets, 16 to 23: AWS allows no VPC larger than
    /// /16, and in a block smaller than /23 the subnets (1/32 of it each) would be smaller than
    /// AWS's /28. A /18 gives subnets of 507 usable addresses.
    #[schemars(range(min = 16, max = 23))]
    pub block: u8,
}

impl AddressPool {
    /// How many blocks, and so how many networks, the pool has room for.
    pub fn blocks(&self) -> u64 {
        match self.block.checked_sub(self.cidr.prefix_len()) {
            Some(bits) => 1 << bits.min(32),
            None => 0,
        }
    }
}

/// An environment, such as dev or prod: what its accounts have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Environment {
    /// Its name: small letters, digits and hyphens, at most 40 characters.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"), length(max = 40))]
    pub name: String,
    /// The address pools of its accounts. An account gets a network in each Region one of them is
    /// in. Of several pools in one Region the first that has room is taken, so a full pool is
    /// relieved by adding another one behind it.
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub pools: Vec<String>,
    /// How its private subnets reach the internet.
    #[schemars(default)]
    pub nat: Nat,
    /// Whether its incidents may page on-call. The alert route must say `page: true` as well.
    #[schemars(default)]
    pub paging: bool,
}

/// How private subnets reach the internet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Nat {
    /// A NAT gateway in each Availability Zone: a lost zone takes no other with it.
    #[default]
    PerAz,
    /// One NAT gateway for all zones: cheaper, and a lost zone may cut off all of them.
    Single,
    /// None: private subnets have no way out, and no egress is tested.
    None,
}
