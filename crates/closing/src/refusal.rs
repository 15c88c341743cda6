//! What Organizations' refusals to close an account mean.

use std::fmt;

use phonehome_cloud::{Class, CloudError};

/// Why an account is not being closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotClosed {
    /// As many were closed within 30 days as may be.
    Quota,
    /// As many are being closed as may be at a time.
    TooManyInProgress,
    /// Organizations is asked too often.
    Throttled,
    /// Something else changes the account at the same moment.
    Concurrent,
    /// It is closed already.
    AlreadyClosed,
    /// There is no such account in the organization.
    NotFound,
    /// The role may not close it: AWS's message.
    Denied(String),
    /// Something of the account itself is in the way: AWS's message.
    Conflict(String),
    /// A rule of the organization is in the way: AWS's reason and message.
    Constraint(String),
    /// The request is wrong: AWS's code and message.
    Refused(String),
    /// Nobody knows whether it was begun.
    Unclear(CloudError),
}

impl NotClosed {
    /// What an error of `CloseAccount` means. `reason` is the field of that name that `ConstraintViolationException` and
    /// `InvalidInputException` have.
    ///
    /// The codes and reasons are those of
    /// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_CloseAccount.html>.
    #[must_use]
    pub fn of(error: CloudError, reason: Option<&str>) -> Self {
        let said = error.cause.to_string();
        match (error.code(), reason) {
            (Some("ConstraintViolationException"), Some("CLOSE_ACCOUNT_QUOTA_EXCEEDED")) => Self::Quota,
            (Some("ConstraintViolationException"), Some("CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED")) => {
                Self::TooManyInProgress
            }
            (Some("ConstraintViolationException"), reason) => {
                Self::Constraint(reason.map_or(said.clone(), |reason| format!("{reason}, {said}")))
            }
            (Some("AccountAlreadyClosedException"), _) => Self::AlreadyClosed,
            (Some("AccountNotFoundException"), _) => Self::NotFound,
            (Some("ConcurrentModificationException"), _) => Self::Concurrent,
            (Some("ConflictException"), _) => Self::Conflict(said),
            (Some("TooManyRequestsException"), _) => Self::Throttled,
            _ => match error.class() {
                Class::Throttled => Self::Throttled,
                Class::Denied | Class::AccountNotReady => Self::Denied(said),
                Class::Invalid => Self::Refused(said),
                _ => Self::Unclear(error),
            },
        }
    }
}

impl fmt::Display for NotClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quota => f.write_str(
                "as many accounts were closed within 30 days as AWS allows, the larger of 250 and a fifth of them, 1,000 \
                 at most: nobody can raise it. Run the same command again when the oldest of these is 30 days old",
            ),
            Self::TooManyInProgress => f.write_str(
                "AWS closes as many accounts at a time as it does (3): run the same command again in some minutes",
            ),
            Self::Throttled => f.write_str(
                "Organizations closes one account every 20 seconds: run the same command again in a minute",
            ),
            Self::Concurrent => f.write_str(
                "something else changes the account at the same moment: run the same command again in a minute",
            ),
            Self::AlreadyClosed => f.write_str("it is closed already"),
            Self::NotFound => f.write_str("the organization has no such account (any more): there is nothing to close"),
            Self::Denied(said) => write!(
                f,
                "the role phonehome-account-closer may not close it ({said}): is it of the accounts that \
                 infra/management.yaml never closes (KeptAccountIds)? Otherwise deploy that template again, and look for \
                 a service control policy"
            ),
            Self::Conflict(said) => write!(
                f,
                "something of the account is in the way ({said}): put it right, signed in to the management account, and \
                 run the same command again"
            ),
            Self::Constraint(said) => write!(
                f,
                "a rule of the organization is in the way ({said}): is it a delegated administrator, or are not all \
                 features of the organization enabled? Put that right, and run the same command again"
            ),
            Self::Refused(said) => write!(f, "Organizations does not take the request ({said})"),
            Self::Unclear(error) => write!(
                f,
                "nobody knows whether it is being closed ({error}): run the same command again, which looks first"
            ),
        }
    }
}
