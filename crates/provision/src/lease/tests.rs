//! Leases under tables that are slow, and under others who write.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use phonehome_cloud::SystemClock;
use phonehome_cloud::table::{Key, MemoryTable};
use phonehome_executor::Fence as _;
use phonehome_network::Address;
use phonehome_state::ClaimState;

use super::*;
use crate::time::{COOLDOWN_MS, WORK_MS};
use phonehome_state::Ready;

/// A table whose answer to a write comes late.
struct SlowTable(MemoryTable, Duration);

impl Table for SlowTable {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.0.get(key).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.0.query(partition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.0.write(writes).await?;
        tokio::time::sleep(self.1).await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_that_answers_late_prolongs_nobodys_time_to_work() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fleet.example.yaml");
    let fleet = phonehome_fleet::parse(&std::fs::read_to_string(example).unwrap()).unwrap();
    let StackId { account, region } = &"444455556666/us-east-1".parse().unwrap();
    let member = fleet.members().into_iter().next().unwrap();
    let job = Job {
        fleet: &fleet,
        member: &member,
        account,
        region,
        authorities: None,
        limits: None,
        published: None,
    };
    let claim = Claim {
        cidr: "10.0.0.0/18".parse().unwrap(),
        pool: "nonprod".into(),
        account: account.clone(),
        region: region.clone(),
        claimed_at_ms: 0,
        state: ClaimState::Held,
    };
    let late = Duration::from_secs(40);
    let table = SlowTable(MemoryTable::default(), late);
    let provision = Provision { table, members: (), cooldown_ms: COOLDOWN_MS, clock: SystemClock };
    let leased = provision.lease(&job, &claim).await.unwrap().unwrap();
    tokio::time::advance(Duration::from_millis(WORK_MS) - late - Duration::from_millis(10)).await;
    assert_eq!(leased.work_time.check().await, Ok(()));
    tokio::time::advance(Duration::from_millis(10)).await;
    assert!(leased.work_time.check().await.is_err());
    assert!(provision.lease(&job, &claim).await.unwrap().is_none(), "it has the stack still");
}

/// A table into which somebody else writes this before the first write.
struct Contended(MemoryTable, Mutex<Option<Write>>);

impl Table for Contended {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.0.get(key).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.0.query(partition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        let first = self.1.lock().unwrap().take();
        if let Some(first) = first {
            self.0.write(vec![first]).await?;
        }
        self.0.write(writes).await
    }
}

#[tokio::test]
async fn what_others_note_at_the_same_moment_is_kept_and_decided_with() {
    let stack: StackId = "444455556666/us-east-1".parse().unwrap();
    let key = Keys::stack_notices(&stack);
    let others = Notified { ready: Some(Ready { egress: true }), ..Notified::default() };
    let first = Write::put(key.clone(), Expect::Absent, &others);
    let table = Contended(MemoryTable::default(), Mutex::new(Some(first)));
    let provision = Provision { table, members: (), cooldown_ms: COOLDOWN_MS, clock: SystemClock };
    let ids = BTreeMap::from([(Address::vpc(), "vpc-1".to_owned())]);
    let note = |notified: Option<Notified>, _: &[ApiCall]| {
        (Notified { ids: ids.clone(), ..notified.unwrap_or_default() }, vec![])
    };
    provision.write_notified(&stack, None, note).await.unwrap();
    let noted: Notified = provision.table.get(&key).await.unwrap().unwrap().read().unwrap();
    assert_eq!(noted, Notified { ids, ..others });
}
