//! How far behind the collector is: by so much nobody else is late.
//!
//! A report that waited in the queue was late by phonehome's own fault. What the queue says of it (`SentTimestamp`)
//! no member account can choose; when a run began, which it can, makes nobody else's deadline longer.

use serde::{Deserialize, Serialize};

/// What a report waits in the queue while all is well, in milliseconds: 7 s. A batch is gathered for five
/// (`infra/hub.yaml`) and folded within one or two; the grace that every report has covers it.
const USUAL_WAIT_MS: u64 = 7_000;

/// For how long it counts that a report had waited, in milliseconds: 5 minutes. A batch with which a collector died
/// comes again after three, and what came into a queue at one time leaves it in no order.
pub const BEHIND_LASTS_MS: u64 = 5 * 60 * 1000;

/// How far apart two runs of a probe are, in milliseconds: 60 s.
const RUNS_APART_MS: u64 = 60_000;

/// When a report came, and when that was noticed; milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// When it came into the queue, by the queue's clock.
    pub at_ms: u64,
    /// When it is folded, by the hub's clock.
    pub folded_at_ms: u64,
}

impl Received {
    /// A report that waited for nobody.
    #[must_use]
    pub fn at_once(at_ms: u64) -> Self {
        Self { at_ms, folded_at_ms: at_ms }
    }

    /// One that came into the queue then; where the queue does not say, or its clock is ahead, now.
    #[must_use]
    pub fn of(sent_ms: Option<u64>, now_ms: u64) -> Self {
        Self { at_ms: sent_ms.unwrap_or(now_ms).min(now_ms), folded_at_ms: now_ms }
    }

    /// Whether it waited for longer than is usual.
    pub(crate) fn is_late(&self) -> bool {
        self.folded_at_ms.saturating_sub(self.at_ms) > USUAL_WAIT_MS
    }
}

/// A report had waited for the collector for longer than is usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behind {
    /// For how long, in milliseconds.
    pub waited_ms: u64,
    /// When it was folded; milliseconds since the Unix epoch.
    pub at_ms: u64,
}

impl Behind {
    /// The longest that one of a probe's reports had waited lately, with this one. It makes way for a shorter wait of now
    /// a run early: else nothing of a probe would count from when it is too long ago to when the next report is read,
    /// and everybody living would be missed who is still in the queue.
    pub(crate) fn with(before: Option<Self>, received: Received) -> Option<Self> {
        let now_ms = received.folded_at_ms;
        let waited_ms = now_ms.saturating_sub(received.at_ms);
        let now = received.is_late().then_some(Self { waited_ms, at_ms: now_ms });
        let needed_until_ms = now_ms + if now.is_some() { RUNS_APART_MS } else { 0 };
        let before = before.filter(|before| before.counts_at(needed_until_ms));
        // Of equal ones the newer.
        before.into_iter().chain(now).max_by_key(|behind| behind.waited_ms)
    }

    /// Whether that is so short ago that it may still be behind.
    pub(crate) fn counts_at(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.at_ms) <= BEHIND_LASTS_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: u64 = 60_000;

    fn after(waits: &[(u64, u64)]) -> Option<(u64, u64)> {
        let behind = waits.iter().fold(None, |before, (folded_at_ms, waited_ms)| {
            Behind::with(before, Received { at_ms: folded_at_ms - waited_ms, folded_at_ms: *folded_at_ms })
        });
        behind.map(|Behind { waited_ms, at_ms }| (at_ms, waited_ms))
    }

    #[test]
    fn the_longest_wait_counts_for_five_minutes_and_a_usual_one_not_at_all() {
        let minute = |number: u64| 100 * MINUTE_MS + number * MINUTE_MS;
        let long = 50 * MINUTE_MS;
        assert_eq!(after(&[(minute(0), 6_000)]), None);
        assert_eq!(after(&[(minute(0), 8_000)]), Some((minute(0), 8_000)));
        assert_eq!(after(&[(minute(0), long), (minute(1), 10_000)]), Some((minute(0), long)));
        assert_eq!(after(&[(minute(0), long), (minute(5), 0)]), Some((minute(0), long)));
        assert_eq!(after(&[(minute(0), long), (minute(6), 0)]), None);
        assert_eq!(after(&[(minute(0), 10_000), (minute(1), long)]), Some((minute(1), long)));
        assert_eq!(after(&[(minute(0), long), (minute(4), 10_000)]), Some((minute(0), long)));
        assert_eq!(after(&[(minute(0), long), (minute(5), 10_000)]), Some((minute(5), 10_000)));
        assert_eq!(after(&[(minute(0), long), (minute(1), long)]), Some((minute(1), long)), "the newer");
    }

    #[test]
    fn a_queue_whose_clock_is_ahead_or_that_says_nothing_makes_nobody_wait() {
        assert_eq!(Received::of(None, 5), Received::at_once(5));
        assert_eq!(Received::of(Some(9), 5), Received::at_once(5));
        assert_eq!(Received::of(Some(3), 5), Received { at_ms: 3, folded_at_ms: 5 });
    }
}
