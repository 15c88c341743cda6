//! What a probe is told to test.

use std::fmt;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{AzId, Region};

/// Names a check within one probe, stable across deployments, for example
/// `connection/shop-to-payments/443`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CheckId(pub String);

/// Maps by names are asked for the name as it is written elsewhere.
impl std::borrow::Borrow<str> for CheckId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

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
    /// Which part of the zone's checks this is, counted from 0: those that do not fit one input are spread over
    /// several, each with a schedule of its own.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub part: u32,
    /// Whether these are only some of the input's checks, run once more because the hub asks for it
    /// ([`crate::rerun_input`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rerun: bool,
    /// The version of the report that the hub wants: 1 is that of the first release, [`REPORT_VERSION`] the
    /// newest. Probes whose code is newer than the hub, which may have been rolled back, so answer in words that
    /// it knows. A probe that knows none so new answers with its newest.
    #[serde(default = "first_version", skip_serializing_if = "is_first_version")]
    pub report_version: u32,
    /// The function's time limit, in seconds; with it the moment at which Lambda ends the run tells what time it
    /// is, whatever the machine's clock says. 0 where the writer does not say.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub timeout_s: u32,
    /// What to test, in the order to report it.
    pub checks: Vec<Check>,
}

/// The newest version of a report: with what was measured ([`crate::Detail`]), and the [`crate::Class`] of each
/// failure. What it has beyond version 1 are further fields, so that a hub which asked for it and was then rolled
/// back reads it all the same, until its own inputs are everywhere.
pub const REPORT_VERSION: u32 = 2;

fn first_version() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_first_version(version: &u32) -> bool {
    *version <= first_version()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The file beside a probe's binary that has the fleet's own certificate authorities, as PEM: the hub puts it into
/// the function's code, and the probe reads it by this name.
pub const AUTHORITIES_FILE: &str = "authorities.pem";

/// How often a check tries an address at most unless it says otherwise: in each way there is
/// ([`crate::Approach`]).
pub const TRIES_DEFAULT: u32 = 3;

fn tries() -> u32 {
    TRIES_DEFAULT
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_tries(number: &u32) -> bool {
    *number == tries()
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
    /// How long looking up the name may take, and then again each attempt at an address with all that is said
    /// there, in milliseconds; of [`Expect::Deny`] the lookup alone, for silence takes its own time.
    pub timeout_ms: u64,
    /// For [`Expect::Deny`]: the check that must succeed in the same run for silence to prove
    /// anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<CheckId>,
    /// It is run every so many minutes; a run of the probe in between has no result for it. Each minute by
    /// default.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub every_minutes: u32,
    /// How often an address that fails is tried in one run at most, each time in another way that may tell more
    /// ([`crate::Approach`]); 1 for once. Of [`Expect::Deny`] always once. 3 by default.
    #[serde(default = "tries", skip_serializing_if = "is_tries")]
    pub tries: u32,
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
    /// An HTTP request answered as expected. Redirects are not followed.
    Http {
        /// An absolute `http://` or `https://` URL.
        url: String,
        /// The expected HTTP status code; with `statuses` one of them.
        status: u16,
        /// The request's method.
        #[serde(default, skip_serializing_if = "HttpMethod::is_get")]
        method: HttpMethod,
        /// The expected HTTP status codes; `status` alone when empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        statuses: Vec<StatusRange>,
        /// A header that the answer must have.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        header: Option<ExpectedHeader>,
        /// A text that the answer's body must contain, within its first [`BODY_BYTES_MAX`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
    },
    /// The name has records.
    Dns {
        /// The name to look up.
        name: String,
        /// `address` or `address:port` of the one nameserver to ask; the VPC's resolver when
        /// absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nameserver: Option<String>,
        /// Which records; by default those of addresses, of either family.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record: Option<RecordType>,
        /// Records that there must be, as they are written in a zone file; any will do when empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        expected: Vec<String>,
    },
    /// An echo service (its answer's body is the address that it sees) is asked through which public address
    /// the way out leads.
    Egress {
        /// The service's URL.
        url: String,
        /// The public addresses, one of which it has to be; any will do when empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        expected: Vec<IpAddr>,
    },
    /// One that a newer hub asks for and this build does not know: it is not tested, and the others are.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// How much of an HTTP answer's body is read, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// The method of an HTTP request: one that changes nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// The header and the body.
    #[default]
    Get,
    /// The header alone.
    Head,
}

impl HttpMethod {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_get(&self) -> bool {
        *self == Self::Get
    }
}

/// HTTP status codes, from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct StatusRange {
    /// The first, 100 to 599.
    pub from: u16,
    /// The last, not below `from`.
    pub to: u16,
}

/// A header that an HTTP answer must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExpectedHeader {
    /// Its name, in any case.
    pub name: String,
    /// A text that its value must contain; any value will do when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
}

/// A type of DNS records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordType {
    /// An IPv4 address.
    A,
    /// An IPv6 address.
    Aaaa,
    /// Another name.
    Cname,
    /// Where mail goes.
    Mx,
    /// A nameserver.
    Ns,
    /// A name of an address.
    Ptr,
    /// Where a service is.
    Srv,
    /// Text.
    Txt,
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
    /// The way out to the internet, or to a service of AWS's.
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
