//! The time of a simulation.

use phonehome_cloud::WallClock;
use tokio::time::{Duration, Instant};

/// When simulations begin: 1 November 2026, 00:00 UTC; milliseconds since the Unix epoch.
pub(crate) const BEGIN_MS: u64 = 1_793_491_200_000;

/// A clock that shows tokio's time, which passes while nobody has anything to do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VirtualClock(Instant);

impl VirtualClock {
    /// It is [`BEGIN_MS`] now.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Waits until this moment; milliseconds since the Unix epoch.
    pub(crate) async fn until(&self, at_ms: u64) {
        tokio::time::sleep_until(self.instant(at_ms)).await;
    }

    pub(crate) fn instant(&self, at_ms: u64) -> Instant {
        self.0 + Duration::from_millis(at_ms.saturating_sub(BEGIN_MS))
    }
}

impl WallClock for VirtualClock {
    fn now_ms(&self) -> u64 {
        BEGIN_MS + u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
