//! Where an account is in its life.

use std::fmt;

/// Where an account is in its life, as Organizations says it.
///
/// Source: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_account_state.html>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountState {
    /// Its sign-up was never completed: nothing can be done in it.
    PendingActivation,
    /// It works.
    Active,
    /// AWS has restricted it. An endpoint that knows `Status` alone says this of a closed account as well.
    Suspended,
    /// It is being closed, which takes minutes.
    PendingClosure,
    /// It is closed, and AWS Support can bring it back for 90 days.
    Closed,
    /// Something that is not known here, or nothing at all.
    Other(String),
}

impl AccountState {
    /// From Organizations' `State`; where that is absent, from `Status`, which it supersedes and which older endpoints
    /// alone answer.
    #[must_use]
    pub fn of(state: Option<&str>, status: Option<&str>) -> Self {
        match state.or(status).unwrap_or_default() {
            "PENDING_ACTIVATION" => Self::PendingActivation,
            "ACTIVE" => Self::Active,
            "SUSPENDED" => Self::Suspended,
            "PENDING_CLOSURE" => Self::PendingClosure,
            "CLOSED" => Self::Closed,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Whether it can be worked in. What is not known cannot.
    #[must_use]
    pub fn is_active(&self) -> bool {
        *self == Self::Active
    }

    /// Whether what was asked to be closed is.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed | Self::Suspended)
    }
}

impl fmt::Display for AccountState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PendingActivation => "PENDING_ACTIVATION",
            Self::Active => "ACTIVE",
            Self::Suspended => "SUSPENDED",
            Self::PendingClosure => "PENDING_CLOSURE",
            Self::Closed => "CLOSED",
            Self::Other(other) if other.is_empty() => "in no state that Organizations says",
            Self::Other(other) => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_active_can_be_worked_in_and_what_is_not_known_is_neither_active_nor_closed() {
        for (state, status, active, closed) in [
            (Some("ACTIVE"), Some("ACTIVE"), true, false),
            (None, Some("ACTIVE"), true, false),
            // What supersedes counts.
            (Some("CLOSED"), Some("ACTIVE"), false, true),
            (Some("CLOSED"), Some("SUSPENDED"), false, true),
            (None, Some("SUSPENDED"), false, true),
            (Some("PENDING_CLOSURE"), Some("PENDING_CLOSURE"), false, false),
            (None, Some("PENDING_CLOSURE"), false, false),
            (Some("PENDING_ACTIVATION"), None, false, false),
            (Some("SOMETHING_NEW"), Some("ACTIVE"), false, false),
            (None, None, false, false),
        ] {
            let found = AccountState::of(state, status);
            assert_eq!((found.is_active(), found.is_closed()), (active, closed), "{state:?} {status:?}");
        }
    }
}
