use std::collections::BTreeSet;

use phonehome_wire::AccountId;
use serde::{Deserialize, Serialize};

/// Which version of the fleet file each account is to have while one is rolled out: the field `versions` of what is
/// stored of a roll-out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The version in force, which every account has whose turn has not come.
    pub base: u64,
    /// The version that is rolled out.
    pub target: u64,
    /// The accounts whose turn has come: they are to have the target. Who is taken back leaves it again.
    pub turned: BTreeSet<AccountId>,
}

impl Versions {
    /// The version that an account is to have.
    #[must_use]
    pub fn of(&self, account: &AccountId) -> u64 {
        if self.turned.contains(account) { self.target } else { self.base }
    }
}
