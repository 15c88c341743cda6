//! What is known of a stack's probes from an earlier observation, with what AWS marks each change by: as long as a
//! mark is the same, what it is of need not be read again (docs/decisions/0028-fewer-calls.md).
//!
//! It spares reading. Whatever is to be written is decided from what was read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The probes of a stack that was found as declared. At most one function for each declared zone, and one schedule
/// for each part of its checks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownProbes {
    /// By the function's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub functions: BTreeMap<String, KnownFunction>,
    /// By the schedule's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub schedules: BTreeMap<String, KnownSchedule>,
    /// Which lists are of use in this account.
    #[serde(default)]
    pub lists: Lists,
    /// Whether what was known did not suffice, although everything was as declared: then nothing is spared until
    /// everything was looked for again.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_futile: bool,
}

/// A function that was read, and worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFunction {
    /// Lambda's name for the state of its code and configuration.
    pub revision: String,
    /// When it was last read that its reports go where they should; milliseconds since the Unix epoch. Lambda's
    /// revision is not of that.
    pub destination_ms: u64,
    /// Whether its reports have proven since that they still do, so that it need not be read again now. It is not
    /// stored, but found out before each observation.
    #[serde(skip)]
    pub still_reports: bool,
}

/// A schedule that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownSchedule {
    /// When it was changed last, by AWS's clock; milliseconds since the Unix epoch.
    pub modified_ms: i64,
    /// The digest of what was read.
    pub digest: String,
    /// The generation of the input that it sends.
    pub generation: u64,
}

/// Which of the calls that answer for many at once are of use in an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lists {
    /// `ListFunctions`: not where the role may not call it, nor where so many other functions are that its first page
    /// has none of the probes.
    pub functions: bool,
    /// `ListSchedules`: not where the role may not call it.
    pub schedules: bool,
}

impl Default for Lists {
    fn default() -> Self {
        Self { functions: true, schedules: true }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(it: &bool) -> bool {
    !it
}
