//! The world, with the questions answered that every later step asks.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use phonehome_wire::{Check, CheckId, Expect, StackId};

use crate::blame::alone;
use crate::connecting::{Connecting, Sources};
use crate::elsewhere::{Elsewhere, Endpoint, Said};
use crate::inference::{Group, Inferred, infer};
pub(crate) use crate::probe::{Health, Probe};
use crate::windows::Schedule;
use crate::{
    IncidentMember, MemberKey, MemberState, PathState, PathStatus, ProbeKey, ProbeView, Symptom, WhySilent,
    World, text,
};

pub(crate) struct Evaluation<'w> {
    pub(crate) world: &'w World,
    pub(crate) probes: BTreeMap<&'w ProbeKey, Probe<'w>>,
    pub(crate) stacks: BTreeMap<StackId, Vec<&'w ProbeKey>>,
    /// The stacks that have probes, by the account's name, in their order.
    pub(crate) named: BTreeMap<&'w str, Vec<StackId>>,
    /// Everything that is wrong, each in one group.
    pub(crate) groups: Vec<Group>,
    /// Paths of which one more result matters, those that matter most first.
    pub(crate) wanted: Vec<MemberKey>,
    /// What maintenance windows and quiet hours hold back now.
    pub(crate) schedule: Schedule<'w>,
    /// Who connects to each endpoint, once somebody asks: in a large fleet all paths together are many.
    connecting: OnceCell<Connecting<'w>>,
    elsewhere: Elsewhere,
    /// By how much the collector is behind, in milliseconds.
    behind_ms: u64,
}

impl<'w> Evaluation<'w> {
    pub(crate) fn of(world: &'w World) -> Self {
        let Inferred { groups, wanted } = infer(world);
        let mut failing: BTreeMap<&ProbeKey, BTreeSet<Symptom>> = BTreeMap::new();
        for MemberKey { probe, symptom } in groups.iter().flat_map(|group| &group.members) {
            failing.entry(probe).or_default().insert(symptom.clone());
        }
        let heard_until_ms = world.heard_until_ms();
        let mut named: BTreeMap<&str, Vec<StackId>> = BTreeMap::new();
        for view in &world.probes {
            let of_name = named.entry(&view.account_name).or_insert_with(|| Vec::with_capacity(1));
            // Those of a stack follow each other.
            if !of_name.last().is_some_and(|stack| view.key.is_of(stack)) {
                of_name.push(view.key.stack());
            }
        }
        let probe = |view: &'w ProbeView| {
            let failing = failing.remove(&view.key).unwrap_or_default();
            (&view.key, Probe::of(world, view, failing, heard_until_ms))
        };
        let probes: BTreeMap<&ProbeKey, Probe<'_>> = world.probes.iter().map(probe).collect();
        let stacks = by_stack(probes.keys().copied());
        let schedule = Schedule::of(&world.policy.windows, world.now_ms);
        let connecting = OnceCell::new();
        let elsewhere = Elsewhere::default();
        let behind_ms = world.now_ms - heard_until_ms;
        let mut evaluation =
            Self { world, probes, stacks, named, groups, wanted, schedule, connecting, elsewhere, behind_ms };
        let inconclusive = evaluation.inconclusive_probes();
        evaluation.groups.extend(inconclusive);
        evaluation
    }

    /// What the stacks make of an endpoint that something must connect to.
    pub(crate) fn elsewhere(&self, endpoint: &str) -> Rc<Endpoint> {
        self.elsewhere.at(endpoint, || {
            self.all_connecting(endpoint).map(|(probe, Sources { number, .. })| {
                let number = number as usize;
                let said = match probe.path_at(number) {
                    Health::Bad => Said::Lost,
                    Health::Good => Said::Reached { since_ms: probe.good_since_at(number) },
                    Health::Unseen => Said::Unseen,
                    Health::Unknown | Health::Undecided | Health::Undeclared => Said::Nothing,
                };
                (&probe.view.key, said)
            })
        })
    }

    /// What is to be told now.
    pub(crate) fn told(&self) -> Vec<Group> {
        self.groups.iter().filter(|group| group.waits_until_ms.is_none()).cloned().collect()
    }

    /// Whether this fails, and it is not told yet for which cause.
    pub(crate) fn is_waiting(&self, key: &MemberKey) -> bool {
        let mut waiting = self.groups.iter().filter(|group| group.waits_until_ms.is_some());
        waiting.any(|group| group.members.contains(key))
    }

    /// Probes that report and cannot tell, by stack.
    fn inconclusive_probes(&self) -> Vec<Group> {
        let mut groups: BTreeMap<StackId, BTreeSet<MemberKey>> = BTreeMap::new();
        for (key, probe) in &self.probes {
            if self.inconclusive(probe).is_some() {
                let member = MemberKey { probe: (*key).clone(), symptom: Symptom::Inconclusive };
                groups.entry(key.stack()).or_default().insert(member);
            }
        }
        let suspects =
            |members: &BTreeSet<MemberKey>| members.first().cloned().map(alone).into_iter().collect();
        let group = |members| Group { suspects: suspects(&members), members, waits_until_ms: None };
        groups.into_values().map(group).collect()
    }

    /// What the account of a stack that has probes is called.
    pub(crate) fn account_name(&self, stack: &StackId) -> Option<&'w String> {
        let key = self.stacks.get(stack)?.first()?;
        Some(&self.probes[*key].view.account_name)
    }

    /// The probes that connect to an endpoint, each with what it is among.
    pub(crate) fn all_connecting(&self, endpoint: &str) -> impl Iterator<Item = (&Probe<'w>, Sources<'w>)> {
        let each = self.connecting.get_or_init(|| Connecting::of(self.world)).to(endpoint).into_iter();
        each.flat_map(move |it| {
            let place = it.views.first().zip(it.views.last()).map(|(first, last)| &first.key..=&last.key);
            let probes = place.into_iter().flat_map(|place| self.probes.range::<ProbeKey, _>(place));
            probes.map(move |(_, probe)| (probe, it))
        })
    }

    /// The probes of the stack this one belongs to.
    pub(crate) fn neighbours<'s>(&'s self, key: &'s ProbeKey) -> impl Iterator<Item = &'s Probe<'w>> {
        let keys: &[&'w ProbeKey] = self.stacks.get(&key.stack()).map_or(&[], Vec::as_slice);
        keys.iter().map(|key| &self.probes[*key])
    }

    /// The probes of this one's stack that can be judged by, and itself. What cannot be read must not
    /// keep what can be from being told.
    pub(crate) fn witnesses<'s>(&'s self, key: &'s ProbeKey) -> impl Iterator<Item = &'s Probe<'w>> {
        self.neighbours(key).filter(move |probe| probe.is_whole() || probe.view.key == *key)
    }

    /// Whether anything of the stack worked before it failed, as far as is known.
    pub(crate) fn ever_worked(&self, key: &ProbeKey) -> bool {
        let mut probes = self.neighbours(key);
        probes.any(|probe| {
            probe.view.unreadable.paths
                || probe.view.paths.keys().any(|check| self.has_worked(key, check))
                || (probe.connects().next().is_none() && probe.view.heartbeat.is_some())
        })
    }

    /// Whether a path worked from any zone before it failed, as far as is known. What works for the first time begins to
    /// do so in one zone after the other: that one is up by now does not make a loss of it.
    pub(crate) fn has_worked(&self, key: &ProbeKey, check: &CheckId) -> bool {
        let views = || self.neighbours(key).map(|probe| probe.view);
        let paths = || views().filter_map(|view| view.paths.get(check));
        let fails_since_ms = paths().filter_map(fails_since_ms).min().unwrap_or(u64::MAX);
        let worked = |path: &PathState| {
            path.ever_up && (path.status != PathStatus::Up || path.since_ms < fails_since_ms)
        };
        views().any(|view| view.unreadable.paths) || paths().any(worked)
    }

    pub(crate) fn health(&self, key: &MemberKey) -> Health {
        let Some(probe) = self.probes.get(&key.probe) else {
            let unseen = self.world.unseen.stacks.contains(&key.probe.stack());
            return if unseen { Health::Unseen } else { Health::Undeclared };
        };
        match &key.symptom {
            // What flaps is not over when it works for a moment.
            Symptom::Down { check } => match probe.path(check) {
                Health::Good if self.flaps(key).is_some() => Health::Undecided,
                health => health,
            },
            Symptom::Silent if probe.view.unreadable.heartbeat => Health::Unseen,
            Symptom::Silent if probe.failing.contains(&Symptom::Silent) => Health::Bad,
            Symptom::Silent if probe.unread || self.flaps(key).is_some() => Health::Undecided,
            Symptom::Silent => Health::Good,
            Symptom::Inconclusive if probe.view.unreadable.any() => Health::Unseen,
            Symptom::Inconclusive if self.inconclusive(probe).is_some() => Health::Bad,
            Symptom::Inconclusive if probe.silent => Health::Unknown,
            Symptom::Inconclusive if self.may_be_inconclusive(probe) => Health::Undecided,
            Symptom::Inconclusive => Health::Good,
        }
    }

    /// How often it failed within the last hour, where that is so often that it flaps.
    pub(crate) fn flaps(&self, key: &MemberKey) -> Option<u32> {
        if self.world.policy.is_time_short() {
            return None;
        }
        let view = self.probes.get(&key.probe)?.view;
        let turns = match &key.symptom {
            Symptom::Down { check } => view.paths.get(check)?.turns,
            Symptom::Silent => view.heartbeat.as_ref()?.turns,
            Symptom::Inconclusive => return None,
        };
        turns.flaps(self.world.now_ms)
    }

    pub(crate) fn check(&self, key: &MemberKey) -> Option<&'w Check> {
        match &key.symptom {
            Symptom::Down { check } => self.probes.get(&key.probe)?.checks().get(check).copied(),
            Symptom::Silent | Symptom::Inconclusive => None,
        }
    }

    /// What an incident stores of something that fails now.
    pub(crate) fn member(&self, key: &MemberKey) -> Option<IncidentMember> {
        let probe = self.probes.get(&key.probe)?;
        let check = self.check(key);
        let path = check.and_then(|check| probe.view.paths.get(&check.id));
        let failure = path.and_then(|path| path.failure.as_ref());
        let why = (key.symptom == Symptom::Silent).then(|| probe.view.why_silent());
        let (since_ms, detail) = match &key.symptom {
            Symptom::Down { .. } => {
                (path?.failing_since_ms(), failure.map_or("", |failure| failure.error.as_str()))
            }
            Symptom::Silent => {
                (probe.view.last_heard_ms(), if why == Some(WhySilent::Crashed) { probe.crash() } else { "" })
            }
            Symptom::Inconclusive => self.inconclusive(probe)?,
        };
        Some(IncidentMember {
            probe: key.probe.clone(),
            symptom: key.symptom.clone(),
            state: MemberState::Failing,
            account_name: probe.view.account_name.clone(),
            domain: probe.view.domain.clone(),
            environment: probe.view.environment.clone(),
            target: check.map(|check| check.target.clone()),
            purpose: check.map(|check| check.purpose),
            stage: failure.map(|failure| failure.stage),
            why_silent: why,
            flaps: self.flaps(key).unwrap_or(0),
            detail: text::detail(detail),
            since_ms,
        })
    }

    /// Since when, and why, a reporting probe has not been able to tell about some path: for longer than it may, and than
    /// the collector is behind. Of what is read of a backlog the runs of others are further away than they were.
    fn inconclusive(&self, probe: &Probe<'w>) -> Option<(u64, &'w str)> {
        self.inconclusive_after(probe, self.world.policy.inconclusive_after_ms.saturating_add(self.behind_ms))
    }

    /// Whether it cannot tell for longer than it may, and less long than the collector is behind.
    fn may_be_inconclusive(&self, probe: &Probe<'w>) -> bool {
        let after_ms = self.world.policy.inconclusive_after_ms;
        self.behind_ms > 0 && self.inconclusive_after(probe, after_ms).is_some()
    }

    /// The same after so long, in milliseconds.
    ///
    /// Not counted: paths that are down anyway, and those that cannot be told because their control does not pass, or
    /// nobody reaches what they aim at: what is wrong there is an incident of its own. The time counts from when that is
    /// over, and to the newest run that tests it: how late its report came says nothing of the path.
    fn inconclusive_after(&self, probe: &Probe<'w>, after_ms: u64) -> Option<(u64, &'w str)> {
        let can_tell = || probe.view.paths.values().all(|path| path.inconclusive().is_none());
        if !probe.is_whole() || can_tell() {
            return None;
        }
        let heard = probe.checks().iter().filter(|(id, _)| probe.hears_of(id));
        let candidates = heard.filter_map(|(id, check)| {
            let path = probe.view.paths.get(*id)?;
            let (since_ms, reason) = path.inconclusive().filter(|_| path.status != PathStatus::Down)?;
            let newest_ms = probe.view.heartbeat_of(id)?.last_started_at_ms;
            let is_long = |since_ms: u64| newest_ms.saturating_sub(since_ms) > after_ms;
            (is_long(since_ms) && is_long(self.could_tell_since(probe, check)?)).then_some((since_ms, reason))
        });
        candidates.min_by_key(|(since_ms, _)| *since_ms)
    }

    /// Since when a check could have been told, as its control passes and somebody reaches what must not be reached
    /// from here; 0 where it needs neither. `None` while it could not.
    fn could_tell_since(&self, probe: &Probe<'w>, check: &Check) -> Option<u64> {
        let control_ms = match &check.control {
            Some(id) if probe.checks().contains_key(id) => probe.good_since(id)?,
            _ => 0,
        };
        if check.expect != Expect::Deny {
            return Some(control_ms);
        }
        let stack = probe.view.key.stack();
        let witness_ms = self.elsewhere(&check.target.endpoint).reached_since(&stack)?;
        Some(control_ms.max(witness_ms))
    }
}

/// The probes, which are in their order, by their stacks.
fn by_stack<'w>(keys: impl Iterator<Item = &'w ProbeKey>) -> BTreeMap<StackId, Vec<&'w ProbeKey>> {
    let mut stacks: Vec<(StackId, Vec<&ProbeKey>)> = Vec::new();
    for key in keys {
        match stacks.last_mut() {
            Some((stack, keys)) if key.is_of(stack) => keys.push(key),
            _ => stacks.push((key.stack(), vec![key])),
        }
    }
    stacks.into_iter().collect()
}

/// Since when a path fails, as far as its newest results tell; milliseconds since the Unix epoch.
fn fails_since_ms(path: &PathState) -> Option<u64> {
    let is_down = path.status == PathStatus::Down;
    // They are kept from the first that did not pass.
    let first = path.results.first().map(|result| result.0);
    first.into_iter().chain(is_down.then_some(path.since_ms)).min()
}
