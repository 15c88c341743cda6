//! What an invocation says of itself.

use phonehome_cloud::WallClock as _;
use phonehome_cloud::table::{Doc, Key};
use serde_json::json;

use super::*;

#[tokio::test]
async fn an_invocation_sends_its_metrics_once_and_says_how_many_incidents_there_are() {
    let alerter = alerter().await;
    let now_ms = SystemClock.now_ms();
    alerter.heard(now_ms, PathStatus::Down).await;
    alerter.handle(&json!({})).await.unwrap();
    assert_eq!(alerter.metrics.flushes(), 1);
    let counts = alerter.metrics.counts();
    let count = |name: &str| counts[name];
    assert_eq!((count("Runs"), count("OpenIncidents"), count("IncidentsOpened")), (1, 1, 1));
    assert_eq!(count("Messages"), 2, "a page, and a message in Slack");
}

#[tokio::test]
async fn an_incident_counts_as_open_for_as_long_as_it_is_and_as_opened_once() {
    let alerter = alerter().await;
    for (minute, connections, open) in
        [(0, PathStatus::Down, 1), (1, PathStatus::Down, 1), (2, PathStatus::Up, 0), (3, PathStatus::Up, 0)]
    {
        let run = over_table(alerter.table.clone());
        let now_ms = START_MS + minute * MINUTE_MS;
        run.heard(now_ms, connections).await;
        run.run(now_ms + 1000).await.unwrap();
        let counts = run.metrics.counts();
        let found = (counts["OpenIncidents"], counts["IncidentsOpened"]);
        assert_eq!(found, (open, u64::from(minute == 0)), "minute {minute}");
    }
}

/// A table that fails.
struct Broken;

impl Table for Broken {
    async fn get(&self, _: &Key) -> Result<Option<Doc>, TableError> {
        Err(broken())
    }

    async fn query(&self, _: &str) -> Result<Vec<Doc>, TableError> {
        Err(broken())
    }

    async fn write(&self, _: Vec<Write>) -> Result<(), TableError> {
        Err(broken())
    }
}

fn broken() -> TableError {
    TableError::Aws(phonehome_cloud::CloudError::service(
        "dynamodb:GetItem",
        "x",
        "InternalServerError",
        "no",
    ))
}

/// The watcher in another Region hears of runs, and of nothing else: no run that failed may keep it quiet.
#[tokio::test]
async fn a_run_that_failed_is_no_run() {
    let alerter = over_table(Broken);
    alerter.handle(&json!({})).await.unwrap_err();
    assert!(!alerter.metrics.counts().contains_key(phonehome_aws::RUNS), "{:?}", alerter.metrics);
}
