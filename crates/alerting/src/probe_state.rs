//! What is stored of one probe.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use phonehome_localisation::Outcome;
use phonehome_wire::{AccountId, AzId, CheckId, Region, Report, StackId, Stage, Verdict};
use serde::{Deserialize, Serialize};

use crate::{Behind, Connects, PassedAgain, Turns};

/// Names one probe: there is one for each Availability Zone of a stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProbeKey {
    /// The id of the account it runs in, from the event's envelope.
    pub account: AccountId,
    /// The Region it runs in.
    pub region: Region,
    /// The Availability Zone ID (`use1-az1`) it is pinned to.
    pub availability_zone: AzId,
}

impl ProbeKey {
    /// The stack that it belongs to.
    #[must_use]
    pub fn stack(&self) -> StackId {
        StackId::new(&self.account, &self.region)
    }

    /// Whether it belongs to this stack.
    pub(crate) fn is_of(&self, stack: &StackId) -> bool {
        (&self.account, &self.region) == (&stack.account, &stack.region)
    }

    /// A part of it, by its number.
    #[must_use]
    pub fn part(&self, part: u32) -> ProbePart {
        ProbePart { probe: self.clone(), part }
    }
}

/// `111122223333/us-east-1/use1-az1`.
impl fmt::Display for ProbeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.account, self.region, self.availability_zone)
    }
}

/// Names one part of a probe: what is stored of it. Where its checks do not fit one input they are spread over
/// several, each with a schedule, runs, a heartbeat and paths of its own. What is told is never of a part, but of
/// the probe.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbePart {
    /// Which probe.
    pub probe: ProbeKey,
    /// Which part, counted from 0.
    pub part: u32,
}

impl ProbePart {
    /// The part that a report is of.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let Report { account, region, availability_zone, part, .. } = report;
        let (account, region) = (account.clone(), region.clone());
        let probe = ProbeKey { account, region, availability_zone: availability_zone.clone() };
        Self { probe, part: *part }
    }
}

/// `111122223333/us-east-1/use1-az1`, the sort key of what is stored of it; of further parts
/// `111122223333/us-east-1/use1-az1/part-1`.
impl fmt::Display for ProbePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            0 => self.probe.fmt(f),
            part => write!(f, "{}/part-{part}", self.probe),
        }
    }
}

/// How long paths of the version that a heartbeat names may be taken for what is stored without being read again,
/// in milliseconds: 10 minutes. Both are written together, so that only an item that somebody mends by hand is
/// another one.
pub const PATHS_KEPT_MS: u64 = 10 * 60_000;

/// The fact that a report of a part of a probe arrived. Small, because it is written for every report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Which probe.
    pub key: ProbeKey,
    /// Which part of it.
    #[serde(default, skip_serializing_if = "is_first")]
    pub part: u32,
    /// When the newest run began, by the probe's clock but never later than its report was
    /// received; milliseconds since the Unix epoch.
    pub last_started_at_ms: u64,
    /// When its report came into the hub's queue, by the queue's clock; milliseconds since the Unix epoch. When it was
    /// folded says nothing of the probe.
    pub last_received_at_ms: u64,
    /// The newest run.
    pub run_id: String,
    /// The generation of the input that was run.
    #[serde(default)]
    pub generation: u64,
    /// How far the probe's clock is ahead, in milliseconds; 0 within
    /// [`crate::CLOCK_TOLERANCE_MS`].
    #[serde(default)]
    pub clock_ahead_ms: u64,
    /// When the newest run began that tested isolations, or since when they are waited for; milliseconds since
    /// the Unix epoch, 0 when it is not known.
    #[serde(default)]
    pub isolations_at_ms: u64,
    /// Until when the paths are kept at least, if nothing more is heard; milliseconds since the Unix
    /// epoch, 0 when it is not known.
    #[serde(default)]
    pub paths_expire_at_ms: u64,
    /// Which version of the stored paths goes with this run: whoever has read that one before knows them. 0
    /// when there are none, or it is not known.
    #[serde(default)]
    pub paths_version: u64,
    /// Since when it has been heard without a gap of more than [`crate::GAP_MS`]: when the first of those runs began;
    /// milliseconds since the Unix epoch, 0 when it is not known.
    #[serde(default)]
    pub heard_since_ms: u64,
    /// The longest that one of its reports had waited for the collector lately, where that was longer than usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<Behind>,
    /// How its newest runs connected, the newest last; at most [`crate::RUNS_KEPT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connects: Vec<Connects>,
    /// When runs of it were missing within the last hour.
    #[serde(default, skip_serializing_if = "Turns::is_empty")]
    pub turns: Turns,
    /// When the newest report of a rerun came into the hub's queue, by the queue's clock; milliseconds since the Unix
    /// epoch, 0 where there was none. It says that the probe answers, and nothing of its schedule.
    #[serde(default, skip_serializing_if = "is_never")]
    pub rerun_received_ms: u64,
    /// Which checks that work passed in a rerun since the newest run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed_again: Option<Box<PassedAgain>>,
}

impl Heartbeat {
    /// When a check that works passed in a rerun, where that was after the newest run; milliseconds since the Unix epoch.
    pub(crate) fn passed_again_ms(&self, check: &CheckId) -> Option<u64> {
        let at_ms = self.passed_again.as_ref()?.at_ms(check);
        at_ms.filter(|at_ms| *at_ms > self.last_started_at_ms)
    }

    /// When a report of it was folded last, as far as is known; milliseconds since the Unix epoch.
    pub(crate) fn folded_ms(&self) -> u64 {
        self.last_received_at_ms.max(self.behind.map_or(0, |behind| behind.at_ms))
    }

    /// Forgets the text that no decision and no message takes from it, and shares the names of its probe, so that many
    /// fit into memory.
    pub fn shorten(&mut self, probe: &ProbeKey) {
        self.run_id = String::new();
        if self.key == *probe {
            self.key = probe.clone();
        }
    }

    /// The part that it is of.
    #[must_use]
    pub fn probe_part(&self) -> ProbePart {
        self.key.part(self.part)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_first(part: &u32) -> bool {
    *part == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_never(at_ms: &u64) -> bool {
    *at_ms == 0
}

/// The paths of one part of a probe, by check.
pub type Paths = BTreeMap<CheckId, PathState>;

/// Whether what was declared about a path holds. For an isolation, "up" means proven.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathStatus {
    /// No conclusive result yet, or too few failures to call it down.
    #[default]
    Unknown,
    /// It is as declared.
    Up,
    /// It is not as declared.
    Down,
}

/// What is known of one path. Holds nothing that changes from run to run while the results stay
/// alike, so that in the steady state it need not be written; but for the addresses of a host whose answers from
/// DNS differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathState {
    /// The status after hysteresis.
    pub status: PathStatus,
    /// When the first of the results that led to `status` was taken; milliseconds since the Unix
    /// epoch.
    pub since_ms: u64,
    /// How many conclusive results in a row have contradicted `status`.
    #[serde(default)]
    pub streak: u32,
    /// When that streak began, in milliseconds since the Unix epoch; 0 without a streak.
    #[serde(default)]
    pub streak_since_ms: u64,
    /// The newest result, or an earlier one of the same kind (and stage).
    pub last: Verdict,
    /// Since when the results have been like `last`; milliseconds since the Unix epoch.
    pub last_since_ms: u64,
    /// The newest results, the oldest first, from the first that did not pass; empty when as many in a row passed as
    /// make it good. What is broken is inferred from them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<PathResult>,
    /// How it fails; absent when the path is up and nothing contradicts that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Whether it was ever up since it is declared with this target: what never worked does not page.
    /// Documents of earlier versions do not say; what they tell of counts as having worked.
    #[serde(default = "yes")]
    pub ever_up: bool,
    /// The addresses at which the newest run reached it, at most [`phonehome_wire::ADDRESSES_MAX`]; empty when it
    /// did not, and in documents of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// When it failed anew within the last hour.
    #[serde(default, skip_serializing_if = "Turns::is_empty")]
    pub turns: Turns,
    /// What it aims at (`host:port`); absent in documents of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// What came of one run of a check: when the run began, in milliseconds since the Unix epoch, and how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathResult(pub u64, pub Outcome);

fn yes() -> bool {
    true
}

/// How a path fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// How far it came.
    pub stage: Stage,
    /// The error of the first failure at this stage.
    pub error: String,
}

/// How many results in a row turn a path, in either direction. Zero counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hysteresis {
    /// Failures in a row that turn a path down.
    pub down_after: u32,
    /// Successes in a row that turn a path that was down up again.
    pub up_after: u32,
}

impl Default for Hysteresis {
    /// Three failures, two successes: with a run a minute, down within three minutes.
    fn default() -> Self {
        Self { down_after: 3, up_after: 2 }
    }
}

impl PathState {
    /// A path of which this is the first result.
    pub(crate) fn unknown(verdict: &Verdict, at_ms: u64) -> Self {
        Self {
            status: PathStatus::Unknown,
            since_ms: at_ms,
            streak: 0,
            streak_since_ms: 0,
            last: verdict.clone(),
            last_since_ms: at_ms,
            results: vec![],
            failure: None,
            ever_up: false,
            addresses: vec![],
            turns: Turns::default(),
            target: None,
        }
    }

    /// When the first of the results was taken of which a path fails that is told: its status may turn later, or never
    /// where others fail with it; milliseconds since the Unix epoch.
    pub(crate) fn failing_since_ms(&self) -> u64 {
        match (self.status, self.results.first()) {
            (PathStatus::Up | PathStatus::Unknown, Some(PathResult(at_ms, _))) => *at_ms,
            (PathStatus::Down, _) | (_, None) => self.since_ms,
        }
    }

    /// Forgets the texts that no decision and no message takes from it, so that many fit into memory.
    pub fn shorten(&mut self) {
        if let Verdict::Fail { error, .. } = &mut self.last {
            *error = String::new();
        }
        if let Some(failure) = &mut self.failure {
            failure.error = crate::text::detail(&failure.error);
        }
    }

    /// Since when, and why, its results say nothing of the path; `None` while they do.
    #[must_use]
    pub fn inconclusive(&self) -> Option<(u64, &str)> {
        match &self.last {
            Verdict::Inconclusive { reason } | Verdict::ProbeError { reason } => {
                Some((self.last_since_ms, reason))
            }
            Verdict::Ok | Verdict::DenyProven | Verdict::Fail { .. } | Verdict::Denied { .. } => None,
        }
    }

    /// Up, and the newest result can be relied upon. Anything else must not be shown as green.
    #[must_use]
    pub fn is_green(&self) -> bool {
        self.status == PathStatus::Up && self.inconclusive().is_none()
    }
}
