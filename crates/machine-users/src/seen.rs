//! What is seen of a machine user.

use std::collections::BTreeSet;

use crate::key::KeyId;

/// An access key as IAM shows it. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its id.
    pub id: KeyId,
    /// When it was made.
    pub created_at_ms: u64,
    /// Whether AWS accepts it.
    pub is_active: bool,
    /// When it was last used, where it ever was. AWS says so within hours.
    pub used_at_ms: Option<u64>,
}

/// The versions of a secret that have a label.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions {
    /// `AWSCURRENT`; `None` where nothing was ever stored.
    pub current: Option<String>,
    /// All others, of which `AWSPREVIOUS` is one.
    pub others: BTreeSet<String>,
}

/// What was seen, all of it in one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The user's access keys: IAM allows two.
    pub keys: Vec<Key>,
    /// What its secret holds.
    pub versions: Versions,
}
