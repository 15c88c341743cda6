//! What is known in a turn.

use crate::expected::Permits;
use crate::record::PackRecord;
use crate::seen::Seen;
use crate::step::Decision;
use crate::wanted::Wanted;

/// For how long CloudFormation may work out a change set, and for how long a call that was about to be made may still come:
/// longer than a function runs.
pub(crate) const LATE_MS: u64 = 15 * 60_000;

/// What is known in this turn.
pub(crate) struct Now<'a> {
    pub(crate) seen: &'a Seen,
    pub(crate) wanted: &'a Wanted,
    pub(crate) permits: Permits,
    pub(crate) now_ms: u64,
}

/// That an attempt failed, and whether it is tried again.
pub(crate) fn failing(now: &Now<'_>, record: PackRecord, said: &str) -> Decision {
    let record = record.failing(&now.wanted.sha256, said, now.now_ms);
    match record.held_back(&now.wanted.sha256, now.now_ms) {
        Some(problem) => Decision::tell(record, problem),
        // It failed long ago, and was noted then.
        None => Decision::wait(record, "the starter pack's stack is tried again"),
    }
}
