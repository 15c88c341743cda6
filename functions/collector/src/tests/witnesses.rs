//! What a denial is taken for, by what others reached.

use std::net::IpAddr;

use phonehome_alerting::{PathState, ProbeKey};
use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_fleet::{Binding, Line};
use phonehome_samples::{heartbeat, restore};
use phonehome_wire::{CheckId, Report, Verdict, WIRE_VERSION};
use serde_json::json;

use super::forged::{PAYMENTS, report};
use super::*;

/// Who may connect to what shop-prod must not.
pub(super) const WITNESS: &str = "333333333333";
const WITNESSED: &str = "connection/payments-to-ledger/5432";
pub(super) const LEDGER: &str = "isolation/shop-to-ledger/db.ledger.prod.example.internal/5432";

pub(super) fn ledger(last: u8) -> IpAddr {
    [10, 16, 140, last].into()
}

/// payments-prod reached the ledger's database in one zone, at these addresses, so long ago.
pub(super) fn reached(
    collector: &Collector<MemoryTable, MemoryQueue>,
    verdict: &Verdict,
    addresses: &[u8],
    ago_ms: u64,
) {
    reached_from(collector, ZONES[0], verdict, addresses, ago_ms);
}

fn reached_from(
    collector: &Collector<MemoryTable, MemoryQueue>,
    zone: &str,
    verdict: &Verdict,
    addresses: &[u8],
    ago_ms: u64,
) {
    let line = Line::new("payments", "prod");
    let account = WITNESS.parse().unwrap();
    let probe = ProbeKey { account, ..probe(zone) };
    let binding = Binding {
        line: line.clone(),
        account: probe.account.clone(),
        account_name: "payments-production".into(),
        bound_at_ms: 1,
    };
    let at_ms = SystemClock.now_ms() - ago_ms;
    let heartbeat = heartbeat(&probe.part(0), at_ms);
    let path = PathState {
        status: PathStatus::Up,
        since_ms: 1,
        streak: 0,
        streak_since_ms: 0,
        last: verdict.clone(),
        last_since_ms: 1,
        results: vec![],
        failure: None,
        ever_up: true,
        turns: phonehome_alerting::Turns::default(),
        addresses: addresses.iter().map(|last| ledger(*last)).collect(),
        target: None,
    };
    let paths: Paths = [(CheckId(WITNESSED.into()), path)].into();
    let docs = [
        (Keys::binding(&line), json!(binding)),
        (Keys::heartbeat(&probe.part(0)), json!(heartbeat)),
        (Keys::paths(&probe.part(0)), json!(paths)),
    ];
    restore(&collector.table, docs.map(|(key, body)| (key.partition, key.sort, body)).into());
}

/// What the isolation comes to after two runs in which it was denied at these addresses.
async fn denied(
    collector: &Collector<MemoryTable, MemoryQueue>,
    control: Verdict,
    addresses: &[u8],
) -> PathState {
    known_of_denied(collector, control, addresses).await.unwrap()
}

/// The same, where it may come to nothing.
pub(super) async fn known_of_denied(
    collector: &Collector<MemoryTable, MemoryQueue>,
    control: Verdict,
    addresses: &[u8],
) -> Option<PathState> {
    for number in 0..2 {
        std::thread::sleep(std::time::Duration::from_millis(5));
        let silence = Verdict::Denied { error: "no answer to 2 SYNs".into() };
        let mut report = Report {
            version: WIRE_VERSION,
            run_id: format!("run-{number}"),
            ..report(1, &[(PAYMENTS, control.clone()), (LEDGER, silence)])
        };
        report.results[1].addresses = addresses.iter().map(|last| ledger(*last)).collect();
        collector.take(&report).await;
    }
    collector.paths().await.unwrap().remove(&CheckId(LEDGER.into()))
}

#[tokio::test]
async fn what_others_reach_at_the_same_addresses_is_proven_closed() {
    let collector = collector().await;
    collector.given(&[1]).await;
    reached(&collector, &Verdict::Ok, &[1, 2], 30_000);
    let path = denied(&collector, Verdict::Ok, &[1, 2]).await;
    assert_eq!((path.status, path.last), (PathStatus::Up, Verdict::DenyProven));
}

#[tokio::test]
async fn a_witness_whose_probe_is_dead_in_the_zone_of_the_denial_is_asked_in_another_one() {
    let collector = collector().await;
    collector.given(&[1]).await;
    reached_from(&collector, ZONES[0], &Verdict::Ok, &[1], 60 * 60_000);
    reached_from(&collector, ZONES[1], &Verdict::Ok, &[1], 30_000);
    let path = denied(&collector, Verdict::Ok, &[1]).await;
    assert_eq!((path.status, path.last), (PathStatus::Up, Verdict::DenyProven));
}

#[tokio::test]
async fn addresses_are_kept_of_what_some_isolation_is_about_and_of_nothing_else() {
    let collector = collector().await;
    collector.given(&[1]).await;
    let mut report = report(1, &[(PAYMENTS, Verdict::Ok)]);
    report.results[0].addresses = vec![ledger(1)];
    collector.take(&report).await;
    assert!(collector.paths().await.unwrap()[&CheckId(PAYMENTS.into())].addresses.is_empty());
}

#[tokio::test]
async fn what_nobody_reaches_lately_at_these_addresses_is_never_green() {
    let down = Verdict::Fail {
        stage: phonehome_wire::Stage::Connect,
        class: phonehome_wire::Class::Other,
        error: "no answer".into(),
    };
    for (seen, at, ago_ms, denied_at, control) in [
        (Verdict::Ok, &[1][..], 30_000, &[1, 2][..], Verdict::Ok),
        (Verdict::Ok, &[1], 10 * 60_000, &[1], Verdict::Ok),
        (down.clone(), &[1], 30_000, &[1], Verdict::Ok),
        (Verdict::Ok, &[], 30_000, &[1], Verdict::Ok),
        (Verdict::Ok, &[1], 30_000, &[], Verdict::Ok),
        (Verdict::Ok, &[1], 30_000, &[1], down),
    ] {
        let collector = collector().await;
        collector.given(&[1]).await;
        reached(&collector, &seen, at, ago_ms);
        let path = denied(&collector, control, denied_at).await;
        assert!(path.status == PathStatus::Unknown && path.inconclusive().is_some(), "{path:?}");
    }
    let alone = collector().await;
    alone.given(&[1]).await;
    let path = denied(&alone, Verdict::Ok, &[1]).await;
    assert!(path.inconclusive().is_some_and(|(_, why)| why.contains("may be dead")), "{path:?}");
}

#[tokio::test]
async fn what_a_probe_claims_to_be_proven_is_not() {
    let collector = collector().await;
    collector.given(&[1]).await;
    reached(&collector, &Verdict::Ok, &[1], 30_000);
    for claim in [Verdict::DenyProven, Verdict::Ok] {
        std::thread::sleep(std::time::Duration::from_millis(5));
        let run_id = format!("{claim:?}");
        collector.take(&Report { run_id, ..report(1, &[(PAYMENTS, Verdict::Ok), (LEDGER, claim)]) }).await;
        let path = collector.paths().await.unwrap().remove(&CheckId(LEDGER.into())).unwrap();
        assert!(path.status == PathStatus::Unknown && path.inconclusive().is_some(), "{path:?}");
    }
}
