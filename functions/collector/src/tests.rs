//! What the collector does with each sample event.

use std::collections::BTreeMap;

use phonehome_alerting::{Heartbeat, PathStatus, Paths};
use phonehome_aws::Metrics;
use phonehome_cloud::MemoryQueue;
use phonehome_cloud::SystemClock;
use phonehome_cloud::table::{MemoryTable, Table};
use phonehome_samples::{SHOP_PROD, ZONES, events, probe, table};
use phonehome_state::{Keys, all, written_by};
use serde_json::Value;

mod crashes;
mod forged;
mod moved;
mod parts;
mod remembered;
mod reruns;
mod time;
mod upgrade;
mod versions;
mod witnesses;

use crate::handler::Collector;
use phonehome_watching::{Arrival, Memory, read};

fn samples() -> BTreeMap<String, Value> {
    events("collector")
}

pub(crate) async fn collector() -> Collector<MemoryTable, MemoryQueue> {
    Collector {
        table: table(0).await.writing_only(written_by("collector")),
        transitions: MemoryQueue::default(),
        dead_letters: MemoryQueue::default(),
        metrics: Metrics::void("collector"),
        memory: Memory::default(),
        clock: SystemClock,
    }
}

#[test]
fn every_sample_event_is_routed_and_only_the_bad_ones_are_refused() {
    let samples = samples();
    assert!(samples.len() >= 10);
    for (name, event) in samples {
        let event: aws_lambda_events::sqs::SqsEvent = serde_json::from_value(event).unwrap();
        for record in event.records {
            let result = read(&record.body.unwrap());
            let refused = matches!(result, Err(_) | Ok(Arrival::Refused { .. }));
            assert_eq!(refused, name.starts_with("bad-"), "{name}: {result:?}");
        }
    }
}

#[test]
fn a_crashed_probe_is_not_a_failed_path() {
    let body = samples()["probe-crashed.json"]["Records"][0]["body"].as_str().unwrap().to_owned();
    assert!(matches!(read(&body), Ok(Arrival::Crashed { account, .. }) if account == SHOP_PROD));
}

#[tokio::test]
async fn each_refused_report_is_kept_with_its_reason_and_changes_nothing() {
    for (name, part) in [
        ("bad-garbage-report.json", "not a report"),
        ("bad-forged-account.json", "claims account \"999999999999\""),
        ("bad-newer-version.json", "newer than 1"),
        ("bad-no-payload.json", "no responsePayload"),
        ("bad-not-an-event.json", "not an EventBridge event"),
        ("bad-other-source.json", "my.app"),
    ] {
        let collector = collector().await;
        let response = collector.handle(&samples()[name]).await.unwrap();
        assert!(response.batch_item_failures.is_empty(), "{name} would come again");
        let letters = collector.dead_letters.sent();
        assert_eq!(letters.len(), 1, "{name}");
        assert!(letters[0].attributes[0].1.contains(part), "{name}: {:?}", letters[0].attributes);
        assert!(all::<Heartbeat>(&collector.table, Keys::HEARTBEATS).await.unwrap().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn a_report_becomes_a_heartbeat_and_paths_and_wakes_the_alerter() {
    let collector = collector().await;
    collector.handle(&samples()["report.json"]).await.unwrap();
    let heartbeats = all::<Heartbeat>(&collector.table, Keys::HEARTBEATS).await.unwrap();
    assert_eq!(heartbeats[0].0.key.sort, "444455556666/us-east-1/use1-az1");
    let paths: Paths =
        collector.table.get(&Keys::paths(&probe(ZONES[0]).part(0))).await.unwrap().unwrap().read().unwrap();
    let statuses: Vec<PathStatus> = paths.values().map(|path| path.status).collect();
    // In the order of their names: connection, way out, and the isolation that nobody has proven.
    assert_eq!(statuses, [PathStatus::Up, PathStatus::Unknown, PathStatus::Unknown]);
    assert_eq!(collector.transitions.sent().len(), 1);
}

#[tokio::test]
async fn the_same_report_twice_counts_once() {
    let collector = collector().await;
    collector.handle(&samples()["report-twice.json"]).await.unwrap();
    assert_eq!(collector.metrics.counts()["Duplicate"], 1);
    assert_eq!(collector.transitions.sent().len(), 1);
    let heartbeats = all::<Heartbeat>(&collector.table, Keys::HEARTBEATS).await.unwrap();
    assert_eq!(heartbeats[0].0.version, 1);
}

#[tokio::test]
async fn without_a_fleet_file_the_batch_comes_again() {
    let collector = Collector { table: MemoryTable::default(), ..collector().await };
    let error = collector.handle(&samples()["report.json"]).await.unwrap_err();
    assert!(error.to_string().contains("phonehome publish"), "{error}");
}
