//! The most likely set of broken things: greedy, then without what became superfluous, and with others in the place of
//! what results contradict.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use crate::evidence::{Evidence, Score};

/// How often what became superfluous is taken out and the rest looked through again. The second round finds nothing
/// but what the first one's widest explanation had hidden.
const ROUNDS: usize = 4;

/// What the likeliest component costs at least, in milli-nats: [`crate::Component`] has them.
const LEAST_COST: i64 = 13_000;

/// A candidate that is taken for broken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chosen {
    /// Where it is among the candidates.
    pub(crate) candidate: usize,
    pub(crate) since_ticks: u32,
}

/// The candidates, by how much likelier each would make what was seen, at most.
pub(crate) struct Search<'e, 's> {
    pub(crate) evidence: &'e mut Evidence<'s>,
    pub(crate) chosen: Vec<Chosen>,
    /// For each candidate: what it gains is never more than this.
    pub(crate) bounds: Vec<i64>,
}

impl<'e, 's> Search<'e, 's> {
    pub(crate) fn new(evidence: &'e mut Evidence<'s>) -> Self {
        Self { evidence, chosen: Vec::new(), bounds: Vec::new() }
    }

    /// Chooses until nothing more gains anything.
    pub(crate) fn run(&mut self) {
        // The likeliest that was seen, and how likely it is; nothing is as likely as chance.
        let (mut best, mut most) = (Vec::new(), 0);
        for round in 0..ROUNDS {
            self.bounds = self.evidence.candidates.iter().map(|it| it.most - it.cost).collect();
            let mut open: Vec<usize> = (0..self.bounds.len()).collect();
            while !open.is_empty() {
                open = self.grow(&open);
            }
            let is_smaller = self.shrink();
            let is_done = !self.exchange() && !is_smaller;
            if is_done && round == 0 {
                return;
            }
            let total = self.total();
            if total > most {
                (best, most) = (self.chosen.clone(), total);
            }
            if is_done {
                break;
            }
        }
        self.chosen.iter().for_each(|it| self.evidence.deactivate(it.candidate));
        self.chosen = best;
        for it in &self.chosen {
            self.evidence.activate(it.candidate, it.since_ticks);
        }
        self.shrink();
    }

    /// How likely all that is chosen is together. Each may gain beside the others only because those are contradicted
    /// already.
    fn total(&mut self) -> i64 {
        self.chosen.iter().for_each(|it| self.evidence.deactivate(it.candidate));
        let mut total = 0;
        for it in &mut self.chosen {
            total -= self.evidence.candidates[it.candidate].cost;
            if let Some(score) = self.evidence.score(it.candidate, 1) {
                total += score.evidence;
                it.since_ticks = score.since_ticks;
            }
            self.evidence.activate(it.candidate, it.since_ticks);
        }
        total
    }

    /// Takes what gains most, again and again. Only a candidate that could be the best is computed anew: what one
    /// explains the others no longer do, so what was computed earlier remains an upper bound, but for what contradicted
    /// both and counts only once. Returns the candidates that may gain more for that: whoever is wide is computed once
    /// for all of it.
    fn grow(&mut self, open: &[usize]) -> Vec<usize> {
        // Of equal ones the first in the order of components.
        let entry = |bounds: &[i64], candidate: usize| (bounds[candidate], Reverse(candidate));
        let open = open.iter().copied().filter(|it| self.bounds[*it] > 0);
        let mut heap: BinaryHeap<_> = open.map(|it| entry(&self.bounds, it)).collect();
        // When each was computed, by how many were chosen then, and since when it would be broken.
        let mut computed: Vec<Option<(usize, u32)>> = vec![None; self.bounds.len()];
        let mut raised: BTreeMap<usize, i64> = BTreeMap::new();
        while let Some((bound, Reverse(candidate))) = heap.pop() {
            let is_chosen = self.chosen.iter().any(|it| it.candidate == candidate);
            if is_chosen || bound != self.bounds[candidate] {
                continue;
            }
            let Some((_, since_ticks)) = computed[candidate].filter(|(when, _)| *when == self.chosen.len())
            else {
                let cost = self.evidence.candidates[candidate].cost;
                let score = self.evidence.score(candidate, cost + 1);
                self.bounds[candidate] = score.map_or(0, |score| score.evidence - cost);
                computed[candidate] = score.map(|score| (self.chosen.len(), score.since_ticks));
                if self.bounds[candidate] > 0 {
                    heap.push(entry(&self.bounds, candidate));
                }
                continue;
            };
            self.chosen.push(Chosen { candidate, since_ticks });
            for (path, further) in self.evidence.activate(candidate, since_ticks) {
                for other in self.evidence.candidates_on(path) {
                    *raised.entry(other).or_default() += further;
                }
            }
        }
        for (candidate, further) in &raised {
            self.bounds[*candidate] += further;
        }
        raised.into_keys().collect()
    }

    /// Takes out what gains nothing beside the others. Whether there was any.
    fn shrink(&mut self) -> bool {
        let mut is_changed = false;
        for Chosen { candidate, .. } in self.chosen.clone() {
            self.evidence.deactivate(candidate);
            let cost = self.evidence.candidates[candidate].cost;
            let score = self.evidence.score(candidate, cost + 1);
            match score {
                Some(Score { since_ticks, .. }) => {
                    self.evidence.activate(candidate, since_ticks);
                    let same = |it: &&mut Chosen| it.candidate == candidate;
                    if let Some(chosen) = self.chosen.iter_mut().find(same) {
                        chosen.since_ticks = since_ticks;
                    }
                }
                None => {
                    self.chosen.retain(|it| it.candidate != candidate);
                    is_changed = true;
                }
            }
        }
        is_changed
    }

    /// Puts others in the place of what results contradict, where they explain more together. Whether there were any.
    fn exchange(&mut self) -> bool {
        let mut is_changed = false;
        for chosen in self.chosen.clone() {
            let Chosen { candidate, since_ticks } = chosen;
            self.evidence.deactivate(candidate);
            let cost = self.evidence.candidates[candidate].cost;
            let Some(score) = self.evidence.score(candidate, 1) else { continue };
            let (paths, explained) = self.evidence.explained(candidate, since_ticks);
            // What others can gain in its place is what speaks against it, and its cost; each has a cost itself.
            let most = (explained.sum - score.evidence + cost) / LEAST_COST;
            let against = explained.sum - score.evidence;
            let others = match against > 0 {
                true => self.instead_of(candidate, (&paths, against), most),
                false => Vec::new(),
            };
            if others.iter().map(|(_, gain)| gain).sum::<i64>() > score.evidence - cost {
                self.chosen.retain(|it| it.candidate != candidate);
                self.chosen.extend(others.into_iter().map(|(other, _)| other));
                is_changed = true;
            } else {
                others.iter().for_each(|(other, _)| self.evidence.deactivate(other.candidate));
                self.evidence.activate(candidate, since_ticks);
            }
        }
        is_changed
    }

    /// What gains most of these paths, one after the other, without this candidate: taken for broken, with the gains. What
    /// more than half of the same speaks `against` is no better in its place: nothing would be left for others to explain.
    fn instead_of(
        &mut self,
        candidate: usize,
        (paths, against): (&[u32], i64),
        most: i64,
    ) -> Vec<(Chosen, i64)> {
        let on_paths: BTreeSet<usize> =
            paths.iter().flat_map(|path| self.evidence.candidates_on(*path)).collect();
        let is_rival =
            |it: &usize| *it != candidate && self.chosen.iter().all(|chosen| chosen.candidate != *it);
        let candidates = &self.evidence.candidates;
        let most_gain = |it: usize| (it, candidates[it].most - candidates[it].cost);
        let mut bounds: BTreeMap<usize, i64> = on_paths.into_iter().filter(is_rival).map(most_gain).collect();
        let mut others = Vec::new();
        for _ in 0..most {
            let Some((chosen, gain)) = self.best_instead(&mut bounds, against) else { break };
            bounds.remove(&chosen.candidate);
            for (path, further) in self.evidence.activate(chosen.candidate, chosen.since_ticks) {
                for other in self.evidence.candidates_on(path) {
                    bounds.entry(other).and_modify(|bound| *bound += further);
                }
            }
            others.push((chosen, gain));
        }
        others
    }

    /// The one of these that gains most, of equal ones the first; what each gains is never more than its bound.
    fn best_instead(&mut self, bounds: &mut BTreeMap<usize, i64>, against: i64) -> Option<(Chosen, i64)> {
        let mut order: Vec<(Reverse<i64>, usize)> =
            bounds.iter().map(|(rival, bound)| (Reverse(*bound), *rival)).collect();
        order.sort_unstable();
        let mut best: Option<(Chosen, i64)> = None;
        for (Reverse(bound), rival) in order {
            let is_first = |(chosen, _): &(Chosen, i64)| rival < chosen.candidate;
            let least = best.as_ref().map_or(1, |it| it.1 + i64::from(!is_first(it)));
            if bound < least {
                if best.as_ref().is_none_or(|(_, gain)| bound < *gain) {
                    break;
                }
                continue;
            }
            let cost = self.evidence.candidates[rival].cost;
            let score = self.evidence.score(rival, cost + least);
            bounds.insert(rival, score.map_or(least - 1, |score| score.evidence - cost));
            if let Some(Score { evidence, since_ticks }) = score
                && (self.evidence.explained(rival, since_ticks).1.sum - evidence) * 2 <= against
            {
                best = Some((Chosen { candidate: rival, since_ticks }, evidence - cost));
            }
        }
        best
    }
}
