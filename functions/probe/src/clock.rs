//! What time it is: Lambda says when a run will be ended, so a wrong clock is measured and not suffered.

use std::time::Duration;

/// Kept back from the function's time limit for writing the report.
const MARGIN: Duration = Duration::from_secs(1);
/// What may well be the way from Lambda's clock to here, and no difference of clocks; in milliseconds.
const DELAY_MS: i64 = 2_000;

/// What is known of a run's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    /// By how much the machine's clock is ahead of Lambda's, in milliseconds; less than 0 where it is behind.
    pub(crate) ahead_ms: i64,
    /// How long the checks may take.
    pub(crate) left: Duration,
}

impl Clock {
    /// From the moment at which Lambda ends the run, by its own clock; from the function's time limit, as far as
    /// that is known; and from what the machine's clock says. Moments are milliseconds since the Unix epoch.
    pub(crate) fn measured(deadline_ms: u64, limit: Option<Duration>, now_ms: u64) -> Self {
        let until_deadline = Duration::from_millis(deadline_ms.saturating_sub(now_ms));
        let Some(limit) = limit else {
            return Self { ahead_ms: 0, left: until_deadline.saturating_sub(MARGIN) };
        };
        let limit_ms = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        let begun_ms = signed(deadline_ms).saturating_sub(limit_ms);
        let ahead_ms = signed(now_ms).saturating_sub(begun_ms);
        // Within the limit, a clock that is ahead and an event that is late look alike: whichever it is, the run is
        // not ended before the checks are.
        let left = if (0..limit_ms).contains(&ahead_ms) { until_deadline } else { limit };
        let ahead_ms = if ahead_ms.abs() < DELAY_MS { 0 } else { ahead_ms };
        Self { ahead_ms, left: left.saturating_sub(MARGIN) }
    }
}

fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_778_833_634_000;
    const LIMIT: Duration = Duration::from_secs(30);

    #[test]
    fn a_wrong_clock_is_measured_and_the_checks_have_their_time_all_the_same() {
        let begun_ms = NOW_MS;
        let deadline_ms = begun_ms + 30_000;
        for (now_ms, ahead_ms, left_s) in [
            (begun_ms, 0, 29),
            (begun_ms + 40, 0, 28),
            (begun_ms - 500, 0, 29),
            (begun_ms + 10_000, 10_000, 19),
            (begun_ms + 3_600_000, 3_600_000, 29),
            (begun_ms - 3_600_000, -3_600_000, 29),
            (0, -i64::try_from(NOW_MS).unwrap(), 29),
        ] {
            let clock = Clock::measured(deadline_ms, Some(LIMIT), now_ms);
            assert_eq!((clock.ahead_ms, clock.left.as_secs()), (ahead_ms, left_s), "at {now_ms}");
        }
    }

    #[test]
    fn without_the_functions_limit_the_machines_clock_is_believed() {
        for (deadline_ms, left_s) in [(NOW_MS + 30_000, 29), (NOW_MS, 0), (0, 0)] {
            let clock = Clock::measured(deadline_ms, None, NOW_MS);
            assert_eq!((clock.ahead_ms, clock.left.as_secs()), (0, left_s));
        }
    }
}
