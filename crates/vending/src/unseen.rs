//! What cannot be looked up at Organizations. While that lasts nothing is asked for: what is begun could not be followed,
//! and an account that is there could not be found.

use std::fmt;

use phonehome_cloud::{Class, CloudError};
use serde::{Deserialize, Serialize};

/// What is asked of Organizations to see what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookUp {
    /// The names of all accounts, by the role `phonehome-vendor` of the hub account.
    Names,
    /// The role in the management account, by which all others are asked.
    Role,
    /// What became of a request.
    Request,
    /// The requests that are under way or succeeded.
    Requests,
    /// The addresses of all accounts.
    Addresses,
    /// An account and its tags.
    Account,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unanswered {
    /// The role may not ask: people give it the right.
    Denied,
    /// AWS does not take the call as it is.
    Refused,
    /// It was too much, took too long, or AWS failed: it passes by itself, as a rule.
    Later,
}

/// A look-up that gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// Which.
    pub look_up: LookUp,
    /// Why.
    pub why: Unanswered,
    /// The call, `organizations:ListAccounts`: as its right is called.
    pub operation: String,
    /// What AWS said.
    pub said: String,
}

impl Unseen {
    /// A look-up that ended with this error.
    #[must_use]
    pub fn of(look_up: LookUp, error: &CloudError) -> Self {
        let why = match error.class() {
            // No account is too young here: the role is not there, or lets nobody in.
            Class::AccountNotReady | Class::Denied => Unanswered::Denied,
            Class::Invalid => Unanswered::Refused,
            _ => Unanswered::Later,
        };
        Self { look_up, why, operation: error.operation.to_owned(), said: error.cause.to_string() }
    }

    /// Whether only people can end it.
    #[must_use]
    pub fn needs_people(&self) -> bool {
        self.why != Unanswered::Later
    }

    /// Whether both are the same trouble. What AWS says of it may have ids of requests in it.
    #[must_use]
    pub(crate) fn is_the_same(&self, other: &Self) -> bool {
        (self.look_up, self.why) == (other.look_up, other.why)
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { look_up, why, operation, said } = self;
        let role = match look_up {
            LookUp::Names => "the role phonehome-vendor of the hub account",
            _ => "the vendor's role in the management account",
        };
        let lacks = match look_up {
            LookUp::Names => "whether a line's account is there is not known",
            _ => "what is under way cannot be seen",
        };
        match (why, look_up) {
            (Unanswered::Denied, _) if operation == "sts:AssumeRole" => write!(
                f,
                "{role} cannot be assumed ({said}), and {lacks}: deploy infra/management.yaml again with the hub's \
                 HubAccountId"
            ),
            (Unanswered::Denied, LookUp::Names) => write!(
                f,
                "{role} may not call {operation} ({said}), and {lacks}: deploy infra/hub.yaml again, see that the hub is a \
                 delegated administrator, and look for a service control policy"
            ),
            (Unanswered::Denied, _) => write!(
                f,
                "{role} may not call {operation} ({said}), and {lacks}: deploy infra/management.yaml again"
            ),
            (Unanswered::Refused, _) => write!(
                f,
                "AWS does not take {operation} ({said}), and {lacks}: correct what it says in the management account"
            ),
            (Unanswered::Later, _) => write!(
                f,
                "{operation} is not answered ({said}), and {lacks}: it is tried again. Look at AWS Health, and at who else \
                 calls Organizations as often"
            ),
        }
    }
}
