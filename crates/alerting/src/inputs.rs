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
    /// Of part 0, by AZ ID: the generations of the inputs its probe was given, the newest first; at most
    /// [`INPUTS_KEPT`].
    pub zones: BTreeMap<AzId, Vec<u64>>,
    /// Of part 0, by generation: what was to be tested. The probes of a stack all test the same.
    pub checks: BTreeMap<u64, Endpoints>,
    /// The same of each further part, by its number. Empty where there is none, and in documents of earlier versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<u32, PartInputs>,
}

/// The last inputs of one part, as those of part 0 in [`Inputs`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartInputs {
    /// By AZ ID.
    pub zones: BTreeMap<AzId, Vec<u64>>,
    /// By generation.
    pub checks: BTreeMap<u64, Endpoints>,
}

/// One input of one probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The AZ ID of the probe.
    pub availability_zone: AzId,
    /// Which part of its checks it is.
    pub part: u32,
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
    /// All that the probe was given to test lately in this part: what is known of these paths lasts, also while
    /// a report has no result for them.
    pub declared: BTreeSet<CheckId>,
    /// Whether a path of which nothing is stored counts as one that worked before: what was stored
    /// of it could not be read.
    pub presumed_to_have_worked: bool,
}

/// What is noted of one part.
#[derive(Clone, Copy)]
struct Noted<'i> {
    zones: &'i BTreeMap<AzId, Vec<u64>>,
    checks: &'i BTreeMap<u64, Endpoints>,
}

impl Noted<'_> {
    fn newest(self, part: u32) -> Vec<Given> {
        let given = |(zone, generations): (&AzId, &Vec<u64>)| {
            let generation = *generations.first()?;
            let checks = self.checks.get(&generation)?.clone();
            Some(Given { availability_zone: zone.clone(), part, generation, checks })
        };
        self.zones.iter().filter_map(given).collect()
    }

    fn with(self, given: &[&Given], zones: &BTreeSet<AzId>) -> PartInputs {
        let mut next = PartInputs::default();
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
        next
    }
}

impl Inputs {
    /// What is to be stored when the plan of this number gives, or found, these inputs (of a zone and part the
    /// newest first); `None` when nothing changes, or a later plan has written already.
    ///
    /// A zone of which nothing is given in a part is kept while it is one of this part's `zones`.
    #[must_use]
    pub fn with(&self, plan: u64, given: &[Given], zones: &BTreeMap<u32, BTreeSet<AzId>>) -> Option<Self> {
        if self.plan > plan {
            return None;
        }
        let none = PartInputs::default();
        let next = |part: u32| {
            let noted = self.noted(part).unwrap_or(Noted { zones: &none.zones, checks: &none.checks });
            let given: Vec<&Given> = given.iter().filter(|it| it.part == part).collect();
            noted.with(&given, zones.get(&part).unwrap_or(&BTreeSet::new()))
        };
        let PartInputs { zones: of_first, checks } = next(0);
        let further = zones.keys().copied().filter(|part| *part > 0).map(|part| (part, next(part)));
        let parts = further.filter(|(_, inputs)| !inputs.zones.is_empty()).collect();
        let next = Self { plan, zones: of_first, checks, parts };
        let is_news = (&next.zones, &next.checks, &next.parts) != (&self.zones, &self.checks, &self.parts);
        is_news.then_some(next)
    }

    fn noted(&self, part: u32) -> Option<Noted<'_>> {
        match part {
            0 => Some(Noted { zones: &self.zones, checks: &self.checks }),
            part => self.parts.get(&part).map(|it| Noted { zones: &it.zones, checks: &it.checks }),
        }
    }

    /// The newest input of each zone and part.
    #[must_use]
    pub fn newest(&self) -> Vec<Given> {
        let parts = std::iter::once(0).chain(self.parts.keys().copied());
        parts.filter_map(|part| Some(self.noted(part)?.newest(part))).flatten().collect()
    }

    /// The generations of the inputs that a zone's probe was given in a part, the newest first.
    #[must_use]
    pub fn generations(&self, zone: &AzId, part: u32) -> Option<&[u64]> {
        self.noted(part)?.zones.get(zone).map(Vec::as_slice)
    }

    /// What the run was asked that this report is of.
    ///
    /// # Errors
    /// [`Refused`] when this probe was given no such input, or longer ago.
    pub fn asked(&self, report: &Report) -> Result<Asked, Refused> {
        let zone = &report.availability_zone;
        let noted = self.noted(report.part).ok_or(Refused::OtherInput)?;
        let generations = noted.zones.get(zone).ok_or(Refused::UnknownZone)?;
        if !generations.contains(&report.generation) {
            return Err(Refused::OtherInput);
        }
        let of = |generation| noted.checks.get(generation);
        Ok(Asked {
            checks: of(&report.generation).cloned().unwrap_or_default(),
            declared: generations.iter().filter_map(of).flat_map(|checks| checks.keys().cloned()).collect(),
            presumed_to_have_worked: false,
        })
    }

    /// Whether the newest input that a zone's probe was given in a part tests a check.
    #[must_use]
    pub fn tests(&self, id: &CheckId, zone: &AzId, part: u32) -> bool {
        let newest = self.noted(part).and_then(|it| it.checks.get(it.zones.get(zone)?.first()?));
        newest.is_some_and(|checks| checks.contains_key(id))
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

    fn zones(names: &[&str]) -> BTreeMap<u32, BTreeSet<AzId>> {
        parts(1, names)
    }

    /// These zones, with so many parts each.
    fn parts(count: u32, names: &[&str]) -> BTreeMap<u32, BTreeSet<AzId>> {
        (0..count).map(|part| (part, names.iter().map(|name| zone(name)).collect())).collect()
    }

    fn given(name: &str, generation: u64, checks: &[&str]) -> Given {
        given_in(0, name, generation, checks)
    }

    fn given_in(part: u32, name: &str, generation: u64, checks: &[&str]) -> Given {
        let checks = checks.iter().map(|id| (CheckId((*id).to_owned()), format!("{id}:443"))).collect();
        Given { availability_zone: zone(name), part, generation, checks }
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
            rerun: false,
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

    fn asked(inputs: &Inputs, part: u32, generation: u64) -> Result<(Vec<String>, Vec<String>), Refused> {
        let asked = inputs.asked(&Report { part, ..report("a", generation) })?;
        let names = |ids: Vec<&CheckId>| ids.into_iter().map(|id| id.0.clone()).collect::<Vec<_>>();
        Ok((names(asked.checks.keys().collect()), names(asked.declared.iter().collect())))
    }

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn each_part_has_inputs_of_its_own_and_one_that_nobody_has_is_refused() {
        let given = [given_in(0, "a", 1, &["x"]), given_in(1, "a", 1, &["y"])];
        let inputs = Inputs::default().with(1, &given, &parts(2, &["a"])).unwrap();
        assert_eq!(asked(&inputs, 0, 1), Ok((texts(&["x"]), texts(&["x"]))));
        assert_eq!(asked(&inputs, 1, 1), Ok((texts(&["y"]), texts(&["y"]))));
        assert_eq!(asked(&inputs, 2, 1), Err(Refused::OtherInput));
        assert_eq!(asked(&inputs, 1, 2), Err(Refused::OtherInput));
        let lowered = inputs.with(2, &[given_in(0, "a", 2, &["x", "y"])], &parts(1, &["a"])).unwrap();
        assert_eq!(lowered.parts, BTreeMap::new());
        assert_eq!(asked(&lowered, 1, 1), Err(Refused::OtherInput));
    }

    #[test]
    fn a_part_tests_what_is_in_its_newest_input() {
        let first = Inputs::default().with(1, &[given("a", 1, &["x", "y"])], &parts(1, &["a"])).unwrap();
        let both = [given_in(0, "a", 2, &["x"]), given_in(1, "a", 2, &["y"]), given("a", 1, &["x", "y"])];
        let second = first.with(2, &both, &parts(2, &["a"])).unwrap();
        let tests = |part, id: &str| second.tests(&CheckId(id.to_owned()), &zone("a"), part);
        assert_eq!([tests(0, "x"), tests(0, "y"), tests(1, "x"), tests(1, "y")], [true, false, false, true]);
        assert!(!tests(2, "x") && !second.tests(&CheckId("x".to_owned()), &zone("b"), 0));
    }

    #[test]
    fn without_further_parts_it_is_stored_just_as_before() {
        let one = Inputs::default().with(1, &[given("a", 1, &["x"])], &parts(1, &["a"])).unwrap();
        let expected = r#"{"plan":1,"zones":{"use1-az1":[1]},"checks":{"1":{"x":"x:443"}}}"#;
        assert_eq!(serde_json::to_string(&one).unwrap(), expected);
        assert_eq!(serde_json::from_str::<Inputs>(expected).unwrap(), one);
    }
}
