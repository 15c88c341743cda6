//! Paths that may be broken by themselves, and of which a few more results would say whether they are.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::explanation::{Cause, Explanation, Gate};
use crate::outcome::{Outcome, Says, Stages};
use crate::rules::SHARED_BY;
use crate::state::State;
use crate::topology::PathId;
use crate::window::Window;

/// A path that failed more often lately than it passed, and too seldom to be told by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Doubt {
    /// How many more of its results failed than passed: at least 1, and less than K.
    pub failures: usize,
    /// Which path.
    pub path: PathId,
}

impl State {
    /// The paths for which further results matter, those with the most evidence first: fewer than three that fail for
    /// one reason. What is told already, or fails with others, waits for nobody's further results; nor does an isolation
    /// that is open, which one result says.
    #[must_use]
    pub fn doubtful(&self, explanation: &Explanation, now_ticks: u32) -> Vec<Doubt> {
        let is_settled =
            |cause: &&Cause| cause.gate == Gate::Open || cause.paths.len() + cause.shared.len() >= SHARED_BY;
        let causes = explanation.causes.iter().filter(is_settled);
        let explained: BTreeSet<PathId> =
            causes.flat_map(|cause| cause.paths.iter().chain(&cause.shared).copied()).collect();
        let doubt = |path: PathId| {
            let failures = self.failures_beyond_passes(path.0)?;
            (failures < self.rules.failures()).then_some(Doubt { failures, path })
        };
        let unexplained = self.windows.keys().copied().map(PathId).filter(|path| !explained.contains(path));
        let mut doubts: Vec<Doubt> =
            unexplained.filter(|path| !self.is_stale(path.0, now_ticks)).filter_map(doubt).collect();
        doubts.sort_unstable_by_key(|it| (Reverse(it.failures), it.path));
        doubts
    }

    /// By how much more often a path failed than it passed since whenever that is most; none where it never did, or is an
    /// isolation that is open.
    fn failures_beyond_passes(&self, path: u32) -> Option<usize> {
        let results = || self.windows.get(&path).into_iter().flat_map(Window::results);
        if results().any(|(_, outcome)| outcome == Outcome::Open) {
            return None;
        }
        let mut most = 0_i32;
        results().rev().fold(0_i32, |sum, (_, outcome)| {
            let sum = match Stages::ALONE.say(outcome) {
                Says::Accuses => sum + 1,
                Says::Clears => sum - 1,
                Says::Nothing => sum,
            };
            most = most.max(sum);
            sum
        });
        usize::try_from(most).ok().filter(|failures| *failures > 0)
    }
}
