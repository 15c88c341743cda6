//! How many sockets a run may have open, and how its time is shared when many targets say nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// The most sockets that are open at the same time, however many descriptors there are: more of them make each
/// exchange dearer (1,000 HTTP requests at once take 1.4 times the CPU), for what each needs no longer fits into the
/// processor's caches.
const SLOTS_MAX: usize = 250;
/// The fewest: also a process with next to no descriptors tries, one after the other.
const SLOTS_MIN: usize = 4;
/// Descriptors kept back for what opens a file besides: the runtime, a configuration, a log.
const RESERVE: usize = 16;

/// Sockets that may be open at the same time, and the time in which all of the run's have to have their turn.
#[derive(Debug)]
pub(crate) struct Slots {
    free: Semaphore,
    total: usize,
    /// How many attempts wait for their turn.
    waiting: AtomicUsize,
    /// When the run must be over.
    end: Instant,
}

/// A turn: it holds a socket's slot until it is dropped.
pub(crate) struct Turn<'s> {
    _permit: SemaphorePermit<'s>,
    /// The time that it has.
    pub(crate) time: Duration,
}

impl Slots {
    /// As many as this process has descriptors left, and runs may take.
    pub(crate) fn new(end: Instant) -> Self {
        let total = sockets_at_once();
        Self { free: Semaphore::new(total), total, waiting: AtomicUsize::new(0), end }
    }

    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Waits for `sockets` slots (at most [`SLOTS_MIN`] of them), and takes `wanted` of the run's time or what is
    /// a fair share of it: what is left goes round among those that wait. `None` when not even [`TIME_MIN`] of it
    /// is left.
    pub(crate) async fn turn(&self, sockets: u32, wanted: Duration) -> Option<Turn<'_>> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // All that begin at the same time are counted before the first of them has its turn.
        tokio::task::yield_now().await;
        let permit = tokio::time::timeout_at(self.end, self.free.acquire_many(sockets)).await;
        let waiting = self.waiting.fetch_sub(1, Ordering::Relaxed);
        let left = self.end.saturating_duration_since(Instant::now());
        let time = share(left, waiting, self.total).max(TIME_MIN).min(wanted);
        match permit {
            Ok(Ok(permit)) if time <= left => Some(Turn { _permit: permit, time }),
            _ => None,
        }
    }

    /// Waits for a slot and the whole of `wanted`: for what cannot be shortened.
    pub(crate) async fn whole_turn(&self, wanted: Duration) -> Option<Turn<'_>> {
        let turn = self.turn(1, wanted).await?;
        let left = self.end.saturating_duration_since(Instant::now());
        (left >= wanted).then_some(Turn { time: wanted, ..turn })
    }

    /// Whether so much time is left of the run.
    pub(crate) fn has(&self, time: Duration) -> bool {
        self.end.saturating_duration_since(Instant::now()) >= time
    }
}

/// What every attempt gets, as long as there is as much: less would be no test on a way across an ocean.
pub(crate) const TIME_MIN: Duration = Duration::from_millis(250);

/// What is said of what had no turn.
pub(crate) const NO_TIME: &str = "not tested: nothing is left of the run's time";

/// What each of those that wait gets when all are to have a turn before the end.
fn share(left: Duration, waiting: usize, slots: usize) -> Duration {
    let rounds = waiting.div_ceil(slots).max(1);
    left / u32::try_from(rounds).unwrap_or(u32::MAX)
}

fn total(limit: usize, open: usize) -> usize {
    limit.saturating_sub(open + RESERVE).clamp(SLOTS_MIN, SLOTS_MAX)
}

/// How many sockets a run that begins now would have open at the same time, at most.
pub fn sockets_at_once() -> usize {
    total(limit(), open())
}

/// How many descriptors this process may have.
fn limit() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// How many it has, as far as the system tells.
fn open() -> usize {
    let folder = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    std::fs::read_dir(folder).map_or(3, Iterator::count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_what_is_left_of_the_descriptors() {
        for (limit, open, expected) in
            [(1024, 10, SLOTS_MAX), (256, 10, 230), (100, 10, 74), (20, 10, SLOTS_MIN), (0, 3, SLOTS_MIN)]
        {
            assert_eq!(total(limit, open), expected, "{limit} {open}");
        }
    }

    #[test]
    fn what_is_left_of_the_time_goes_round_among_those_that_wait() {
        let left = Duration::from_secs(12);
        for (waiting, slots, seconds) in
            [(0, 4, 12), (1, 4, 12), (4, 4, 12), (5, 4, 6), (12, 4, 4), (48, 4, 1)]
        {
            assert_eq!(share(left, waiting, slots), Duration::from_secs(seconds), "{waiting} of {slots}");
        }
    }

    #[tokio::test]
    async fn however_many_wait_all_have_their_turn_before_the_end() {
        let (free, waiting) = (Semaphore::new(4), AtomicUsize::new(0));
        let run = Duration::from_millis(1_500);
        let slots = Slots { free, total: 4, waiting, end: Instant::now() + run };
        let wanted = Duration::from_secs(1);
        let one = async || {
            let turn = slots.turn(1, wanted).await.expect("a turn");
            tokio::time::sleep(turn.time).await;
            turn.time
        };
        let started = Instant::now();
        let times = futures_util::future::join_all((0..12).map(|_| one())).await;
        assert!(started.elapsed() <= run + Duration::from_millis(100), "{:?}", started.elapsed());
        assert!(times.iter().all(|time| (TIME_MIN..=run / 2).contains(time)), "{times:?}");
    }

    #[tokio::test]
    async fn what_cannot_be_shortened_gets_the_whole_of_its_time_or_no_turn() {
        let slots = Slots::new(Instant::now() + Duration::from_secs(5));
        let time = slots.whole_turn(Duration::from_secs(4)).await.map(|turn| turn.time);
        assert_eq!(time, Some(Duration::from_secs(4)));
        assert!(slots.whole_turn(Duration::from_secs(6)).await.is_none());
    }
}
