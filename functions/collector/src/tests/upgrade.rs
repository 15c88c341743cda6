//! What the collector leaves in the table and says to the alerter, and how it goes on from what the
//! release before left.

use phonehome_alerting::Refusals;
use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_releases::{Clock, Release, Scenario, Stored, keep};
use phonehome_samples::{restore, stored_in};
use phonehome_wire::{Report, Verdict};
use serde_json::json;

use super::forged::{PAYMENTS, refused, report};
use super::witnesses::{LEDGER, WITNESS, ledger, reached};
use super::*;

const EGRESS: &str = "egress/checkip.amazonaws.com/443";

fn stored(collector: &Collector<MemoryTable, MemoryQueue>) -> Vec<Stored> {
    let partitions = [Keys::HEARTBEATS, Keys::PATHS, Keys::REFUSALS, Keys::UNREADABLE];
    stored_in(&collector.table, &partitions)
}

/// A run that began later than the one before, by the collector's clock too: a probe's is believed only up
/// to that.
fn run(number: u64, results: &[(&str, Verdict)]) -> Report {
    std::thread::sleep(std::time::Duration::from_millis(10));
    let plain = report(1, results);
    Report { started_at_ms: plain.started_at_ms + number, run_id: format!("run-{number}"), ..plain }
}

/// Messages to the alerter without what they say of one check.
fn without(check: &str, messages: &Value) -> Value {
    let mut messages = messages.as_array().unwrap().clone();
    for message in &mut messages {
        message["transitions"].as_array_mut().unwrap().retain(|transition| transition["check"] != check);
    }
    messages.retain(|message| !message["transitions"].as_array().unwrap().is_empty());
    json!(messages)
}

#[tokio::test]
async fn what_is_stored_and_said_of_reports_is_read_by_the_release_before() {
    let began_ms = SystemClock.now_ms();
    let collector = collector().await;
    collector.given(&[1]).await;
    reached(&collector, &Verdict::Ok, &[1], 30_000);
    let silence = || Verdict::Denied { error: "no answer to 2 SYNs".into() };
    let ok = [(PAYMENTS, Verdict::Ok), (LEDGER, silence()), (EGRESS, Verdict::Ok)];
    let well = |number| {
        let mut report = run(number, &ok);
        report.results[1].addresses = vec![ledger(1)];
        report
    };
    collector.take(&well(1)).await;
    let bad = [
        (PAYMENTS, refused("connection refused")),
        (LEDGER, Verdict::Inconclusive { reason: "its control did not pass".into() }),
        (EGRESS, Verdict::ProbeError { reason: "no sockets are left".into() }),
    ];
    for number in 2..6 {
        collector.take(&run(number, &bad)).await;
    }
    collector.take(&well(6)).await;
    let own = |(_, sort, _): &Stored| !sort.starts_with(WITNESS);
    Scenario::new("reports", began_ms).table(stored(&collector).into_iter().filter(own));

    let clock = Clock::new(began_ms);
    let said = collector.transitions.sent().into_iter();
    let said: Vec<Value> =
        said.map(|message| clock.steady(&serde_json::from_str(&message.body).unwrap())).collect();
    assert!(said.len() >= 2, "{said:?}");
    keep("queue/transitions.json", &json!(said));
    // Until a release is recorded in which the hub says what is proven, and says so after two runs.
    let before = Release::before().file("queue/transitions.json").unwrap();
    assert_eq!(without(LEDGER, &before), without(LEDGER, &json!(said)));
}

#[tokio::test]
async fn what_is_stored_of_refused_and_unreadable_things_is_read_by_the_release_before() {
    let scenario = Scenario::new("refused", SystemClock.now_ms());
    let collector = collector().await;
    collector.given(&[1]).await;
    collector.take(&run(1, &[(PAYMENTS, Verdict::Ok)])).await;
    let paths = collector.table.all().into_iter().find(|doc| doc.key.partition == Keys::PATHS).unwrap();
    collector.table.put_raw(paths.key, "nonsense");
    let collector = Collector { memory: Memory::default(), ..collector };
    collector.take(&run(2, &[(PAYMENTS, Verdict::Ok)])).await;
    collector.take(&Report { generation: 9, ..run(3, &[]) }).await;
    collector.take(&Report { region: "eu-west-9".parse().unwrap(), ..run(4, &[]) }).await;
    scenario.table(stored(&collector));
}

#[tokio::test]
async fn what_an_older_release_stored_of_a_probe_is_gone_on_from() {
    for release in Release::all() {
        let collector = collector().await;
        collector.given(&[1]).await;
        restore(&collector.table, release.table("reports"));
        // The path that is up and has two failures at most is not down by a third one alone.
        collector.take(&run(7, &[(PAYMENTS, refused("no answer"))])).await;
        let refusals = all::<Refusals>(&collector.table, Keys::REFUSALS).await.unwrap();
        assert!(refusals.is_empty(), "{refusals:?}");
        assert!(!collector.metrics.counts().contains_key("UnreadableItems"), "{}", release.version);
        let (_, paths) = all::<Paths>(&collector.table, Keys::PATHS).await.unwrap().remove(0);
        let state = &paths[&phonehome_wire::CheckId(PAYMENTS.into())];
        assert_eq!((state.status, state.ever_up), (PathStatus::Down, true), "{}", release.version);
        assert_eq!(paths.len(), 3, "{}", release.version);
    }
}

#[tokio::test]
async fn fields_that_a_newer_release_added_to_paths_and_refusals_survive_what_this_one_writes() {
    let collector = collector().await;
    collector.given(&[1]).await;
    collector.take(&run(1, &[(PAYMENTS, Verdict::Ok)])).await;
    collector.take(&Report { generation: 9, ..run(2, &[]) }).await;
    for doc in collector.table.all().into_iter().filter(|doc| doc.key.partition != "fleet") {
        let mut body: Value = serde_json::from_str(&doc.body).unwrap();
        let place = if doc.key.partition == Keys::PATHS { &mut body[PAYMENTS] } else { &mut body };
        place["added"] = 1.into();
        collector.table.put_raw(doc.key, &body.to_string());
    }
    for number in 3..6 {
        collector.take(&run(number, &[(PAYMENTS, refused("no answer"))])).await;
    }
    collector.take(&Report { generation: 9, ..run(6, &[]) }).await;
    for (partition, sort, body) in stored(&collector) {
        match partition.as_str() {
            Keys::PATHS => {
                assert_eq!((&body[PAYMENTS]["added"], &body[PAYMENTS]["status"]), (&json!(1), &json!("down")))
            }
            Keys::REFUSALS => assert_eq!((&body["added"], &body["count"]), (&json!(1), &json!(2))),
            // Written anew from each report.
            Keys::HEARTBEATS => {}
            _ => panic!("{partition} | {sort}"),
        }
    }
}
