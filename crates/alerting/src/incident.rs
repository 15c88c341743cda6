//! One cause, and all that is said about it.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::{CheckId, Purpose, Stage, Target};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Finding, ProbeKey, Suspect, WhySilent, text};

/// How many timeline entries an incident keeps: the first and the newest.
pub const TIMELINE_LIMIT: usize = 50;

/// How many changes of an incident are told within an hour, but for its beginning, its page and its end. What came
/// beyond is told together when an hour has passed since the first of them.
pub const UPDATES_PER_HOUR: usize = 4;

const HOUR_MS: u64 = 60 * 60 * 1000;

/// Incidents by their ids.
pub(crate) type Incidents = BTreeMap<String, Incident>;

/// One cause: one message in each channel concerned, at most one page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Made of the first suspect and the time of opening; stays when the explanation changes.
    pub id: String,
    /// What the failing things have in common, as far as is known now.
    pub suspect: Suspect,
    /// What else it may be: nothing that was seen tells these from `suspect`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Suspect>,
    /// Every suspect it has had. What one of these would explain stays with this incident.
    #[serde(default)]
    pub suspects: BTreeSet<Suspect>,
    /// The widest cause that it was found to have, while that is not `suspect`: what its title says. A part
    /// that recovers makes no other outage of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widest: Option<Suspect>,
    /// How loud it is now. It can fall again; [`Incident::paged`] stays.
    pub severity: Severity,
    /// Open or resolved.
    pub state: IncidentState,
    /// When the earliest of its failures began; milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// When it was opened; milliseconds since the Unix epoch.
    pub opened_at_ms: u64,
    /// When it last changed; milliseconds since the Unix epoch.
    pub updated_at_ms: u64,
    /// 1 when opened; grows by one with each change.
    pub revision: u32,
    /// Everything it has been about, in the order of [`IncidentMember::key`].
    pub members: Vec<IncidentMember>,
    /// How many more keep it open that are not stored: of thousands a part is.
    #[serde(default, skip_serializing_if = "is_none")]
    pub omitted: usize,
    /// What happened, oldest first; at most [`TIMELINE_LIMIT`] entries.
    #[serde(default)]
    pub timeline: Vec<TimelineEntry>,
    /// Whether on-call has been paged for it.
    #[serde(default)]
    pub paged: bool,
    /// The paged incidents that were merged into it, each with the sequence of its page's end: it ends with
    /// this one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub absorbed: BTreeMap<String, u32>,
    /// Whether everything still failing in it is silenced.
    #[serde(default)]
    pub silenced: bool,
    /// The Slack channels that have a message of it.
    #[serde(default)]
    pub channels: BTreeSet<String>,
    /// When its changes were told within the last hour, the newest last, but for its beginning, its page and its end;
    /// milliseconds since the Unix epoch. At most [`UPDATES_PER_HOUR`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub updates_ms: Vec<u64>,
    /// How many changes since then are not told yet, as there were so many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub untold: u32,
    /// When its messages were last written; milliseconds since the Unix epoch.
    #[serde(default)]
    pub told_at_ms: u64,
    /// What was found that is its cause, of one change a few differences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Until when on-call was not called, as a repair of its cause was under way; milliseconds since the Unix epoch.
    /// It is set once, and never moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_waits_until_ms: Option<u64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none(number: &usize) -> bool {
    *number == 0
}

/// Whether an incident is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum IncidentState {
    /// Something still fails, or has not been heard of since it failed.
    Open,
    /// Over.
    Resolved {
        /// When; milliseconds since the Unix epoch.
        at_ms: u64,
        /// Why.
        resolution: Resolution,
    },
}

/// Why an incident is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Resolution {
    /// Everything works again.
    Recovered,
    /// What was left of it is no longer in the fleet file.
    NoLongerDeclared,
    /// It turned out to have the same cause as another one, which goes on.
    Merged {
        /// The other incident's id.
        into: String,
    },
}

/// How loud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Slack only.
    Note,
    /// Someone has to get up.
    Page,
}

/// What is wrong with a probe or a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "symptom", rename_all = "snake_case")]
pub enum Symptom {
    /// The path of this check is down.
    Down {
        /// Which check.
        check: CheckId,
    },
    /// The probe is overdue.
    Silent,
    /// The probe reports but cannot tell.
    #[serde(rename = "unclear")]
    Inconclusive,
}

/// Names one thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MemberKey {
    /// Where.
    pub probe: ProbeKey,
    /// What.
    pub symptom: Symptom,
}

/// One thing an incident is about, with what a message needs to say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentMember {
    /// Where.
    pub probe: ProbeKey,
    /// What.
    #[serde(flatten)]
    pub symptom: Symptom,
    /// How it is now.
    pub state: MemberState,
    /// The name of the probe's account.
    pub account_name: String,
    /// Its product domain.
    #[serde(default)]
    pub domain: String,
    /// Its environment.
    #[serde(default)]
    pub environment: String,
    /// What a path aims at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// Why a path is tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// How far a path comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Why nothing is heard of a silent probe; absent of others, and in documents of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_silent: Option<WhySilent>,
    /// How often it had failed within an hour when it was found to flap; 0 where it does not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub flaps: u32,
    /// The error or reason, for people; at most 160 characters.
    #[serde(default)]
    pub detail: String,
    /// When it began; milliseconds since the Unix epoch.
    pub since_ms: u64,
}

/// How a member of an incident is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// It fails.
    Failing,
    /// It failed, and has not been heard of since. Keeps the incident open.
    #[serde(rename = "unheard")]
    Stale,
    /// It works again.
    Recovered,
    /// It is no longer in the fleet file.
    Undeclared,
}

/// One change of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// When; milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The revision it led to.
    pub revision: u32,
    /// What changed, for people; plain text.
    pub text: String,
}

impl IncidentMember {
    /// Its name.
    #[must_use]
    pub fn key(&self) -> MemberKey {
        MemberKey { probe: self.probe.clone(), symptom: self.symptom.clone() }
    }
}

impl MemberState {
    /// Whether it keeps its incident open.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Failing | Self::Stale)
    }
}

impl Incident {
    /// Whether it is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == IncidentState::Open
    }

    /// What its title says of its cause.
    #[must_use]
    pub fn headline(&self) -> &Suspect {
        self.widest.as_ref().unwrap_or(&self.suspect)
    }

    /// Its members in this state.
    pub fn members_in(&self, state: MemberState) -> impl Iterator<Item = &IncidentMember> {
        self.members.iter().filter(move |member| member.state == state)
    }

    /// The id of the incident about `suspect` that is opened at this time, for example
    /// `20261105T101500Z-1f0c9a3be27d`. The same for the same arguments, always.
    pub(crate) fn id_of(suspect: &Suspect, opened_at_ms: u64) -> String {
        let mut hash = Sha256::new();
        hash.update(opened_at_ms.to_be_bytes());
        hash.update(serde_json::json!(suspect).to_string());
        let digest: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{digest}", text::compact_instant(opened_at_ms))
    }

    /// From when on one more of its changes may be told, in milliseconds since the Unix epoch: its messages are not
    /// edited more often than each `apart_ms`, nor too often within an hour.
    pub(crate) fn may_tell_from_ms(&self, apart_ms: u64) -> u64 {
        let soon_ms = self.told_at_ms.saturating_add(apart_ms);
        // The newest of them are kept, as many as there may be within an hour.
        let is_full = self.updates_ms.len() >= UPDATES_PER_HOUR;
        let room_ms = self.updates_ms.first().filter(|_| is_full).map_or(0, |first| first + HOUR_MS);
        soon_ms.max(room_ms)
    }

    /// One of its changes is told, and all before it.
    pub(crate) fn tell(&mut self, now_ms: u64) {
        self.updates_ms.push(now_ms);
        self.updates_ms.drain(..self.updates_ms.len().saturating_sub(UPDATES_PER_HOUR));
        self.untold = 0;
    }

    pub(crate) fn note(&mut self, at_ms: u64, text: String) {
        if self.timeline.len() >= TIMELINE_LIMIT {
            // The opening stays; the oldest change after it goes.
            self.timeline.remove(1);
        }
        self.timeline.push(TimelineEntry { at_ms, revision: self.revision, text });
    }
}
