use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use phonehome_cloud::table::{Key, MemoryTable};

use super::*;
use crate::all;

/// A table whose every call lets all other tasks go first: as much contention as there can be.
#[derive(Clone, Default)]
struct Crowded {
    table: MemoryTable,
    calls: Arc<AtomicUsize>,
    writes: Arc<AtomicUsize>,
}

impl Crowded {
    async fn wait(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
    }
}

impl Table for Crowded {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.wait().await;
        self.table.get(key).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.wait().await;
        self.table.query(partition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.wait().await;
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.table.write(writes).await
    }
}

/// Claims of `accounts` accounts by `executors` at once; answers with how many writes were tried.
async fn claim_at_once(accounts: usize, executors: usize) -> usize {
    let (table, pool) = (Crowded::default(), pool("dev", "10.0.0.0/12", 20));
    let start = Instant::now();
    let tasks: Vec<_> = (0..executors)
        .map(|executor| {
            let (table, pool) = (table.clone(), pool.clone());
            tokio::spawn(async move {
                let mut blocks = Vec::new();
                for account in (executor..accounts).step_by(executors) {
                    blocks.push(
                        claim(&table, &[&pool], &[], &stack(&account.to_string()), 0).await.unwrap().cidr,
                    );
                }
                blocks
            })
        })
        .collect();
    let mut blocks = BTreeSet::new();
    for task in tasks {
        for block in task.await.unwrap() {
            assert!(blocks.insert(block), "{block} was given twice");
        }
    }
    let lowest: BTreeSet<Ipv4Net> = pool.cidr.subnets(20).unwrap().take(accounts).collect();
    assert_eq!(blocks, lowest, "the lowest blocks, without a gap");
    let writes = table.writes.load(Ordering::Relaxed);
    let calls = table.calls.load(Ordering::Relaxed);
    println!(
        "{accounts} accounts, {executors} executors: {writes} writes, {calls} calls, {:?}",
        start.elapsed()
    );
    writes
}

#[tokio::test]
async fn accounts_that_claim_at_the_same_moment_fill_the_pool_from_below() {
    // As many as the provisioner runs at once, and ten times that.
    for (accounts, executors) in [(200, 1), (200, 20), (200, 200)] {
        let writes = claim_at_once(accounts, executors).await;
        assert!(writes <= accounts * executors, "{writes} writes");
    }
}

#[tokio::test]
async fn blocks_of_other_sizes_claimed_at_the_same_moment_do_not_overlap() {
    let table = Crowded::default();
    let tasks: Vec<_> = (0..30u8)
        .map(|n| {
            let table = table.clone();
            tokio::spawn(async move {
                let (account, pool) = (n.to_string(), pool("dev", "10.0.0.0/12", 18 + n % 5));
                match n % 3 {
                    // All inside the block that the others want first.
                    0 => claim_existing(&table, &stack(&account), net(&format!("10.0.{n}.0/24")), 0).await,
                    _ => claim(&table, &[&pool], &[], &stack(&account), 0).await,
                }
            })
        })
        .collect();
    for task in tasks {
        let claimed = task.await.unwrap();
        assert!(claimed.is_ok(), "{claimed:?}");
    }
    let claims: Vec<Claim> =
        all(&table, Keys::LEDGER).await.unwrap().into_iter().map(|(_, claim)| claim).collect();
    assert_eq!(claims.len(), 30);
    let findings = audit(&claims, &[], &[], 0);
    let is_adopted = |finding: &Finding| matches!(finding, Finding::AdoptedOverlap { .. });
    assert!(findings.iter().all(is_adopted), "{findings:?}");
}

#[tokio::test]
async fn who_claims_while_it_is_released_has_its_block_or_none() {
    let (table, pool) = (Crowded::default(), pool("dev", "10.0.0.0/16", 18));
    let first = claim(&table, &[&pool], &[], &stack("1"), 0).await.unwrap();
    let (pools, own, others) = ([&pool], stack("1"), stack("2"));
    let releasing = release_block(&table, &own, 30, 1);
    let claiming = claim(&table, &pools, &[], &own, 1);
    let other = claim(&table, &pools, &[], &others, 1);
    let (released, claimed, other) = tokio::join!(releasing, claiming, other);
    assert_eq!(released.unwrap().unwrap().cidr, first.cidr);
    assert_eq!(claimed.unwrap().cidr, first.cidr);
    assert_ne!(other.unwrap().cidr, first.cidr);
}
