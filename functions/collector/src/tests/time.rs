//! When a report came is what the queue says, not when it is folded.

use phonehome_alerting::{Behind, Heartbeat, Refusals};
use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_samples::SHOP_PROD;
use phonehome_wire::{Report, Verdict};
use serde_json::{Value, json};

use super::forged::{PAYMENTS, event, report};
use super::*;

const MINUTE_MS: u64 = 60_000;

/// The record as the queue delivers it that has had it since then.
fn since(mut event: Value, sent_ms: u64) -> Value {
    event["Records"][0]["attributes"] = json!({"SentTimestamp": sent_ms.to_string()});
    event
}

async fn heartbeat(collector: &Collector<MemoryTable, MemoryQueue>) -> Heartbeat {
    collector.table.get(&Keys::heartbeat(&probe(ZONES[0]).part(0))).await.unwrap().unwrap().read().unwrap()
}

#[tokio::test]
async fn a_report_that_waited_in_the_queue_counts_as_of_when_it_came_and_says_how_long_it_waited() {
    let collector = collector().await;
    collector.given(&[1]).await;
    let now_ms = SystemClock.now_ms();
    let sent_ms = now_ms - 50 * MINUTE_MS;
    let run = |started_at_ms, run_id: &str| Report {
        started_at_ms,
        run_id: run_id.into(),
        ..report(1, &[(PAYMENTS, Verdict::Ok)])
    };
    let late = since(event(SHOP_PROD, &json!(run(sent_ms - 2_000, "late"))), sent_ms);
    collector.handle(&late).await.unwrap();
    let stored = heartbeat(&collector).await;
    assert_eq!((stored.last_started_at_ms, stored.last_received_at_ms), (sent_ms - 2_000, sent_ms));
    let Behind { waited_ms, at_ms } = stored.behind.unwrap();
    assert!(at_ms >= now_ms && waited_ms == at_ms - sent_ms);
    // The next one comes in time: that the one before did not still counts for a while.
    let next = since(event(SHOP_PROD, &json!(run(now_ms - 2_000, "next"))), now_ms);
    collector.handle(&next).await.unwrap();
    let stored = heartbeat(&collector).await;
    assert_eq!((stored.last_received_at_ms, stored.behind.unwrap().waited_ms), (now_ms, waited_ms));
}

#[tokio::test]
async fn what_is_folded_in_time_is_as_small_as_ever() {
    let collector = collector().await;
    collector.given(&[1]).await;
    let now_ms = SystemClock.now_ms();
    let in_time = since(event(SHOP_PROD, &json!(report(1, &[(PAYMENTS, Verdict::Ok)]))), now_ms);
    collector.handle(&in_time).await.unwrap();
    let doc = collector.table.get(&Keys::heartbeat(&probe(ZONES[0]).part(0))).await.unwrap().unwrap();
    assert!(!doc.body.contains("behind"), "{}", doc.body);
}

#[tokio::test]
async fn reports_are_refused_since_they_came() {
    let collector = collector().await;
    collector.given(&[1]).await;
    let sent_ms = SystemClock.now_ms() - 20 * MINUTE_MS;
    collector.handle(&since(event(SHOP_PROD, &json!(report(9, &[]))), sent_ms)).await.unwrap();
    let refusals = all::<Refusals>(&collector.table, Keys::REFUSALS).await.unwrap();
    assert_eq!((refusals[0].1.since_ms, refusals[0].1.last_ms), (sent_ms, sent_ms));
}
