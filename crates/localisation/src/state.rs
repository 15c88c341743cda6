//! What is known of every path.

use std::collections::BTreeMap;

use crate::outcome::Outcome;
use crate::rules::Rules;
use crate::topology::{PathId, ProbeId, Topology};
use crate::window::Window;

/// What is known of every path: the results of a window of the newest runs.
///
/// A path that only passed takes five bytes, and noting one more pass is all that it costs. Times are whole ticks
/// on whatever scale, the same for all: those of the runs, never of when somebody read of them.
#[derive(Debug)]
pub struct State {
    pub(crate) topology: Topology,
    pub(crate) rules: Rules,
    /// When each path passed last.
    passed_ticks: Box<[u32]>,
    /// How many passes in a row that were; 0: no result at all.
    passes: Box<[u8]>,
    /// The paths that have a result which is not a pass.
    pub(crate) windows: BTreeMap<u32, Window>,
    /// When each probe reported last; 0: never.
    heard_ticks: Box<[u32]>,
    /// When each probe reported last, or was found missing.
    spoken_ticks: Box<[u32]>,
    /// When the paths ran last of which something was heard by itself.
    ran_ticks: BTreeMap<u32, u32>,
}

impl State {
    /// Nothing was heard yet.
    #[must_use]
    pub fn new(topology: Topology, rules: Rules) -> Self {
        let (paths, probes) = (topology.paths.len(), topology.reports.len());
        Self {
            passed_ticks: vec![0; paths].into(),
            passes: vec![0; paths].into(),
            windows: BTreeMap::new(),
            heard_ticks: vec![0; probes].into(),
            spoken_ticks: vec![0; probes].into(),
            ran_ticks: BTreeMap::new(),
            topology,
            rules,
        }
    }

    /// The paths and what they depend on.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The rules it was made with.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// A probe reported of a run that began at `at_ticks`. Reports may come late and out of order; what was taken for
    /// missing meanwhile was not.
    pub fn report(&mut self, probe: ProbeId, at_ticks: u32) {
        let path = self.topology.reports[probe.number()];
        let policy = *self.rules.policy();
        let was_missed = |missed_ticks: u32, outcome| {
            outcome == Outcome::Missing && missed_ticks <= at_ticks + policy.interval_ticks / 2
        };
        if let Some(window) = self.windows.get_mut(&path) {
            window.forget(was_missed);
        }
        let (heard, spoken) = (&mut self.heard_ticks[probe.number()], &mut self.spoken_ticks[probe.number()]);
        *heard = at_ticks.max(*heard);
        *spoken = at_ticks.max(*spoken);
        self.note(path, at_ticks, Outcome::Pass);
    }

    /// The same of a probe of which nothing was told before, and all whose reports came: as many, one interval apart, the
    /// newest of a run that began at `at_ticks`.
    pub fn reports(&mut self, probe: ProbeId, at_ticks: u32, count: usize) {
        self.report(probe, at_ticks);
        self.settle(self.topology.report_of(probe), at_ticks, count.max(1));
    }

    /// A probe is there since `at_ticks`: its reports are due from then on. Only whoever is there is missed.
    pub fn expect(&mut self, probe: ProbeId, at_ticks: u32) {
        for known in [&mut self.heard_ticks[probe.number()], &mut self.spoken_ticks[probe.number()]] {
            *known = at_ticks.max(*known);
        }
    }

    /// A path ran at `at_ticks`, whatever is heard of the rest of its probe: one that tells of its paths in several
    /// reports is missing where any of them is.
    pub fn ran(&mut self, path: PathId, at_ticks: u32) {
        let known = self.ran_ticks.entry(path.0).or_default();
        *known = at_ticks.max(*known);
    }

    /// The newest runs of a path of which no result was told passed: as many, one interval apart, the newest of which
    /// began at `at_ticks`.
    pub fn settle(&mut self, path: PathId, at_ticks: u32, passes: usize) {
        let most = passes.min(self.rules.window());
        self.passes[path.number()] = u8::try_from(most).unwrap_or(u8::MAX);
        self.passed_ticks[path.number()] = at_ticks;
    }

    /// A result of a run that began at `at_ticks`.
    pub fn observe(&mut self, path: PathId, at_ticks: u32, outcome: Outcome) {
        if outcome != Outcome::Inconclusive {
            self.note(path.0, at_ticks, outcome);
        }
    }

    /// Notes which reports are missing, when everything that was sent until `heard_until_ticks` has been read. Where the
    /// reading is late, that moment is, and nobody is missed for it. A probe that was never expected and never reported is
    /// not missed: nothing says that it is there.
    pub fn miss(&mut self, heard_until_ticks: u32) {
        let policy = *self.rules.policy();
        let kept = u32::try_from(self.rules.window()).unwrap_or(u32::MAX);
        for probe in 0..self.heard_ticks.len() {
            let due_ticks = self.heard_ticks[probe] + policy.interval_ticks;
            // As late as it may be, it is not missing yet.
            let late_ticks = heard_until_ticks.saturating_sub(due_ticks + policy.grace_ticks);
            if self.heard_ticks[probe] == 0 || late_ticks == 0 {
                continue;
            }
            let missed = (late_ticks - 1) / policy.interval_ticks;
            for number in missed.saturating_sub(kept)..=missed {
                // The run is what is missing, so its time counts.
                let missed_ticks = due_ticks + number * policy.interval_ticks;
                if missed_ticks > self.spoken_ticks[probe] {
                    self.spoken_ticks[probe] = missed_ticks;
                    self.note(self.topology.reports[probe], missed_ticks, Outcome::Missing);
                }
            }
        }
    }

    /// How many paths have a result that is not a pass.
    #[must_use]
    pub fn unsettled(&self) -> usize {
        self.windows.len()
    }

    /// Whether all results of a path that are looked at are passes.
    #[must_use]
    pub fn is_settled(&self, path: PathId) -> bool {
        self.passes[path.number()] > 0
    }

    /// How many bytes it takes, with the topology.
    #[must_use]
    pub fn bytes(&self) -> usize {
        // A node of the tree is at least half full.
        let window = 2 * (size_of::<Window>() + size_of::<u32>());
        let ran = 2 * size_of::<(u32, u32)>();
        self.topology.bytes()
            + size_of_val(&*self.passed_ticks)
            + size_of_val(&*self.passes)
            + size_of_val(&*self.heard_ticks)
            + size_of_val(&*self.spoken_ticks)
            + self.windows.len() * window
            + self.ran_ticks.len() * ran
    }

    /// Whether a path's probe has neither reported of it nor been missed since.
    pub(crate) fn is_pending(&self, path: u32, since_ticks: u32) -> bool {
        let probe = self.topology.probe_of(PathId(path)).number();
        self.heard_ticks[probe] > 0
            && self.spoken_ticks[probe] < since_ticks
            && self.ran_ticks.get(&path).is_none_or(|ran| *ran < since_ticks)
    }

    /// When the newest result of a path was, in ticks; 0: never.
    pub(crate) fn newest_ticks(&self, path: u32) -> u32 {
        let newest = self.windows.get(&path).and_then(|window| window.results().next_back());
        newest.map_or(self.passed_ticks[path as usize], |(at_ticks, _)| at_ticks)
    }

    /// When anybody was heard last; 0: nobody ever.
    pub(crate) fn last_heard_ticks(&self) -> u32 {
        self.heard_ticks.iter().copied().max().unwrap_or(0)
    }

    /// Whether so long nothing was heard of a path from its probe that its results say nothing of now. A report itself
    /// always does: that it is missing is what it says.
    pub(crate) fn is_stale(&self, path: u32, now_ticks: u32) -> bool {
        let probe = self.topology.probe_of(PathId(path));
        let is_report = self.topology.report_of(probe).0 == path;
        let heard = self.ran_ticks.get(&path).copied().unwrap_or(self.heard_ticks[probe.number()]);
        !is_report && now_ticks > heard + self.rules.window_ticks()
    }

    /// The passes of a path that has nothing else, from `since_ticks` on, the newest first.
    pub(crate) fn settled(&self, path: u32, since_ticks: u32) -> impl Iterator<Item = u32> + '_ {
        let (newest, interval) = (self.passed_ticks[path as usize], self.rules.policy().interval_ticks);
        let passes =
            (0..u32::from(self.passes[path as usize])).map(move |age| newest.saturating_sub(age * interval));
        passes.take_while(move |at| *at >= since_ticks)
    }

    fn note(&mut self, path: u32, at_ticks: u32, outcome: Outcome) {
        let (passed_ticks, passes) = (&mut self.passed_ticks[path as usize], &mut self.passes[path as usize]);
        let (most, interval_ticks) = (self.rules.window(), self.rules.policy().interval_ticks);
        let window = self.windows.get_mut(&path);
        if let (Outcome::Pass, None) = (outcome, &window) {
            if at_ticks > *passed_ticks {
                // What was not heard did not pass.
                let is_next = at_ticks - *passed_ticks < 2 * interval_ticks;
                let before = if is_next { *passes } else { 0 };
                *passes = before.saturating_add(1).min(u8::try_from(most).unwrap_or(u8::MAX));
                *passed_ticks = at_ticks;
            }
            return;
        }
        let window = match window {
            Some(window) => window,
            None => {
                let before = Window::passes(std::mem::take(passes), *passed_ticks, interval_ticks);
                self.windows.entry(path).or_insert(before)
            }
        };
        window.insert(at_ticks, outcome, most);
        window.close(self.rules.policy().passes as usize);
        if let Some((count, newest)) = window.only_passes() {
            (*passes, *passed_ticks) = (count, newest);
            self.windows.remove(&path);
        }
    }
}
