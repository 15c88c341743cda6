//! What a member account can and cannot do to the hub with reports that it makes up.

use phonehome_alerting::{Given, Heartbeat, Inputs, PathStatus, Paths, ProbeKey, Refusals, endpoints};
use phonehome_aws::Metrics;
use phonehome_cloud::MemoryQueue;
use phonehome_cloud::table::{Expect, MemoryTable, Table, Write};
use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_samples::{REGION, SHOP_PROD, ZONES, stack_id};
use phonehome_state::{Keys, all, fleet};
use phonehome_wire::{CheckId, CheckResult, Class, Report, Stage, TEXT_CHARS_MAX, Verdict, WIRE_VERSION};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{collector, samples};
use crate::handler::Collector;
use phonehome_watching::Memory;

const ZONE: &str = ZONES[0];
pub(super) const PAYMENTS: &str = "connection/shop-to-payments/443";
/// More than any document of a probe may take: three checks are declared in the example.
const DOCUMENT_BYTES_MAX: usize = 16 * 1024;

pub(super) fn report(generation: u64, results: &[(&str, Verdict)]) -> Report {
    let result = |(id, verdict): &(&str, Verdict)| CheckResult {
        latency_ms: 1,
        ..CheckResult::new(CheckId((*id).to_owned()), verdict.clone())
    };
    Report {
        version: WIRE_VERSION,
        account: SHOP_PROD.parse().unwrap(),
        region: REGION.parse().unwrap(),
        availability_zone: ZONE.parse().unwrap(),
        part: 0,
        run_id: "run".into(),
        generation,
        started_at_ms: SystemClock.now_ms(),
        duration_ms: 1,
        clock_ahead_ms: 0,
        stalled_ms: 0,
        rerun: false,
        results: results.iter().map(result).collect(),
    }
}

pub(super) fn event(account: &str, payload: &Value) -> Value {
    let body = json!({
        "account": account, "source": "lambda", "detail-type": "Lambda Function Invocation Result - Success",
        "detail": {"responsePayload": payload},
    });
    json!({"Records": [{"messageId": "1", "body": body.to_string()}]})
}

impl Collector<MemoryTable, MemoryQueue> {
    pub(super) async fn take(&self, report: &Report) {
        self.take_payload(&json!(report)).await;
    }

    /// Takes what shop-prod sends, whatever it is.
    async fn take_payload(&self, payload: &Value) {
        let event = event(SHOP_PROD, payload);
        let response = self.handle(&event).await.unwrap();
        assert!(response.batch_item_failures.is_empty(), "it would come again");
    }

    /// Notes that the stack's probes were given these generations, the newest last.
    pub(super) async fn given(&self, generations: &[u64]) {
        let declared = fleet(&self.table).await.unwrap();
        let member = declared.member("shop-prod").unwrap();
        let checks = endpoints(&declared.checks_for(&member, REGION));
        let zones = [(0, [ZONE.parse().unwrap()].into())].into();
        let mut inputs = Inputs::default();
        for generation in generations {
            let given = Given {
                availability_zone: ZONE.parse().unwrap(),
                part: 0,
                generation: *generation,
                checks: checks.clone(),
            };
            inputs = inputs.with(*generation, &[given], &zones).unwrap();
        }
        self.table
            .unrestricted()
            .write(vec![Write::put(Keys::inputs(&stack_id()), Expect::Absent, &inputs)])
            .await
            .unwrap();
    }

    pub(super) async fn paths(&self) -> Option<Paths> {
        self.table.get(&Keys::paths(&probe().part(0))).await.unwrap().map(|doc| doc.read().unwrap())
    }

    async fn refusals(&self) -> Option<Refusals> {
        self.table
            .get(&Keys::refusals(&SHOP_PROD.parse().unwrap()))
            .await
            .unwrap()
            .map(|doc| doc.read().unwrap())
    }
}

fn probe() -> ProbeKey {
    phonehome_samples::probe(ZONE)
}

pub(super) fn refused(error: &str) -> Verdict {
    Verdict::Fail { stage: Stage::Connect, class: Class::Other, error: error.to_owned() }
}

#[tokio::test]
async fn hundreds_of_forged_reports_store_nothing_but_their_number() {
    let collector = collector().await;
    collector.given(&[1, 4, 6]).await;
    let before = collector.table.all().len();
    let huge: Vec<CheckResult> = (0..500)
        .map(|n| CheckResult::new(CheckId(format!("{n}{}", "x".repeat(200))), refused(&"y".repeat(200))))
        .collect();
    for number in 0..350 {
        let mut forged = json!(Report { results: huge.clone(), ..report(6, &[]) });
        match number % 5 {
            0 => forged["region"] = json!(format!("xx-east-{}", number % 100)),
            1 => forged["availability_zone"] = json!(format!("xxe1-az{number}")),
            2 => forged["generation"] = json!(number),
            3 => forged["region"] = json!(format!("us-east-1/{ZONE}/{}", "z".repeat(2000))),
            _ => forged["run_id"] = json!(""),
        }
        collector.take_payload(&forged).await;
    }
    let stored = collector.table.all();
    assert_eq!(stored.len(), before + 1, "{:?}", stored.iter().map(|doc| &doc.key).collect::<Vec<_>>());
    let refusals = collector.refusals().await.unwrap();
    assert!(refusals.count >= 348 && refusals.reasons.len() == 4, "{refusals:?}");
    assert!(stored.iter().filter(|doc| doc.key.partition == Keys::REFUSALS).all(|doc| doc.body.len() < 2000));
    assert!(collector.dead_letters.sent().len() <= 3, "{} letters", collector.dead_letters.sent().len());
    let at_s = collector.table.expires_at_s(&Keys::refusals(&SHOP_PROD.parse().unwrap())).unwrap();
    assert!(
        at_s.abs_diff(SystemClock.now_ms() / 1000 + 24 * 3600) < 60,
        "a day after the last one, not {at_s}"
    );
    let one = Report { generation: 5, ..report(6, &[]) };
    collector.take(&one).await;
    let problem = collector.refusals().await.unwrap().problem;
    assert!(problem.contains(&format!("{REGION}/{ZONE}, generation 5")), "{problem}");
    // The probe itself is heard all the while.
    collector.take(&report(6, &[(PAYMENTS, Verdict::Ok)])).await;
    assert_eq!(collector.paths().await.unwrap()[&CheckId(PAYMENTS.into())].status, PathStatus::Up);
}

#[tokio::test]
async fn each_sample_of_what_was_not_asked_is_counted_and_stores_nothing() {
    for (name, reason) in [
        ("refused-no-stack", "of a Region without a stack"),
        ("refused-unknown-zone", "of a zone without a probe"),
        ("refused-other-input", "of an input that is not in force"),
    ] {
        let collector = collector().await;
        collector.given(&[1, 3]).await;
        collector.handle(&samples()["report.json"]).await.unwrap();
        let before = collector.table.all().len();
        collector.handle(&samples()[&format!("{name}.json")]).await.unwrap();
        assert_eq!(collector.table.all().len(), before + 1, "{name}");
        assert_eq!(collector.refusals().await.unwrap().reasons[reason], 1, "{name}");
    }
}

#[tokio::test]
async fn the_last_two_inputs_count_and_an_older_one_is_counted_and_no_dead_letter() {
    let collector = collector().await;
    collector.given(&[1, 4, 6]).await;
    for (generation, heard) in [(1, false), (4, true), (6, true), (7, false), (u64::MAX, false)] {
        let before =
            collector.table.get(&Keys::heartbeat(&probe().part(0))).await.unwrap().map(|doc| doc.version);
        let run =
            Report { run_id: format!("run-{generation}"), ..report(generation, &[(PAYMENTS, Verdict::Ok)]) };
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        collector.take(&Report { started_at_ms: SystemClock.now_ms(), ..run }).await;
        let after =
            collector.table.get(&Keys::heartbeat(&probe().part(0))).await.unwrap().map(|doc| doc.version);
        assert_eq!(before != after, heard, "generation {generation}");
    }
    assert_eq!(collector.refusals().await.unwrap().reasons["of an input that is not in force"], 3);
    assert!(collector.dead_letters.sent().is_empty());
}

#[tokio::test]
async fn only_what_was_asked_is_stored_once_and_short() {
    let collector = collector().await;
    collector.given(&[1]).await;
    let results = [
        (PAYMENTS, refused(&"e".repeat(5000))),
        (PAYMENTS, Verdict::Ok),
        ("egress/evil.example/1", Verdict::Ok),
    ];
    collector.take(&report(1, &results)).await;
    let paths = collector.paths().await.unwrap();
    assert_eq!(paths.keys().map(|id| id.0.as_str()).collect::<Vec<_>>(), [PAYMENTS]);
    let error = &paths[&CheckId(PAYMENTS.into())].failure.as_ref().unwrap().error;
    assert_eq!(error.chars().count(), TEXT_CHARS_MAX);
    assert_eq!(collector.metrics.counts()["ResultsDropped"], 2);
}

#[tokio::test]
async fn before_the_provisioner_noted_an_input_what_the_file_declares_counts() {
    let collector = collector().await;
    collector.take(&report(12, &[(PAYMENTS, Verdict::Ok), ("egress/evil.example/1", Verdict::Ok)])).await;
    assert_eq!(collector.paths().await.unwrap().len(), 1);
    for (region, zone) in [(REGION, "use1-az9"), ("eu-west-1", ZONE)] {
        let elsewhere = Report {
            region: region.parse().unwrap(),
            availability_zone: zone.parse().unwrap(),
            ..report(12, &[])
        };
        collector.take(&elsewhere).await;
    }
    assert_eq!(all::<Heartbeat>(&collector.table, Keys::HEARTBEATS).await.unwrap().len(), 1);
    assert_eq!(collector.refusals().await.unwrap().count, 2);
}

#[tokio::test]
async fn a_run_from_the_far_future_or_past_shuts_out_no_later_one() {
    for started_at_ms in [u64::MAX, 0, SystemClock.now_ms() + 12 * 3600 * 1000] {
        let collector = collector().await;
        collector.given(&[1]).await;
        let forged =
            Report { run_id: "forged".into(), started_at_ms, ..report(1, &[(PAYMENTS, Verdict::Ok)]) };
        collector.take(&forged).await;
        // The probe's own clock is right, or ten minutes ahead.
        for ahead_ms in [0, 10 * 60 * 1000] {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            let run_id = format!("own-{ahead_ms}");
            collector
                .take(&Report {
                    run_id: run_id.clone(),
                    started_at_ms: SystemClock.now_ms() + ahead_ms,
                    ..report(1, &[])
                })
                .await;
            let doc = collector.table.get(&Keys::heartbeat(&probe().part(0))).await.unwrap().unwrap();
            assert_eq!(doc.read::<Heartbeat>().unwrap().run_id, run_id, "after {started_at_ms}");
        }
    }
}

#[tokio::test]
async fn what_is_stored_of_a_probe_expires_unless_it_reports() {
    let collector = collector().await;
    collector.given(&[1]).await;
    collector.take(&report(1, &[(PAYMENTS, Verdict::Ok)])).await;
    let in_90_days = SystemClock.now_ms() / 1000 + 90 * 24 * 3600;
    for key in [Keys::heartbeat(&probe().part(0)), Keys::paths(&probe().part(0))] {
        let at_s = collector.table.expires_at_s(&key).unwrap();
        assert!(at_s.abs_diff(in_90_days) < 60, "{key:?} at {at_s}");
    }
}

#[tokio::test]
async fn paths_that_do_not_change_are_written_again_when_they_would_expire_within_60_days() {
    let collector = collector().await;
    collector.given(&[1]).await;
    for (days, is_renewed) in [(89, false), (61, false), (59, true), (1, true)] {
        collector.take(&report(1, &[(PAYMENTS, Verdict::Ok)])).await;
        let doc = collector.table.get(&Keys::heartbeat(&probe().part(0))).await.unwrap().unwrap();
        let mut heartbeat: Heartbeat = doc.read().unwrap();
        heartbeat.paths_expire_at_ms = SystemClock.now_ms() + days * 24 * 3600 * 1000;
        let write = Write::put(Keys::heartbeat(&probe().part(0)), Expect::Version(doc.version), &heartbeat);
        collector.table.unrestricted().write(vec![write]).await.unwrap();
        let version =
            async || collector.table.get(&Keys::paths(&probe().part(0))).await.unwrap().unwrap().version;
        let before = version().await;
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        let run_id = format!("in-{days}-days");
        collector.take(&Report { run_id, ..report(1, &[(PAYMENTS, Verdict::Ok)]) }).await;
        assert_eq!(version().await > before, is_renewed, "{days} days");
    }
}

#[tokio::test]
async fn unreadable_documents_of_a_probe_are_written_anew_and_kept_aside() {
    for (key, status) in [
        (Keys::heartbeat(&probe().part(0)), PathStatus::Down),
        (Keys::paths(&probe().part(0)), PathStatus::Unknown),
    ] {
        let collector = collector().await;
        collector.given(&[1]).await;
        for run in 0..4 {
            let run_id = format!("run-{run}");
            let started_at_ms = SystemClock.now_ms() - 10_000 + run;
            collector
                .take(&Report { run_id, started_at_ms, ..report(1, &[(PAYMENTS, refused("no"))]) })
                .await;
        }
        collector.table.put_raw(key.clone(), "nonsense");
        // Found at once by a function that has read neither before, and later by one that has.
        let collector = Collector { memory: Memory::default(), ..collector };
        collector.take(&Report { run_id: "after".into(), ..report(1, &[(PAYMENTS, refused("no"))]) }).await;
        let path = &collector.paths().await.unwrap()[&CheckId(PAYMENTS.into())];
        assert_eq!(path.status, status, "{key:?}");
        // A page must not be lost because it was forgotten that it ever worked.
        assert_eq!(path.ever_up, status == PathStatus::Unknown, "{key:?}");
        let aside = collector.table.query(Keys::UNREADABLE).await.unwrap();
        assert!(aside.len() == 1 && aside[0].body.contains("nonsense"), "{aside:?}");
        assert_eq!(collector.metrics.counts()["UnreadableItems"], 1);
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,40}",
        (1usize..60_000).prop_map(|length| "x".repeat(length)),
        Just(ZONE.to_owned()),
        Just(REGION.to_owned()),
        Just(PAYMENTS.to_owned()),
    ]
}

fn any_payload() -> impl Strategy<Value = Value> {
    let verdicts = prop_oneof![
        Just(json!("ok")),
        Just(json!("fail")),
        Just(json!("inconclusive")),
        Just(json!("prober_sick")),
        Just(json!("deny_proven")),
        Just(json!(7))
    ];
    let result = (any_text(), verdicts, any_text(), any::<u64>()).prop_map(|(id, verdict, text, number)| {
        json!({"id": id, "verdict": verdict, "stage": "connect", "error": text, "reason": text, "latency_ms": number})
    });
    let results = proptest::collection::vec(result, 0..30);
    let place = (
        prop_oneof![2 => Just(REGION.to_owned()), 1 => any_text()],
        prop_oneof![2 => Just(ZONE.to_owned()), 1 => any_text()],
    );
    let head = (
        any_text(),
        prop_oneof![Just(4u64), Just(6), any::<u64>()],
        prop_oneof![Just(SystemClock.now_ms()), any::<u64>()],
    );
    (place, head, results).prop_map(|((region, zone), (run_id, generation, started_at_ms), results)| {
        json!({
            "version": 1, "account": SHOP_PROD, "region": region, "availability_zone": zone, "run_id": run_id,
            "generation": generation, "started_at_ms": started_at_ms, "duration_ms": 1, "results": results,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 5))]
    #[test]
    fn whatever_an_account_sends_nothing_large_and_nothing_of_its_choosing_is_stored(
        payloads in proptest::collection::vec(any_payload(), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let stored = runtime.block_on(async {
            let collector = Collector { metrics: Metrics::void("collector"), ..collector().await };
            collector.given(&[1, 4, 6]).await;
            let known: Vec<_> = collector.table.all().into_iter().map(|doc| doc.key).collect();
            for payload in &payloads {
                let response = collector.handle(&event(SHOP_PROD, payload)).await.unwrap();
                assert!(response.batch_item_failures.is_empty());
            }
            let stored = collector.table.all().into_iter();
            stored.filter(|doc| !known.contains(&doc.key)).collect::<Vec<_>>()
        });
        let expected = [Keys::heartbeat(&probe().part(0)), Keys::paths(&probe().part(0)), Keys::refusals(&SHOP_PROD.parse().unwrap())];
        for doc in stored {
            prop_assert!(expected.contains(&doc.key), "{:?}", doc.key);
            prop_assert!(doc.body.len() <= DOCUMENT_BYTES_MAX, "{:?} has {} bytes", doc.key, doc.body.len());
        }
    }
}
