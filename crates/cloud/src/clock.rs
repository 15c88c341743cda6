//! The time of day.

use std::time::{SystemTime, UNIX_EPOCH};

/// A clock that says what time it is. It may be set, to either side; intervals are not measured by it.
pub trait WallClock: Send + Sync {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;
}

impl<C: WallClock> WallClock for &C {
    fn now_ms(&self) -> u64 {
        C::now_ms(self)
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl WallClock for SystemClock {
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}
