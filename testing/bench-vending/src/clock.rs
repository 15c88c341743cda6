//! Virtual time, and points at which whoever is at work may be stopped.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use phonehome_cloud::WallClock;

/// A clock that only moves when it is told to. It begins on 2026-01-01.
#[derive(Debug, Clone)]
pub struct VirtualClock(Arc<AtomicU64>);

impl Default for VirtualClock {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(1_767_225_600_000)))
    }
}

impl VirtualClock {
    /// Lets time pass; milliseconds.
    pub fn pass(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }

    /// Goes on to a time, if it is later.
    pub fn pass_to(&self, at_ms: u64) {
        self.0.fetch_max(at_ms, Ordering::Relaxed);
    }
}

impl WallClock for VirtualClock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Lets others go on, once. Whoever is dropped here has done what came before and nothing of what comes after.
pub(crate) fn stop() -> impl Future<Output = ()> {
    let mut stopped = false;
    poll_fn(move |_| if std::mem::replace(&mut stopped, true) { Poll::Ready(()) } else { Poll::Pending })
}
