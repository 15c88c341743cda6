//! Paths that the heartbeat still names are not read again, and others are.

use std::sync::{Arc, Mutex};

use phonehome_alerting::{Crash, Crashes, Heartbeat, PATHS_KEPT_MS};
use phonehome_cloud::MemoryQueue;
use phonehome_cloud::table::{Doc, Key};
use phonehome_wire::AccountId;

use super::*;

/// A table that notes which paths were asked for by their keys.
struct Watched {
    table: MemoryTable,
    asked: Arc<Mutex<Vec<Key>>>,
}

impl Table for Watched {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.table.get(key).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.table.query(partition).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Doc>, TableError> {
        let paths = keys.iter().filter(|key| key.partition == Keys::PATHS);
        self.asked.lock().unwrap().extend(paths.cloned());
        self.table.get_many(keys).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.table.write(writes).await
    }
}

impl Alerter<MemoryTable, MemoryQueue> {
    /// Stores what [`Alerter::heard`] does, as a collector leaves it: each heartbeat names its paths.
    async fn heard_in_pairs(&self, now_ms: u64, connections: PathStatus) {
        self.heard(now_ms, connections).await;
        for zone in ZONES {
            let key = Keys::heartbeat(&probe(zone).part(0));
            let heartbeat = self.table.get(&key).await.unwrap().unwrap().read::<Heartbeat>().unwrap();
            let paths_version =
                self.table.get(&Keys::paths(&probe(zone).part(0))).await.unwrap().unwrap().version;
            self.overwrite(Write::put, key, &Heartbeat { paths_version, ..heartbeat }).await;
        }
    }
}

/// The same alerter, on a table that is watched.
fn watched(plain: &Alerter<MemoryTable, MemoryQueue>) -> (Alerter<Watched, MemoryQueue>, impl Fn() -> usize) {
    let asked = Arc::new(Mutex::new(vec![]));
    let table = Watched { table: plain.table.clone(), asked: Arc::clone(&asked) };
    (over_table(table), move || std::mem::take(&mut *asked.lock().unwrap()).len())
}

#[tokio::test]
async fn paths_are_read_once_until_the_heartbeat_names_others() {
    let plain = alerter().await;
    plain.heard_in_pairs(START_MS, PathStatus::Up).await;
    let (alerter, read) = watched(&plain);
    alerter.run(START_MS + 1000).await.unwrap();
    assert_eq!(read(), ZONES.len());
    alerter.run(START_MS + 2000).await.unwrap();
    assert_eq!(read(), 0, "nothing has changed");
    assert_eq!(plain.pages().await, 0);
    plain.heard_in_pairs(START_MS + MINUTE_MS, PathStatus::Down).await;
    alerter.run(START_MS + MINUTE_MS + 1000).await.unwrap();
    assert_eq!(read(), ZONES.len());
    assert_eq!(plain.pages().await, 1, "what has changed is known at once");
}

#[tokio::test]
async fn paths_of_which_the_heartbeat_says_nothing_are_read_each_time() {
    let plain = alerter().await;
    plain.heard(START_MS, PathStatus::Up).await;
    let (alerter, read) = watched(&plain);
    for _ in 0..2 {
        alerter.run(START_MS + 1000).await.unwrap();
        assert_eq!(read(), ZONES.len());
    }
}

#[tokio::test]
async fn paths_that_somebody_mends_by_hand_are_read_after_a_while() {
    let plain = alerter().await;
    plain.heard_in_pairs(START_MS, PathStatus::Up).await;
    let (alerter, read) = watched(&plain);
    alerter.run(START_MS).await.unwrap();
    assert_eq!(read(), ZONES.len());
    alerter.run(START_MS + PATHS_KEPT_MS + 2).await.unwrap();
    assert_eq!(read(), ZONES.len());
}

#[tokio::test]
async fn a_heartbeat_of_a_probe_that_nobody_expects_is_no_trouble() {
    let alerter = alerter().await;
    alerter.heard_in_pairs(START_MS, PathStatus::Up).await;
    alerter
        .table
        .put_raw(phonehome_cloud::table::key(Keys::HEARTBEATS, "999999999999/us-east-1/use1-az1"), "{");
    alerter.run(START_MS + 1000).await.unwrap();
    assert!(alerter.outbox().await.is_empty());
}

#[tokio::test]
async fn what_is_stored_of_a_crash_goes_with_its_probe_alone() {
    let alerter = alerter().await;
    alerter.heard(START_MS, PathStatus::Up).await;
    let account: AccountId = SHOP_PROD.parse().unwrap();
    let place = (&REGION.parse().unwrap(), &ZONES[0].parse().unwrap());
    let crashes = Crashes::with(None, &account, place, Crash::of(START_MS, "run", "killed")).unwrap();
    alerter.overwrite(Write::put, Keys::crashes(&account), &crashes).await;
    let gathered = gather(&alerter.table, &Known::default(), START_MS, &Pace::default()).await.unwrap();
    let crashed = gathered.world.probes.iter().filter(|view| view.crash.is_some());
    assert_eq!(crashed.map(|view| view.key.clone()).collect::<Vec<_>>(), [probe(ZONES[0])]);
}
