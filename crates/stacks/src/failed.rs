//! The ways out of what failed.

use crate::now::{Now, failing};
use crate::problem::{ByHand, Problem};
use crate::record::PackRecord;
use crate::retry::{CONTINUE_AGAIN_MS, CONTINUES_MAX};
use crate::stack::{PackStack, ResourceNote};
use crate::step::{Decision, Look, Step};

/// How many of AWS's reasons are stored.
const REASONS_MAX: usize = 3;

fn said(notes: &[ResourceNote]) -> String {
    let reasons: Vec<String> = notes.iter().take(REASONS_MAX).map(ToString::to_string).collect();
    if reasons.is_empty() { "it says no reason".to_owned() } else { reasons.join("; ") }
}

/// A change that ran and was undone.
pub(crate) fn failed_change(now: &Now<'_>, record: PackRecord) -> Decision {
    match &now.seen.failures {
        None => Decision::look(record, Look::Failures),
        Some(notes) => failing(now, record, &said(notes)),
    }
}

/// A creation that failed and was undone: the stack goes, where nothing is in it, when it is tried again.
pub(crate) fn failed_creation(now: &Now<'_>, stack: &PackStack, mut record: PackRecord) -> Decision {
    let sha256 = &now.wanted.sha256;
    let executed = record.attempt_at(sha256).is_some_and(|attempt| attempt.executed_at_ms.is_some());
    if executed {
        return match &now.seen.failures {
            None => Decision::look(record, Look::Failures),
            Some(notes) => failing(now, record, &said(notes)),
        };
    }
    let Some(left) = &now.seen.remains else { return Decision::look(record, Look::Remains) };
    if !left.is_empty() {
        return Decision::tell(record, Problem::Remains(left.clone()));
    }
    if let Some(problem) = record.held_back(sha256, now.now_ms) {
        return Decision::tell(record, problem);
    }
    record.attempt = None;
    Decision::of(record, Step::Delete { id: stack.id.clone() })
}

/// A roll-back that could not go on: it is asked to, some times, and then people are.
pub(crate) fn stuck_rollback(now: &Now<'_>, stack: &PackStack, mut record: PackRecord) -> Decision {
    if record.continues >= CONTINUES_MAX {
        let Some(notes) = &now.seen.failures else { return Decision::look(record, Look::Failures) };
        let (status, reason) = (stack.status.clone(), Some(said(notes)));
        return Decision::tell(record, Problem::ByHand { status, reason, way: ByHand::SkipResources });
    }
    if record.continues > 0 && now.now_ms < record.continued_at_ms.saturating_add(CONTINUE_AGAIN_MS) {
        return Decision::wait(record, "the starter pack's roll-back is asked to go on");
    }
    record.continues += 1;
    record.continued_at_ms = now.now_ms;
    let token = format!("phonehome-continue-{}-{}", record.attempts, record.continues);
    Decision::of(record, Step::ContinueRollback { token })
}
