//! How fast accounts may be asked for: Organizations' limits, shared by the whole fleet.

use serde::{Deserialize, Serialize};

use crate::refusal::Hold;

/// How long Organizations takes to allow one more `CreateAccount`, in milliseconds: 0.1 a second
/// (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>).
pub const INTERVAL_MS: u64 = 10_000;

/// How many may be asked for at once after a while without any. Organizations allows 3; the third one is left over, so
/// that two requests that come closer together than they were sent are not refused.
pub const BURST: u64 = 2;

/// How many accounts may be made at a time, by whomever (same page).
pub const IN_PROGRESS_MAX: usize = 5;

/// For how long is waited at first when Organizations is asked too often, in milliseconds. Twice as long each time.
const THROTTLED_MS: u64 = 10_000;
/// The longest such wait.
const THROTTLED_MAX_MS: u64 = 5 * 60_000;
/// An account takes 3 to 48 seconds to be made.
const TOO_MANY_MS: u64 = 10_000;
/// What only people, or AWS within an hour, put right.
const HELD_MS: u64 = 15 * 60_000;
/// What cannot be looked up. Whoever waits for it asks again within a minute, which prolongs or ends it: what is over by
/// itself is asked for by nobody any more.
const UNSEEN_MS: u64 = 3 * 60_000;

/// How long so many accounts take at least, from the first request to the last, in milliseconds.
#[must_use]
pub fn at_least_ms(accounts: usize) -> u64 {
    (accounts as u64).saturating_sub(BURST) * INTERVAL_MS
}

/// When the next account may be asked for. Stored once for the whole fleet, and changed with each account that is asked
/// for, so that two who ask at the same moment take turns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// When the bucket is full again; milliseconds since the Unix epoch.
    #[serde(default)]
    pub full_at_ms: u64,
    /// Why nothing is asked for, where something was refused since the last request that was taken.
    #[serde(default)]
    pub held: Option<Held>,
}

/// That nothing is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Why.
    pub hold: Hold,
    /// Since when; milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// Until when; milliseconds since the Unix epoch.
    pub until_ms: u64,
    /// How often something was refused since then.
    pub times: u32,
}

impl Held {
    /// Whether it is so at this time. What Organizations refused is so until it takes a request.
    #[must_use]
    pub fn lasts(&self, now_ms: u64) -> bool {
        now_ms < self.until_ms || !matches!(self.hold, Hold::Unseen(_))
    }

    /// When half of a look-up's time is over.
    pub(crate) fn halfway_ms(&self) -> u64 {
        self.until_ms.saturating_sub(UNSEEN_MS / 2)
    }
}

impl Pace {
    /// From when on the next account may be asked for; milliseconds since the Unix epoch.
    #[must_use]
    pub fn next_ms(&self) -> u64 {
        let bucket = self.full_at_ms.saturating_sub((BURST - 1) * INTERVAL_MS);
        bucket.max(self.held.as_ref().map_or(0, |held| held.until_ms))
    }

    /// After an account is asked for.
    #[must_use]
    pub fn asked(&self, now_ms: u64) -> Self {
        Self { full_at_ms: self.full_at_ms.max(now_ms) + INTERVAL_MS, ..self.clone() }
    }

    /// After a request was taken.
    #[must_use]
    pub fn taken(&self) -> Self {
        Self { held: None, ..self.clone() }
    }

    /// After one was refused, for this reason.
    #[must_use]
    pub fn refused(&self, hold: Hold, now_ms: u64) -> Self {
        let before = self.held.as_ref();
        let times = before.map_or(0, |held| held.times).saturating_add(1);
        let wait_ms = match hold {
            Hold::Throttled => (THROTTLED_MS << (times - 1).min(10)).min(THROTTLED_MAX_MS),
            Hold::TooManyInProgress => TOO_MANY_MS,
            Hold::Finalizing | Hold::NumberLimit | Hold::Denied(_) | Hold::Constraint(_) => HELD_MS,
            Hold::Unseen(_) => UNSEEN_MS,
        };
        let until_ms = now_ms + wait_ms;
        let held = match before.filter(|held| held.lasts(now_ms) && held.hold.is_the_same(&hold)) {
            Some(held) => Held { until_ms, times, ..held.clone() },
            None => Held { hold, since_ms: now_ms, until_ms, times },
        };
        Self { held: Some(held), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Organizations' own bucket: 3 at most, one more every 10 seconds.
        #[test]
        fn whatever_is_sent_by_it_and_comes_up_to_nine_seconds_later_organizations_takes(
            waits in prop::collection::vec((0u64..40_000, 0u64..9_000), 1..60)
        ) {
            let (mut pace, mut now_ms) = (Pace::default(), 1_000_000);
            let mut arrivals = Vec::new();
            for (wait_ms, way_ms) in waits {
                now_ms = (now_ms + wait_ms).max(pace.next_ms());
                pace = pace.asked(now_ms);
                arrivals.push(now_ms + way_ms);
            }
            arrivals.sort_unstable();
            let (mut level, mut before_ms) = (30_000, arrivals[0]);
            for at_ms in arrivals {
                level = (level + at_ms - before_ms).min(30_000);
                before_ms = at_ms;
                prop_assert!(level >= 10_000, "refused at {at_ms}");
                level -= 10_000;
            }
        }
    }

    #[test]
    fn after_a_while_two_at_once_and_then_one_every_ten_seconds() {
        let mut pace = Pace::default();
        let mut sent = Vec::new();
        for _ in 0..4 {
            let at_ms = pace.next_ms().max(50_000);
            sent.push(at_ms);
            pace = pace.asked(at_ms);
        }
        assert_eq!(sent, [50_000, 50_000, 60_000, 70_000]);
        let lasts = |accounts| sent.get(accounts - 1).map(|last| last - sent[0]);
        for accounts in 1..=4 {
            assert_eq!(Some(at_least_ms(accounts)), lasts(accounts), "{accounts}");
        }
    }

    #[test]
    fn who_is_refused_waits_longer_each_time_and_not_for_ever() {
        let mut pace = Pace::default();
        let mut waits = Vec::new();
        for _ in 0..8 {
            pace = pace.refused(Hold::Throttled, 0);
            waits.push(pace.next_ms() / 1000);
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(pace.taken().held, None);
        let finalizing = Pace::default().refused(Hold::Finalizing, 0).refused(Hold::Finalizing, 900_000);
        let held = finalizing.held.unwrap();
        assert_eq!((held.since_ms, held.until_ms, held.times), (0, 1_800_000, 2));
        let denied = Pace { held: Some(held), ..pace }.refused(Hold::NumberLimit, 1_800_000).held.unwrap();
        assert_eq!((denied.since_ms, denied.times), (1_800_000, 3), "another reason begins anew");
    }
}
