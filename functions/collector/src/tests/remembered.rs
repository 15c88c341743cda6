//! What is read of the table, and what is remembered without being wrong.

use std::sync::{Arc, Mutex};

use phonehome_alerting::{ProbeKey, WITNESS_ACCOUNTS_MAX, WITNESS_ZONES_MAX};
use phonehome_cloud::table::{Doc, Expect, Key, TableError, Write};
use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_localcloud::cost::{self, Deployment};
use phonehome_samples::{published, stack_id};
use phonehome_wire::{CheckId, Report, Verdict};
use serde_json::json;

use super::forged::{PAYMENTS, event, refused, report};
use super::witnesses::{LEDGER, ledger, reached};
use super::*;
use phonehome_watching::{FLEET_KEPT_MS, Freshness, STACK_KEPT_MS};

/// What was asked of the table.
#[derive(Debug, Clone, Default, PartialEq)]
struct Asked {
    /// Documents that were read consistently.
    reads: Vec<Key>,
    /// Those that may be of a moment ago.
    eventual: Vec<Key>,
    /// Those that were written, also where a condition did not hold.
    writes: Vec<Key>,
}

/// A table that notes what it is asked, and whose eventual reads may lag behind.
#[derive(Clone)]
struct Watched {
    table: MemoryTable,
    asked: Arc<Mutex<Asked>>,
    lagging: Arc<Mutex<Option<Vec<Doc>>>>,
}

impl Table for Watched {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.asked.lock().unwrap().reads.push(key.clone());
        self.table.get(key).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.table.query(partition).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Doc>, TableError> {
        self.asked.lock().unwrap().reads.extend(keys.iter().cloned());
        self.table.get_many(keys).await
    }

    async fn get_many_eventually(&self, keys: &[Key]) -> Result<Vec<Doc>, TableError> {
        self.asked.lock().unwrap().eventual.extend(keys.iter().cloned());
        let lagging = self.lagging.lock().unwrap().clone();
        match lagging {
            Some(docs) => Ok(docs.into_iter().filter(|doc| keys.contains(&doc.key)).collect()),
            None => self.table.get_many(keys).await,
        }
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.asked.lock().unwrap().writes.extend(writes.iter().map(|write| write.key.clone()));
        self.table.write(writes).await
    }
}

type Function = Collector<Watched, MemoryQueue>;

/// One function on a table, with a memory of its own.
fn function(table: &MemoryTable) -> Function {
    let table = Watched { table: table.clone(), asked: Arc::default(), lagging: Arc::default() };
    Collector {
        table,
        transitions: MemoryQueue::default(),
        dead_letters: MemoryQueue::default(),
        metrics: Metrics::void("collector"),
        memory: Memory::default(),
        clock: SystemClock,
    }
}

impl Function {
    /// Takes a report of a run of its own, and says what was asked of the table for it.
    async fn run(&self, number: u64, generation: u64, results: &[(&str, Verdict)]) -> Asked {
        let run_id = format!("run-{number}");
        let started_at_ms = SystemClock.now_ms() - 60_000 + 100 * number;
        self.heard(&Report { run_id, started_at_ms, ..report(generation, results) }).await
    }

    async fn heard(&self, report: &Report) -> Asked {
        *self.table.asked.lock().unwrap() = Asked::default();
        let response = self.handle(&event(SHOP_PROD, &json!(report))).await.unwrap();
        assert!(response.batch_item_failures.is_empty(), "it would come again");
        self.table.asked.lock().unwrap().clone()
    }
}

async fn inputs(plain: &Collector<MemoryTable, MemoryQueue>, generations: &[u64]) {
    let key = Keys::inputs(&stack_id());
    if let Some(doc) = plain.table.get(&key).await.unwrap() {
        let delete = Write::delete(key, Expect::unchanged(Some(&doc)));
        plain.table.unrestricted().write(vec![delete]).await.unwrap();
    }
    plain.given(generations).await;
}

async fn streak(plain: &Collector<MemoryTable, MemoryQueue>) -> (PathStatus, u32) {
    let path = plain.paths().await.unwrap().remove(&CheckId(PAYMENTS.into())).unwrap();
    (path.status, path.streak)
}

fn heartbeat() -> Key {
    Keys::heartbeat(&probe(ZONES[0]).part(0))
}

#[tokio::test]
async fn a_report_that_tells_nothing_new_costs_what_the_cost_sheet_says() {
    let plain = collector().await;
    inputs(&plain, &[1]).await;
    let function = function(&plain.table);
    function.run(1, 1, &[(PAYMENTS, Verdict::Ok)]).await;
    let asked = function.run(2, 1, &[(PAYMENTS, Verdict::Ok)]).await;
    let only = vec![heartbeat()];
    assert_eq!(asked.clone(), Asked { reads: vec![], eventual: only.clone(), writes: only });
    let counted = [asked.reads, asked.eventual, asked.writes].map(|keys| u32::try_from(keys.len()).unwrap());
    assert_eq!(counted, [cost::REPORT_READS, cost::REPORT_EVENTUAL_READS, cost::REPORT_WRITES]);
}

#[tokio::test]
async fn an_invocation_is_one_line_in_the_log_as_long_as_the_cost_sheet_says() {
    let plain = collector().await;
    inputs(&plain, &[1]).await;
    let function = function(&plain.table);
    function.run(1, 1, &[(PAYMENTS, Verdict::Ok)]).await;
    assert_eq!(function.metrics.flushes(), 1);
    let lines = function.metrics.lines();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    let bytes = u32::try_from(line.len()).unwrap();
    assert!(bytes <= cost::LOG_BYTES && cost::LOG_BYTES <= 3 * bytes, "{bytes} bytes: {line}");
}

#[tokio::test]
async fn a_denial_costs_the_heartbeats_of_its_witnesses_and_nothing_that_is_known() {
    let plain = collector().await;
    inputs(&plain, &[1]).await;
    reached(&plain, &Verdict::Ok, &[1], 30_000);
    let of_witness =
        |zone: &str| ProbeKey { account: super::witnesses::WITNESS.parse().unwrap(), ..probe(zone) };
    // As the collector leaves it: the heartbeat names its paths.
    let doc = plain.table.get(&Keys::heartbeat(&of_witness(ZONES[0]).part(0))).await.unwrap().unwrap();
    let named = Heartbeat { paths_version: 1, ..doc.read().unwrap() };
    plain.table.put_raw(doc.key, &json!(named).to_string());
    let function = function(&plain.table);
    let denied = || {
        let mut report = report(
            1,
            &[(PAYMENTS, Verdict::Ok), (LEDGER, Verdict::Denied { error: "no answer to 2 SYNs".into() })],
        );
        report.results[1].addresses = vec![ledger(1)];
        report
    };
    for number in 1..3 {
        function.heard(&Report { run_id: format!("{number}"), ..denied() }).await;
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let asked = function.heard(&Report { run_id: "3".into(), ..denied() }).await;
    assert_eq!(asked.reads, vec![], "bindings and paths are known");
    let others = asked.eventual.len() - 1;
    let witnesses = WITNESS_ACCOUNTS_MAX * WITNESS_ZONES_MAX;
    assert!((1..=witnesses).contains(&others), "{others}");
    assert_eq!(u32::try_from(witnesses), Ok(Deployment::default().witnesses));
    let path = plain.paths().await.unwrap().remove(&CheckId(LEDGER.into())).unwrap();
    assert_eq!(path.last, Verdict::DenyProven, "and it is proven all the same");
}

#[tokio::test]
async fn a_run_whose_paths_are_not_stored_yet_is_no_witness() {
    let plain = collector().await;
    inputs(&plain, &[1]).await;
    reached(&plain, &Verdict::Ok, &[1], 30_000);
    let witness = ProbeKey { account: super::witnesses::WITNESS.parse().unwrap(), ..probe(ZONES[0]) };
    let doc = plain.table.get(&Keys::heartbeat(&witness.part(0))).await.unwrap().unwrap();
    let ahead = Heartbeat { paths_version: 2, ..doc.read().unwrap() };
    plain.table.put_raw(doc.key, &json!(ahead).to_string());
    let mut report = report(
        1,
        &[(PAYMENTS, Verdict::Ok), (LEDGER, Verdict::Denied { error: "no answer to 2 SYNs".into() })],
    );
    report.results[1].addresses = vec![ledger(1)];
    function(&plain.table).heard(&report).await;
    let path = plain.paths().await.unwrap().remove(&CheckId(LEDGER.into())).unwrap();
    assert!(path.inconclusive().is_some(), "{path:?}");
}

#[tokio::test]
async fn a_heartbeat_of_a_moment_ago_only_loses_the_race() {
    let plain = collector().await;
    inputs(&plain, &[1]).await;
    let (one, other) = (function(&plain.table), function(&plain.table));
    one.run(1, 1, &[(PAYMENTS, Verdict::Ok)]).await;
    *one.table.lagging.lock().unwrap() = Some(plain.table.all());
    other.run(2, 1, &[(PAYMENTS, refused("no"))]).await;
    assert_eq!(streak(&plain).await, (PathStatus::Up, 1));
    let asked = one.run(3, 1, &[(PAYMENTS, refused("no"))]).await;
    assert!(asked.reads.contains(&heartbeat()), "what is stored now is read: {asked:?}");
    assert_eq!(streak(&plain).await.0, PathStatus::Down, "both failures count");
}

#[tokio::test]
async fn a_duplicate_is_one_also_for_who_reads_something_old() {
    let plain = collector().await;
    inputs(&plain, &[1]).await;
    let (one, other) = (function(&plain.table), function(&plain.table));
    one.run(1, 1, &[(PAYMENTS, Verdict::Ok)]).await;
    *one.table.lagging.lock().unwrap() = Some(plain.table.all());
    let twice = Report { run_id: "twice".into(), ..report(1, &[(PAYMENTS, refused("no"))]) };
    other.heard(&twice).await;
    one.heard(&twice).await;
    assert_eq!(streak(&plain).await, (PathStatus::Up, 1));
    assert_eq!(one.metrics.counts()["Duplicate"], 1);
}

#[tokio::test]
async fn paths_that_another_function_wrote_are_read_again() {
    let plain = collector().await;
    inputs(&plain, &[1]).await;
    let (one, other) = (function(&plain.table), function(&plain.table));
    one.run(1, 1, &[(PAYMENTS, Verdict::Ok)]).await;
    other.run(2, 1, &[(PAYMENTS, refused("no"))]).await;
    let asked = one.run(3, 1, &[(PAYMENTS, refused("no"))]).await;
    assert_eq!(asked.reads, vec![Keys::paths(&probe(ZONES[0]).part(0))]);
    assert_eq!(streak(&plain).await.0, PathStatus::Down);
}

#[tokio::test]
async fn paths_that_an_earlier_release_wrote_are_read_and_named_from_then_on() {
    let plain = collector().await;
    inputs(&plain, &[1]).await;
    let function = function(&plain.table);
    function.run(1, 1, &[(PAYMENTS, Verdict::Ok)]).await;
    let doc = plain.table.get(&heartbeat()).await.unwrap().unwrap();
    let earlier = Heartbeat { paths_version: 0, ..doc.read().unwrap() };
    plain.table.put_raw(heartbeat(), &json!(earlier).to_string());
    assert_eq!(function.run(2, 1, &[(PAYMENTS, Verdict::Ok)]).await.reads.len(), 1);
    assert_eq!(function.run(3, 1, &[(PAYMENTS, Verdict::Ok)]).await.reads.len(), 0);
    let paths = plain.table.get(&Keys::paths(&probe(ZONES[0]).part(0))).await.unwrap().unwrap();
    let named = plain.table.get(&heartbeat()).await.unwrap().unwrap().read::<Heartbeat>().unwrap();
    assert_eq!(named.paths_version, paths.version);
}

#[tokio::test]
async fn paths_that_are_not_those_that_the_heartbeat_names_are_written_under_their_condition() {
    let plain = collector().await;
    inputs(&plain, &[1]).await;
    let function = function(&plain.table);
    function.run(1, 1, &[(PAYMENTS, Verdict::Ok)]).await;
    let doc = plain.table.get(&heartbeat()).await.unwrap().unwrap();
    let other = Heartbeat { paths_version: 9, ..doc.read().unwrap() };
    plain.table.put_raw(heartbeat(), &json!(other).to_string());
    let asked = function.run(2, 1, &[(PAYMENTS, Verdict::Ok)]).await;
    assert_eq!(asked.writes, vec![heartbeat(), Keys::paths(&probe(ZONES[0]).part(0))]);
    let paths = plain.table.get(&Keys::paths(&probe(ZONES[0]).part(0))).await.unwrap().unwrap();
    let named = plain.table.get(&heartbeat()).await.unwrap().unwrap().read::<Heartbeat>().unwrap();
    assert_eq!(named.paths_version, paths.version);
}

#[tokio::test]
async fn a_report_of_a_newer_input_counts_at_once() {
    let plain = collector().await;
    inputs(&plain, &[1]).await;
    let function = function(&plain.table);
    function.run(1, 1, &[(PAYMENTS, Verdict::Ok)]).await;
    inputs(&plain, &[1, 2]).await;
    function.run(2, 2, &[(PAYMENTS, refused("no"))]).await;
    assert_eq!(streak(&plain).await, (PathStatus::Up, 1));
    assert!(!function.metrics.counts().contains_key("ReportsRefused"));
}

#[tokio::test]
async fn what_was_asked_is_read_again_once_a_run_of_a_newer_input_was_heard_elsewhere() {
    let plain = collector().await;
    inputs(&plain, &[1]).await;
    let (one, other) = (function(&plain.table), function(&plain.table));
    one.run(1, 1, &[(PAYMENTS, Verdict::Ok)]).await;
    inputs(&plain, &[1, 2]).await;
    other.run(2, 2, &[(PAYMENTS, Verdict::Ok)]).await;
    // With what it remembers, it would forget the paths that only the newer input has.
    let asked = one.run(3, 1, &[(PAYMENTS, Verdict::Ok)]).await;
    assert!(asked.reads.contains(&Keys::inputs(&stack_id())), "{asked:?}");
}

#[tokio::test]
async fn what_a_stack_was_given_is_read_again_after_a_while() {
    let plain = collector().await;
    inputs(&plain, &[1]).await;
    let (table, memory) = (function(&plain.table).table, Memory::default());
    let report = report(1, &[]);
    for (now_ms, read) in [(1, true), (STACK_KEPT_MS, false), (STACK_KEPT_MS + 2, true)] {
        *table.asked.lock().unwrap() = Asked::default();
        memory.stored(&table, &|_| (), &report, Freshness::Lately, now_ms).await.unwrap();
        let reads = table.asked.lock().unwrap().reads.clone();
        assert_eq!(reads.contains(&Keys::inputs(&stack_id())), read, "at {now_ms}");
    }
    assert_eq!(u64::from(Deployment::default().stack_kept_s) * 1000, STACK_KEPT_MS);
}

#[tokio::test]
async fn a_published_fleet_file_is_in_force_within_half_a_minute() {
    let plain = collector().await;
    let memory = Memory::default();
    let down_after =
        async |now_ms| memory.fleet(&plain.table, now_ms).await.unwrap().fleet().probing.down_after;
    let before = down_after(1).await;
    let text = phonehome_samples::FLEET.replace("down_after: 2 ", "down_after: 7 ");
    plain.table.put_raw(Keys::fleet(), &json!(published(&text)).to_string());
    assert_eq!(down_after(FLEET_KEPT_MS).await, before);
    assert_eq!(down_after(FLEET_KEPT_MS + 2).await, 7);
    assert_eq!(u64::from(Deployment::default().fleet_kept_s) * 1000, FLEET_KEPT_MS);
}
