//! Networks in which something is broken, and what the probes have to say of it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Result, anyhow};
use phonehome_wire::{CheckResult, Class, Report, Stage, Verdict};

use phonehome_lab::Lab;
use phonehome_lab::sample::{Fleet, stack, zone};

/// What a check comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// What must connect does.
    Ok,
    /// What must not connect is silent.
    Denied,
    /// What must connect does, and TCP's handshake takes so many milliseconds longer each time.
    Delayed(u64),
    /// Something fails, so far and for this reason.
    Fail(Stage, Class),
    /// One of several: chance decides.
    OneOf(&'static [Self]),
    /// Nothing is known.
    Inconclusive,
}

/// A broken network.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// Its name.
    pub(crate) name: &'static str,
    /// Breaks a fleet of 2 accounts with 2 zones each.
    pub(crate) break_it: fn(&mut Fleet),
    /// Account, zone (0 for every one), check, and what that comes to. All that is not named here works.
    pub(crate) expected: &'static [(u8, u8, &'static str, Expected)],
}

/// What came of a scenario.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// How many results there were.
    pub(crate) results: usize,
    /// What was not as expected, for people. A scenario passes when there is nothing.
    pub(crate) differences: Vec<String>,
}

/// The fleet that scenarios break.
pub(crate) fn fleet() -> Fleet {
    Fleet::new(2, 2)
}

/// The lab with nothing broken.
///
/// # Errors
/// As [`Lab::build`].
pub(crate) fn healthy(probe: &Path) -> Result<Lab> {
    let fleet = fleet();
    Lab::build(&fleet.inventories, &fleet.wishes, probe)
}

impl Scenario {
    /// What each check of each probe has to come to.
    pub(crate) fn expectations(&self) -> BTreeMap<(u8, u8, &'static str), Expected> {
        let mut expected = BTreeMap::new();
        for (account, zone) in fleet().probes() {
            let usual = [
                ("egress", Expected::Ok),
                ("connection", Expected::Ok),
                ("tls", Expected::Ok),
                ("isolation", Expected::Denied),
            ];
            expected.extend(usual.map(|(check, usual)| ((account, zone, check), usual)));
        }
        for (account, zone, check, outcome) in self.expected {
            for (key, usual) in &mut expected {
                if key.0 == *account && (*zone == 0 || key.1 == *zone) && key.2 == *check {
                    *usual = *outcome;
                }
            }
        }
        expected
    }

    /// Breaks the lab's network, runs all probes at once, and compares.
    ///
    /// # Errors
    /// When the network cannot be made so, or a probe gives no report.
    pub(crate) fn run(&self, lab: &mut Lab) -> Result<Outcome> {
        let mut fleet = fleet();
        (self.break_it)(&mut fleet);
        lab.update(&fleet.inventories, &fleet.wishes)?;
        let reports = probe_all(lab, &fleet)?;
        let mut outcome = Outcome { results: 0, differences: vec![] };
        let mut expected = self.expectations();
        for ((account, zone), report) in reports {
            for result in report.results {
                let key =
                    expected.keys().find(|it| (it.0, it.1, it.2) == (account, zone, &result.id.0)).copied();
                let wanted = key.and_then(|key| expected.remove(&key));
                outcome.results += 1;
                if !wanted.is_some_and(|it| it.is_met(&result)) {
                    let path = format!("account {account}, zone {zone}, {}", result.id);
                    outcome.differences.push(format!("{path}: {wanted:?} expected, not {result:?}"));
                }
            }
        }
        outcome.differences.extend(expected.keys().map(|key| format!("{key:?}: no result")));
        Ok(outcome)
    }
}

impl Expected {
    fn is_met(&self, result: &CheckResult) -> bool {
        match (self, &result.verdict) {
            (Self::OneOf(several), _) => several.iter().any(|it| it.is_met(result)),
            (Self::Ok, Verdict::Ok)
            | (Self::Denied, Verdict::Denied { .. })
            | (Self::Inconclusive, Verdict::DenyProven | Verdict::Inconclusive { .. }) => true,
            (Self::Delayed(ms), Verdict::Ok) => {
                let handshakes = result.detail.attempts.iter().filter_map(|it| it.connect_us);
                let mut handshakes = handshakes.map(|it| it / 1_000).peekable();
                // What else there is to it took less than a millisecond, but for a busy machine.
                handshakes.peek().is_some() && handshakes.all(|it| (*ms..ms + 500).contains(&it))
            }
            (Self::Fail(stage, class), Verdict::Fail { stage: at, class: of, .. }) => {
                (stage, class) == (at, of)
            }
            _ => false,
        }
    }
}

/// Runs all probes of a fleet at once.
fn probe_all(lab: &Lab, fleet: &Fleet) -> Result<Vec<((u8, u8), Report)>> {
    std::thread::scope(|scope| {
        let start = |(account, number): (u8, u8)| {
            let input = fleet.input(account, number);
            let probe = move || lab.probe(&stack(account), &zone(number), &input);
            ((account, number), scope.spawn(probe))
        };
        let started: Vec<_> = fleet.probes().map(start).collect();
        let ends = started.into_iter().map(|(place, thread)| {
            let report = thread.join().unwrap_or_else(|_| Err(anyhow!("the probe's thread panicked")));
            Ok((place, report?))
        });
        ends.collect()
    })
}
