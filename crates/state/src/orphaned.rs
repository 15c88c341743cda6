//! Which accounts are orphaned, since when.

use std::collections::BTreeMap;

use phonehome_wire::AccountId;
use serde::{Deserialize, Serialize};

/// The accounts that are orphaned ([`phonehome_fleet::Orphan`]), as long as there are any, and what was told of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orphaned {
    /// By the account's id.
    pub accounts: BTreeMap<AccountId, OrphanedSince>,
    /// The message that says so.
    #[serde(default)]
    pub incident_id: String,
    /// When that was first sent; milliseconds since the Unix epoch.
    #[serde(default)]
    pub told_at_ms: u64,
}

/// Since when an account is orphaned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrphanedSince {
    /// When a sweep first found it so; milliseconds since the Unix epoch.
    pub since_ms: u64,
}
