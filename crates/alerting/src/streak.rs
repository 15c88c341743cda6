//! What a path becomes by one more result.

use phonehome_wire::{CheckResult, Stage, Verdict};

use crate::results;
use crate::{Failure, Hysteresis, PathState, PathStatus};

/// Whether a path passes that has only passed, with nothing about it that one more pass would change.
pub(crate) fn passes_as_before(old: &PathState, result: &CheckResult, target: Option<&String>) -> bool {
    let is_pass =
        matches!(result.verdict, Verdict::Ok | Verdict::DenyProven) && alike(&old.last, &result.verdict);
    is_pass
        && old.status == PathStatus::Up
        && (old.streak, old.streak_since_ms) == (0, 0)
        && old.results.is_empty()
        && old.failure.is_none()
        && (target.is_none() || old.target.as_ref() == target)
        && match result.verdict {
            Verdict::Ok => old.addresses == result.addresses,
            _ => old.addresses.is_empty(),
        }
}

/// What a path becomes by a result of a run that began at `at_ms`.
pub(crate) fn next(mut path: PathState, verdict: &Verdict, at_ms: u64, hysteresis: &Hysteresis) -> PathState {
    let results = results::with(&path.results, verdict, at_ms, hysteresis);
    let (fails_anew, is_down) = results::turned(&path.results, &results, hysteresis);
    if fails_anew {
        path.turns.note(at_ms, false);
    }
    if is_down {
        path.turns.note(at_ms, true);
    }
    path.results = results;
    if !alike(&path.last, verdict) {
        path.last = verdict.clone();
        path.last_since_ms = at_ms;
    }
    match verdict {
        Verdict::Ok | Verdict::DenyProven => match path.status {
            PathStatus::Up => confirm(&mut path),
            PathStatus::Unknown => {
                // Failures counted while the status is still unknown are no part of a success.
                if path.failure.take().is_some() {
                    path.streak = 0;
                }
                // A target that dies in the moment of the denial looks closed, once.
                let needed = if *verdict == Verdict::DenyProven { hysteresis.up_after } else { 1 };
                contradict(&mut path, PathStatus::Up, at_ms, needed);
            }
            PathStatus::Down => contradict(&mut path, PathStatus::Up, at_ms, hysteresis.up_after),
        },
        Verdict::Fail { stage, error, .. } => {
            if path.status == PathStatus::Unknown && path.failure.is_none() {
                path.streak = 0;
            }
            if path.failure.as_ref().is_none_or(|known| known.stage != *stage) {
                path.failure = Some(Failure { stage: *stage, error: error.clone() });
            }
            match path.status {
                PathStatus::Down => confirm(&mut path),
                PathStatus::Unknown | PathStatus::Up => {
                    // Failing may be chance. That a packet crossed is a fact.
                    let needed = if *stage == Stage::Open { 1 } else { hysteresis.down_after };
                    contradict(&mut path, PathStatus::Down, at_ms, needed);
                }
            }
        }
        Verdict::Denied { .. } | Verdict::Inconclusive { .. } | Verdict::ProbeError { .. } => {}
    }
    path
}

/// Errors and reasons are for people and may differ in every run; kind and stage are what counts.
fn alike(a: &Verdict, b: &Verdict) -> bool {
    match (a, b) {
        (Verdict::Fail { stage: a, .. }, Verdict::Fail { stage: b, .. }) => a == b,
        _ => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

fn confirm(path: &mut PathState) {
    path.streak = 0;
    path.streak_since_ms = 0;
    if path.status == PathStatus::Up {
        path.failure = None;
    }
}

fn contradict(path: &mut PathState, towards: PathStatus, at_ms: u64, needed: u32) {
    if path.streak == 0 {
        path.streak_since_ms = at_ms;
    }
    path.streak += 1;
    if path.streak >= needed.max(1) {
        path.status = towards;
        path.ever_up |= towards == PathStatus::Up;
        path.since_ms = path.streak_since_ms;
        confirm(path);
    }
}
