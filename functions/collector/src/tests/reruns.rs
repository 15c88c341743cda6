//! Reports of what ran again because the hub asked for it.

use phonehome_alerting::{Heartbeat, Paths};
use phonehome_cloud::table::Table as _;
use phonehome_state::Keys;
use phonehome_wire::{Class, Report, Stage, Verdict};
use serde_json::{Value, json};

use super::forged::{PAYMENTS, report};
use super::{collector, probe};
use crate::handler::Collector;
use phonehome_cloud::MemoryQueue;
use phonehome_cloud::table::MemoryTable;
use phonehome_samples::{SHOP_PROD, ZONES};

fn fail() -> Verdict {
    Verdict::Fail { stage: Stage::Connect, class: Class::ConnectTimeout, error: "no answer".into() }
}

/// The report of a run, which a probe was given as `asked`.
fn event(report: &Report, asked: &Value) -> Value {
    let body = json!({
        "account": SHOP_PROD, "source": "lambda",
        "detail-type": "Lambda Function Invocation Result - Success",
        "detail": {"requestPayload": asked, "responsePayload": report},
    });
    json!({"Records": [{"messageId": "1", "body": body.to_string()}]})
}

impl Collector<MemoryTable, MemoryQueue> {
    async fn stored(&self) -> (Heartbeat, Paths) {
        let part = probe(ZONES[0]).part(0);
        let heartbeat = self.table.get(&Keys::heartbeat(&part)).await.unwrap().unwrap().read().unwrap();
        (heartbeat, self.table.get(&Keys::paths(&part)).await.unwrap().unwrap().read().unwrap())
    }
}

#[tokio::test]
async fn a_rerun_counts_for_the_path_that_is_in_doubt_wakes_the_alerter_and_is_no_heartbeat() {
    // A probe of an earlier release does not say that it was a rerun; what it was given does.
    for says_so in [true, false] {
        let collector = collector().await;
        collector.given(&[3]).await;
        let first = report(3, &[(PAYMENTS, fail())]);
        let first = Report { started_at_ms: first.started_at_ms - 30_000, run_id: "first".into(), ..first };
        collector.take(&first).await;
        let (before, _) = collector.stored().await;
        let hints = collector.transitions.sent().len();
        let again = Report { rerun: says_so, run_id: "again".into(), ..report(3, &[(PAYMENTS, fail())]) };
        let response = collector.handle(&event(&again, &json!({"rerun": !says_so}))).await.unwrap();
        assert!(response.batch_item_failures.is_empty() && collector.dead_letters.sent().is_empty());
        let (after, paths) = collector.stored().await;
        assert_eq!(paths[&phonehome_wire::CheckId(PAYMENTS.to_owned())].results.len(), 2, "{says_so}");
        assert_eq!(collector.transitions.sent().len(), hints + 1, "{says_so}");
        assert_eq!(
            (after.last_started_at_ms, after.run_id, after.isolations_at_ms),
            (before.last_started_at_ms, before.run_id, before.isolations_at_ms),
            "{says_so}"
        );
        assert!(after.rerun_received_ms > 0 && after.paths_version > before.paths_version, "{says_so}");
    }
}
