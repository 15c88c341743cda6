//! What Organizations says of the requests for accounts, and of the accounts.

use std::fmt;

use phonehome_fleet::Line;
use phonehome_wire::AccountId;
use serde::{Deserialize, Serialize};

use crate::failure::FailureReason;

/// The tag of an account that says for which line it was made; it is given in `CreateAccount` itself.
pub const TAG_LINE: &str = "phonehome:line";

/// The id of a request for an account, `car-` and 8 to 32 small letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(String);

impl RequestId {
    /// The id as Organizations gave it.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A request for an account, as Organizations knows it. It does not say with which e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// The name that the account was to have.
    pub account_name: String,
    /// When it was made; milliseconds since the Unix epoch.
    pub requested_at_ms: u64,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet.
    InProgress,
    /// This account.
    Succeeded(AccountId),
    /// No account.
    Failed(FailureReason),
}

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedAccount {
    /// Its 12-digit id.
    pub id: AccountId,
    /// The e-mail address of its root user, as AWS has it.
    pub email: String,
    /// Whether it can be worked in: not suspended, not being closed.
    pub active: bool,
    /// For which line it was made, as its tag [`TAG_LINE`] says; `None` without one, and where nobody looked.
    pub made_for: Option<Line>,
}

/// An account that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// The line that it is for: its tag [`TAG_LINE`].
    pub line: Line,
    /// The e-mail address of its root user. No two accounts of AWS have the same, which is why a line never
    /// gets two as long as its address stays the same.
    pub email: String,
    /// 1 to 50 characters.
    pub account_name: String,
    /// The role in it that trusts the management account; `None`: `OrganizationAccountAccessRole`.
    pub role_name: Option<String>,
    /// Further tags, by key. One that AWS does not take fails the request.
    pub tags: Vec<(String, String)>,
}
