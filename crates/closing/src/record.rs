//! What is stored of an account that was decommissioned, and of its closing.

use phonehome_cloud::table::{Key, key};
use phonehome_fleet::Line;
use phonehome_wire::AccountId;
use serde::{Deserialize, Serialize};

/// Partition of the accounts that were decommissioned, each under its id.
pub const DECOMMISSIONED: &str = "decommissioned";

/// For how long AWS Support can bring a closed account back, in milliseconds: 90 days
/// (<https://docs.aws.amazon.com/organizations/latest/APIReference/API_CloseAccount.html>).
pub const REINSTATED_MS: u64 = 90 * 24 * 60 * 60_000;

/// How long Organizations may go on saying that an account is active which it has taken to be closed, in milliseconds.
/// Its pages name no number ("eventually consistent").
pub const SETTLED_MS: u64 = 15 * 60_000;

/// Where an account's record is stored.
#[must_use]
pub fn decommissioned_key(account: &AccountId) -> Key {
    key(DECOMMISSIONED, account.as_str())
}

/// An account whose network phonehome gave up: the proof that it looked after it. Times are in milliseconds since the
/// Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decommissioned {
    /// Its 12-digit id.
    pub account: AccountId,
    /// Its name.
    pub account_name: String,
    /// The line that it was.
    pub line: Line,
    /// When the last stack of it was given up.
    pub at_ms: u64,
    /// That it is to be closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closing: Option<Closing>,
}

/// That an account is to be closed, and how far that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// Who asked for it: the caller's ARN, as STS says it.
    pub by: String,
    /// When AWS was last asked, or was about to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at_ms: Option<u64>,
    /// When AWS took the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at_ms: Option<u64>,
    /// When the account was first seen closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at_ms: Option<u64>,
}

impl Closing {
    /// Until when AWS Support can bring the account back, as far as is known.
    #[must_use]
    pub fn reinstated_until_ms(&self) -> Option<u64> {
        self.closed_at_ms.or(self.accepted_at_ms).map(|at_ms| at_ms.saturating_add(REINSTATED_MS))
    }
}
