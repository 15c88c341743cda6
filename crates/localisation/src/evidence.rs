//! What each candidate explains of what was seen, beside those that are already taken for broken.

use std::collections::{BTreeMap, BTreeSet};

use crate::component::Component;
use crate::outcome::{Outcome, Says, Stages};
use crate::state::State;
use crate::window::Window;

/// Something that may be broken: a component, or a path by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    /// The component's number; of a path, its own behind those of all components.
    pub(crate) id: u32,
    /// Where its accusations begin and end.
    accusations: (u32, u32),
    pub(crate) cost: i64,
    /// All that accuses it, in milli-nats: its evidence is never more.
    pub(crate) most: i64,
}

/// A path has results that accuse a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Accusation {
    candidate: u32,
    pub(crate) path: u32,
    stages: Stages,
}

/// What speaks for a candidate: by how much what was seen is likelier if it broke at `since_ticks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Score {
    pub(crate) evidence: i64,
    pub(crate) since_ticks: u32,
}

/// A candidate that is taken for broken, as one path sees it.
#[derive(Debug, Clone, Copy)]
struct Active {
    candidate: u32,
    stages: Stages,
    since_ticks: u32,
}

/// A path that has failures, or that contradicts something which is taken for broken.
#[derive(Debug, Default)]
struct Touched<'s> {
    window: Option<&'s Window>,
    active: Vec<Active>,
}

pub(crate) struct Evidence<'s> {
    pub(crate) state: &'s State,
    /// In the order of their ids.
    pub(crate) candidates: Vec<Candidate>,
    accusations: Vec<Accusation>,
    /// For each path, where it is in `touched`; 0 is nowhere.
    slots: Vec<u32>,
    touched: Vec<Touched<'s>>,
    /// What a score is computed in: what accuses, and the sum at each of these.
    accusing: Vec<(u32, i64)>,
    sums: Vec<i64>,
}

impl<'s> Evidence<'s> {
    /// Everything that something accuses. The cost grows with the paths that have failures and what those depend on.
    pub(crate) fn of(state: &'s State, now_ticks: u32) -> Self {
        let mut evidence = Self {
            state,
            candidates: Vec::new(),
            accusations: Vec::new(),
            slots: vec![0; state.topology.paths.len()],
            touched: vec![Touched::default()],
            accusing: Vec::new(),
            sums: Vec::new(),
        };
        let (first_path, last_heard_ticks) = (evidence.first_path(), state.last_heard_ticks());
        for (path, window) in state.windows.iter().filter(|(path, _)| !state.is_stale(**path, now_ticks)) {
            evidence.slots[*path as usize] = u32::try_from(evidence.touched.len()).unwrap_or(u32::MAX);
            evidence.touched.push(Touched { window: Some(window), active: Vec::new() });
            // While nobody is heard, that a report is missing says nothing of the Region or zone that it comes from.
            let is_nobodys = |at_ticks, outcome| outcome == Outcome::Missing && at_ticks > last_heard_ticks;
            let is_accused = |candidate: u32, stages: Stages| {
                let component = state.topology.components.get(candidate as usize);
                let is_wide = matches!(component, Some(Component::Region(_) | Component::Zone(_)));
                let mut results = window.results().filter(|it| !(is_wide && is_nobodys(it.0, it.1)));
                results.any(|(_, outcome)| stages.say(outcome) == Says::Accuses)
            };
            let itself = (first_path + *path, Stages::ALONE);
            let all = state.topology.components_of(*path).chain([itself]);
            evidence.accusations.extend(
                all.filter(|(candidate, stages)| is_accused(*candidate, *stages))
                    .map(|(candidate, stages)| Accusation { candidate, path: *path, stages }),
            );
        }
        evidence.accusations.sort_unstable();
        evidence.collect_candidates();
        evidence
    }

    fn first_path(&self) -> u32 {
        self.state.topology.first_path()
    }

    fn collect_candidates(&mut self) {
        let first_path = self.first_path();
        let mut start = 0;
        for group in self.accusations.chunk_by(|a, b| a.candidate == b.candidate) {
            let end = start + group.len();
            let id = group[0].candidate;
            let cost = match self.state.topology.components.get(id as usize) {
                Some(component) => self.state.rules.cost(*component, self.state.topology.count(id)),
                None => self.state.rules.alone(),
            };
            let accused = |it: &Accusation| -> i64 {
                let results = self.results(it.path);
                let accusing = results.filter(|(_, outcome)| it.stages.say(*outcome) == Says::Accuses);
                accusing.map(|(_, outcome)| self.state.rules.weight(outcome)).sum()
            };
            let most = group.iter().map(accused).sum();
            let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
            // A path by itself that could never be told is none.
            if id < first_path || most >= cost {
                let accusations = (number(start), number(end));
                self.candidates.push(Candidate { id, accusations, cost, most });
            }
            start = end;
        }
    }

    /// Which paths accuse a candidate.
    pub(crate) fn accusations(&self, candidate: usize) -> &[Accusation] {
        let (start, end) = self.candidates[candidate].accusations;
        &self.accusations[start as usize..end as usize]
    }

    /// Which paths have a result that accuses a candidate, of a run that began at `since_ticks` or later.
    pub(crate) fn accused_since(&self, candidate: usize, since_ticks: u32) -> impl Iterator<Item = u32> + '_ {
        let accusations = self.accusations(candidate).iter();
        let is_accused = move |it: &&Accusation| {
            let mut results = self.results(it.path);
            results.any(|(at, outcome)| at >= since_ticks && it.stages.say(outcome) == Says::Accuses)
        };
        accusations.filter(is_accused).map(|it| it.path)
    }

    /// The candidates that a path depends on.
    pub(crate) fn candidates_on(&self, path: u32) -> impl Iterator<Item = usize> + '_ {
        let components = self.state.topology.components_of(path).map(|(component, _)| component);
        let all = components.chain([self.first_path() + path]);
        all.filter_map(|id| self.candidates.binary_search_by_key(&id, |candidate| candidate.id).ok())
    }

    /// The paths that depend on a candidate, and when they do.
    pub(crate) fn paths_of(&self, candidate: usize) -> impl Iterator<Item = (u32, Stages)> + 's {
        self.state.topology.paths_on(self.candidates[candidate].id)
    }

    /// How much likelier what was seen is if this candidate, too, is broken, since the moment that fits best; none
    /// where that is less than `needed` (more than 0).
    ///
    /// All results of its paths, in the order of time: those that accuse it count for it, those that clear it against
    /// it, from the moment on at which it broke. The best moment is that of the largest sum (CUSUM over all paths
    /// together); of equal ones the latest.
    pub(crate) fn score(&mut self, candidate: usize, needed: i64) -> Option<Score> {
        let mut accusing = std::mem::take(&mut self.accusing);
        accusing.clear();
        for accusation in self.accusations(candidate) {
            let gains = self.gains(accusation.path, accusation.stages);
            accusing.extend(gains.filter(|(_, gain)| *gain > 0));
        }
        accusing.sort_unstable();
        let mut sums = std::mem::take(&mut self.sums);
        let score = self.best(candidate, &accusing, &mut sums, needed);
        (self.accusing, self.sums) = (accusing, sums);
        score
    }

    /// Of these accusing results, in the order of time, and all that clear the candidate.
    fn best(
        &self,
        candidate: usize,
        accusing: &[(u32, i64)],
        sums: &mut Vec<i64>,
        needed: i64,
    ) -> Option<Score> {
        let mut doubt =
            Doubt::of(accusing.iter().rev().copied(), accusing.iter().map(|(_, gain)| gain).sum(), needed)?;
        let first_ticks = accusing.first()?.0;
        sums.clear();
        sums.extend(accusing.iter().map(|(_, gain)| gain));
        // Results at one moment count all or not at all: they are put to the last of that moment.
        let place = |at_ticks: u32| accusing.partition_point(|(time, _)| *time <= at_ticks).checked_sub(1);
        let against = self.state.rules.weight(Outcome::Pass);
        for (path, stages) in self.paths_of(candidate) {
            if self.slots[path as usize] == 0 {
                if stages.say(Outcome::Pass) != Says::Clears {
                    continue;
                }
                let against = against * self.state.topology.weight(path);
                for at_ticks in self.state.settled(path, first_ticks) {
                    doubt.note(at_ticks, against)?;
                    sums[place(at_ticks)?] -= against;
                }
                continue;
            }
            let weight = self.state.topology.weight(path);
            for (at_ticks, gain) in
                self.gains(path, stages).filter(|(at_ticks, gain)| *gain < 0 && *at_ticks >= first_ticks)
            {
                doubt.note(at_ticks, -gain * weight)?;
                sums[place(at_ticks)?] += gain * weight;
            }
        }
        let mut best: Option<Score> = None;
        let mut sum = 0;
        for (number, (since_ticks, _)) in accusing.iter().enumerate().rev() {
            sum += sums[number];
            let is_first_of_moment =
                number.checked_sub(1).is_none_or(|before| accusing[before].0 < *since_ticks);
            if is_first_of_moment && sum >= needed && best.is_none_or(|best| sum > best.evidence) {
                best = Some(Score { evidence: sum, since_ticks: *since_ticks });
            }
        }
        best
    }

    /// Whether what clears a candidate already says that it cannot be in the place of another one: it would have to
    /// explain at least half of what that explains, and with what is left over reach what is needed. It looks at no
    /// more results than it takes to see that.
    pub(crate) fn is_out_of_reach(
        &self,
        candidate: usize,
        explained: &Accusing,
        leftover: &Accusing,
        needed: i64,
    ) -> bool {
        let sum = explained.sum + leftover.sum;
        let half = Doubt::of(explained.results.iter().copied(), explained.sum, (explained.sum / 2).max(1));
        let Some(half) = half.filter(|_| sum.min(self.candidates[candidate].most) >= needed) else {
            return true;
        };
        let mut doubt = Doubt { left: sum - needed, ..half };
        let against = self.state.rules.weight(Outcome::Pass);
        let is_cleared = |path: u32, stages: Stages| {
            self.slots[path as usize] == 0 && stages.say(Outcome::Pass) == Says::Clears
        };
        let settled = self.paths_of(candidate).filter(|(path, stages)| is_cleared(*path, *stages));
        let latest_ticks = doubt.latest_ticks;
        let mut passes = settled.flat_map(|(path, _)| {
            let against = against * self.state.topology.weight(path);
            self.state.settled(path, latest_ticks).map(move |_| against)
        });
        passes.any(|against| doubt.note(latest_ticks, against).is_none())
    }

    /// For these candidates what accuses them and nothing explains so far.
    pub(crate) fn leftovers(&self, candidates: BTreeSet<usize>) -> BTreeMap<usize, Accusing> {
        let of = |candidate: usize| {
            let gains = self.accusations(candidate).iter().flat_map(|it| self.gains(it.path, it.stages));
            (candidate, Accusing::of(gains.filter(|(_, gain)| *gain > 0).collect()))
        };
        candidates.into_iter().map(of).collect()
    }

    /// What each result of a path says for something that is needed at these stages, beside what is taken for broken.
    fn gains(&self, path: u32, stages: Stages) -> impl Iterator<Item = (u32, i64)> + '_ {
        let touched = &self.touched[self.slots[path as usize] as usize];
        self.results(path).map(move |(at_ticks, outcome)| {
            let before = self.value(at_ticks, outcome, &touched.active, Stages::default());
            (at_ticks, self.value(at_ticks, outcome, &touched.active, stages) - before)
        })
    }

    /// How much likelier a result is with what is taken for broken, and something more, than without: it explains the
    /// result, the result contradicts it, or neither. What contradicts one is not mended by another.
    fn value(&self, at_ticks: u32, outcome: Outcome, active: &[Active], further: Stages) -> i64 {
        let mut value = 0;
        let known = active.iter().filter(|it| it.since_ticks <= at_ticks).map(|it| it.stages);
        for stages in known.chain([further]).filter(|stages| *stages != Stages::default()) {
            match stages.say(outcome) {
                Says::Accuses => value = self.state.rules.weight(outcome),
                Says::Clears => return -self.state.rules.weight(Outcome::Pass),
                Says::Nothing => {}
            }
        }
        value
    }

    /// The results of a path, the newest first where it has nothing but passes.
    fn results(&self, path: u32) -> impl Iterator<Item = (u32, Outcome)> + '_ {
        let window = self.touched[self.slots[path as usize] as usize].window;
        let settled = window.is_none().then(|| self.state.settled(path, 0));
        let settled = settled.into_iter().flatten().map(|at_ticks| (at_ticks, Outcome::Pass));
        window.into_iter().flat_map(Window::results).chain(settled)
    }

    /// Takes a candidate for broken since a moment. Returns which paths that contradict it nothing contradicted
    /// before, and by how much: other candidates on them are that much likelier than they were.
    pub(crate) fn activate(&mut self, candidate: usize, since_ticks: u32) -> Vec<(u32, i64)> {
        let mut contradicting = Vec::new();
        for (path, stages) in self.paths_of(candidate) {
            let is_settled = self.slots[path as usize] == 0;
            if is_settled && self.state.settled(path, since_ticks).next().is_none() {
                continue;
            }
            let gains =
                self.gains(path, stages).filter(|(at_ticks, gain)| *at_ticks >= since_ticks && *gain < 0);
            let against: i64 = gains.map(|(_, gain)| -gain).sum();
            if against > 0 {
                contradicting.push((path, against * self.state.topology.weight(path)));
            }
            let slot = &mut self.slots[path as usize];
            if is_settled {
                *slot = u32::try_from(self.touched.len()).unwrap_or(u32::MAX);
                self.touched.push(Touched::default());
            }
            let id = self.candidates[candidate].id;
            self.touched[*slot as usize].active.push(Active { candidate: id, stages, since_ticks });
        }
        contradicting
    }

    /// Takes it for broken no longer.
    pub(crate) fn deactivate(&mut self, candidate: usize) {
        let id = self.candidates[candidate].id;
        for (path, _) in self.paths_of(candidate) {
            let slot = self.slots[path as usize] as usize;
            self.touched[slot].active.retain(|active| active.candidate != id);
        }
    }

    /// What a candidate explains that nothing else does, of what began at `since_ticks` or later: the paths, and all
    /// results.
    pub(crate) fn explained(&self, candidate: usize, since_ticks: u32) -> (Vec<u32>, Accusing) {
        let mut paths = Vec::new();
        let mut results = Vec::new();
        for accusation in self.accusations(candidate) {
            let before = results.len();
            let gains = self.gains(accusation.path, accusation.stages);
            results.extend(gains.filter(|(at_ticks, gain)| *at_ticks >= since_ticks && *gain > 0));
            if results.len() > before {
                paths.push(accusation.path);
            }
        }
        (paths, Accusing::of(results))
    }
}

/// Results that accuse: when they were and what each says, the newest first.
pub(crate) struct Accusing {
    pub(crate) results: Vec<(u32, i64)>,
    pub(crate) sum: i64,
}

impl Accusing {
    fn of(mut results: Vec<(u32, i64)>) -> Self {
        results.sort_unstable_by(|a, b| b.cmp(a));
        let sum = results.iter().map(|(_, gain)| gain).sum();
        Self { results, sum }
    }
}

/// What may still speak against a candidate before it cannot reach what it needs.
struct Doubt {
    /// It broke then or earlier: what accuses it since is just enough.
    latest_ticks: u32,
    left: i64,
}

impl Doubt {
    /// From what accuses it, the newest first, and the sum of that; none where it is not enough.
    fn of(accusing: impl Iterator<Item = (u32, i64)>, sum: i64, needed: i64) -> Option<Self> {
        let mut since = 0;
        for (at_ticks, gain) in accusing {
            since += gain;
            if since >= needed {
                return Some(Self { latest_ticks: at_ticks, left: sum - needed });
            }
        }
        None
    }

    /// Whenever it broke, a result since `latest_ticks` counts. None once it is too much.
    fn note(&mut self, at_ticks: u32, against: i64) -> Option<()> {
        if at_ticks >= self.latest_ticks {
            self.left -= against;
        }
        (self.left >= 0).then_some(())
    }
}
