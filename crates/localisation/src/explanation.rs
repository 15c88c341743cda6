//! What is most likely broken.

use std::collections::{BTreeMap, BTreeSet};

use crate::evidence::{Accusing, Evidence, Score};
use crate::outcome::Outcome;
use crate::rules::{Rules, SHARED_BY};
use crate::search::{Chosen, Search};
use crate::state::State;
use crate::suspect::Suspect;
use crate::topology::PathId;
use crate::window::Window;

/// Whether it is time to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Nothing that is still to come could turn it into something wider.
    Open,
    /// Probes that depend on something wider have yet to report.
    Wait {
        /// Then it is told with what is known, in ticks.
        until_ticks: u32,
    },
}

/// One thing that is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What may be to blame, the likeliest first: nothing that was seen tells them apart.
    pub suspects: Vec<Suspect>,
    /// When the run began from which on it fits best.
    pub since_ticks: u32,
    /// By how much what was seen is likelier with it than without, in milli-nats.
    pub evidence: i64,
    /// The paths of which nothing else explains that they fail; beside others not those of which only one report is
    /// missing, when all these were under way together: they may be late together.
    pub paths: Vec<PathId>,
    /// The paths that fail for it and for other causes just as well, and that no cause before it in the explanation
    /// has.
    pub shared: Vec<PathId>,
    /// Whether it is time to tell.
    pub gate: Gate,
    /// What could be broken in its place, or with it, as far as those could say who are still to report.
    pub unrefuted: Vec<Suspect>,
}

/// The most likely explanation of everything that was seen: all causes at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The widest kind first; where nothing is broken, or what fails may be chance, there is none.
    pub causes: Vec<Cause>,
}

impl State {
    /// What is most likely broken at `now_ticks`.
    ///
    /// The likelihood is that of independent results, a known share of which is wrong: broken things make everything
    /// fail that needs them, from a moment on which is a part of the explanation, and nothing else fails but by chance.
    /// Each thing that is taken for broken has to pay the rarity of its [`Component`](crate::Component). The set is found
    /// greedily (as Flock does, arXiv 2305.03348), and what became superfluous is taken out again.
    ///
    /// Deterministic, and in integers: the same on every machine, whatever came first. When nothing fails it costs nothing.
    #[must_use]
    pub fn explain(&self, now_ticks: u32) -> Explanation {
        if self.windows.is_empty() {
            return Explanation::default();
        }
        let mut evidence = Evidence::of(self, now_ticks);
        let mut search = Search::new(&mut evidence);
        search.run();
        let mut chosen = search.chosen;
        chosen.sort_unstable_by_key(|it| it.candidate);
        let accused = chosen.iter().flat_map(|it| evidence.accusations(it.candidate));
        let rivals = accused.flat_map(|accusation| evidence.candidates_on(accusation.path)).collect();
        let leftovers = evidence.leftovers(rivals);
        let mut late = BTreeSet::new();
        let mut cause = |it: &Chosen| {
            Comparison { evidence: &mut evidence, leftovers: &leftovers, chosen: *it }
                .cause(now_ticks, &mut late)
        };
        let causes: Vec<(usize, Cause)> =
            chosen.iter().filter_map(|it| Some((it.candidate, cause(it)?))).collect();
        Explanation { causes: share(&evidence, causes, late) }
    }
}

/// Gives the paths that several causes explain to the first of them, but for those that may only be late.
fn share(evidence: &Evidence<'_>, causes: Vec<(usize, Cause)>, late: BTreeSet<PathId>) -> Vec<Cause> {
    let mut told: BTreeSet<PathId> =
        causes.iter().flat_map(|(_, cause)| cause.paths.iter().copied()).chain(late).collect();
    let shared = |(candidate, mut cause): (usize, Cause)| {
        let accused = evidence.accused_since(candidate, cause.since_ticks).map(PathId);
        cause.shared = accused.filter(|path| told.insert(*path)).collect();
        cause
    };
    causes.into_iter().map(shared).collect()
}

/// Runs so near each other that their reports may be in one batch: a sixth of an interval, 10 s. The collector waits 5 s
/// for further reports (`infra/hub.yaml`), and a report takes up to 2 s, or 8 s from a probe that waits for silence.
const BATCHES_OF_AN_INTERVAL: u32 = 6;

/// One that was chosen, compared with what could be in its place.
struct Comparison<'e, 's> {
    evidence: &'e mut Evidence<'s>,
    /// What accuses its rivals beside all that was chosen.
    leftovers: &'e BTreeMap<usize, Accusing>,
    chosen: Chosen,
}

impl Comparison<'_, '_> {
    fn cause(&mut self, now_ticks: u32, all_late: &mut BTreeSet<PathId>) -> Option<Cause> {
        let candidate = self.chosen.candidate;
        self.evidence.deactivate(candidate);
        let score = self.evidence.score(candidate, 1)?;
        let (paths, results) = self.evidence.explained(candidate, score.since_ticks);
        let rivals = self.rivals(&paths, &results, score);
        let most = results.results.iter().map(|(_, gain)| *gain).max().unwrap_or(0);
        let once = most * i64::try_from(paths.len()).unwrap_or(i64::MAX);
        let late = self.late(&paths);
        let unrefuted = self.unrefuted(&rivals, score, once);
        let gate = if !unrefuted.is_empty() {
            self.until_next_run(score, now_ticks)
        } else if self.may_be_chance(&paths, score) {
            self.until_rerun(score, now_ticks)
        } else {
            Gate::Open
        };
        let gate = match gate {
            Gate::Open if self.is_lone(&paths, score) || self.may_be_lost(&paths, score) => {
                Gate::Wait { until_ticks: now_ticks + self.evidence.state.rules.policy().interval_ticks }
            }
            Gate::Open if late.len() == paths.len() => self.until_next_run(score, now_ticks),
            gate => gate,
        };
        let _ = self.evidence.activate(candidate, score.since_ticks);
        let suspects = self.suspects(rivals, score);
        let is_late = |path: &PathId| late.len() < paths.len() && late.contains(&path.0);
        let (waiting, paths): (Vec<PathId>, _) = paths.iter().copied().map(PathId).partition(is_late);
        all_late.extend(waiting);
        Some(Cause {
            suspects,
            since_ticks: score.since_ticks,
            evidence: score.evidence,
            paths,
            shared: Vec::new(),
            gate,
            unrefuted,
        })
    }

    fn gain(&self, candidate: usize, score: Score) -> i64 {
        score.evidence - self.evidence.candidates[candidate].cost
    }

    /// What else explains some of it and is not refuted.
    fn rivals(&mut self, paths: &[u32], results: &Accusing, score: Score) -> Vec<(usize, Score)> {
        let least = self.gain(self.chosen.candidate, score) - Rules::REFUTED;
        let on_paths: BTreeSet<usize> =
            paths.iter().flat_map(|path| self.evidence.candidates_on(*path)).collect();
        let mut rivals = Vec::new();
        for rival in on_paths.into_iter().filter(|rival| *rival != self.chosen.candidate) {
            let needed = (least + self.evidence.candidates[rival].cost).max(1);
            // Without the chosen one, nothing accuses it but what that explained, and what nothing explains.
            if self.evidence.is_out_of_reach(rival, results, &self.leftovers[&rival], needed) {
                continue;
            }
            rivals.extend(self.evidence.score(rival, needed).map(|score| (rival, score)));
        }
        rivals
    }

    /// What somebody could refute who is still to report. It is told at once when chance and everything wider are refuted;
    /// or when nobody is still to report; at the latest one interval after the first evidence.
    ///
    /// Whether it is chance is judged by what each path says `once`: however often one of them runs again within
    /// seconds, what the others share with it is theirs to say.
    fn unrefuted(&self, rivals: &[(usize, Score)], score: Score, once: i64) -> Vec<Suspect> {
        let itself = self.chosen.candidate;
        let evidence = score.evidence.min(once);
        let is_no_chance = self.gain(itself, Score { evidence, ..score }) >= Rules::REFUTED;
        let doubted = (!is_no_chance).then_some(itself).into_iter();
        let open = doubted.chain(rivals.iter().map(|(rival, _)| *rival));
        let numbers = open.map(|candidate| self.evidence.candidates[candidate].id);
        let state = self.evidence.state;
        let awaited = numbers.filter(|number| !state.awaited(*number, score.since_ticks).is_empty());
        awaited.map(|number| state.topology.suspect(number)).collect()
    }

    /// Whether paths fail together that may do so by chance. They run again at once ([`State::doubtful`]), and a second
    /// result of each says more than the first. A path by itself has had as many as chance takes; and that a report is
    /// missing nobody can try again.
    fn may_be_chance(&self, paths: &[u32], score: Score) -> bool {
        let topology = &self.evidence.state.topology;
        let is_report = |path: &u32| topology.report_of(topology.probe_of(PathId(*path))).0 == *path;
        let is_shared = paths.len() >= SHARED_BY && !paths.iter().all(is_report);
        is_shared && self.gain(self.chosen.candidate, score) < Rules::REFUTED
    }

    /// Whether it is so little that fails that it takes as much as a path by itself, and there is less: what depends on it
    /// and does not fail was not heard of since. While phonehome hears nothing nobody can say otherwise, however long one
    /// waits.
    fn is_lone(&self, paths: &[u32], score: Score) -> bool {
        let alone = self.evidence.state.rules.alone();
        paths.len() < SHARED_BY && score.evidence <= alone
    }

    /// Whether the reports that are missing may be so by chance, as often as is declared: then what else fails is not
    /// enough. Whoever is silent misses its next run, too. A single probe has a time of its own to be silent.
    fn may_be_lost(&self, paths: &[u32], score: Score) -> bool {
        let state = self.evidence.state;
        let results = paths.iter().filter_map(|path| state.windows.get(path)).flat_map(Window::results);
        let missing = results.filter(|(_, outcome)| *outcome == Outcome::Missing).count();
        let missing = i64::try_from(missing).unwrap_or(i64::MAX);
        let evidence = score.evidence - missing.saturating_mul(state.rules.lost());
        paths.len() > 1 && self.gain(self.chosen.candidate, Score { evidence, ..score }) < 0
    }

    /// What waits does so until every probe has had its turn since the first evidence.
    fn until_next_run(&self, score: Score, now_ticks: u32) -> Gate {
        let policy = self.evidence.state.rules.policy();
        Self::until(score.since_ticks + policy.interval_ticks + policy.grace_ticks, now_ticks)
    }

    /// What runs again at once has done so within half an interval, 30 s, or nobody has it run.
    fn until_rerun(&self, score: Score, now_ticks: u32) -> Gate {
        Self::until(score.since_ticks + self.evidence.state.rules.policy().interval_ticks / 2, now_ticks)
    }

    fn until(until_ticks: u32, now_ticks: u32) -> Gate {
        if now_ticks < until_ticks { Gate::Wait { until_ticks } } else { Gate::Open }
    }

    /// The reports that are missing for the first time, when all of them were under way together. Those of one batch are
    /// lost for a while together, when who collects them dies with it, and have nothing else in common: whoever fell
    /// silent for a cause misses its next run, too.
    fn late(&self, paths: &[u32]) -> BTreeSet<u32> {
        let state = self.evidence.state;
        let missing = |path: &u32| {
            let results = state.windows.get(path).into_iter().flat_map(Window::results);
            results.filter(|(_, outcome)| *outcome == Outcome::Missing).map(|(at_ticks, _)| at_ticks)
        };
        let at_ticks = || paths.iter().flat_map(missing);
        let apart_ticks = at_ticks().max().zip(at_ticks().min()).map_or(0, |(last, first)| last - first);
        if apart_ticks > state.rules.policy().interval_ticks / BATCHES_OF_AN_INTERVAL {
            return BTreeSet::new();
        }
        paths.iter().copied().filter(|path| missing(path).count() == 1).collect()
    }

    /// It, and what explains just as much of the same and is about as likely.
    fn suspects(&mut self, rivals: Vec<(usize, Score)>, score: Score) -> Vec<Suspect> {
        let cost = self.evidence.candidates[self.chosen.candidate].cost;
        let mut tied = vec![(cost, self.chosen.candidate)];
        for (rival, other) in rivals {
            let other_cost = self.evidence.candidates[rival].cost;
            let is_alike =
                other.evidence == score.evidence && other_cost.abs_diff(cost) <= Rules::TIE.unsigned_abs();
            if is_alike && self.evidence.score(rival, 1).is_none() {
                tied.push((other_cost, rival));
            }
        }
        tied.sort_unstable();
        let number = |(_, candidate): (i64, usize)| self.evidence.candidates[candidate].id;
        let topology = &self.evidence.state.topology;
        tied.into_iter().map(|it| topology.suspect(number(it))).collect()
    }
}
