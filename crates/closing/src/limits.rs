//! Organizations' limits on closing accounts.
//!
//! Source: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>.

use std::fmt;

use phonehome_text::agree;

use crate::api::OrganizationAccount;
use crate::record::Decommissioned;
use crate::state::AccountState;

/// How long Organizations takes to allow one more `CloseAccount`, in milliseconds: 0.05 a second, one at a time.
pub const INTERVAL_MS: u64 = 20_000;

/// How many accounts may be being closed at a time, by whomever.
pub const IN_PROGRESS_MAX: usize = 3;

/// The time in which no more than [`quota`] accounts may be closed, in milliseconds: 30 days.
const PERIOD_MS: u64 = 30 * 24 * 60 * 60_000;

/// How many accounts may be closed within 30 days in an organization of so many member accounts: a fifth of them, 250 at
/// least and 1,000 at most. Nobody can raise it.
#[must_use]
pub fn quota(members: usize) -> usize {
    (members / 5).clamp(250, 1_000)
}

/// Why AWS is not asked now: it would refuse. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// As many were closed within 30 days as may be.
    Quota {
        /// How many that is.
        quota: usize,
        /// When one more may be.
        until_ms: u64,
    },
    /// As many are being closed as may be at a time.
    InProgress {
        /// How many.
        accounts: usize,
    },
    /// Another one was just asked for.
    Pace {
        /// When the next one may be.
        until_ms: u64,
    },
}

/// Whether one more account may be asked to be closed, by what phonehome has closed, and by all accounts there are with
/// the management account. What others have closed lately nobody can look up: then AWS refuses.
///
/// # Errors
/// [`Wait`]
pub fn may_ask(
    records: &[Decommissioned],
    accounts: &[OrganizationAccount],
    now_ms: u64,
) -> Result<(), Wait> {
    let closing = accounts.iter().filter(|it| it.state == AccountState::PendingClosure).count();
    if closing >= IN_PROGRESS_MAX {
        return Err(Wait::InProgress { accounts: closing });
    }
    let closings = records.iter().filter_map(|it| it.closing.as_ref());
    let mut asked: Vec<u64> = closings.clone().filter_map(|it| it.asked_at_ms).collect();
    asked.sort_unstable();
    if let Some(until_ms) = asked.last().map(|at_ms| at_ms + INTERVAL_MS).filter(|until| *until > now_ms) {
        return Err(Wait::Pace { until_ms });
    }
    let mut taken: Vec<u64> =
        closings.filter_map(|it| it.accepted_at_ms).filter(|at_ms| at_ms + PERIOD_MS > now_ms).collect();
    taken.sort_unstable();
    let quota = quota(accounts.len().saturating_sub(1));
    match taken.len().checked_sub(quota) {
        // One more may be when so many have fallen out that one is missing.
        Some(over) => Err(Wait::Quota { quota, until_ms: taken[over] + PERIOD_MS }),
        None => Ok(()),
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quota { quota, .. } => write!(
                f,
                "{quota} accounts were closed within 30 days, which is as many as AWS allows and nobody can raise"
            ),
            Self::InProgress { accounts } => write!(
                f,
                "{} being closed, and AWS closes {IN_PROGRESS_MAX} at a time: run the same command again in some minutes",
                agree(*accounts, "account is", "accounts are")
            ),
            Self::Pace { .. } => {
                write!(f, "another account was asked to be closed within {} seconds", INTERVAL_MS / 1000)
            }
        }
    }
}
