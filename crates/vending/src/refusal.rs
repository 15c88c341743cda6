//! What Organizations answers to `CreateAccount` where it makes no request of it.

use std::fmt;

use phonehome_cloud::{Class, CloudError};
use serde::{Deserialize, Serialize};

use crate::unseen::Unseen;

/// Why `CreateAccount` gave no request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAsked {
    /// Nothing was begun, and nothing will be for any line for a while.
    Held(Hold),
    /// Nothing was begun, for something is wrong with this account's request: AWS's message.
    Refused(String),
    /// Nobody knows whether something was begun.
    Unclear(CloudError),
}

/// Why no account is asked for, for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// It was asked too often, or something else changes the organization at the same moment.
    Throttled,
    /// As many accounts are being made as may be at a time, by whomever.
    TooManyInProgress,
    /// The organization was just made, and AWS still sets it up: up to an hour.
    Finalizing,
    /// The organization has as many accounts as it may have.
    NumberLimit,
    /// The role may not make accounts: AWS's message.
    Denied(String),
    /// The management account lacks something: AWS's message.
    Constraint(String),
    /// Something cannot be looked up.
    Unseen(Unseen),
}

impl Hold {
    /// Whether both are the same trouble.
    pub(crate) fn is_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unseen(one), Self::Unseen(other)) => one.is_the_same(other),
            _ => self == other,
        }
    }

    /// Whether only people can end it.
    #[must_use]
    pub fn needs_people(&self) -> bool {
        match self {
            Self::NumberLimit | Self::Denied(_) | Self::Constraint(_) => true,
            Self::Unseen(unseen) => unseen.needs_people(),
            Self::Throttled | Self::TooManyInProgress | Self::Finalizing => false,
        }
    }
}

impl NotAsked {
    /// What an error of `CreateAccount` means. `reason` is the field of that name that
    /// `ConstraintViolationException` and `InvalidInputException` have.
    ///
    /// The codes and reasons are those of
    /// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html>.
    #[must_use]
    pub fn of(error: CloudError, reason: Option<&str>) -> Self {
        let said = error.cause.to_string();
        match (error.code(), reason) {
            (Some("ConstraintViolationException"), Some("ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED")) => {
                Self::Held(Hold::TooManyInProgress)
            }
            (Some("ConstraintViolationException"), Some("ACCOUNT_NUMBER_LIMIT_EXCEEDED")) => {
                Self::Held(Hold::NumberLimit)
            }
            (Some("ConstraintViolationException" | "AWSOrganizationsNotInUseException"), _) => {
                Self::Held(Hold::Constraint(said))
            }
            (Some("FinalizingOrganizationException"), _) => Self::Held(Hold::Finalizing),
            (Some("ConcurrentModificationException" | "TooManyRequestsException"), _) => {
                Self::Held(Hold::Throttled)
            }
            (Some("UnsupportedAPIEndpointException"), _) => Self::Held(Hold::Constraint(said)),
            _ => match error.class() {
                Class::Throttled => Self::Held(Hold::Throttled),
                Class::Denied => Self::Held(Hold::Denied(said)),
                Class::Invalid => Self::Refused(said),
                _ => Self::Unclear(error),
            },
        }
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Throttled => f.write_str("Organizations is asked too often"),
            Self::TooManyInProgress => f.write_str("as many accounts are being made as may be at a time"),
            Self::Finalizing => f.write_str(
                "AWS still sets the organization up, which takes an hour at most; then ask AWS Support",
            ),
            Self::NumberLimit => f.write_str(
                "the organization has as many accounts as it may have: ask AWS for more (Service Quotas, AWS \
                 Organizations, \"Default maximum number of accounts\"); closed ones count for 90 days",
            ),
            Self::Denied(said) => write!(
                f,
                "the role may not make accounts ({said}): deploy infra/management.yaml again, and look for a service \
                 control policy"
            ),
            Self::Constraint(said) => {
                write!(f, "the management account cannot make accounts as it is ({said})")
            }
            Self::Unseen(unseen) => unseen.fmt(f),
        }
    }
}
