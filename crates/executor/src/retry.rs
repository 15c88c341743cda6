//! When a failed call is tried again, and when that has been tried long enough.
//!
//! Pure: how long something has waited is an argument, and the jitter comes from a seed.

use std::time::Duration;

use phonehome_cloud::Class;

/// How often a step that met something not visible yet is tried again within a run.
pub const RETRIES_MAX: u32 = 3;

/// What to do about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDecision {
    /// Try it again in this run, after another step is done. Nobody sleeps for it.
    AgainNow,
    /// Requeue the account and observe again after [`delay`].
    Later,
    /// Trying again does not help, or has not helped for too long: tell people.
    GiveUp,
}

/// What to do about a call that failed like this, after `attempts` attempts in this run (the first
/// counts).
///
/// Only what is not visible yet is tried again in the same run. A lost answer never is: the create
/// call may have worked, and a second one would make a second resource; the next observation sees what the
/// first one made. A throttled call is not either: the SDK has tried it again already where that is
/// safe, and the rest of the plan needs the tokens.
pub fn retry_decision(class: Class, attempts: u32) -> RetryDecision {
    match class {
        Class::Invalid => RetryDecision::GiveUp,
        Class::EventuallyConsistent if attempts <= RETRIES_MAX => RetryDecision::AgainNow,
        _ => RetryDecision::Later,
    }
}

/// How long an account may wait for such an error to go away before it is an error for people.
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
pub fn delay(class: Class, attempt: u32, seed: u64) -> Duration {
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

    const ALL: [Class; 8] = [
        Class::Throttled,
        Class::EventuallyConsistent,
        Class::AlreadyDone,
        Class::AccountNotReady,
        Class::Denied,
        Class::Transient,
        Class::Conflict,
        Class::Invalid,
    ];

    #[test]
    fn delays_are_scattered_by_splitmix64() {
        // Its first three numbers, as they are published.
        let numbers = [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F];
        assert_eq!([0, 1, 2].map(|attempt| scatter(0, attempt)), numbers);
    }

    #[test]
    fn only_what_is_not_visible_yet_is_tried_again_in_the_same_run_and_three_times_at_most() {
        for class in ALL {
            let verdicts = [1, 2, 3, 4, 5].map(|attempts| retry_decision(class, attempts));
            let expected = match class {
                Class::EventuallyConsistent => [
                    RetryDecision::AgainNow,
                    RetryDecision::AgainNow,
                    RetryDecision::AgainNow,
                    RetryDecision::Later,
                    RetryDecision::Later,
                ],
                Class::Invalid => [RetryDecision::GiveUp; 5],
                _ => [RetryDecision::Later; 5],
            };
            assert_eq!(verdicts, expected, "{class:?}");
        }
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
                for seed in 0..100 {
                    let delay = delay(class, attempt, seed);
                    assert!(full / 2 <= delay && delay <= full, "{class:?} {attempt} {seed}: {delay:?}");
                }
            }
        }
    }

    #[test]
    fn a_hundred_accounts_that_failed_together_come_back_apart() {
        let delays: BTreeSet<_> = (0..100).map(|seed| delay(Class::AccountNotReady, 0, seed)).collect();
        assert!(delays.len() > 90, "only {} different delays", delays.len());
        assert_eq!(delay(Class::AccountNotReady, 0, 7), delay(Class::AccountNotReady, 0, 7));
    }
}
