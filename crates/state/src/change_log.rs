//! Who did what in an account, as CloudTrail's events said.

use std::collections::BTreeSet;

use phonehome_wire::{AccountId, Region, StackId};
use serde::{Deserialize, Serialize};

/// What was done in an account and Region lately, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeLog {
    /// The API calls.
    #[serde(rename = "deeds")]
    pub api_calls: Vec<ApiCall>,
    /// When the observation begins that is queued because of them, in milliseconds since the Unix epoch. One
    /// look sees what all of them did.
    #[serde(default)]
    #[serde(rename = "look_due_ms")]
    pub observation_due_ms: u64,
    /// When the window began in which API calls are counted; milliseconds since the Unix epoch.
    #[serde(default)]
    pub window_since_ms: u64,
    /// How many were noted since.
    #[serde(default)]
    pub in_window: u32,
}

/// A call that changed something, and who made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiCall {
    /// The account it was done in.
    pub account: AccountId,
    /// The Region it was done in.
    pub region: Region,
    /// The call: `DeleteRoute`.
    pub event_name: String,
    /// Who did it, for people: a session's ARN, `user alice`, `the root user`, an AWS service.
    pub who: String,
    /// The role of the session that did it.
    pub role: Option<String>,
    /// The name of the session that did it: often an e-mail address.
    pub session: Option<String>,
    /// When, in UTC, as CloudTrail writes it: `2026-11-22T23:04:05Z`.
    pub when: String,
    /// The resources that the call or its answer mentions, and the names of probes.
    pub resource_ids: BTreeSet<String>,
}

impl ApiCall {
    /// When it was done, in milliseconds since the Unix epoch; none where CloudTrail's time cannot be read.
    #[must_use]
    pub fn done_ms(&self) -> Option<u64> {
        let at: jiff::Timestamp = self.when.parse().ok()?;
        u64::try_from(at.as_millisecond()).ok()
    }

    /// The account in the Region that it was done in.
    #[must_use]
    pub fn stack(&self) -> StackId {
        StackId::new(&self.account, &self.region)
    }
}
