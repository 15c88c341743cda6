//! When an account that is not ready is observed again, and when that has lasted long enough.
//!
//! Pure: what time it is and how long it has lasted are arguments, and the jitter comes from the account.

use std::time::Duration;

use phonehome_cloud::Class;
use phonehome_wire::AccountId;

/// For how long an account is observed again in all: 2 hours. What needs longer goes round in circles,
/// such as a resource that AWS refuses after having accepted it.
const IN_ALL: Duration = Duration::from_secs(2 * 60 * 60);

/// How long an account has been waited for so far. All zero, which is the default, when this begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waited {
    /// How often it was requeued since something was last done in it.
    pub attempt: u32,
    /// When it was requeued for the first time since something was last done in it; milliseconds since
    /// the Unix epoch.
    pub since_ms: u64,
    /// When it was requeued for the very first time; milliseconds since the Unix epoch.
    pub first_ms: u64,
}

/// What becomes of an account that is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requeue {
    /// It is observed again.
    After {
        /// How long it has been waited for by then.
        waited: Waited,
        /// In how long, where nobody has scaled it down.
        delay: Duration,
    },
    /// It has lasted too long: an error for people.
    GiveUp {
        /// Longer than this.
        patience: Duration,
    },
}

impl Waited {
    /// What comes after an observation that ended at `now_ms` with waiting for a thing of this class.
    ///
    /// Whatever was done in the account (`advanced`) makes it start to wait anew: a role that came late
    /// must not use up the patience with what is made after it. A stack that is given up (`decommission`)
    /// is waited for as long as anything is: Lambda takes up to an hour to take away the network
    /// interfaces of a probe.
    #[must_use]
    pub fn requeue(
        self,
        account: &AccountId,
        class: Class,
        now_ms: u64,
        (advanced, decommission): (bool, bool),
    ) -> Requeue {
        let or_now = |at_ms: u64| if at_ms == 0 { now_ms } else { at_ms };
        let first_ms = or_now(if self.first_ms == 0 { self.since_ms } else { self.first_ms });
        let (since_ms, attempt) = if advanced { (now_ms, 0) } else { (or_now(self.since_ms), self.attempt) };
        let lasted = |since_ms: u64| Duration::from_millis(now_ms.saturating_sub(since_ms));
        let usual = if decommission { IN_ALL } else { patience(class) };
        let bounds = [(since_ms, usual), (first_ms, IN_ALL)];
        match bounds.into_iter().find(|(since_ms, patience)| lasted(*since_ms) >= *patience) {
            Some((_, patience)) => Requeue::GiveUp { patience },
            None => Requeue::After {
                waited: Self { attempt: attempt.saturating_add(1), since_ms, first_ms },
                delay: delay(class, attempt, account),
            },
        }
    }
}

/// How long an account may wait for such an error to go away before it is an error for people.
#[must_use]
pub fn patience(class: Class) -> Duration {
    const MINUTE: u64 = 60;
    let minutes = match class {
        // AWS may need 15 minutes for a new account, and a StackSet instance with the role comes after.
        Class::AccountNotReady | Class::Denied => 45,
        // EC2's eventual consistency takes seconds to minutes; a NAT gateway goes within minutes.
        Class::EventuallyConsistent | Class::AlreadyDone => 15,
        // Others in the account use up its calls; a large rollout takes a while.
        Class::Throttled => 60,
        // Longer than most short outages.
        Class::Transient | Class::Conflict => 30,
        Class::Invalid => 0,
    };
    Duration::from_secs(minutes * MINUTE)
}

/// How long to wait before the next observation, after `attempt` observations that ended like this (0 after the
/// first): it doubles up to a bound, and is drawn from the upper half of that, so that a hundred
/// accounts that failed together do not come back together. The same arguments give the same delay.
///
/// | class | first | longest | why |
/// |---|---|---|---|
/// | `Throttled` | 10 s | 5 min | a bucket of mutating calls refills within 10 s |
/// | `EventuallyConsistent`, `AlreadyDone` | 5 s | 1 min | things become visible within seconds |
/// | `AccountNotReady`, `Denied` | 30 s | 3 min | accounts and roles take minutes |
/// | `Transient` | 5 s | 2 min | a service that is down is left alone |
/// | `Conflict` | 2 s | 30 s | someone else wrote; they are done by then |
/// | `Invalid` | 15 min | 15 min | not tried again on purpose; SQS's longest delay for who does |
#[must_use]
pub fn delay(class: Class, attempt: u32, account: &AccountId) -> Duration {
    let (first_ms, longest_ms): (u64, u64) = match class {
        Class::Throttled => (10_000, 300_000),
        Class::EventuallyConsistent | Class::AlreadyDone => (5_000, 60_000),
        Class::AccountNotReady | Class::Denied => (30_000, 180_000),
        Class::Transient => (5_000, 120_000),
        Class::Conflict => (2_000, 30_000),
        Class::Invalid => (900_000, 900_000),
    };
    let full_ms = first_ms.saturating_mul(1_u64.checked_shl(attempt).unwrap_or(u64::MAX)).min(longest_ms);
    let half_ms = full_ms / 2;
    // An account's id is twelve digits.
    let seed = account.as_str().parse().unwrap_or_default();
    Duration::from_millis(full_ms - scatter(seed, attempt) % (half_ms + 1))
}

/// The finaliser of SplitMix64: neighbouring seeds give unrelated numbers.
fn scatter(seed: u64, attempt: u32) -> u64 {
    let mut mixed = seed.wrapping_add((u64::from(attempt) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const MINUTE_MS: u64 = 60_000;
    /// A moment on whichever day.
    const NOW_MS: u64 = 1_700_000_000_000;

    fn account(number: u64) -> AccountId {
        format!("{:012}", 100_000_000_000 + number).parse().unwrap()
    }

    #[test]
    fn delays_are_scattered_by_splitmix64() {
        // Its first three numbers, as they are published.
        let numbers = [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F];
        assert_eq!([0, 1, 2].map(|attempt| scatter(0, attempt)), numbers);
    }

    #[test]
    fn each_class_has_its_patience() {
        for (class, minutes) in [
            (Class::AccountNotReady, 45),
            (Class::Denied, 45),
            (Class::EventuallyConsistent, 15),
            (Class::AlreadyDone, 15),
            (Class::Throttled, 60),
            (Class::Transient, 30),
            (Class::Conflict, 30),
            (Class::Invalid, 0),
        ] {
            assert_eq!(patience(class), Duration::from_secs(minutes * 60), "{class:?}");
        }
    }

    #[test]
    fn delays_double_up_to_their_bound_and_never_fall_below_half() {
        for (class, first_s, longest_s) in [
            (Class::Throttled, 10, 300),
            (Class::EventuallyConsistent, 5, 60),
            (Class::AccountNotReady, 30, 180),
            (Class::Denied, 30, 180),
            (Class::Transient, 5, 120),
            (Class::Conflict, 2, 30),
            (Class::Invalid, 900, 900),
        ] {
            for attempt in [0, 1, 2, 3, 10, 63, 64, u32::MAX] {
                let full = Duration::from_secs(
                    2_u64
                        .checked_pow(attempt)
                        .map_or(longest_s, |n| first_s.min(longest_s).saturating_mul(n)),
                );
                let full = full.min(Duration::from_secs(longest_s));
                for number in 0..100 {
                    let delay = delay(class, attempt, &account(number));
                    assert!(full / 2 <= delay && delay <= full, "{class:?} {attempt} {number}: {delay:?}");
                }
            }
        }
    }

    #[test]
    fn a_hundred_accounts_that_failed_together_come_back_apart() {
        let first = |number: u64| delay(Class::AccountNotReady, 0, &account(number));
        let delays: BTreeSet<_> = (0..100).map(first).collect();
        assert!(delays.len() > 90, "only {} different delays", delays.len());
        assert_eq!(first(7), first(7));
    }

    #[test]
    fn an_account_is_waited_for_from_the_first_time_that_it_was_not_ready() {
        let class = Class::AccountNotReady;
        let asked = |waited: Waited, now_ms| waited.requeue(&account(1), class, now_ms, (false, false));
        let Requeue::After { waited, delay: first } = asked(Waited::default(), NOW_MS) else { panic!() };
        assert_eq!(waited, Waited { attempt: 1, since_ms: NOW_MS, first_ms: NOW_MS });
        assert_eq!(first, delay(class, 0, &account(1)));
        let Requeue::After { waited, delay: second } = asked(waited, NOW_MS + 20_000) else { panic!() };
        assert_eq!(waited, Waited { attempt: 2, since_ms: NOW_MS, first_ms: NOW_MS });
        assert_eq!(second, delay(class, 1, &account(1)));
        let last_ms = NOW_MS + 45 * MINUTE_MS;
        assert!(matches!(asked(waited, last_ms - 1), Requeue::After { .. }));
        assert_eq!(asked(waited, last_ms), Requeue::GiveUp { patience: Duration::from_secs(45 * 60) });
    }

    #[test]
    fn what_was_done_begins_the_wait_anew_and_not_for_more_than_two_hours_in_all() {
        let class = Class::EventuallyConsistent;
        let asked =
            |waited: Waited, now_ms, advanced| waited.requeue(&account(1), class, now_ms, (advanced, false));
        let waited = Waited { attempt: 9, since_ms: NOW_MS, first_ms: NOW_MS };
        let later_ms = NOW_MS + 100 * MINUTE_MS;
        assert_eq!(asked(waited, later_ms, false), Requeue::GiveUp { patience: patience(class) });
        let Requeue::After { waited, delay: next } = asked(waited, later_ms, true) else { panic!() };
        assert_eq!(waited, Waited { attempt: 1, since_ms: later_ms, first_ms: NOW_MS });
        assert_eq!(next, delay(class, 0, &account(1)));
        let end_ms = NOW_MS + 120 * MINUTE_MS;
        assert!(matches!(asked(waited, end_ms - 1, true), Requeue::After { .. }));
        assert_eq!(asked(waited, end_ms, true), Requeue::GiveUp { patience: IN_ALL });
    }

    #[test]
    fn a_message_of_a_version_that_did_not_count_in_all_counts_from_what_it_says() {
        let waited = Waited { attempt: 3, since_ms: NOW_MS, first_ms: 0 };
        let next = waited.requeue(&account(1), Class::Throttled, NOW_MS + MINUTE_MS, (true, false));
        assert!(
            matches!(next, Requeue::After { waited, .. } if waited.first_ms == NOW_MS && waited.attempt == 1),
            "{next:?}"
        );
    }

    #[test]
    fn a_stack_that_is_given_up_is_waited_for_as_long_as_anything() {
        let waited = Waited { attempt: 3, since_ms: NOW_MS, first_ms: NOW_MS };
        let asked = |minutes| {
            let now_ms = NOW_MS + minutes * MINUTE_MS;
            waited.requeue(&account(1), Class::EventuallyConsistent, now_ms, (false, true))
        };
        assert!(matches!(asked(119), Requeue::After { .. }));
        assert_eq!(asked(120), Requeue::GiveUp { patience: IN_ALL });
    }
}
