//! One report folded into what is stored of its part of a probe.

use std::collections::BTreeSet;

use phonehome_wire::{CheckId, CheckResult, Report, Stage, Verdict};
use serde::{Deserialize, Serialize};

use crate::streak::{next, passes_as_before};
use crate::{
    Asked, Behind, Connects, Heartbeat, Hysteresis, PathState, PathStatus, Paths, ProbePart, Received, Turns,
};

/// A probe whose clock is further ahead of the hub's than this (5 minutes, in milliseconds) is
/// known to have a wrong clock.
pub const CLOCK_TOLERANCE_MS: u64 = 5 * 60 * 1000;

/// What a clock is believed, in either direction: 1 day, in milliseconds. A run that claims to be
/// further away counts as this far, so that no report can shut out later ones or tell of 1970.
const CLOCK_BELIEVED_MS: u64 = 24 * 60 * 60 * 1000;

/// A probe whose clock's lead has changed by more than this (1 hour, in milliseconds) has another
/// clock: longer than reports are on their way, which makes the lead look smaller.
const OTHER_CLOCK_MS: u64 = 60 * 60 * 1000;

/// Runs that are further apart than this (3 minutes, in milliseconds) do not follow each other: nothing was heard of
/// the probe in between.
pub const GAP_MS: u64 = 3 * 60 * 1000;

/// Between runs that are further apart than this (90 s, in milliseconds) one was missing: they are a minute apart.
const MISSING_MS: u64 = 90 * 1000;

/// A path changed its status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// Which path.
    pub check: CheckId,
    /// Its status before.
    pub from: PathStatus,
    /// Its status now.
    pub to: PathStatus,
    /// When the first of the results that led here was taken; milliseconds since the Unix epoch.
    pub since_ms: u64,
}

/// What came of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "there is one for each report, and it is taken apart at once")]
pub enum Folded {
    /// A duplicate, or older than what is stored: nothing changes.
    Stale,
    /// What is to be stored.
    Fresh {
        /// Always to be written.
        heartbeat: Heartbeat,
        /// All paths of the probe.
        paths: Paths,
        /// Whether they are others than before, and are to be written too.
        paths_changed: bool,
        /// Whether it says something new of what is broken: of what goes on failing in the same way nobody need be woken.
        is_news: bool,
        /// The paths whose status changed.
        transitions: Vec<Transition>,
        /// How many results did not count: of checks that were not asked, or a second one.
        dropped: usize,
    },
}

/// Folds a report into what is stored of its probe: its heartbeat, if there is one, and its paths.
///
/// The report must have passed [`Report::validate`], and [`crate::judge_denials`] must have said what its denials
/// prove: one that nobody has judged says nothing. Times are the report's and the queue's; when it is folded
/// matters only for how late the collector is ([`Behind`]). Runs are ordered by when they began. A run
/// cannot have begun after its report came into the queue, so a later start is read as the time of
/// receipt: a probe whose clock was ahead is heard again as soon as its clock is right. While it
/// is ahead by more than [`CLOCK_TOLERANCE_MS`] its runs are ordered among themselves by its own
/// clock, its results count as of the time of receipt, and [`Heartbeat::clock_ahead_ms`] says so.
///
/// Of a rerun only what it says of known paths counts, where nothing newer does ([`Report::rerun`]).
///
/// Of a report that comes late only a breach counts, and only where no later run has tested isolations.
///
/// Inconclusive results and those of a sick prober neither extend nor break a streak and never
/// turn a path. The first success ever turns a path up at once, a denial only when it is proven as often in a
/// row as one that was down, and one open isolation turns it down at once. Only results of checks that were
/// asked count, and of two for one check the first. What the report has no result for stays as it was
/// while it is declared, and is forgotten then. A check that aims elsewhere than before is a new path.
///
/// The paths are taken by value: nearly all stay as they are, and none of these is copied.
#[must_use]
pub fn fold(
    newest: Option<&Heartbeat>,
    before: Paths,
    report: &Report,
    asked: &Asked,
    received: Received,
    hysteresis: &Hysteresis,
) -> Folded {
    let mut heartbeat = heartbeat(newest, report, received.at_ms);
    heartbeat.behind = Behind::with(newest.and_then(|newest| newest.behind), received);
    let run_ms = heartbeat.last_started_at_ms;
    if report.rerun {
        return rerun(newest, before, report, asked, (received, run_ms), hysteresis);
    }
    // Isolations are not tested in every run: what a late report says of them may be the newest there is.
    let late = newest.filter(|newest| !supersedes(&heartbeat, newest));
    if let Some(newest) = late {
        if !is_later_breach(report, run_ms, newest) {
            return Folded::Stale;
        }
        heartbeat = newest.clone();
    } else if let Some(newest) = newest.filter(|it| run_ms.saturating_sub(it.last_started_at_ms) <= GAP_MS) {
        heartbeat.heard_since_ms = newest.heard_since_ms;
    }
    if late.is_none() {
        let passed_again = newest.and_then(|newest| newest.passed_again.as_ref()?.since(run_ms));
        heartbeat.passed_again = passed_again.map(Box::new);
        heartbeat.turns = turns(newest, received);
        heartbeat.connects = Connects::with(newest.map_or(&[][..], |newest| &newest.connects), report);
    }
    let mut folding = Folding::of(before, asked, run_ms, hysteresis);
    let mut counted: BTreeSet<&CheckId> = BTreeSet::new();
    for result in &report.results {
        let Some(endpoint) = asked.checks.get(&result.id) else { continue };
        if (late.is_some() && !is_breach(result)) || !counted.insert(&result.id) {
            continue;
        }
        folding.result(result, endpoint);
    }
    let dropped = if late.is_some() { 0 } else { report.results.len() - counted.len() };
    folding.folded(heartbeat, dropped, |id| counted.contains(id) || asked.declared.contains(id))
}

/// The results of one report, one after the other, at most one of each path.
struct Folding<'f> {
    paths: Paths,
    /// Whether any is another one than before.
    changed: bool,
    asked: &'f Asked,
    run_ms: u64,
    hysteresis: &'f Hysteresis,
    is_news: bool,
    transitions: Vec<Transition>,
}

impl<'f> Folding<'f> {
    fn of(paths: Paths, asked: &'f Asked, run_ms: u64, hysteresis: &'f Hysteresis) -> Self {
        Self { paths, changed: false, asked, run_ms, hysteresis, is_news: false, transitions: vec![] }
    }

    /// Takes in a result that counts.
    fn result(&mut self, result: &CheckResult, endpoint: &String) {
        let target = Some(endpoint).filter(|endpoint| !endpoint.is_empty());
        let same =
            |old: &&PathState| old.target.is_none() || target.is_none() || old.target.as_ref() == target;
        let old = self.paths.get(&result.id).filter(same);
        // By a rerun.
        let is_overtaken = |old: &PathState| old.results.last().is_some_and(|newest| newest.0 > self.run_ms);
        if !old.is_some_and(|old| is_overtaken(old) || passes_as_before(old, result, target)) {
            let new = self.in_full(old, result, target);
            let changes = Changes::of(old, &new);
            self.becomes(&result.id, changes, new);
        }
    }

    /// Takes in a result of a rerun, where it is newer than all that is known of its path, and something is known. What
    /// passes with nothing wrong about it is noted with the heartbeat alone.
    fn result_again(&mut self, result: &CheckResult, heartbeat: &mut Heartbeat) {
        let old = self.paths.get(&result.id).filter(|_| self.asked.declared.contains(&result.id));
        let Some(old) = old.filter(|old| !old.results.is_empty() || old.is_green()) else { return };
        let passed_ms = heartbeat.passed_again_ms(&result.id).unwrap_or(heartbeat.last_started_at_ms);
        let newest_ms = old.results.last().map_or(passed_ms, |newest| newest.0);
        if newest_ms >= self.run_ms {
            return;
        }
        let new = next(old.clone(), &result.verdict, self.run_ms, self.hysteresis);
        if result.verdict == Verdict::Ok && new.results.is_empty() {
            heartbeat.passed_again.get_or_insert_default().note(&result.id, self.run_ms);
            self.is_news = true;
        }
        let changes = Changes::of(Some(old), &new);
        self.becomes(&result.id, changes, new);
    }

    fn becomes(&mut self, id: &CheckId, Changes { from, is_news, is_any }: Changes, new: PathState) {
        self.is_news |= is_news;
        if from != new.status {
            let (check, to, since_ms) = (id.clone(), new.status, new.since_ms);
            self.transitions.push(Transition { check, from, to, since_ms });
        }
        if !is_any {
            return;
        }
        self.changed = true;
        match self.paths.get_mut(id) {
            Some(path) => *path = new,
            None => {
                self.paths.insert(id.clone(), new);
            }
        }
    }

    /// What a path becomes, whatever it was.
    fn in_full(&self, old: Option<&PathState>, result: &CheckResult, target: Option<&String>) -> PathState {
        let unknown = || PathState {
            ever_up: self.asked.presumed_to_have_worked,
            ..PathState::unknown(&result.verdict, self.run_ms)
        };
        let mut path = old.cloned().unwrap_or_else(unknown);
        if let Some(target) = target.filter(|target| path.target.as_ref() != Some(target)) {
            path.target = Some(target.clone());
        }
        // Beside a text there is no room for them: a probe's paths are one document.
        let is_reached = result.verdict == Verdict::Ok;
        path.addresses = if is_reached { result.addresses.clone() } else { vec![] };
        next(path, &result.verdict, self.run_ms, self.hysteresis)
    }

    /// What comes of it: all paths that stay.
    fn folded(self, heartbeat: Heartbeat, dropped: usize, stays: impl Fn(&CheckId) -> bool) -> Folded {
        let Self { mut paths, changed, is_news, transitions, .. } = self;
        let count = paths.len();
        paths.retain(|id, _| stays(id));
        let paths_changed = changed || paths.len() < count;
        Folded::Fresh { heartbeat, paths, paths_changed, is_news, transitions, dropped }
    }
}

/// What is another one of a path than before.
struct Changes {
    /// The status before.
    from: PathStatus,
    /// Whether its results say something new.
    is_news: bool,
    /// Whether anything is.
    is_any: bool,
}

impl Changes {
    fn of(old: Option<&PathState>, new: &PathState) -> Self {
        Self {
            from: old.map_or(PathStatus::Unknown, |old| old.status),
            is_news: new.results != old.map_or(&[][..], |old| &old.results),
            is_any: old != Some(new),
        }
    }
}

/// Folds the report of a rerun, which began at `run_ms`: it says whether known paths fail, and nothing of any other, nor of
/// the schedule. So no probe that is silent comes back to life by it, and no path is new; what comes late, or twice, or
/// when a later run has told of the path, changes nothing.
fn rerun(
    newest: Option<&Heartbeat>,
    before: Paths,
    report: &Report,
    asked: &Asked,
    (received, run_ms): (Received, u64),
    hysteresis: &Hysteresis,
) -> Folded {
    let Some(newest) = newest else { return Folded::Stale };
    let mut heartbeat = newest.clone();
    heartbeat.rerun_received_ms = heartbeat.rerun_received_ms.max(received.at_ms);
    heartbeat.behind = Behind::with(newest.behind, received);
    let mut folding = Folding::of(before, asked, run_ms, hysteresis);
    let mut counted: BTreeSet<&CheckId> = BTreeSet::new();
    for result in report.results.iter().filter(|result| asked.checks.contains_key(&result.id)) {
        if counted.insert(&result.id) {
            folding.result_again(result, &mut heartbeat);
        }
    }
    let dropped = report.results.len() - counted.len();
    folding.folded(heartbeat, dropped, |id| asked.declared.contains(id))
}

/// Whether a late report tells of a breach that no later run has looked for.
fn is_later_breach(report: &Report, run_ms: u64, newest: &Heartbeat) -> bool {
    run_ms > newest.isolations_at_ms && report.results.iter().any(is_breach)
}

fn is_breach(result: &CheckResult) -> bool {
    matches!(result.verdict, Verdict::Fail { stage: Stage::Open, .. })
}

fn heartbeat(newest: Option<&Heartbeat>, report: &Report, received_at_ms: u64) -> Heartbeat {
    let ahead = report.started_at_ms.saturating_sub(received_at_ms).min(CLOCK_BELIEVED_MS);
    let earliest = received_at_ms.saturating_sub(CLOCK_BELIEVED_MS);
    let ProbePart { probe: key, part } = ProbePart::of(report);
    Heartbeat {
        key,
        part,
        last_started_at_ms: report.started_at_ms.clamp(earliest, received_at_ms),
        last_received_at_ms: received_at_ms,
        run_id: report.run_id.clone(),
        generation: report.generation,
        clock_ahead_ms: if ahead > CLOCK_TOLERANCE_MS { ahead } else { 0 },
        isolations_at_ms: 0,
        rerun_received_ms: newest.map_or(0, |newest| newest.rerun_received_ms),
        passed_again: None,
        paths_expire_at_ms: 0,
        paths_version: 0,
        heard_since_ms: report.started_at_ms.clamp(earliest, received_at_ms),
        behind: None,
        turns: Turns::default(),
        connects: vec![],
    }
}

/// When it was heard of again after reports were missing. Reports that a bus kept come at once, and are no turns; nor are
/// those that waited for the collector, which come in any order.
fn turns(newest: Option<&Heartbeat>, received: Received) -> Turns {
    let Some(newest) = newest else { return Turns::default() };
    let mut turns = newest.turns;
    let apart_ms = received.at_ms.saturating_sub(newest.last_received_at_ms);
    if apart_ms > MISSING_MS && !received.is_late() {
        turns.note(received.at_ms, false);
    }
    if apart_ms > GAP_MS && !received.is_late() {
        turns.note(received.at_ms, true);
    }
    turns
}

fn supersedes(new: &Heartbeat, stored: &Heartbeat) -> bool {
    let same_clock = new.clock_ahead_ms.abs_diff(stored.clock_ahead_ms) <= OTHER_CLOCK_MS;
    let newer = if same_clock && new.clock_ahead_ms > 0 && stored.clock_ahead_ms > 0 {
        new.last_started_at_ms + new.clock_ahead_ms > stored.last_started_at_ms + stored.clock_ahead_ms
    } else {
        new.last_started_at_ms > stored.last_started_at_ms
    };
    newer && new.run_id != stored.run_id
}

#[cfg(test)]
mod tests;
