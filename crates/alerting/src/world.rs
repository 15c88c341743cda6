//! What the alerter looks at.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use phonehome_wire::{AzId, CheckId, StackId};
use serde::{Deserialize, Serialize};

use crate::calm::CalmPath;
use crate::matcher::Matcher;
use crate::words::clip;
use crate::{
    Calm, Change, Checks, Crash, Finding, Heartbeat, Hysteresis, Incident, Paths, ProbeKey, Reader, Severity,
    Shared, UnreadableIncident, WhySilent, Window,
};

/// Everything a decision depends on.
///
/// What is missing from `probes` counts as no longer declared and resolves, so it must be complete: a
/// loader that could not ask for everything must fail. What it was given and could not read it says:
/// [`ProbeView::unreadable`], [`World::unseen`]. Of that nothing is decided, and the rest goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct World {
    /// Now, in milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// Every probe that is expected to report, in any order.
    pub probes: Vec<ProbeView>,
    /// Whom to ask about an account, by the account's name: the accounts that have probes, and those that
    /// only are targets.
    #[serde(default)]
    pub owners: BTreeMap<String, Owner>,
    /// Who hears of an isolation that does not hold, by the name of the account that is reached.
    #[serde(default)]
    pub routes: BTreeMap<String, Route>,
    /// The open incidents as stored, in any order.
    #[serde(default)]
    pub open: Vec<Incident>,
    /// The silences; expired ones do no harm.
    #[serde(default)]
    pub silences: Vec<Silence>,
    /// The thresholds.
    #[serde(default)]
    pub policy: Policy,
    /// What is stored but could not be read.
    #[serde(default)]
    pub unseen: Unseen,
    /// Who reads messages.
    #[serde(default)]
    pub reader: Reader,
    /// What was changed lately, in any order: fleet files, and what was done in the stacks in which a cause may be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// What was found in the stacks in which a cause may be that is not as declared, in any order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

impl World {
    /// Until when everything that was sent has been read, as far as is known; milliseconds since the Unix epoch.
    /// Deadlines for reports are judged as of then: so each is longer by as much as the collector is behind.
    ///
    /// That is now, less the longest that a report had waited that was folded lately. While nothing at all is folded
    /// after that nothing more has been read; but not for longer than a report may take, for then nothing arrives any
    /// more, and that is to be told.
    pub(crate) fn heard_until_ms(&self) -> u64 {
        let heartbeats = || self.probes.iter().flat_map(ProbeView::heartbeats);
        let behind = heartbeats().filter_map(|it| it.behind).filter(|it| it.counts_at(self.now_ms));
        let Some(waited_ms) = behind.map(|it| it.waited_ms).max() else { return self.now_ms };
        let folded_ms = heartbeats().map(Heartbeat::folded_ms).max().unwrap_or(self.now_ms).min(self.now_ms);
        let is_read = self.now_ms - folded_ms <= self.policy.missing_after_ms();
        let read_ms = if is_read { folded_ms } else { self.now_ms };
        read_ms.saturating_sub(waited_ms)
    }

    /// By how much the collector is behind, or was a moment ago; in milliseconds.
    pub(crate) fn behind_ms(&self) -> u64 {
        self.now_ms - self.heard_until_ms()
    }
}

/// What is stored but could not be read, beside parts of probes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unseen {
    /// The stacks whose probes are not in [`World::probes`] therefore.
    pub stacks: BTreeSet<StackId>,
    /// The incidents that are not in [`World::open`] therefore.
    pub incidents: Vec<UnreadableIncident>,
}

/// Which documents of a probe could not be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unreadable {
    /// Its heartbeat: whether it is silent is not known.
    pub heartbeat: bool,
    /// Its paths.
    pub paths: bool,
}

impl Unreadable {
    /// Whether there is any.
    #[must_use]
    pub fn any(self) -> bool {
        self.heartbeat || self.paths
    }
}

/// The thresholds of the alerting rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// How far apart two runs of a probe are; milliseconds.
    pub interval_ms: u64,
    /// K: so many more results of a path have to fail than pass until it is told by itself. 2 to 8; less counts as 2,
    /// more as 8.
    pub down_after: u32,
    /// So many results in a row have to pass until what failed works again.
    pub up_after: u32,
    /// A probe not heard of for longer than this is overdue by itself; milliseconds.
    pub overdue_after_ms: u64,
    /// A path without a conclusive result for longer than this is worth a note; milliseconds.
    pub inconclusive_after_ms: u64,
    /// Where trouble of phonehome itself goes; to the routes of all probes concerned when absent.
    pub platform_route: Option<Route>,
    /// When what is wrong is held back, again and again.
    pub windows: Vec<Window>,
}

/// How long a run takes in which every check fails: three tries of two seconds, and what comes with them; in
/// milliseconds.
const RUN_MS: u64 = 7_000;

impl Default for Policy {
    fn default() -> Self {
        let Hysteresis { down_after, up_after } = Hysteresis::default();
        Self {
            interval_ms: 60 * 1000,
            down_after,
            up_after,
            overdue_after_ms: 3 * 60 * 1000,
            inconclusive_after_ms: 15 * 60 * 1000,
            platform_route: None,
            windows: Vec::new(),
        }
    }
}

impl Policy {
    /// How much later than due a report may be before its run counts as missed, in milliseconds: a quarter of an
    /// interval, and at least as long as a run in which every check fails takes.
    pub(crate) fn grace_ms(&self) -> u64 {
        (self.interval_ms / 4).max(RUN_MS)
    }

    /// How far apart two edits of a message are, in milliseconds: 10 s, or as often as is looked where runs are
    /// closer together than a minute.
    pub(crate) fn edits_apart_ms(&self) -> u64 {
        (self.interval_ms / 6).min(10_000)
    }

    /// Whether runs are closer together than a minute, as in the lab and the demo: what is too often within an hour, or
    /// too slow for five runs, says nothing then.
    pub(crate) fn is_time_short(&self) -> bool {
        self.interval_ms < Self::default().interval_ms
    }

    /// How long after a run began nothing of the next one was read when that counts as missed, in milliseconds.
    #[must_use]
    pub fn missing_after_ms(&self) -> u64 {
        self.interval_ms.saturating_add(self.grace_ms())
    }
}

/// One probe: what the fleet file declares of it now, and what is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeView {
    /// Which probe.
    pub key: ProbeKey,
    /// The account's name (`shop-prod`).
    pub account_name: String,
    /// The product domain.
    #[serde(default)]
    pub domain: String,
    /// The environment (`dev`, `stage`, `prod`).
    #[serde(default)]
    pub environment: String,
    /// When it was deployed, in milliseconds since the Unix epoch: reports are due from then on.
    pub expected_since_ms: u64,
    /// The ID of the zone whose NAT gateway its way out leads through; absent when there is none, or a regional one.
    #[serde(default)]
    pub nat_zone: Option<AzId>,
    /// What the fleet file declares now. A stored path that is not among them does not count.
    pub checks: Checks,
    /// The newest heartbeat; absent until the first report.
    #[serde(default)]
    pub heartbeat: Option<Heartbeat>,
    /// The stored paths.
    #[serde(default)]
    pub paths: Paths,
    /// In place of `paths`, where nothing is wrong with any and with nothing else of the account either. Whoever
    /// gives it has made it of these checks.
    #[serde(skip)]
    pub calm: Option<Calm>,
    /// Its newest crash; absent where none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash: Option<Box<Crash>>,
    /// Which of the two are stored but could not be read, and so are missing here.
    #[serde(default)]
    pub unreadable: Unreadable,
    /// Where its checks are spread over several inputs, the parts: then `heartbeat` and `expected_since_ms` are those of
    /// the part that is silent for the longest time. Empty where all are in one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartView>,
    /// Who hears of its trouble.
    pub route: Shared<Route>,
}

/// One part of a probe's checks, which has runs of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartView {
    /// The checks of which it says what is known.
    pub checks: BTreeSet<CheckId>,
    /// From when on reports of it are due, in milliseconds since the Unix epoch; 0 where none are.
    pub expected_since_ms: u64,
    /// Its newest heartbeat; absent until the first report.
    #[serde(default)]
    pub heartbeat: Option<Heartbeat>,
}

impl ProbeView {
    /// When the newest run began that was heard of, or when it was deployed where that is later; milliseconds since
    /// the Unix epoch. Only stored times count, so no restart resets the dead-man's switch; and not when its report
    /// was folded, so no backlog makes a dead probe look alive.
    pub(crate) fn last_heard_ms(&self) -> u64 {
        last_began_ms(self.heartbeat.as_ref(), self.expected_since_ms)
    }

    /// Why nothing is heard of it.
    pub(crate) fn why_silent(&self) -> WhySilent {
        let began_ms = self.heartbeat.as_ref().map(|heartbeat| heartbeat.last_started_at_ms);
        // What crashed before it was deployed, or reported, says nothing of it.
        let known_ms = began_ms.unwrap_or(0).max(self.expected_since_ms);
        match (&self.crash, began_ms) {
            (Some(crash), _) if crash.at_ms > known_ms => WhySilent::Crashed,
            (_, None) => WhySilent::NeverEnrolled,
            (_, Some(_)) => WhySilent::Late,
        }
    }

    /// Whether a report of it is missing at this moment, as far as can be read.
    pub(crate) fn is_missing(&self, policy: &Policy, at_ms: u64) -> bool {
        self.is_overdue(policy, at_ms, self.last_heard_ms())
    }

    /// Whether nothing is heard of it: a report of each part is missing.
    pub(crate) fn is_unheard(&self, policy: &Policy, at_ms: u64) -> bool {
        self.is_missing(policy, at_ms)
            && self.parts.iter().all(|part| self.is_part_missing(policy, at_ms, part))
    }

    /// Whether the report is missing that would tell of a check.
    pub(crate) fn is_check_unheard(&self, policy: &Policy, at_ms: u64, check: &CheckId) -> bool {
        let part = self.part_of(check);
        part.map_or_else(|| self.is_missing(policy, at_ms), |part| self.is_part_missing(policy, at_ms, part))
    }

    /// The newest heartbeat of the runs that test a check.
    pub(crate) fn heartbeat_of(&self, check: &CheckId) -> Option<&Heartbeat> {
        self.part_of(check).map_or(self.heartbeat.as_ref(), |part| part.heartbeat.as_ref())
    }

    /// What is known of the path of the check with this number, as far as it passes.
    pub(crate) fn passing(&self, number: usize) -> Option<CalmPath> {
        let known = match &self.calm {
            Some(calm) => calm.get(number),
            None => self.paths.get(&self.checks.get(number)?.id).map(CalmPath::of),
        };
        known.filter(|path| path.is_green)
    }

    /// The same of a check by its name.
    pub(crate) fn passing_by_id(&self, id: &CheckId) -> Option<CalmPath> {
        self.passing(self.checks.aims().position(|aim| aim.id == id.0)?)
    }

    /// Whether anything is known of the path of a check.
    #[must_use]
    pub fn knows(&self, id: &CheckId) -> bool {
        let number = || self.checks.aims().position(|aim| aim.id == id.0);
        match &self.calm {
            Some(calm) => number().is_some_and(|number| calm.get(number).is_some()),
            None => self.paths.contains_key(id),
        }
    }

    /// The newest heartbeat of each of its parts.
    pub(crate) fn heartbeats(&self) -> impl Iterator<Item = &Heartbeat> {
        self.heartbeat.iter().chain(self.parts.iter().filter_map(|part| part.heartbeat.as_ref()))
    }

    fn part_of(&self, check: &CheckId) -> Option<&PartView> {
        self.parts.iter().find(|part| part.checks.contains(check))
    }

    /// Whether the report of one of several parts is missing.
    pub(crate) fn is_any_part_missing(&self, policy: &Policy, at_ms: u64) -> bool {
        self.parts.iter().any(|part| self.is_part_missing(policy, at_ms, part))
    }

    fn is_part_missing(&self, policy: &Policy, at_ms: u64, part: &PartView) -> bool {
        self.is_overdue(policy, at_ms, last_began_ms(part.heartbeat.as_ref(), part.expected_since_ms))
    }

    fn is_overdue(&self, policy: &Policy, at_ms: u64, began_ms: u64) -> bool {
        !self.unreadable.heartbeat && at_ms.saturating_sub(began_ms) > policy.missing_after_ms()
    }
}

fn last_began_ms(heartbeat: Option<&Heartbeat>, expected_since_ms: u64) -> u64 {
    heartbeat.map_or(0, |heartbeat| heartbeat.last_started_at_ms).max(expected_since_ms)
}

/// Who hears of trouble.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The Slack channel; nothing is posted when empty.
    pub slack_channel: String,
    /// Whether on-call may be paged.
    #[serde(default)]
    pub page: bool,
    /// The Slack channel of what pages, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_channel: Option<String>,
}

impl Route {
    /// The Slack channel of what is this loud.
    pub(crate) fn channel(&self, severity: Severity) -> &String {
        let paging = self.page_channel.as_ref().filter(|_| severity == Severity::Page);
        paging.unwrap_or(&self.slack_channel)
    }
}

/// Whom to ask about an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// The team.
    pub team: String,
    /// The Slack channel in which it is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

/// `team-payments (#payments-oncall)`.
impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&clip(&self.team, 60))?;
        match &self.channel {
            Some(channel) => write!(f, " ({})", clip(channel, 82)),
            None => Ok(()),
        }
    }
}

/// "Say nothing of this until then": always with an end, a reason and a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// What it silences.
    pub matcher: Matcher,
    /// When it ends, in milliseconds since the Unix epoch.
    pub expires_at_ms: u64,
    /// Why.
    pub reason: String,
    /// Who set it: the caller's ARN.
    pub by: String,
    /// When it was set, in milliseconds since the Unix epoch; 0 in documents of earlier versions.
    #[serde(default)]
    pub set_at_ms: u64,
}
