//! What denials prove. A host that is dead looks just like one that a security group shields, so silence is
//! proof only next to two things: that the probe could have connected, and that somebody could.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use phonehome_wire::{Check, CheckId, CheckKind, CheckResult, Expect, Report, Verdict};

/// How far apart a denial and somebody's connection to the same target may lie, in milliseconds: three runs of
/// the probes.
pub const WITNESSED_WITHIN_MS: u64 = 3 * 60 * 1000;

/// How many accounts that may connect are asked for one denial: one that is down does not decide.
pub const WITNESS_ACCOUNTS_MAX: usize = 2;
/// In how many zones each of them is asked: that of the denial, and another one.
pub const WITNESS_ZONES_MAX: usize = 2;

/// A connection that somebody has who may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The addresses that were reached.
    pub addresses: Vec<IpAddr>,
    /// When the newest run began in which they were; milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// By endpoint (`host:port`), who reached it lately; an endpoint that nobody may connect to is not in it.
pub type Witnesses = BTreeMap<String, Vec<Witness>>;

/// The endpoints that a report calls denied: for these [`judge_denials`] needs witnesses.
#[must_use]
pub fn denied<'c>(report: &Report, declared: &'c [Check]) -> BTreeSet<&'c str> {
    let is_denied = |check: &&Check| {
        let of_check = |result: &&CheckResult| result.id == check.id;
        check.expect == Expect::Deny
            && report
                .results
                .iter()
                .find(of_check)
                .is_some_and(|result| matches!(result.verdict, Verdict::Denied { .. }))
    };
    declared.iter().filter(is_denied).map(|check| check.target.endpoint.as_str()).collect()
}

/// Puts in place of each denial what it proves, and of what a probe cannot say what it is: nothing.
///
/// Proven ([`Verdict::DenyProven`]) is a denial when, in the same run, its control connected, and when within
/// [`WITNESSED_WITHIN_MS`] others reached each of the same addresses. `run_ms`: when the run began; milliseconds
/// since the Unix epoch.
pub fn judge_denials(report: &mut Report, declared: &[Check], witnesses: &Witnesses, run_ms: u64) {
    let controls: Vec<CheckResult> = report.results.clone();
    let checks: BTreeMap<_, _> = declared.iter().map(|check| (&check.id, check)).collect();
    for result in &mut report.results {
        let judged = match checks.get(&result.id) {
            Some(check) => judge(result, check, &controls, &checks, witnesses, run_ms),
            None => unless_failed(&result.verdict, "nothing in the fleet file declares it any more"),
        };
        if let Some(verdict) = judged {
            result.verdict = verdict;
        }
    }
}

/// When a probe tested isolations last: in this run, or as far as was known before it. `known_ms`: 0 when nothing
/// is, and then they are waited for from this run on.
#[must_use]
pub fn isolations_at(report: &Report, declared: &[Check], known_ms: u64, run_ms: u64) -> u64 {
    match known_ms == 0 || isolations(declared).any(|check| has_result(report, check)) {
        true => run_ms.max(known_ms),
        false => known_ms,
    }
}

/// Adds a result to each isolation that a probe was asked for (`asked`) and does not test: one that is missing
/// when others have their turn, and all of them when none had a turn for three. `tested_ms`: what
/// [`isolations_at`] said before this run, 0 when nothing is known.
pub fn judge_omissions(
    report: &mut Report,
    declared: &[Check],
    asked: impl Fn(&CheckId) -> bool,
    tested_ms: u64,
    run_ms: u64,
) {
    let is_turn = isolations(declared).any(|check| has_result(report, check));
    let waited_ms = if tested_ms == 0 { 0 } else { run_ms.saturating_sub(tested_ms) };
    let is_late = |check: &&Check| is_turn || waited_ms > 3 * 60_000 * u64::from(check.every_minutes.max(1));
    let missing = isolations(declared).filter(|check| asked(&check.id) && !has_result(report, check));
    let late = missing.filter(is_late).map(|check| {
        let reason = "the probe does not test it".to_owned();
        CheckResult::new(check.id.clone(), Verdict::Inconclusive { reason })
    });
    let late: Vec<CheckResult> = late.collect();
    report.results.extend(late);
}

fn isolations(declared: &[Check]) -> impl Iterator<Item = &Check> {
    declared.iter().filter(|check| check.expect == Expect::Deny)
}

fn has_result(report: &Report, check: &Check) -> bool {
    report.results.iter().any(|result| result.id == check.id)
}

type Checks<'c> = BTreeMap<&'c CheckId, &'c Check>;

fn judge(
    result: &CheckResult,
    check: &Check,
    results: &[CheckResult],
    checks: &Checks<'_>,
    witnesses: &Witnesses,
    run_ms: u64,
) -> Option<Verdict> {
    match (check.expect, &result.verdict) {
        (Expect::Connect, Verdict::Denied { .. } | Verdict::DenyProven) => {
            inconclusive("a probe calls denied what it was asked to connect to".to_owned())
        }
        (Expect::Deny, Verdict::Ok) => {
            inconclusive("a probe says that all is well where only a denial would be".to_owned())
        }
        (Expect::Deny, Verdict::DenyProven) => inconclusive(
            "a probe of an earlier version calls it proven, and took refusals for denials: its new code comes \
             with the next roll-out"
                .to_owned(),
        ),
        (Expect::Deny, Verdict::Denied { error }) => {
            let objection = control_objection(check, results, checks)
                .or_else(|| witness_objection(check, result, witnesses, run_ms));
            match objection {
                None => Some(Verdict::DenyProven),
                Some(objection) => inconclusive(format!("{error}, but {objection}")),
            }
        }
        _ => None,
    }
}

fn inconclusive(reason: String) -> Option<Verdict> {
    Some(Verdict::Inconclusive { reason })
}

/// A failure of what is not declared any more stays one, until it is forgotten.
fn unless_failed(verdict: &Verdict, reason: &str) -> Option<Verdict> {
    match verdict {
        Verdict::Denied { .. } | Verdict::DenyProven => inconclusive(reason.to_owned()),
        _ => None,
    }
}

/// Why it is not known that the probe could have connected.
fn control_objection(check: &Check, results: &[CheckResult], checks: &Checks<'_>) -> Option<String> {
    let Some(id) = &check.control else { return Some("the check names no control".to_owned()) };
    let Some(control) = checks.get(id) else { return Some(format!("its control {id} is no check")) };
    if control.expect != Expect::Connect || matches!(control.kind, CheckKind::Dns { .. }) {
        return Some(format!("its control {id} does not connect to anything"));
    }
    match results.iter().find(|result| result.id == *id).map(|result| &result.verdict) {
        Some(Verdict::Ok) => None,
        Some(Verdict::Fail { error: why, .. } | Verdict::Denied { error: why })
        | Some(Verdict::Inconclusive { reason: why } | Verdict::ProbeError { reason: why }) => {
            Some(format!("its control {id} did not pass ({why})"))
        }
        Some(Verdict::DenyProven) | None => Some(format!("its control {id} has no result")),
    }
}

/// Why it is not known that anybody could have connected.
fn witness_objection(
    check: &Check,
    result: &CheckResult,
    witnesses: &Witnesses,
    run_ms: u64,
) -> Option<String> {
    let endpoint = &check.target.endpoint;
    let Some(witnesses) = witnesses.get(endpoint) else {
        return Some(format!(
            "nobody may connect to {endpoint}, so it may as well be dead: declare a connection to it from an \
             account that may"
        ));
    };
    let reached: BTreeSet<&IpAddr> = witnesses
        .iter()
        .filter(|witness| witness.at_ms.abs_diff(run_ms) <= WITNESSED_WITHIN_MS)
        .flat_map(|witness| &witness.addresses)
        .collect();
    let minutes = WITNESSED_WITHIN_MS / 60_000;
    if result.addresses.is_empty() {
        return Some("the probe does not say at which addresses".to_owned());
    }
    let dead = result.addresses.iter().find(|address| !reached.contains(address))?;
    Some(format!("nobody who may has reached {endpoint} at {dead} within {minutes} minutes: it may be dead"))
}

#[cfg(test)]
mod tests;
