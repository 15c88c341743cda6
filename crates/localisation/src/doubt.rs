//! Paths that may be broken by themselves, and of which a few more results would say whether they are.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::explanation::{Cause, Explanation, Gate};
use crate::outcome::{Outcome, Says, Stages};
use crate::rules::{Rules, SHARED_BY};
use crate::state::State;
use crate::suspect::Suspect;
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
    /// one reason, and any number for which chance is not refuted. What is told already, or fails with enough others, waits
    /// for nobody's further results; nor does an isolation that is open, which one result says.
    #[must_use]
    pub fn doubtful(&self, explanation: &Explanation, now_ticks: u32) -> Vec<Doubt> {
        let is_settled = |cause: &&Cause| {
            let is_shared = cause.paths.len() + cause.shared.len() >= SHARED_BY;
            cause.gate == Gate::Open || (is_shared && self.is_no_chance(cause))
        };
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

    /// Whether a cause is likelier than chance by so much that chance is refuted. Three paths of one probe fail together in
    /// one run in a million, at 1 % noise; in a fleet with hundreds of probes that is as often as a gateway breaks.
    fn is_no_chance(&self, cause: &Cause) -> bool {
        let cost = match cause.suspects.first() {
            Some(Suspect::Component(component)) => {
                self.rules.cost(*component, self.topology.dependents(*component))
            }
            Some(Suspect::Path(_)) | None => self.rules.alone(),
        };
        cause.evidence - cost >= Rules::REFUTED
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
