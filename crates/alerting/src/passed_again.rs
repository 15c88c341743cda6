//! Which checks passed in a rerun since the newest run, of which nothing else need be known.

use std::collections::BTreeMap;

use phonehome_wire::CheckId;
use serde::{Deserialize, Serialize};

/// How many checks one rerun has at most: whoever reports more was not asked for them.
pub(crate) const CHECKS_MAX: usize = 20;

/// When the newest rerun began in which each of these checks passed; milliseconds since the Unix epoch. Nothing is wrong
/// with their paths as far as is known; that they work at a later moment than the newest run says what is not broken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedAgain(BTreeMap<CheckId, u64>);

impl PassedAgain {
    /// When a check passed, where it did.
    pub(crate) fn at_ms(&self, check: &CheckId) -> Option<u64> {
        self.0.get(check).copied()
    }

    /// A check passed in a rerun that began at `at_ms`. One that is too many is left out: its schedule will say it.
    pub(crate) fn note(&mut self, check: &CheckId, at_ms: u64) {
        if self.0.len() < CHECKS_MAX || self.0.contains_key(check) {
            let known = self.0.entry(check.clone()).or_default();
            *known = at_ms.max(*known);
        }
    }

    /// Those that passed after a run that began at `run_ms`, where there are any.
    pub(crate) fn since(&self, run_ms: u64) -> Option<Self> {
        let later = self.0.iter().filter(|(_, at_ms)| **at_ms > run_ms);
        let later: BTreeMap<CheckId, u64> = later.map(|(check, at_ms)| (check.clone(), *at_ms)).collect();
        (!later.is_empty()).then_some(Self(later))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(number: usize) -> CheckId {
        CheckId(format!("check-{number}"))
    }

    #[test]
    fn of_each_check_the_newest_pass_is_known_and_no_more_than_a_rerun_has() {
        let mut passed = PassedAgain::default();
        for number in 0..CHECKS_MAX + 5 {
            passed.note(&check(number), 1_000);
        }
        let known = (0..CHECKS_MAX + 5).filter(|number| passed.at_ms(&check(*number)).is_some()).count();
        assert_eq!(known, CHECKS_MAX);
        passed.note(&check(3), 2_000);
        passed.note(&check(3), 1_500);
        assert_eq!((passed.at_ms(&check(3)), passed.at_ms(&check(4))), (Some(2_000), Some(1_000)));
    }

    #[test]
    fn what_a_later_run_says_itself_is_forgotten() {
        let mut passed = PassedAgain::default();
        passed.note(&check(1), 1_000);
        passed.note(&check(2), 2_000);
        let later = passed.since(1_000).unwrap();
        assert_eq!((later.at_ms(&check(1)), later.at_ms(&check(2))), (None, Some(2_000)));
        assert_eq!(passed.since(2_000), None);
    }
}
