//! The ledger: which account holds which block.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use phonehome_aws::table::{Expect, Table, TableError, Write};
use phonehome_fleet::AddressPool;
use phonehome_fleet::addresses::{PoolExhausted, first_free};
use serde::{Deserialize, Serialize};

use crate::{Keys, all};

/// How often a claim is tried again when another executor takes the same block first. Each time
/// one of them gets through, so this many can claim at the same moment.
const ATTEMPTS_MAX: usize = 300;

/// A block that an account holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The block.
    pub cidr: Ipv4Net,
    /// The name of the pool it is from, when it was claimed.
    pub pool: String,
    /// Who holds it.
    pub account: String,
    /// Where.
    pub region: String,
    /// Since when; milliseconds since the Unix epoch.
    pub claimed_at_ms: u64,
}

/// Why no block was claimed.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Every pool of the environment is full.
    #[error("{0}")]
    Exhausted(PoolExhausted),
    /// No pool is declared.
    #[error("no address pool serves this environment in this Region")]
    NoPool,
    /// Others were always faster.
    #[error("{ATTEMPTS_MAX} attempts to claim a block met other claims; it will be tried again")]
    Contended,
}

/// What `account` holds in `region`, claimed now from the first of `pools` that has room if it holds
/// nothing. What it holds it keeps, also when the pool is renamed or no longer its own; and no block
/// is given that overlaps any other, of whatever pool.
///
/// # Errors
/// [`LedgerError`]; nothing is claimed then.
pub async fn claim(
    table: &impl Table,
    pools: &[&AddressPool],
    account: &str,
    region: &str,
    now_ms: u64,
) -> Result<Claim, LedgerError> {
    for _ in 0..ATTEMPTS_MAX {
        let claims: Vec<Claim> =
            all(table, Keys::LEDGER).await?.into_iter().map(|(_, claim)| claim).collect();
        let own = claims.iter().find(|claim| claim.account == account && claim.region == region);
        if let Some(own) = own {
            return Ok(own.clone());
        }
        let (pool, cidr) = free(pools, &claims)?;
        let claim = Claim {
            cidr,
            pool: pool.name.clone(),
            account: account.to_owned(),
            region: region.to_owned(),
            claimed_at_ms: now_ms,
        };
        // Two documents in one transaction: the block is taken once, and the account takes once.
        let writes = vec![
            Write::put(Keys::block(&cidr.to_string()), Expect::Absent, &claim),
            Write::put(Keys::holder(account, region), Expect::Absent, &claim),
        ];
        match table.write(writes).await {
            Ok(()) => return Ok(claim),
            Err(TableError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(LedgerError::Contended)
}

/// The lowest free block of the first pool that has one.
fn free<'p>(pools: &[&'p AddressPool], claims: &[Claim]) -> Result<(&'p AddressPool, Ipv4Net), LedgerError> {
    let held: BTreeSet<Ipv4Net> = claims.iter().map(|claim| claim.cidr).collect();
    let mut refusal = LedgerError::NoPool;
    for pool in pools {
        match first_free(pool, &held) {
            Ok(cidr) => return Ok((pool, cidr)),
            Err(full) => refusal = LedgerError::Exhausted(full),
        }
    }
    Err(refusal)
}

#[cfg(test)]
mod tests {
    use phonehome_aws::table::MemoryTable;

    use super::*;

    fn pool(name: &str, cidr: &str, block: u8) -> AddressPool {
        AddressPool { name: name.into(), region: "us-east-1".into(), cidr: cidr.parse().unwrap(), block }
    }

    #[tokio::test]
    async fn an_account_gets_the_same_block_every_time() {
        let (table, pool) = (MemoryTable::default(), pool("dev", "10.0.0.0/16", 20));
        let first = claim(&table, &[&pool], "1", "us-east-1", 7).await.unwrap();
        let again = claim(&table, &[&pool], "1", "us-east-1", 8).await.unwrap();
        assert_eq!(first, again);
    }

    #[tokio::test]
    async fn claims_at_the_same_moment_never_overlap() {
        let (table, pool) = (MemoryTable::default(), pool("dev", "10.0.0.0/16", 20));
        let accounts: Vec<String> = (0..16).map(|n| n.to_string()).collect();
        let claims = accounts.iter().map(|account| {
            let (table, pool) = (table.clone(), pool.clone());
            let account = account.clone();
            tokio::spawn(async move { claim(&table, &[&pool], &account, "us-east-1", 0).await.unwrap().cidr })
        });
        let mut blocks = BTreeSet::new();
        for claim in claims.collect::<Vec<_>>() {
            assert!(blocks.insert(claim.await.unwrap()), "a block was given twice");
        }
        assert_eq!(blocks.len(), 16);
    }

    #[tokio::test]
    async fn a_full_pool_is_relieved_by_the_next_one_and_then_says_so() {
        let table = MemoryTable::default();
        let (small, more) = (pool("small", "10.0.0.0/20", 20), pool("more", "10.1.0.0/20", 20));
        let first = claim(&table, &[&small, &more], "1", "us-east-1", 0).await.unwrap();
        let second = claim(&table, &[&small, &more], "2", "us-east-1", 0).await.unwrap();
        assert_eq!((first.pool.as_str(), second.pool.as_str()), ("small", "more"));
        let full = claim(&table, &[&small, &more], "3", "us-east-1", 0).await.unwrap_err();
        assert!(full.to_string().contains("more"), "{full}");
    }

    #[tokio::test]
    async fn a_renamed_pool_gives_no_address_twice_and_moves_nobody() {
        let table = MemoryTable::default();
        let (before, after) = (pool("old-name", "10.0.0.0/16", 20), pool("new-name", "10.0.0.0/16", 18));
        let first = claim(&table, &[&before], "1", "us-east-1", 0).await.unwrap();
        assert_eq!(claim(&table, &[&after], "1", "us-east-1", 0).await.unwrap(), first);
        let second = claim(&table, &[&after], "2", "us-east-1", 0).await.unwrap();
        assert_eq!(second.cidr.to_string(), "10.0.64.0/18");
    }

    #[tokio::test]
    async fn without_a_pool_nothing_is_claimed() {
        let refused = claim(&MemoryTable::default(), &[], "1", "us-east-1", 0).await.unwrap_err();
        assert!(matches!(refused, LedgerError::NoPool));
    }
}
