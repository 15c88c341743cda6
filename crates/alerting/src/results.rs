//! The newest results of a path, while not all of them passed.

use phonehome_localisation::{Outcome, is_over, kept};
use phonehome_wire::{Class, Stage, Verdict};

use crate::{Hysteresis, PathResult};

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
    let kept = kept(hysteresis.down_after as usize);
    // While nothing changes, nothing need be written: since when it fails is said by the oldest.
    if results.len() >= kept && results.iter().all(|PathResult(_, other)| *other == outcome) {
        return results;
    }
    results.push(PathResult(at_ms, outcome));
    results.drain(..results.len().saturating_sub(kept));
    let newest_first = results.iter().rev().map(|PathResult(_, outcome)| *outcome);
    let nothing_else = newest_first.clone().all(|outcome| outcome == Outcome::Pass);
    if nothing_else || is_over(newest_first, hysteresis.up_after as usize) { vec![] } else { results }
}

/// What these results are as turns, after those before: whether they fail anew, and whether they are bad enough now to
/// be told by themselves, as the inference has it: so many more failed than passed, or an isolation is open.
pub(crate) fn turned(before: &[PathResult], after: &[PathResult], hysteresis: &Hysteresis) -> (bool, bool) {
    let is_bad = |results: &[PathResult]| {
        let passed = results.iter().filter(|PathResult(_, outcome)| *outcome == Outcome::Pass).count();
        let is_open = results.iter().any(|PathResult(_, outcome)| *outcome == Outcome::Open);
        let failed = results.len() - passed;
        is_open || failed >= passed + hysteresis.down_after.max(2) as usize
    };
    (before.is_empty() && !after.is_empty(), !is_bad(before) && is_bad(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYSTERESIS: Hysteresis = Hysteresis { down_after: 3, up_after: 2 };

    fn fail(stage: Stage) -> Verdict {
        Verdict::Fail { stage, class: Class::Other, error: String::new() }
    }

    /// `p` passes, `f` fails, `o` is open, `i` says nothing.
    fn after(runs: &str, hysteresis: Hysteresis) -> String {
        let mut results = vec![];
        for (run, letter) in (0..).zip(runs.chars()) {
            let verdict = match letter {
                'p' => Verdict::Ok,
                'f' => fail(Stage::Connect),
                'o' => fail(Stage::Open),
                _ => Verdict::Inconclusive { reason: String::new() },
            };
            results = with(&results, &verdict, run, &hysteresis);
        }
        let letter = |PathResult(_, outcome): &PathResult| match outcome {
            Outcome::Pass => 'p',
            Outcome::Open => 'o',
            _ => 'f',
        };
        results.iter().map(letter).collect()
    }

    #[test]
    fn results_are_kept_from_the_first_that_did_not_pass_until_as_many_pass_as_make_it_good() {
        for (runs, kept) in [
            ("ppppp", ""),
            ("ppf", "f"),
            ("pfp", "fp"),
            ("pfpp", ""),
            ("pfppf", "f"),
            ("fiiif", "ff"),
            ("ii", ""),
            ("fipip", ""),
            ("fpfpfpfpf", "fpfpf"),
            ("ffffffffffp", "ffffp"),
        ] {
            assert_eq!(after(runs, HYSTERESIS), kept, "{runs}");
        }
    }

    #[test]
    fn what_was_open_takes_two_proofs_whatever_is_declared() {
        let at_once = Hysteresis { up_after: 1, ..HYSTERESIS };
        assert_eq!([after("fp", at_once), after("op", at_once), after("opp", at_once)], ["", "op", ""]);
    }

    #[test]
    fn while_a_path_fails_in_the_same_way_nothing_changes() {
        let newest: Vec<PathResult> = (0..5).map(|run| PathResult(run, Outcome::Silence)).collect();
        assert_eq!(with(&newest, &fail(Stage::Connect), 99, &HYSTERESIS), newest);
        assert_eq!(
            with(&newest, &fail(Stage::Resolve), 99, &HYSTERESIS)[4],
            PathResult(99, Outcome::Unresolved)
        );
    }

    #[test]
    fn each_failure_says_how_far_it_came() {
        for (stage, class, outcome) in [
            (Stage::Resolve, Class::ResolverTimeout, Outcome::Unresolved),
            (Stage::Resolve, Class::Servfail, Outcome::Unresolved),
            (Stage::Resolve, Class::Nxdomain, Outcome::WrongName),
            (Stage::Connect, Class::ConnectTimeout, Outcome::Silence),
            (Stage::Connect, Class::Unreachable, Outcome::Silence),
            (Stage::Connect, Class::Refused, Outcome::Refused),
            (Stage::Tls, Class::CertExpired, Outcome::WrongAnswer),
            (Stage::Tls, Class::MtuBlackHole, Outcome::Silence),
            (Stage::Response, Class::PublicAddress, Outcome::Astray),
            (Stage::Response, Class::Status, Outcome::WrongAnswer),
            (Stage::Open, Class::Open, Outcome::Open),
        ] {
            assert_eq!(failed(stage, class), outcome, "{stage:?} {class:?}");
        }
    }
}
