//! When the probe itself stands still.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How often it is looked whether the probe still moves.
const TICK: Duration = Duration::from_millis(50);

/// Measures for how long a run stands still at a stretch: while the machine gives it no processor, or it computes
/// something else, nothing that it waits for is late because of the network.
pub(crate) struct Stalls {
    longest_ms: Arc<AtomicU64>,
    watch: JoinHandle<()>,
}

impl Stalls {
    pub(crate) fn watch() -> Self {
        let longest_ms = Arc::new(AtomicU64::new(0));
        let longest = longest_ms.clone();
        let watch = tokio::spawn(async move {
            loop {
                let asleep = Instant::now();
                tokio::time::sleep(TICK).await;
                let late = asleep.elapsed().saturating_sub(TICK);
                longest.fetch_max(u64::try_from(late.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
        Self { longest_ms, watch }
    }

    /// The longest one so far, in milliseconds; 0 where it was shorter than a look every 50 ms tells.
    pub(crate) fn longest_ms(&self) -> u64 {
        let longest = self.longest_ms.load(Ordering::Relaxed);
        if longest < 20 { 0 } else { longest }
    }
}

impl Drop for Stalls {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_probe_that_computes_and_does_nothing_else_stands_still() {
        let stalls = Stalls::watch();
        tokio::time::sleep(Duration::from_millis(10)).await;
        std::thread::sleep(Duration::from_millis(300));
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(stalls.longest_ms() >= 200, "{}", stalls.longest_ms());
    }
}
