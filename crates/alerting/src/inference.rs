//! What the newest results say is broken.

use std::collections::BTreeSet;

use phonehome_localisation::{Cause, Gate, Outcome, PathId, Policy, ProbeId, Rules, State};
use phonehome_wire::{Check, Class, Expect};

use crate::blame::{Blame, Views};
use crate::dependencies::{Dependencies, member};
use crate::results::{failed, outcome};
use crate::{Heartbeat, MemberKey, PathResult, PathState, PathStatus, ProbeView, Suspect, Symptom, World};

/// Something that is wrong for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// What is to blame, the likeliest first; nothing that was seen tells them apart.
    pub(crate) suspects: Vec<Suspect>,
    pub(crate) members: BTreeSet<MemberKey>,
    /// Until when it is not told yet, as somebody is still to report who could say otherwise; milliseconds since the
    /// Unix epoch.
    pub(crate) waits_until_ms: Option<u64>,
}

impl Group {
    pub(crate) fn suspect(&self) -> &Suspect {
        &self.suspects[0]
    }
}

/// How far back times are told from, in milliseconds: ten years. What fails is told by its oldest results, and may fail
/// for long.
const REACH_MS: u64 = 10 * 365 * 24 * 60 * 60 * 1000;
/// With runs at least so far apart, in milliseconds, times are told in seconds, and else in tenths of a second.
const COARSE_FROM_MS: u64 = 10_000;

/// What was inferred.
#[derive(Debug, Default)]
pub(crate) struct Inferred {
    /// Everything that fails and is not chance, by what is to blame for it.
    pub(crate) groups: Vec<Group>,
    /// Paths for which further results matter, those with the most evidence first.
    pub(crate) doubtful: Vec<MemberKey>,
}

/// What is wrong, and what may be.
pub(crate) fn infer(world: &World) -> Inferred {
    let dependencies = Dependencies::of(world);
    let ticks = Ticks::of(world);
    let heard_until_ms = world.heard_until_ms();
    let rules = Rules::with_failures(world.policy.down_after as usize, ticks.policy(&dependencies));
    let Dependencies { topology, probes, named } = dependencies;
    let mut seen = Seen { world, ticks, state: State::new(topology, rules) };
    for (view, place) in world.probes.iter().zip(&probes) {
        seen.probe(view, place.probe);
        for (check, path) in view.checks.iter().zip(&place.paths) {
            seen.path(view, check, *path);
        }
    }
    seen.state.miss(ticks.at(heard_until_ms));
    let views: Views<'_> = world.probes.iter().map(|view| (&view.key, view)).collect();
    let explanation = seen.state.explain(ticks.at(heard_until_ms));
    let group = |cause: &Cause| {
        let member = |path: &PathId| member(world, seen.state.topology(), *path);
        let members = cause.paths.iter().chain(&cause.shared).filter_map(member);
        // What a probe saw that has fallen silent says nothing of now.
        let lasts = |MemberKey { probe, symptom }: &MemberKey| match symptom {
            Symptom::Down { check } => !views[probe].is_check_unheard(&world.policy, heard_until_ms, check),
            Symptom::Silent | Symptom::Inconclusive => true,
        };
        let members: BTreeSet<MemberKey> = members.filter(lasts).collect();
        let topology = seen.state.topology();
        let blame = Blame { world, views: &views, topology, named: &named, members: &members };
        let suspects = blame.suspects(cause);
        let waits_until_ms = match cause.gate {
            Gate::Open => overdue_ms(world, &views, &members).filter(|at_ms| *at_ms >= world.now_ms),
            Gate::Wait { until_ticks } => Some(ticks.ms(until_ticks) + world.behind_ms()),
        };
        (!members.is_empty()).then_some(Group { suspects, members, waits_until_ms })
    };
    let groups = explanation.causes.iter().filter_map(group).collect();
    let doubts = seen.state.doubtful(&explanation, ticks.at(heard_until_ms));
    let doubtful = doubts.iter().filter_map(|it| member(world, seen.state.topology(), it.path)).collect();
    Inferred { groups, doubtful }
}

/// When a probe that is silent by itself is overdue; several that fall silent together are no chance, and wait for
/// nothing.
fn overdue_ms(world: &World, views: &Views<'_>, members: &BTreeSet<MemberKey>) -> Option<u64> {
    let only = members.first().filter(|key| members.len() == 1 && key.symptom == Symptom::Silent)?;
    // It counts from a run, whose report may take as long as any.
    let allowed_ms = world.policy.overdue_after_ms + world.policy.grace_ms() + world.behind_ms();
    Some(views.get(&only.probe)?.last_heard_ms() + allowed_ms)
}

/// Times as the inference has them.
#[derive(Debug, Clone, Copy)]
struct Ticks {
    /// Where they begin; milliseconds since the Unix epoch.
    from_ms: u64,
    /// How long one is, in milliseconds.
    tick_ms: u64,
    /// How far apart runs are, in ticks.
    interval: u32,
    /// How much later a report may be, in ticks.
    grace: u32,
    passes: u32,
}

impl Ticks {
    fn of(world: &World) -> Self {
        let policy = &world.policy;
        let interval_ms = policy.interval_ms.max(1);
        let tick_ms = if interval_ms >= COARSE_FROM_MS { 1000 } else { 100 };
        let ticks = |ms: u64| u32::try_from(ms.div_ceil(tick_ms)).unwrap_or(u32::MAX);
        Self {
            // A moment is the same tick whenever it is looked at.
            from_ms: world.now_ms.saturating_sub(REACH_MS) / tick_ms * tick_ms,
            tick_ms,
            interval: ticks(interval_ms),
            grace: ticks(policy.grace_ms()),
            passes: policy.up_after,
        }
    }

    fn policy(&self, dependencies: &Dependencies) -> Policy {
        Policy {
            noise_ppm: 0,
            tick_ms: u32::try_from(self.tick_ms).unwrap_or(u32::MAX),
            interval_ticks: self.interval,
            grace_ticks: self.grace,
            passes: self.passes,
            paths: u32::try_from(dependencies.topology.paths()).unwrap_or(u32::MAX),
            false_notes_per_day: 1,
        }
    }

    fn at(&self, ms: u64) -> u32 {
        u32::try_from(ms.saturating_sub(self.from_ms) / self.tick_ms).unwrap_or(u32::MAX).max(1)
    }

    fn ms(&self, ticks: u32) -> u64 {
        self.from_ms + u64::from(ticks) * self.tick_ms
    }
}

/// What was seen so far.
struct Seen<'w> {
    world: &'w World,
    ticks: Ticks,
    state: State,
}

impl Seen<'_> {
    /// Whether its newest run is so long ago that what failed in it says nothing of now, however late the collector is.
    fn is_history(&self, heartbeat: &Heartbeat) -> bool {
        let runs = self.state.rules().window() as u64;
        let age_ms = self.world.now_ms.saturating_sub(heartbeat.last_started_at_ms);
        age_ms > runs * self.world.policy.interval_ms
    }

    /// Reports are due from its deployment on. Of one whose heartbeat cannot be read nobody knows.
    fn probe(&mut self, view: &ProbeView, probe: ProbeId) {
        if view.unreadable.heartbeat {
            return;
        }
        self.state.expect(probe, self.ticks.at(view.expected_since_ms));
        if let Some(heartbeat) = &view.heartbeat {
            self.state.report(probe, self.ticks.at(heartbeat.last_started_at_ms));
        }
    }

    fn path(&mut self, view: &ProbeView, check: &Check, path: PathId) {
        let heartbeat = view.heartbeat_of(&check.id);
        let Some((known, heartbeat)) = view.paths.get(&check.id).zip(heartbeat) else { return };
        if !view.parts.is_empty() {
            self.state.ran(path, self.ticks.at(heartbeat.last_started_at_ms));
        }
        let only_passes = known.results.is_empty() && known.is_green();
        if self.is_history(heartbeat) && !only_passes {
            return;
        }
        for PathResult(at_ms, outcome) in self.results(known, heartbeat) {
            // Whatever else is wrong with an isolation, it does not hold.
            let is_breach =
                check.expect == Expect::Deny && !matches!(outcome, Outcome::Pass | Outcome::Inconclusive);
            let outcome = if is_breach { Outcome::Open } else { outcome };
            self.state.observe(path, self.ticks.at(at_ms), outcome);
        }
        if only_passes {
            let newest_ms = newest_pass(check, known, heartbeat);
            let lasts = self.ticks.at(newest_ms).saturating_sub(self.ticks.at(known.last_since_ms));
            let passes = 1 + lasts / self.ticks.interval.max(1);
            self.state.settle(path, self.ticks.at(newest_ms), passes as usize);
        }
    }

    /// The results that are kept of a path. Earlier versions have kept none: then it failed as often as it takes.
    fn results(&self, known: &PathState, heartbeat: &Heartbeat) -> Vec<PathResult> {
        if !known.results.is_empty() || known.status != PathStatus::Down {
            return known.results.clone();
        }
        let outcome = match (outcome(&known.last), &known.failure) {
            (Outcome::Inconclusive | Outcome::Pass, Some(failure)) => failed(failure.stage, Class::Other),
            (outcome, _) => outcome,
        };
        let (runs, interval_ms) = (self.state.rules().failures() as u64, self.world.policy.interval_ms);
        let newest_ms = heartbeat.last_started_at_ms.min(known.since_ms + (runs - 1) * interval_ms);
        let at_ms = |age: u64| newest_ms.saturating_sub(age * interval_ms);
        (0..runs).rev().map(|age| PathResult(at_ms(age), outcome)).collect()
    }
}

/// When a path that only passes passed last. What is not tested in every run passed when it was, at the latest known.
fn newest_pass(check: &Check, known: &PathState, heartbeat: &Heartbeat) -> u64 {
    match (check.expect, check.every_minutes) {
        (Expect::Deny, _) => heartbeat.isolations_at_ms.max(known.last_since_ms),
        (Expect::Connect, 0 | 1) => heartbeat.last_started_at_ms,
        (Expect::Connect, _) => known.last_since_ms,
    }
}
