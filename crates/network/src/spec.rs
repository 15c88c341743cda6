//! What is declared: the stack an account should have.

use std::fmt;

use ipnet::Ipv4Net;
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

/// Which kind of subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Has a route to the internet gateway.
    Public,
    /// Reaches the internet through a NAT gateway.
    Private,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
        })
    }
}

impl StackSpec {
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
