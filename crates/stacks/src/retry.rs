//! How often something that failed is tried again.

use crate::problem::Problem;
use crate::record::{Failures, PackRecord, SAID_MAX};

/// How often a template is tried, at most. After that only another one is.
pub const ATTEMPTS_MAX: u32 = 5;
/// How often a roll-back that cannot go on is asked to go on, at most.
pub const CONTINUES_MAX: u32 = 3;

const MINUTE_MS: u64 = 60_000;
/// For how long after the first, the second, … failure it is not tried again; milliseconds.
const WAITS_MS: [u64; 4] = [30 * MINUTE_MS, 2 * 60 * MINUTE_MS, 24 * 60 * MINUTE_MS, 24 * 60 * MINUTE_MS];
/// For how long after a roll-back was asked to go on it is not asked again.
pub(crate) const CONTINUE_AGAIN_MS: u64 = 10 * MINUTE_MS;

impl PackRecord {
    /// The same after the attempt at a template failed: it is over.
    pub(crate) fn failing(mut self, sha256: &str, said: &str, now_ms: u64) -> Self {
        let before = self.failures.take().filter(|failures| failures.sha256 == sha256);
        let count = before.map_or(0, |failures| failures.count) + 1;
        let said = said.chars().take(SAID_MAX).collect();
        self.failures = Some(Failures { sha256: sha256.to_owned(), count, last_at_ms: now_ms, said });
        self.attempt = None;
        self
    }

    /// Why a template is not tried now.
    pub(crate) fn held_back(&self, sha256: &str, now_ms: u64) -> Option<Problem> {
        let failures = self.failures.as_ref().filter(|failures| failures.sha256 == sha256)?;
        let is_tried_again = failures.count < ATTEMPTS_MAX;
        let wait_ms =
            usize::try_from(failures.count).ok().and_then(|count| WAITS_MS.get(count.saturating_sub(1)));
        let is_due = wait_ms.is_some_and(|wait_ms| now_ms >= failures.last_at_ms.saturating_add(*wait_ms));
        (!is_tried_again || !is_due).then(|| Problem::Failed { said: failures.said.clone(), is_tried_again })
    }
}
