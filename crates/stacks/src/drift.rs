//! What was changed by hand in a stack that has the declared template: looked for once a day, told once.

use phonehome_cloud::day_of;

use crate::now::Now;
use crate::problem::Problem;
use crate::record::PackRecord;
use crate::stack::{DriftStatus, PackStack};
use crate::step::{Decision, Look, Step};

/// A stack that has the declared template.
pub(crate) fn as_declared(now: &Now<'_>, stack: &PackStack, mut record: PackRecord) -> Decision {
    record.attempt = None;
    record.failures = None;
    if is_due(&record, stack, now.now_ms) {
        record.drift_asked_at_ms = now.now_ms;
        return Decision::of(record, Step::DetectDrift);
    }
    // What was found before the stack was changed says nothing of it now.
    let found = stack
        .drift_checked_at_ms
        .filter(|at_ms| stack.drift == DriftStatus::Drifted && *at_ms >= stack.changed_at_ms);
    let Some(checked_at_ms) = found else {
        record.drift_told_ms = None;
        return Decision::of(record, Step::Done);
    };
    if record.drift_told_ms == Some(checked_at_ms) {
        return Decision::of(record, Step::StillDrifted);
    }
    match &now.seen.drifts {
        None => Decision::look(record, Look::Drifts),
        Some(notes) => {
            record.drift_told_ms = Some(checked_at_ms);
            Decision::tell(record, Problem::Drifted(notes.clone()))
        }
    }
}

/// Whether a day has begun since it was last looked for. Each stack's day begins at another time, so that a sweep does not
/// look everywhere at once.
fn is_due(record: &PackRecord, stack: &PackStack, now_ms: u64) -> bool {
    let place = record.stack().to_string();
    let last_ms =
        stack.drift_checked_at_ms.unwrap_or(0).max(record.drift_asked_at_ms).max(stack.changed_at_ms);
    day_of(&place, now_ms) > day_of(&place, last_ms)
}
