//! What is stored of an account's set-up at an observability vendor.

use phonehome_cloud::table::{Key, key};
use phonehome_observability::{Setup, VendorAccountId};
use phonehome_wire::{AccountId, Region, StackId};
use serde::{Deserialize, Serialize};

use crate::record::Told;

/// Partition of the set-ups, each under its AWS account.
pub const OBSERVABILITY: &str = "observability";
/// Partition of the accounts at the vendor that are bound, each under its id.
pub const OBSERVABILITY_BOUND: &str = "observability/bound";

/// Where an AWS account's set-up is stored.
#[must_use]
pub fn observability_key(account: &AccountId) -> Key {
    key(OBSERVABILITY, account.to_string())
}

/// Where it is stored whose an account at the vendor is.
#[must_use]
pub fn bound_key(id: VendorAccountId) -> Key {
    key(OBSERVABILITY_BOUND, id.to_string())
}

/// An AWS account's set-up at the vendor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservabilityRecord {
    /// The AWS account.
    pub account: AccountId,
    /// The Region of the pack that declared it when it was last looked at: its messages name that.
    pub region: Region,
    /// What is known of it.
    #[serde(default)]
    pub setup: Setup,
    /// The message that says what is wrong, until nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
}

/// Whose an account at the vendor is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The AWS account.
    pub account: AccountId,
}

impl ObservabilityRecord {
    /// Of an account that nobody has looked at, by the stack of its pack.
    #[must_use]
    pub fn new(stack: &StackId) -> Self {
        let (account, region) = (stack.account.clone(), stack.region.clone());
        Self { account, region, setup: Setup::default(), told: None }
    }

    /// The stack of the pack that declared it when it was last looked at.
    #[must_use]
    pub fn stack(&self) -> StackId {
        StackId::new(&self.account, &self.region)
    }
}
