//! What has been notified of a stack, so that each thing is reported once.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_network::Address;
use serde::{Deserialize, Serialize};

use crate::change_log::ApiCall;

/// What has been notified of one account in one Region. It is written together with the status and with the
/// messages, so whatever is in here was told, and once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notified {
    /// What was not as declared at the last observation: what else differs at the next one was changed since.
    pub open: BTreeMap<Address, Open>,
    /// The ids of the stack's resources at the last observation: what somebody has deleted is known by them.
    pub ids: BTreeMap<Address, String>,
    /// The messages about changes by hand that may still be completed, the oldest first.
    pub drifts: Vec<Drift>,
    /// That the network is ready; and whether its way out is said to be, too.
    pub ready: Option<Ready>,
    /// That it failed, until it works again.
    pub failed: Option<Notice>,
    /// That phonehome's role lacks a right that it had, until it has it again.
    pub denied: Option<Notice>,
    /// Which changes wait for permission, until none does.
    pub withheld: Option<Withheld>,
}

/// Something that is not as declared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Open {
    /// What was found there, to tell one difference from another; empty for what is only waited for.
    pub found: String,
    /// It was mended: should it differ again, somebody has changed it again.
    pub mended: bool,
    /// It was as declared before, and nobody was told that it is not: there is nothing to do about it yet.
    #[serde(rename = "untold")]
    pub unnotified: bool,
}

/// That the network is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// And its way out.
    pub egress: bool,
}

/// A message that is about something which goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The incident that its message belongs to.
    pub incident_id: String,
    /// What it says is wrong, in short.
    pub about: String,
}

/// The message about changes that wait for permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// The incident that the message belongs to.
    pub incident_id: String,
    /// Which changes it has named.
    pub addresses: BTreeSet<Address>,
}

/// One message about changes by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// The incident that the message belongs to.
    pub incident_id: String,
    /// When they were seen; milliseconds since the Unix epoch.
    pub seen_ms: u64,
    /// What differed.
    pub lines: Vec<Line>,
    /// How many more differences there were.
    #[serde(default)]
    pub more: usize,
    /// The incident in whose thread the message stands: one that it explains, which was told first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joins: Option<String>,
}

/// One difference that somebody's change has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Which resource.
    pub address: Address,
    /// What was found, for people.
    pub reason: String,
    /// What became of it.
    pub repair: Repair,
    /// The ids of what it is about.
    #[serde(default)]
    pub ids: BTreeSet<String>,
    /// Whether the resource's own id is among them: then only who names it has changed it.
    #[serde(default)]
    pub is_known: bool,
    /// Who did it, as far as is known, the first first.
    #[serde(default)]
    pub by: Vec<ApiCall>,
}

/// What became of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    /// It is as declared again.
    Repaired,
    /// It will be tried again.
    Pending,
    /// It needs permission.
    Withheld,
}
