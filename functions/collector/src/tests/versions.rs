//! While a version of the fleet file is rolled out: a report is judged by the version that its account is to have.

use phonehome_fleet::{Binding, Line};
use phonehome_samples::{FLEET, published, restore};
use phonehome_state::PublishedFleet;
use phonehome_wire::Verdict;
use serde_json::json;

use super::witnesses::{WITNESS, known_of_denied, reached};
use super::*;

/// The example without what says that shop must not reach the ledger.
fn without_isolation() -> String {
    let (begin, rest) =
        FLEET.split_once("  # The shop talks to payments, never to the ledger's database.\n").unwrap();
    let (_, end) = rest.split_once("\n\n").unwrap();
    format!("{begin}{end}")
}

/// A collector where `base` is in force as version 1, and these accounts have `target`, version 2.
async fn rolling(base: &str, target: &str, turned: &[&str]) -> Collector<MemoryTable, MemoryQueue> {
    let collector = collector().await;
    // What is noted is what the example declares.
    collector.given(&[1]).await;
    let version = |number, text: &str| json!(PublishedFleet { number, ..published(text) });
    let line = Line::new("shop", "prod");
    let binding = Binding {
        line: line.clone(),
        account: SHOP_PROD.parse().unwrap(),
        account_name: "shop-prod".into(),
        bound_at_ms: 1,
    };
    let docs = [
        (Keys::fleet(), version(1, base)),
        (Keys::version(1), version(1, base)),
        (Keys::version(2), version(2, target)),
        (Keys::rollout(), json!({"versions": {"base": 1, "target": 2, "turned": turned}})),
        (Keys::binding(&line), json!(binding)),
    ];
    restore(&collector.table, docs.map(|(key, body)| (key.partition, key.sort, body)).into());
    collector
}

#[tokio::test]
async fn an_isolation_is_proven_for_those_whose_version_declares_it() {
    for (turned, proven) in [(&[SHOP_PROD, WITNESS][..], true), (&[WITNESS], false)] {
        let collector = rolling(&without_isolation(), FLEET, turned).await;
        reached(&collector, &Verdict::Ok, &[1], 30_000);
        let path = known_of_denied(&collector, Verdict::Ok, &[1]).await;
        let is_proven = path.as_ref().is_some_and(|path| path.last == Verdict::DenyProven);
        assert_eq!(is_proven, proven, "{turned:?}: {path:?}");
    }
}

#[tokio::test]
async fn who_has_another_version_is_a_witness_as_that_one_says() {
    // The isolation is in force; payments, which reaches the ledger, has the new version.
    let collector = rolling(FLEET, &format!("{FLEET}# another\n"), &[WITNESS]).await;
    reached(&collector, &Verdict::Ok, &[1], 30_000);
    let path = known_of_denied(&collector, Verdict::Ok, &[1]).await.unwrap();
    assert_eq!(path.last, Verdict::DenyProven, "{path:?}");
}
