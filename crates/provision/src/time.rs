//! For how long a stack is one executor's, and why that holds although clocks differ, AWS answers late
//! and executors die. All of it in milliseconds.
//!
//! An executor starts calls for [`WORK_MS`] after it took its lease. The last of them is answered
//! [`CALL_MS`] later at the latest, and what it made is seen by everybody [`VISIBLE_MS`] after that. Whoever
//! comes next measures by a clock of its own. So the lease is the sum of all of it, and the model
//! `tests/tests/models/lease.rs` finds a resource made twice with one that is 10 s shorter.

use phonehome_aws::sdk::ATTEMPT_TIME_MAX;
use phonehome_cloud::WallClock;
use phonehome_executor::{Clock as _, Fence, Stale, Uptime};

/// How far a clock may be off, to either side: of two clocks, one may be this much ahead and the other
/// as much behind. Lambda's are kept by Amazon Time Sync, within milliseconds; a laptop's are by NTP.
pub const CLOCK_MS: u64 = 5_000;

/// How long what EC2 was told may stay invisible. Seconds are usual; 30 have been seen.
pub const VISIBLE_MS: u64 = 30_000;

/// How long a call that makes something may take. Such calls are tried once.
#[allow(clippy::cast_possible_truncation, reason = "10 s")]
pub const CALL_MS: u64 = ATTEMPT_TIME_MAX.as_millis() as u64;

/// For how much of its lease an executor starts calls.
pub const WORK_MS: u64 = 50_000;

/// How long a stack belongs to the executor that works on it: 100 s. After it a crashed one's work is
/// taken over. It is longer than the provisioner's time limit (60 s), which is no help to a command that
/// runs in a terminal.
pub const LEASE_MS: u64 = WORK_MS + CALL_MS + VISIBLE_MS + 2 * CLOCK_MS;

/// How long a stack is left alone after its last change, before anybody observes it again: 40 s.
pub const COOLDOWN_MS: u64 = VISIBLE_MS + 2 * CLOCK_MS;

/// Allows calls for [`WORK_MS`] after a lease was taken.
///
/// By two clocks. The one that never goes back stands still while a laptop sleeps; the wall clock goes
/// on, so that nobody who wakes up works on with a lease that is long over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WorkTime<C> {
    clock: C,
    generation: u64,
    taken_at_ms: u64,
    uptime: Uptime,
}

impl<C: WallClock> WorkTime<C> {
    /// Of a lease that counts from `taken_at_ms`, which is now by `clock`.
    pub(crate) fn of(clock: C, taken_at_ms: u64, generation: u64) -> Self {
        Self { clock, generation, taken_at_ms, uptime: Uptime::default() }
    }
}

impl<C: WallClock> Fence for WorkTime<C> {
    async fn check(&self) -> Result<(), Stale> {
        let passed_ms = self.uptime.now_ms().max(self.clock.now_ms().saturating_sub(self.taken_at_ms));
        if passed_ms < WORK_MS { Ok(()) } else { Err(Stale { generation: self.generation, newest: None }) }
    }
}

#[cfg(test)]
mod tests {
    use phonehome_cloud::SystemClock;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_ends_by_whichever_clock_says_so_first() {
        let fresh = WorkTime::of(SystemClock, SystemClock.now_ms(), 7);
        assert_eq!(fresh.check().await, Ok(()));
        tokio::time::advance(std::time::Duration::from_millis(WORK_MS - 1)).await;
        assert_eq!(fresh.check().await, Ok(()));
        tokio::time::advance(std::time::Duration::from_millis(1)).await;
        assert_eq!(fresh.check().await, Err(Stale { generation: 7, newest: None }));

        // The machine slept: the clock that never goes back says that no time has passed.
        let slept = WorkTime::of(SystemClock, SystemClock.now_ms() - WORK_MS, 8);
        assert_eq!(slept.check().await, Err(Stale { generation: 8, newest: None }));
        let nearly = WorkTime::of(SystemClock, SystemClock.now_ms() - WORK_MS + 5_000, 9);
        assert_eq!(nearly.check().await, Ok(()));
    }

    #[test]
    fn a_lease_outlasts_everything_that_its_holder_can_still_cause() {
        let visible_to_all = WORK_MS + CALL_MS + VISIBLE_MS;
        assert_eq!((visible_to_all, LEASE_MS, COOLDOWN_MS), (90_000, 100_000, 40_000));
    }
}
