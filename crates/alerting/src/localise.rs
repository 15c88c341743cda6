//! What the things that are wrong have in common.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::{AzId, Expect, Purpose, StackId};

use crate::evaluation::{Evaluation, Health, Probe};
use crate::{MemberKey, ProbeKey, Suspect, Symptom};

/// With fewer stacks than this, "most are silent" says nothing about phonehome itself.
const FEWEST_STACKS_FOR_COLLECTOR: usize = 3;

/// Things that are wrong for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) suspect: Suspect,
    pub(crate) members: BTreeSet<MemberKey>,
}

/// Puts everything that is wrong into exactly one group, the widest explanation first.
pub(crate) fn localise(evaluation: &Evaluation<'_>) -> Vec<Group> {
    let mut groups = Groups { evaluation, left: evaluation.symptoms(), found: BTreeMap::new() };
    groups.isolations();
    groups.collector();
    groups.accounts();
    groups.zones();
    groups.targets();
    groups.single();
    groups.found.into_iter().map(|(suspect, members)| Group { suspect, members }).collect()
}

/// Whether nothing of the stack is left: every probe is silent or gets nothing out.
pub(crate) fn is_lost(evaluation: &Evaluation<'_>, probe: &ProbeKey) -> bool {
    evaluation.witnesses(probe).all(|probe| probe.silent || probe.is_dead())
}

struct Groups<'s, 'w> {
    evaluation: &'s Evaluation<'w>,
    left: BTreeSet<MemberKey>,
    found: BTreeMap<Suspect, BTreeSet<MemberKey>>,
}

impl Groups<'_, '_> {
    fn take(&mut self, suspect: &Suspect, wanted: impl Fn(&MemberKey) -> bool) {
        let (taken, left) = std::mem::take(&mut self.left).into_iter().partition(wanted);
        self.left = left;
        let taken: BTreeSet<MemberKey> = taken;
        if !taken.is_empty() {
            self.found.entry(suspect.clone()).or_default().extend(taken);
        }
    }

    /// A breach is never the consequence of something that is broken.
    fn isolations(&mut self) {
        for key in self.left.clone() {
            let Some(check) = self.evaluation.check(&key).filter(|check| check.expect == Expect::Deny) else {
                continue;
            };
            let suspect = Suspect::Isolation {
                account: key.probe.account.clone(),
                region: key.probe.region.clone(),
                endpoint: check.target.endpoint.clone(),
            };
            self.take(&suspect, |other| *other == key);
        }
    }

    /// More than half of the fleet cannot have fallen silent at once. Heartbeats are spread over
    /// the interval, so the first account becomes overdue before the others: those that are half
    /// way there count as well, or each of the first would be notified of alone.
    fn collector(&mut self) {
        let evaluation = self.evaluation;
        let late_after_ms = evaluation.world.policy.overdue_after_ms / 2;
        let late = evaluation
            .stacks
            .values()
            .filter(|keys| keys.iter().all(|key| evaluation.probes[*key].stale_for_ms > late_after_ms));
        if evaluation.stacks.len() >= FEWEST_STACKS_FOR_COLLECTOR
            && late.count() * 2 > evaluation.stacks.len()
        {
            self.take(&Suspect::Collector, |key| key.symptom == Symptom::Silent);
        }
    }

    fn accounts(&mut self) {
        for (stack, keys) in &self.evaluation.stacks {
            let whole = keys.iter().find(|key| self.evaluation.probes[**key].is_whole());
            let lost = whole.is_some_and(|key| is_lost(self.evaluation, key));
            if lost && self.is_source_at_fault(stack) {
                let suspect =
                    Suspect::Account { account: stack.account.clone(), region: stack.region.clone() };
                self.take(&suspect, |key| {
                    key.symptom != Symptom::Inconclusive && key.probe.stack() == *stack
                });
            }
        }
    }

    /// Of a lost stack: whether the stack is to blame and not what it aims at. Two targets with
    /// different owners do not fail together by chance; the internet does not fail for one alone.
    fn is_source_at_fault(&self, stack: &StackId) -> bool {
        let probes = || {
            let all = self.evaluation.stacks[stack].iter().map(|key| &self.evaluation.probes[*key]);
            all.filter(|probe| probe.is_whole())
        };
        if probes().all(|probe| probe.silent) {
            return true;
        }
        let targets: BTreeSet<&str> = probes().flat_map(Probe::lost_targets).collect();
        if targets.len() > 1 {
            return true;
        }
        let only_egress =
            probes().flat_map(Probe::connects).all(|(check, _)| check.purpose == Purpose::Egress);
        let others = self.evaluation.stacks.iter().filter(|(other, _)| *other != stack);
        let mut elsewhere = others.flat_map(|(_, keys)| keys).map(|key| &self.evaluation.probes[*key]);
        only_egress && !elsewhere.any(|probe| probe.lost_targets().is_superset(&targets))
    }

    /// A zone is lost to an account when its probe is silent or gets nothing out to two targets.
    /// When most of the accounts in a zone have lost it, and at least two, it is the zone.
    fn zones(&mut self) {
        let mut zones: BTreeMap<&AzId, (Vec<ProbeKey>, usize)> = BTreeMap::new();
        for (key, probe) in &self.evaluation.probes {
            let is_left = |symptom| self.left.contains(&MemberKey { probe: (*key).clone(), symptom });
            let gets_nothing_out = probe.is_dead()
                && probe.lost_targets().len() > 1
                && probe.connects().any(|(check, _)| is_left(Symptom::Down { check: check.id.clone() }));
            let is_lost = gets_nothing_out || is_left(Symptom::Silent);
            if !is_lost && !probe.is_whole() {
                continue;
            }
            let (lost, all) = zones.entry(&key.availability_zone).or_default();
            *all += 1;
            if is_lost {
                lost.push((*key).clone());
            }
        }
        for (zone, (lost, all)) in zones {
            let shared = lost.len() > 1 && lost.len() * 2 > all;
            for key in lost {
                let account = (!shared).then(|| key.account.clone());
                let suspect = if shared || !self.evaluation.probes[&key].silent {
                    Suspect::AvailabilityZone { account, availability_zone: zone.clone() }
                } else {
                    Suspect::Probe { probe: key.clone() }
                };
                self.take(&suspect, |other| other.probe == key && other.symptom != Symptom::Inconclusive);
            }
        }
    }

    /// A target that fails from two places, or from everywhere it is known from.
    fn targets(&mut self) {
        let mut targets: BTreeMap<_, BTreeSet<MemberKey>> = BTreeMap::new();
        for key in &self.left {
            if let Some(check) = self.evaluation.check(key) {
                targets.entry(&check.target).or_default().insert(key.clone());
            }
        }
        for (target, keys) in targets {
            let probes: BTreeSet<&ProbeKey> = keys.iter().map(|key| &key.probe).collect();
            let mut everywhere = self.evaluation.probes.values().flat_map(Probe::connects);
            let reached = everywhere.any(|(check, health)| check.target == *target && health == Health::Good);
            if probes.len() > 1 || !reached {
                let suspect =
                    Suspect::Target { endpoint: target.endpoint.clone(), account: target.account.clone() };
                self.take(&suspect, |key| keys.contains(key));
            }
        }
    }

    /// What has nothing in common with anything else.
    fn single(&mut self) {
        for key in self.left.clone() {
            let suspect = match &key.symptom {
                Symptom::Down { check } => Suspect::Path { probe: key.probe.clone(), check: check.clone() },
                Symptom::Silent => Suspect::Probe { probe: key.probe.clone() },
                Symptom::Inconclusive => {
                    Suspect::Prober { account: key.probe.account.clone(), region: key.probe.region.clone() }
                }
            };
            self.take(&suspect, |other| *other == key);
        }
    }
}
