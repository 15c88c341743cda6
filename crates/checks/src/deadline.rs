//! The moment at which an attempt must have its answer.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// The longest `timeout_ms` a check may ask for, in milliseconds: a probe runs every minute.
pub const MAX_TIMEOUT_MS: u64 = 30_000;

/// One deadline for all stages of an attempt, so that their sum is bounded and not only each of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    at: Instant,
    /// The whole time there was, in milliseconds; for messages.
    pub(crate) timeout_ms: u64,
}

impl Deadline {
    pub(crate) fn after(time: Duration) -> Self {
        let timeout_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self { at: Instant::now() + time, timeout_ms }
    }

    /// Waits for `work`, or gives `None` once the deadline has passed.
    pub(crate) async fn bound<T>(self, work: impl Future<Output = T>) -> Option<T> {
        timeout_at(self.at, work).await.ok()
    }
}
