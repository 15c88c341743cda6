//! Why the ledger was not changed.

use ipnet::Ipv4Net;
use phonehome_cloud::table::{MayConflict, TableError};

use super::attempts::ATTEMPTS_MAX;
use super::claim::Claim;
use super::exhausted::Exhausted;

/// Why the ledger was not changed.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Every pool of the environment is full.
    #[error("{0}")]
    Exhausted(Box<Exhausted>),
    /// No pool is declared.
    #[error("no address pool serves this environment in this Region")]
    NoPool,
    /// Others were always faster.
    #[error("{ATTEMPTS_MAX} attempts to change the ledger met other changes; it will be tried again")]
    Contended,
    /// Not the addresses of a VPC.
    #[error("{cidr} is not a VPC's range: {problem}")]
    NotAVpc {
        /// What was given.
        cidr: Ipv4Net,
        /// What is wrong with it.
        problem: String,
    },
    /// The account has another block already; it can have one in each Region.
    #[error(
        "account {} in {} already holds {}, so it cannot hold {cidr} too: release its block first",
        held.account, held.region, held.cidr
    )]
    AlreadyHolds {
        /// What it has.
        held: Box<Claim>,
        /// What was to be recorded.
        cidr: Ipv4Net,
    },
    /// The ledger's two views of one block differ: it was edited by hand.
    #[error(
        "ledger/holders says that account {} in {} holds {}, but ledger/{} says {}: restore the two documents from \
         a backup of the table, or correct them by hand",
        holder.account, holder.region, holder.cidr, holder.cidr,
        block.as_ref().map_or_else(|| "nothing".to_owned(), |block| block.to_string())
    )]
    Torn {
        /// What the account is said to hold.
        holder: Box<Claim>,
        /// What is known of that block.
        block: Option<Box<Claim>>,
    },
}

impl MayConflict for LedgerError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Table(error) if error.is_conflict())
    }
}
