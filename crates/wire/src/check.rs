//! What a probe is told to test.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AzId, Region};

/// Names a check within one probe, stable across deployments, for example
/// `connection/shop-to-payments/443`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CheckId(pub String);

impl fmt::Display for CheckId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Everything one probe run needs to know; the payload of the probe's schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeInput {
    /// [`crate::WIRE_VERSION`] of the writer.
    pub version: u32,
    /// The generation of the plan that wrote this input.
    pub generation: u64,
    /// The Region the probe runs in.
    pub region: Region,
    /// The Availability Zone ID (`use1-az1`) the probe is pinned to.
    pub availability_zone: AzId,
    /// What to test, in the order to report it.
    pub checks: Vec<Check>,
}

/// Each minute.
fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(number: &u32) -> bool {
    *number == one()
}

/// One test, and what counts as passing it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Its name; unique within one [`ProbeInput`].
    pub id: CheckId,
    /// How to test.
    pub kind: CheckKind,
    /// Whether the connection must work or must not.
    #[serde(default)]
    pub expect: Expect,
    /// Why it is tested; decides how loud its failure is.
    #[serde(default)]
    pub purpose: Purpose,
    /// What it aims at, in words for people.
    pub target: Target,
    /// How long the whole check may take, in milliseconds; of [`Expect::Deny`] only looking up the name, for
    /// silence takes its own time.
    pub timeout_ms: u64,
    /// For [`Expect::Deny`]: the check that must succeed in the same run for silence to prove
    /// anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<CheckId>,
    /// It is run every so many minutes; a run of the probe in between has no result for it. Each minute by
    /// default.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub every_minutes: u32,
}

/// How a check tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CheckKind {
    /// A TCP connection is established with every address the host resolves to.
    Tcp {
        /// Host name or IP address.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// As `Tcp`, then a TLS handshake with a certificate that is valid for `server_name`.
    Tls {
        /// Host name or IP address.
        host: String,
        /// TCP port.
        port: u16,
        /// The name the certificate must carry; the host itself when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        server_name: Option<String>,
    },
    /// A GET request answered with `status`.
    Http {
        /// An absolute `http://` or `https://` URL.
        url: String,
        /// The expected HTTP status code.
        status: u16,
    },
    /// The name resolves to at least one address.
    Dns {
        /// The name to look up.
        name: String,
        /// `address` or `address:port` of the one nameserver to ask; the VPC's resolver when
        /// absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nameserver: Option<String>,
    },
    /// One that a newer hub asks for and this build does not know: it is not tested, and the others are.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// Whether a connection must work or must not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// It must work.
    #[default]
    Connect,
    /// It must not.
    Deny,
}

/// Why a check exists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A connection declared in the fleet file.
    #[default]
    Connection,
    /// An isolation declared in the fleet file.
    Isolation,
    /// The way out to the internet.
    Egress,
}

/// What a check aims at, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// `host:port`, URL or name, as it is tested.
    pub endpoint: String,
    /// The name of the account (`payments-prod`) that owns it, when it is one of the fleet's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}
