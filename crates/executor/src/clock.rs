//! Time that only goes forward.

use tokio::time::Instant;

/// A clock for intervals. It says nothing about the time of day.
pub trait Clock: Send + Sync {
    /// Milliseconds since a moment that does not change while the program runs; never less than
    /// before.
    fn now_ms(&self) -> u64;
}

impl<C: Clock> Clock for &C {
    fn now_ms(&self) -> u64 {
        C::now_ms(self)
    }
}

/// Time since this was made. It follows tokio's clock, which a test can stop.
#[derive(Debug, Clone, Copy)]
pub struct Uptime(Instant);

impl Default for Uptime {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Uptime {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
