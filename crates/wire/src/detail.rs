//! What was measured of a check, beyond its verdict.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Class, Stage};

/// What was measured of a check. All of it may be absent: it is cut where a report grows too large.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Detail {
    /// How long looking up the name took, in microseconds; absent where no nameserver was asked. Checks of a run
    /// that have the same host look it up once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolve_us: Option<u64>,
    /// To how many addresses the name resolves, where they are more than [`ADDRESSES_MAX`]: those tested
    /// are a sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampled_of: Option<u32>,
    /// Each attempt at each address, by address and number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// How many attempts were cut: of addresses where all was well, and then others.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts_cut: u32,
    /// The certificate that was shown, whether it is valid or not: of several addresses, the one that ends
    /// first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
    /// The records that a lookup found, or the public address that an echo service saw; at most
    /// [`ANSWERS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<String>,
    /// What is not wrong and worth knowing, for people; at most [`crate::TEXT_CHARS_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How many addresses of one host a probe tests, and a collector keeps of one result.
pub const ADDRESSES_MAX: usize = 16;
/// How many records of one lookup are reported.
pub const ANSWERS_MAX: usize = 16;
/// How many attempts at the addresses of one check are reported: three at each.
pub const ATTEMPTS_MAX: usize = 3 * ADDRESSES_MAX;

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Detail {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One attempt at one address. What was not come to is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// Where to.
    pub address: IpAddr,
    /// How.
    #[serde(default, skip_serializing_if = "Approach::is_first")]
    pub approach: Approach,
    /// How long TCP's handshake took, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_us: Option<u64>,
    /// How long TLS's handshake took after it, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_us: Option<u64>,
    /// How long the first byte of the HTTP answer took from the request on, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_us: Option<u64>,
    /// How long all of it took, in microseconds.
    pub total_us: u64,
    /// How many segments this end sent again, the kernel says.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retransmissions: u32,
    /// The smoothed round-trip time that the kernel measured, in microseconds; 0 where no answer came.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rtt_us: u32,
    /// Why it is no success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub miss: Option<Miss>,
}

/// How one attempt differs from the one before it: so that the second one tells what the first did not.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Approach {
    /// In no way: it is the first.
    #[default]
    First,
    /// From another source port: one of several equal ways, or one port of a NAT, may be bad.
    OtherPort,
    /// With segments that fit through every network: large packets may get lost.
    SmallSegments,
    /// One that this build does not know.
    #[serde(other)]
    Unknown,
}

impl Approach {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_first(&self) -> bool {
        *self == Self::First
    }
}

/// Why an attempt is no success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Miss {
    /// It failed.
    Failed {
        /// How far it came.
        stage: Stage,
        /// What was in its way.
        #[serde(default, skip_serializing_if = "Class::is_other")]
        class: Class,
        /// The ICMP message that said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        icmp: Option<IcmpSaid>,
        /// The error, for people; at most [`crate::TEXT_CHARS_MAX`].
        error: String,
    },
    /// It cannot be tested from here: IPv6 where the subnet has none, or the probe's own machine.
    NotTestable {
        /// Why, for people; at most [`crate::TEXT_CHARS_MAX`].
        reason: String,
    },
    /// The probe itself could not test.
    ProbeError {
        /// Why, for people; at most [`crate::TEXT_CHARS_MAX`].
        reason: String,
    },
    /// One that this build does not know.
    #[serde(other)]
    Unknown,
}

/// An ICMP message that ended an attempt to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IcmpSaid {
    /// Who sent it: the target itself, or a router on the way.
    pub sender: IpAddr,
    /// ICMP's (or ICMPv6's) type.
    #[serde(rename = "type")]
    pub kind: u8,
    /// Its code.
    pub code: u8,
}

/// What the certificate of a server says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    /// Whole days until the first certificate of the chain that ends does; negative when one has ended.
    pub days_left: i64,
    /// Whom it is for; at most [`crate::TEXT_CHARS_MAX`].
    pub subject: String,
    /// Who signed it; at most [`crate::TEXT_CHARS_MAX`].
    pub issuer: String,
    /// How many certificates the server showed.
    pub chain: u32,
}
