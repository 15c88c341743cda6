//! The way out, and what is tested of it.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use super::check::Pace;
use super::url::HttpUrl;

/// What every account with a way out must reach: a host, an echo service, or a service of AWS's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum EgressTarget {
    /// A host on the internet.
    Host(EgressHost),
    /// An echo service.
    Echo(EgressEcho),
    /// A service of AWS's.
    Aws(EgressAws),
}

/// A host on the internet that must be reached, by TCP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct EgressHost {
    /// A host name or IPv4 address.
    pub host: String,
    /// The TCP port.
    #[schemars(range(min = 1, max = 65535))]
    pub port: u16,
    /// How often, how long and how persistently it is tested.
    #[serde(flatten)]
    pub pace: Pace,
}

/// An echo service: the body of its answer is the address that it sees, the public one by which the way
/// out leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct EgressEcho {
    /// Its URL, such as `https://checkip.amazonaws.com/`, at most 200 characters.
    #[schemars(with = "String", length(max = 200), regex(pattern = r"^https?://[^\s@#{}]+$"))]
    pub echo: HttpUrl,
    /// The public addresses, one of which it has to be, at most 10. By default those of the account's NAT
    /// gateways.
    #[schemars(with = "Vec<String>", default, length(min = 1, max = 10), extend("uniqueItems" = true))]
    #[schemars(inner(regex(pattern = r"^[0-9A-Fa-f.:]+$")))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<IpAddr>,
    /// How often, how long and how persistently it is tested.
    #[serde(flatten)]
    pub pace: Pace,
}

/// A service of AWS's in the Region under test, whose endpoint must answer a request that is not signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct EgressAws {
    /// What its endpoint begins with: `sts` for `sts.<region>.amazonaws.com`, `api.ecr`. At most 63
    /// characters.
    #[schemars(length(max = 63), regex(pattern = r"^[a-z][a-z0-9]*([.-][a-z0-9]+)*$"))]
    pub aws: String,
    /// How often, how long and how persistently it is tested.
    #[serde(flatten)]
    pub pace: Pace,
}
