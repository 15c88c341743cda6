//! The ledger: which account holds which block.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use phonehome_aws::table::{Expect, Table, TableError, Write, key};
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

/// The block that `account` holds in `region`, claimed now if it holds none. Answers with the pool
/// it is from.
///
/// # Errors
/// [`LedgerError`]; nothing is claimed then.
pub async fn claim<'p>(
    table: &impl Table,
    pools: &[&'p AddressPool],
    account: &str,
    region: &str,
    now_ms: u64,
) -> Result<(&'p AddressPool, Ipv4Net), LedgerError> {
    for _ in 0..ATTEMPTS_MAX {
        let Some(free) = look(table, pools, account, region).await? else {
            return Err(LedgerError::NoPool);
        };
        let (pool, cidr) = match free {
            Look::Held(pool, cidr) => return Ok((pool, cidr)),
            Look::Free(pool, cidr) => (pool, cidr),
            Look::Full(full) => return Err(LedgerError::Exhausted(full)),
        };
        let claim =
            Claim { cidr, account: account.to_owned(), region: region.to_owned(), claimed_at_ms: now_ms };
        // Two documents in one transaction: the block is taken once, and the account takes once.
        let writes = vec![
            Write::put(key(Keys::ledger(&pool.name), cidr.to_string()), Expect::Absent, &claim),
            Write::put(key("ledger-accounts", format!("{account}/{region}")), Expect::Absent, &claim),
        ];
        match table.write(writes).await {
            Ok(()) => return Ok((pool, cidr)),
            Err(TableError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(LedgerError::Contended)
}

enum Look<'p> {
    Held(&'p AddressPool, Ipv4Net),
    Free(&'p AddressPool, Ipv4Net),
    Full(PoolExhausted),
}

async fn look<'p>(
    table: &impl Table,
    pools: &[&'p AddressPool],
    account: &str,
    region: &str,
) -> Result<Option<Look<'p>>, TableError> {
    let mut answer = None;
    for pool in pools {
        let claims: Vec<Claim> =
            all(table, &Keys::ledger(&pool.name)).await?.into_iter().map(|(_, claim)| claim).collect();
        if let Some(held) = claims.iter().find(|claim| claim.account == account && claim.region == region) {
            return Ok(Some(Look::Held(pool, held.cidr)));
        }
        if matches!(answer, Some(Look::Free(..))) {
            continue;
        }
        let held: BTreeSet<Ipv4Net> = claims.iter().map(|claim| claim.cidr).collect();
        answer = Some(match first_free(pool, &held) {
            Ok(cidr) => Look::Free(pool, cidr),
            Err(full) => Look::Full(full),
        });
    }
    Ok(answer)
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
            tokio::spawn(async move { claim(&table, &[&pool], &account, "us-east-1", 0).await.unwrap().1 })
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
        assert_eq!((first.0.name.as_str(), second.0.name.as_str()), ("small", "more"));
        let full = claim(&table, &[&small, &more], "3", "us-east-1", 0).await.unwrap_err();
        assert!(full.to_string().contains("more"), "{full}");
    }
}
