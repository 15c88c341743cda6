use std::sync::atomic::{AtomicUsize, Ordering};

use phonehome_alerting::Checks;
use phonehome_cloud::table::{MemoryTable, Write, key};
use phonehome_fleet::Parts;
use serde_json::json;

use super::*;

const NOW_MS: u64 = 1_778_833_634_000;

/// The probes of so many accounts, two of each, in the order of their keys.
fn watched(accounts: usize) -> Vec<Watched> {
    let watched = |number: usize| {
        let account = format!("{:012}", number / 2);
        let view = json!({
            "key": {"account": account, "region": "us-east-1", "availability_zone": format!("use1-az{}", number % 2)},
            "account_name": account, "expected_since_ms": 1, "checks": Checks::default(),
            "route": {"slack_channel": "#net"},
        });
        let view = serde_json::from_value(view).unwrap();
        Watched { view, parts: Parts::of(&[]), declared: 0, since_ms: BTreeMap::new() }
    };
    (0..2 * accounts).map(watched).collect()
}

/// Stores that a probe was just heard of, with paths of this version.
fn heard(table: &MemoryTable, watched: &Watched, paths_version: u64) {
    heard_at(table, watched, paths_version, NOW_MS);
}

fn heard_at(table: &MemoryTable, watched: &Watched, paths_version: u64, at_ms: u64) {
    let part = watched.view.key.part(0);
    table.put_raw(
        Keys::heartbeat(&part),
        &json!({
            "key": watched.view.key, "last_started_at_ms": at_ms, "last_received_at_ms": at_ms,
            "run_id": "x", "paths_version": paths_version,
        })
        .to_string(),
    );
}

/// A table that counts how often it is asked for documents by their keys, and how many are in each part of a partition.
#[derive(Default)]
struct Counted {
    table: MemoryTable,
    batches: AtomicUsize,
    parts: Mutex<Vec<usize>>,
}

impl Table for Counted {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.table.get(key).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.table.query(partition).await
    }

    async fn query_between(
        &self,
        partition: &str,
        keys: SortKeys<'_>,
        mut take: impl FnMut(Vec<Doc>) + Send,
    ) -> Result<(), TableError> {
        let mut count = 0;
        let counted = |docs: Vec<Doc>| {
            count += docs.len();
            take(docs);
        };
        self.table.query_between(partition, keys, counted).await?;
        self.parts.lock().unwrap().push(count);
        Ok(())
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Doc>, TableError> {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.table.get_many(keys).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.table.write(writes).await
    }
}

/// Reads what is stored; how often paths were asked for, and how many heartbeats were in each part of them.
async fn read(table: &Counted, known: &Known, watched: &mut [Watched]) -> (usize, Vec<usize>) {
    let (overdue_after_ms, missing_after_ms) = (180_000, 75_000);
    let mut unread = vec![];
    let mut probes =
        Probes { table, known, now_ms: NOW_MS, overdue_after_ms, missing_after_ms, unread: &mut unread };
    probes.read(watched, &[]).await.unwrap();
    assert_eq!(unread, []);
    (table.batches.swap(0, Ordering::Relaxed), std::mem::take(&mut *table.parts.lock().unwrap()))
}

#[tokio::test]
async fn heartbeats_are_read_in_parts_side_by_side_and_each_comes_to_its_probe() {
    // Less than two pages are one part.
    for (accounts, parts) in [(0, 1), (2_499, 1), (2_500, 2), (6_000, 4)] {
        let table = Counted::default();
        let mut watched = watched(accounts);
        for it in &watched {
            heard(&table.table, it, 0);
        }
        // Of somebody who sorts before all of them, and behind.
        for sort in ["0", "~"] {
            table.table.put_raw(key(Keys::HEARTBEATS, sort), "{");
        }
        let (_, read) = read(&table, &Known::default(), &mut watched).await;
        assert_eq!((read.len(), read.iter().sum()), (parts, watched.len() + 2), "each once: {read:?}");
        let share = watched.len() / parts;
        assert!(read.iter().all(|count| (share..=share + 2).contains(count)), "alike: {read:?}");
        assert!(watched.iter().all(|it| it.view.heartbeat.is_some()), "{accounts} accounts");
    }
}

#[tokio::test]
async fn paths_that_have_to_be_read_are_asked_for_together_wherever_their_probes_are() {
    let table = Counted::default();
    let known = Known::default();
    let probes = || watched(4 * AT_ONCE);
    for it in &probes() {
        heard(&table.table, it, 1);
        table.table.put_raw(Keys::paths(&it.view.key.part(0)), "{}");
    }
    let asked = async || read(&table, &known, &mut probes()).await.0;
    assert_eq!(asked().await, 8, "all of them");
    assert_eq!(asked().await, 0, "they are known");
    for it in probes().iter().step_by(AT_ONCE / 2) {
        heard(&table.table, it, 2);
        table.table.put_raw(Keys::paths(&it.view.key.part(0)), "{}");
    }
    assert_eq!(asked().await, 1, "two of each fifty");
    assert_eq!(asked().await, 0);
}

#[tokio::test]
async fn of_a_probe_whose_report_is_late_and_its_account_everything_is_read_although_it_is_known() {
    let table = Counted::default();
    let known = Known::default();
    let probes = || watched(2);
    for it in &probes() {
        heard(&table.table, it, 1);
        table.table.put_raw(Keys::paths(&it.view.key.part(0)), "{}");
    }
    read(&table, &known, &mut probes()).await;
    // A report is missing after 75 s, and three seconds earlier everything is looked at.
    for (age_ms, calls, calm) in [(72_000, 0, [true; 4]), (72_001, 2, [false, false, true, true])] {
        heard_at(&table.table, &probes()[0], 1, NOW_MS - age_ms);
        let mut watched = probes();
        assert_eq!(read(&table, &known, &mut watched).await.0, calls, "{age_ms}");
        assert_eq!(watched.iter().map(|it| it.view.calm.is_some()).collect::<Vec<_>>(), calm, "{age_ms}");
    }
}
