//! Whether a failed call is tried again within the run that it failed in.

use phonehome_cloud::Class;

/// How often a step that met something not visible yet is tried again within a run.
const RETRIES_MAX: u32 = 3;

/// What to do about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryDecision {
    /// Try it again in this run, after another step is done. Nobody sleeps for it.
    AgainNow,
    /// Leave it to the next observation of the account.
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
pub(crate) fn retry_decision(class: Class, attempts: u32) -> RetryDecision {
    match class {
        Class::Invalid => RetryDecision::GiveUp,
        Class::EventuallyConsistent if attempts <= RETRIES_MAX => RetryDecision::AgainNow,
        _ => RetryDecision::Later,
    }
}

#[cfg(test)]
mod tests {
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
}
