//! A block's document.

use std::fmt;

use ipnet::Ipv4Net;
use phonehome_wire::{AccountId, Region, StackId};
use serde::{Deserialize, Serialize};

use super::text::instant;

/// A block that an account holds, or held until recently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The block.
    pub cidr: Ipv4Net,
    /// The name of the pool it is from, when it was claimed. Empty when it is from no pool: the
    /// addresses of a VPC that was there before phonehome.
    pub pool: String,
    /// Who holds it.
    pub account: AccountId,
    /// Where.
    pub region: Region,
    /// Since when; milliseconds since the Unix epoch.
    pub claimed_at_ms: u64,
    /// Whether it is held. Documents of the first version do not say: all blocks were.
    #[serde(default)]
    pub state: ClaimState,
}

/// Where in its life a block is. One that is free has no document, or one whose quarantine is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimState {
    /// The account has it.
    #[default]
    Held,
    /// The account gave it back, and nobody else gets it yet.
    Quarantined {
        /// When it was released; milliseconds since the Unix epoch.
        released_at_ms: u64,
        /// When it is free; milliseconds since the Unix epoch.
        until_ms: u64,
    },
}

impl Claim {
    /// Whether the account has the block now.
    pub fn is_held(&self) -> bool {
        self.state == ClaimState::Held
    }

    /// Whether the block is kept from other accounts at this moment (milliseconds since the Unix
    /// epoch): held, or in quarantine.
    pub fn is_in_force(&self, now_ms: u64) -> bool {
        match self.state {
            ClaimState::Held => true,
            ClaimState::Quarantined { until_ms, .. } => now_ms < until_ms,
        }
    }

    /// Whether it is from no pool: the addresses of a VPC that was there before phonehome.
    pub fn is_adopted(&self) -> bool {
        self.pool.is_empty()
    }

    /// Whether it is, or was, this account's in this Region.
    pub fn is_of(&self, account: &AccountId, region: &Region) -> bool {
        self.account == *account && self.region == *region
    }

    /// The account in the Region whose it is, or was.
    pub fn stack(&self) -> StackId {
        StackId::new(&self.account, &self.region)
    }
}

/// `10.0.0.0/18 of account 111122223333 in us-east-1`, with the quarantine's end when it is in one.
impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cidr, account, region, .. } = self;
        match self.state {
            ClaimState::Held => write!(f, "{cidr} of account {account} in {region}"),
            ClaimState::Quarantined { until_ms, .. } => write!(
                f,
                "{cidr} in quarantine until {} (it was account {account}'s in {region})",
                instant(until_ms)
            ),
        }
    }
}

/// Whether two networks have an address in common.
pub(crate) fn overlap(one: &Ipv4Net, other: &Ipv4Net) -> bool {
    one.contains(other) || other.contains(one)
}
