//! Regions, addresses, environments.

use std::fmt;

use ipnet::Ipv4Net;
use phonehome_wire::AzId;
use schemars::JsonSchema;
use serde::Serialize;

use super::account_settings::AccountSettings;
use super::properties::UnitPath;
use super::starter_pack::StarterPack;

/// An AWS Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Region {
    /// Its name, such as us-east-1.
    #[schemars(regex(pattern = r"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$"))]
    pub name: phonehome_wire::Region,
    /// The Availability Zones to use, by AZ ID (use1-az1), never by name (us-east-1a): which zone
    /// a name means differs from account to account. Adding one later moves nothing.
    #[schemars(
        length(min = 1, max = 8),
        extend("uniqueItems" = true),
        inner(regex(pattern = r"^[a-z]+[0-9]{1,2}-az[1-8]$"))
    )]
    pub availability_zones: Vec<AzId>,
}

/// A range of addresses from which accounts get theirs, in blocks of one size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AddressPool {
    /// Its name: small letters, digits and hyphens, at most 40 characters.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"), length(max = 40))]
    pub name: String,
    /// The Region its networks are in.
    pub region: phonehome_wire::Region,
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
    /// What becomes of the default VPCs that AWS puts into every Region of a new account.
    #[schemars(default)]
    pub default_vpcs: DefaultVpcs,
    /// The organizational unit of its accounts: names from below the root, `Workloads/Prod`. By default it is neither
    /// looked at nor changed.
    #[schemars(with = "String", default, length(max = 644), regex(pattern = r"^[^/]+(/[^/]+){0,4}$"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organizational_unit: Option<UnitPath>,
    /// Settings of its accounts, where they are otherwise than the file says.
    #[schemars(with = "AccountSettings", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_settings: Option<AccountSettings>,
    /// What its accounts get otherwise than the file says.
    #[schemars(with = "StarterPack", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starter_pack: Option<StarterPack>,
}

/// How private subnets reach the internet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Nat {
    /// A NAT gateway in each Availability Zone: a lost zone takes no other with it.
    #[default]
    PerAz,
    /// One NAT gateway for all zones: cheaper, and a lost zone may cut off all of them.
    Single,
    /// A regional NAT gateway: one for the whole VPC, which AWS itself spans over the zones in use.
    /// A lost zone takes no other with it. While it grows into a zone, which can take an hour, that
    /// zone's traffic crosses another.
    Regional,
    /// None: private subnets have no way out, and no egress is tested.
    None,
}

impl Nat {
    /// In which of these zones the NAT gateway is that a zone's way out leads through; `None` where there is no such
    /// gateway, or a regional one.
    #[must_use]
    pub fn gateway_of<'z>(
        self,
        zone: &'z AzId,
        zones: impl IntoIterator<Item = &'z AzId>,
    ) -> Option<&'z AzId> {
        match self {
            Self::PerAz => Some(zone),
            Self::Single => zones.into_iter().min(),
            Self::Regional | Self::None => None,
        }
    }
}

/// What becomes of the default VPCs of a new account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DefaultVpcs {
    /// They are removed from every Region the account has opted into.
    #[default]
    Remove,
    /// They stay.
    Keep,
}

/// What all networks have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Network {
    /// The S3 bucket, of the hub account, to which VPC flow logs go. Without it there are none.
    #[schemars(with = "String", default, regex(pattern = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_logs_bucket: Option<String>,
    /// Services of AWS that are reached through a gateway endpoint, not through NAT. These
    /// endpoints are free of charge.
    #[schemars(default = "default_gateway_endpoints", extend("uniqueItems" = true))]
    pub gateway_endpoints: Vec<GatewayService>,
    /// For how many days a block that was given back is given to nobody else.
    #[schemars(default = "default_quarantine_days", range(min = 0, max = 365))]
    pub quarantine_days: u32,
    /// How many removals, and changes that cut off or replace something, the functions make in an hour in
    /// all accounts together, with whatever permission. With 0 they make none.
    #[schemars(default = "default_removals_per_hour", range(min = 0, max = 10_000))]
    pub removals_per_hour: u32,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            flow_logs_bucket: None,
            gateway_endpoints: default_gateway_endpoints(),
            quarantine_days: default_quarantine_days(),
            removals_per_hour: default_removals_per_hour(),
        }
    }
}

fn default_gateway_endpoints() -> Vec<GatewayService> {
    vec![GatewayService::S3, GatewayService::Dynamodb]
}

/// Long enough for what still knows an old address, such as a firewall's list, to forget it.
fn default_quarantine_days() -> u32 {
    30
}

/// Enough for what a day's work takes away (a domain of ten accounts gives up its connections), and few
/// enough that somebody reads the message before a mistake has gone through the fleet.
fn default_removals_per_hour() -> u32 {
    30
}

/// A service of AWS that has gateway endpoints; there are no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GatewayService {
    /// Amazon S3.
    S3,
    /// Amazon DynamoDB.
    Dynamodb,
}

impl fmt::Display for GatewayService {
    /// As in the name of its endpoint service, `com.amazonaws.<region>.s3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::S3 => "s3",
            Self::Dynamodb => "dynamodb",
        })
    }
}
