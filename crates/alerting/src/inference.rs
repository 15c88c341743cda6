//! What the newest results say is broken.

use std::collections::BTreeSet;

use phonehome_localisation::{Cause, Gate, Outcome, PathId, ProbeId, Rules, State};
use phonehome_wire::{Check, Class, Expect};

use crate::blame::{Blame, Views};
use crate::calm::CalmPath;
use crate::concern::Concern;
use crate::crowd::Crowd;
use crate::dependencies::{Dependencies, member};
use crate::results::{failed, outcome};
use crate::ticks::Ticks;
use crate::{
    Aim, Heartbeat, MemberKey, PathResult, PathState, PathStatus, ProbeKey, ProbeView, Suspect, Symptom,
    World,
};

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

/// What was inferred.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Inferred {
    /// Everything that fails and is not chance, by what is to blame for it.
    pub(crate) groups: Vec<Group>,
    /// Paths of which one more result matters, those that matter most first.
    pub(crate) wanted: Vec<MemberKey>,
}

/// What is wrong, and what may be.
pub(crate) fn infer(world: &World) -> Inferred {
    let ticks = Ticks::of(world);
    match Concern::of(world, world.heard_until_ms(), ticks.tick_ms) {
        Some(concern) => infer_of(world, ticks, &concern),
        None => Inferred::default(),
    }
}

/// The same, whoever is looked at by themselves.
pub(crate) fn infer_of(world: &World, ticks: Ticks, concern: &Concern<'_>) -> Inferred {
    let heard_until_ms = world.heard_until_ms();
    let mut crowd = Crowd::default();
    let (own, others): (Vec<&ProbeView>, Vec<_>) =
        world.probes.iter().partition(|view| concern.is_about(view));
    let Dependencies { topology, views: numbered, probes, named } =
        Dependencies::of(world, own, |collecting| {
            for view in others {
                crowd.add(collecting, concern, ticks, view);
            }
            crowd.tell(collecting);
        });
    // Of everybody, also of those who are told together.
    let paths = world.probes.iter().map(|view| 1 + view.checks.len()).sum();
    let rules = Rules::with_failures(world.policy.down_after as usize, ticks.policy(paths));
    let mut seen = Seen { world, ticks, state: State::new(topology, rules) };
    for (view, place) in numbered.iter().zip(&probes) {
        seen.probe(view, place.probe);
        for (number, path) in place.paths.iter().enumerate() {
            match &view.calm {
                Some(_) => seen.calm_path(view, number, *path),
                None => seen.path(view, &view.checks[number], *path),
            }
        }
    }
    crowd.observe(&mut seen.state);
    seen.state.miss(ticks.at(heard_until_ms));
    let views: Views<'_> = world.probes.iter().map(|view| (&view.key, view)).collect();
    let explanation = seen.state.explain(ticks.at(heard_until_ms));
    let last_read = LastRead::of(world);
    let group = |cause: &Cause| {
        let member = |path: &PathId| member(&numbered, seen.state.topology(), *path);
        let members = cause.paths.iter().chain(&cause.shared).filter_map(member);
        // What a probe saw that has fallen silent says nothing of now.
        let lasts = |MemberKey { probe, symptom }: &MemberKey| match symptom {
            Symptom::Down { check } => !views[probe].is_check_unheard(&world.policy, heard_until_ms, check),
            Symptom::Silent | Symptom::Inconclusive => true,
        };
        let members: BTreeSet<MemberKey> = members.filter(lasts).collect();
        let topology = seen.state.topology();
        let blame = Blame { numbered: &numbered, views: &views, topology, named: &named, members: &members };
        let suspects = blame.suspects(cause);
        let waits_until_ms = match cause.gate {
            Gate::Open => {
                overdue_ms(world, &last_read, &views, &members).filter(|at_ms| *at_ms >= world.now_ms)
            }
            Gate::Wait { until_ticks } => Some(ticks.ms(until_ticks) + world.behind_ms()),
        };
        (!members.is_empty()).then_some(Group { suspects, members, waits_until_ms })
    };
    let groups = explanation.causes.iter().filter_map(group).collect();
    let topology = seen.state.topology();
    // Whoever is told together with others is asked nothing: nobody knows who that would be.
    let may_run = |probe: ProbeId| {
        numbered.get(probe.number()).is_some_and(|view| concern.is_account(&view.account_name))
    };
    let wanted = seen.state.wanted(&explanation, ticks.at(heard_until_ms), may_run);
    let wanted = wanted.iter().filter_map(|path| member(&numbered, topology, *path)).collect();
    Inferred { groups, wanted }
}

/// When a probe that is silent by itself is overdue; several that fall silent together are no chance, and wait for
/// nothing. While nobody else is read either, nothing says that it would be: its deadline is as much later.
fn overdue_ms(
    world: &World,
    last_read: &LastRead<'_>,
    views: &Views<'_>,
    members: &BTreeSet<MemberKey>,
) -> Option<u64> {
    let only = members.first().filter(|key| members.len() == 1 && key.symptom == Symptom::Silent)?;
    let of_others_ms = last_read.but_of(&only.probe).unwrap_or(world.now_ms);
    let unread_ms = world.behind_ms().max(world.now_ms.saturating_sub(of_others_ms));
    // It counts from a run, whose report may take as long as any.
    let allowed_ms = world.policy.overdue_after_ms + world.policy.grace_ms() + unread_ms;
    Some(views.get(&only.probe)?.last_heard_ms() + allowed_ms)
}

/// Whose report was read last and when, and when the last one of another probe; milliseconds since the Unix epoch.
#[derive(Default)]
struct LastRead<'w> {
    newest: Option<(u64, &'w ProbeKey)>,
    of_another: Option<u64>,
}

impl<'w> LastRead<'w> {
    fn of(world: &'w World) -> Self {
        let mut last = Self::default();
        for view in &world.probes {
            let Some(read_ms) = view.heartbeats().map(Heartbeat::folded_ms).max() else { continue };
            if last.newest.is_none_or(|(newest_ms, _)| newest_ms < read_ms) {
                last.of_another = last.newest.map(|(newest_ms, _)| newest_ms);
                last.newest = Some((read_ms, &view.key));
            } else {
                last.of_another = last.of_another.max(Some(read_ms));
            }
        }
        last
    }

    /// When the last report of any other probe was read; none where there is no other one that was ever heard.
    fn but_of(&self, probe: &ProbeKey) -> Option<u64> {
        let newest = self.newest.filter(|(_, key)| *key != probe).map(|(at_ms, _)| at_ms);
        newest.or(self.of_another)
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
            let (newest_ticks, count) = self.ticks.reports(heartbeat);
            self.state.reports(probe, newest_ticks, count);
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
            let (newest_ticks, passes) = self.ticks.passes(Aim::of(check), CalmPath::of(known), heartbeat);
            self.settle(path, (newest_ticks, passes), heartbeat.passed_again_ms(&check.id));
        }
    }

    /// It passed as often, with the newest run, and by itself once more since then.
    fn settle(&mut self, path: PathId, (newest_ticks, passes): (u32, usize), again_ms: Option<u64>) {
        self.state.settle(path, newest_ticks, passes);
        if let Some(again_ms) = again_ms {
            self.state.observe(path, self.ticks.at(again_ms), Outcome::Pass);
        }
    }

    /// One that only passed, or of which nothing is known.
    fn calm_path(&mut self, view: &ProbeView, number: usize, path: PathId) {
        if let Some((known, heartbeat)) = view.passing(number).zip(view.heartbeat.as_ref()) {
            let check = &view.checks[number];
            let passed = self.ticks.passes(Aim::of(check), known, heartbeat);
            self.settle(path, passed, heartbeat.passed_again_ms(&check.id));
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
