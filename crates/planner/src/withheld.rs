//! Changes that are not made.

use phonehome_network::{Address, Ask};
use serde::Serialize;

use crate::{Action, WithheldReason};

/// A change that is not made, because the limits do not allow it or because it cannot be made now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Withheld {
    /// Which resource.
    pub address: Address,
    /// Its id, where it has one.
    pub id: String,
    /// What kind of change it would be.
    pub kind: ChangeKind,
    /// For people: what would be changed; may be empty.
    pub details: String,
    /// Why it is not made, and what would allow it.
    pub reason: WithheldReason,
    /// What would have to be accepted; empty where no permission helps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<Ask>,
    /// The call that would be made; none where something would be taken away, which takes a permit, or where
    /// no call was planned.
    #[serde(skip)]
    pub call: Option<Box<Action>>,
}

impl Withheld {
    /// For people: what would be done, `delete: no longer declared`.
    pub fn what(&self) -> String {
        match self.details.is_empty() {
            true => self.kind.verb().to_owned(),
            false => format!("{}: {}", self.kind.verb(), self.details),
        }
    }
}

/// What kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "as the variants of `Change`")]
pub enum ChangeKind {
    Create,
    Update,
    Replace,
    Delete,
    Adopt,
    Forget,
}

impl ChangeKind {
    /// For people, in the imperative.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "change",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Adopt => "adopt",
            Self::Forget => "forget",
        }
    }
}
