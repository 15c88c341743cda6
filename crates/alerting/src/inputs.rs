//! What the probes of a stack were given to test: which of their reports and results count.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::{AzId, Check, CheckId, Report};
use serde::{Deserialize, Serialize};

use crate::Refused;

/// Of how many inputs of a probe the reports count: the newest one and the one before, which a run
/// that is under way while the newest is written still has.
pub const INPUTS_KEPT: usize = 2;

/// The endpoint of each check, by its id.
pub type Endpoints = BTreeMap<CheckId, String>;

/// The last inputs that the probes of one stack were given. Written before the newest is deployed, so
/// that no report is ever ahead of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// The number of the plan that wrote this: one with a smaller number comes too late to change it.
    pub plan: u64,
    /// By AZ ID: the generations of the inputs its probe was given, the newest first; at most
    /// [`INPUTS_KEPT`].
    pub zones: BTreeMap<AzId, Vec<u64>>,
    /// By generation: what was to be tested. The probes of a stack all test the same.
    pub checks: BTreeMap<u64, Endpoints>,
}

/// One input of one probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The AZ ID of the probe.
    pub availability_zone: AzId,
    /// The input's generation.
    pub generation: u64,
    /// What it tests.
    pub checks: Endpoints,
}

/// What one run of a probe was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// What it was to test. A result for anything else does not count.
    pub checks: Endpoints,
    /// All that the probe was given to test lately: what is known of these paths lasts, also while
    /// a report has no result for them.
    pub declared: BTreeSet<CheckId>,
    /// Whether a path of which nothing is stored counts as one that worked before: what was stored
    /// of it could not be read.
    pub presumed_to_have_worked: bool,
}

impl Inputs {
    /// What is to be stored when the plan of this number gives, or found, these inputs (of a zone the
    /// newest first); `None` when nothing changes, or a later plan has written already.
    ///
    /// A zone of which nothing is given is kept while it is one of `zones`.
    #[must_use]
    pub fn with(&self, plan: u64, given: &[Given], zones: &BTreeSet<AzId>) -> Option<Self> {
        if self.plan > plan {
            return None;
        }
        let mut next = Self { plan, ..Self::default() };
        for zone in zones {
            let news = given.iter().filter(|it| it.availability_zone == *zone).map(|it| it.generation);
            let known = self.zones.get(zone).into_iter().flatten().copied();
            let mut generations: Vec<u64> = Vec::new();
            for generation in news.chain(known) {
                if generations.len() < INPUTS_KEPT && !generations.contains(&generation) {
                    generations.push(generation);
                }
            }
            if !generations.is_empty() {
                next.zones.insert(zone.clone(), generations);
            }
        }
        for generation in next.zones.values().flatten() {
            let checks = given.iter().find(|it| it.generation == *generation).map(|it| &it.checks);
            if let Some(checks) = self.checks.get(generation).or(checks) {
                next.checks.insert(*generation, checks.clone());
            }
        }
        (next.zones != self.zones || next.checks != self.checks).then_some(next)
    }

    /// What the run was asked that this report is of.
    ///
    /// # Errors
    /// [`Refused`] when this probe was given no such input, or longer ago.
    pub fn asked(&self, report: &Report) -> Result<Asked, Refused> {
        let generations = self.zones.get(&report.availability_zone).ok_or(Refused::UnknownZone)?;
        if !generations.contains(&report.generation) {
            return Err(Refused::OtherInput);
        }
        let of = |generation| self.checks.get(generation);
        Ok(Asked {
            checks: of(&report.generation).cloned().unwrap_or_default(),
            declared: generations.iter().filter_map(of).flat_map(|checks| checks.keys().cloned()).collect(),
            presumed_to_have_worked: false,
        })
    }
}

impl Asked {
    /// A run that was asked these checks.
    #[must_use]
    pub fn of(checks: &[Check]) -> Self {
        let checks = endpoints(checks);
        Self { declared: checks.keys().cloned().collect(), checks, presumed_to_have_worked: false }
    }
}

/// The endpoint of each check.
#[must_use]
pub fn endpoints(checks: &[Check]) -> Endpoints {
    checks.iter().map(|check| (check.id.clone(), check.target.endpoint.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a` to `c`, as AWS numbers them.
    fn zone(name: &str) -> AzId {
        let number = 1 + name.bytes().next().unwrap() - b'a';
        format!("use1-az{number}").parse().unwrap()
    }

    fn zones(names: &[&str]) -> BTreeSet<AzId> {
        names.iter().map(|name| zone(name)).collect()
    }

    fn given(name: &str, generation: u64, checks: &[&str]) -> Given {
        let checks = checks.iter().map(|id| (CheckId((*id).to_owned()), format!("{id}:443"))).collect();
        Given { availability_zone: zone(name), generation, checks }
    }

    fn report(name: &str, generation: u64) -> Report {
        Report {
            version: 1,
            account: "111122223333".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
            availability_zone: zone(name),
            part: 0,
            run_id: "run".into(),
            generation,
            started_at_ms: 0,
            duration_ms: 0,
            clock_ahead_ms: 0,
            stalled_ms: 0,
            results: vec![],
        }
    }

    #[test]
    fn the_last_two_inputs_count_and_no_other() {
        let two = zones(&["a", "b"]);
        let first = Inputs::default().with(1, &[given("a", 1, &["x"]), given("b", 1, &["x"])], &two).unwrap();
        let second = first.with(4, &[given("a", 4, &["x", "y"]), given("a", 1, &["x"])], &two).unwrap();
        let third = second.with(6, &[given("a", 6, &["y"]), given("a", 4, &["x", "y"])], &two).unwrap();
        assert_eq!(third.zones[&zone("a")], [6, 4]);
        assert_eq!(third.zones[&zone("b")], [1]);
        for (name, generation, expected) in [
            ("a", 6, Ok(vec!["y"])),
            ("a", 4, Ok(vec!["x", "y"])),
            ("a", 1, Err(Refused::OtherInput)),
            ("a", 7, Err(Refused::OtherInput)),
            ("b", 1, Ok(vec!["x"])),
            ("b", 6, Err(Refused::OtherInput)),
            ("c", 6, Err(Refused::UnknownZone)),
        ] {
            let asked = third.asked(&report(name, generation));
            let ids = asked.map(|asked| asked.checks.into_keys().map(|id| id.0).collect::<Vec<_>>());
            assert_eq!(
                ids,
                expected.map(|ids| ids.into_iter().map(str::to_owned).collect()),
                "{name} {generation}"
            );
        }
        let declared = third.asked(&report("a", 6)).unwrap().declared;
        assert_eq!(declared.into_iter().map(|id| id.0).collect::<Vec<_>>(), ["x", "y"]);
    }

    #[test]
    fn what_is_deployed_counts_although_a_newer_input_never_came_to_it() {
        let one = zones(&["a"]);
        let first = Inputs::default().with(1, &[given("a", 1, &["x"])], &one).unwrap();
        // The plans 2 and 3 were never carried out: 1 is seen each time.
        let second = first.with(2, &[given("a", 2, &["y"]), given("a", 1, &["x"])], &one).unwrap();
        let third = second.with(3, &[given("a", 3, &["y"]), given("a", 1, &["x"])], &one).unwrap();
        assert_eq!(third.zones[&zone("a")], [3, 1]);
        assert!(third.asked(&report("a", 1)).is_ok());
    }

    #[test]
    fn nothing_is_written_anew_while_nothing_changes_nor_by_a_plan_that_comes_too_late() {
        let one = zones(&["a"]);
        let stored = Inputs::default().with(5, &[given("a", 5, &["x"])], &one).unwrap();
        assert_eq!(stored.with(6, &[given("a", 5, &["x"])], &one), None);
        assert_eq!(stored.with(4, &[given("a", 4, &["x"])], &one), None);
        // What a member account says of an input that is known changes nothing.
        assert_eq!(stored.with(7, &[given("a", 5, &["forged"])], &one), None);
        assert_eq!(stored.with(8, &[], &zones(&[])).unwrap().zones.len(), 0);
    }
}
