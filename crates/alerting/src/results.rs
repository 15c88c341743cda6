//! The newest results of a path, while not all of them passed.

use phonehome_localisation::{Outcome, WINDOW_MAX};
use phonehome_wire::{Class, Stage, Verdict};
use serde::{Deserialize, Serialize};

use crate::Hysteresis;

/// What came of one run of a check: when the run began, in milliseconds since the Unix epoch, and how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathResult(pub u64, pub Outcome);

/// What a verdict says of the things that its check depends on.
pub(crate) fn outcome(verdict: &Verdict) -> Outcome {
    match verdict {
        Verdict::Ok | Verdict::DenyProven => Outcome::Pass,
        Verdict::Denied { .. } | Verdict::Inconclusive { .. } | Verdict::ProbeError { .. } => {
            Outcome::Inconclusive
        }
        Verdict::Fail { stage, class, .. } => failed(*stage, *class),
    }
}

/// What a failure at this stage says, met this way.
pub(crate) fn failed(stage: Stage, class: Class) -> Outcome {
    match (stage, class) {
        (Stage::Open, _) => Outcome::Open,
        (Stage::Resolve, Class::Nxdomain | Class::NoRecords | Class::Answer) => Outcome::WrongName,
        (Stage::Resolve, _) => Outcome::Unresolved,
        (_, Class::PublicAddress) => Outcome::Astray,
        // Small packets pass, large ones do not: that is the way's fault, whoever waits for what they carry.
        (_, Class::MtuBlackHole) => Outcome::Silence,
        (Stage::Connect, Class::Refused) => Outcome::Refused,
        (Stage::Connect, _) => Outcome::Silence,
        (Stage::Tls | Stage::Request | Stage::Response, _) => Outcome::WrongAnswer,
    }
}

/// The newest results with one more; none where all of them passed, or as many in a row as make a path good again.
/// Results that say nothing leave them as they are.
pub(crate) fn with(
    newest: &[PathResult],
    verdict: &Verdict,
    at_ms: u64,
    hysteresis: &Hysteresis,
) -> Vec<PathResult> {
    let outcome = outcome(verdict);
    let mut results = newest.to_vec();
    if outcome == Outcome::Inconclusive || (outcome == Outcome::Pass && results.is_empty()) {
        return results;
    }
    let kept = (hysteresis.down_after as usize).saturating_add(2).min(WINDOW_MAX);
    // While nothing changes, nothing need be written: since when it fails is said by the oldest.
    if results.len() >= kept && results.iter().all(|PathResult(_, other)| *other == outcome) {
        return results;
    }
    results.push(PathResult(at_ms, outcome));
    results.drain(..results.len().saturating_sub(kept));
    // What was open is not because its target was silent for a moment.
    let is_isolation = results.iter().any(|PathResult(_, outcome)| *outcome == Outcome::Open);
    let needed = (hysteresis.up_after as usize).clamp(if is_isolation { 2 } else { 1 }, kept);
    let passes = results.iter().rev().take_while(|PathResult(_, outcome)| *outcome == Outcome::Pass).count();
    if passes >= needed || passes == results.len() { vec![] } else { results }
}
