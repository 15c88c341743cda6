//! That probes are asked to run again what is in doubt.

use phonehome_alerting::{Outcome, PathResult, Rerun, Reruns};
use phonehome_cloud::table::{Table as _, Write};
use phonehome_samples::ZONES;
use phonehome_state::Keys;
use serde_json::Value;

use super::*;

impl Alerter<MemoryTable, MemoryQueue> {
    /// A connection of one probe has just failed for the first time.
    async fn fails_once(&self, now_ms: u64) {
        self.heard(now_ms, PathStatus::Up).await;
        let key = Keys::paths(&probe(ZONES[0]).part(0));
        let mut paths: Paths = self.table.get(&key).await.unwrap().unwrap().read().unwrap();
        let path = paths.iter_mut().find(|(id, _)| id.0.starts_with("connection/")).unwrap().1;
        // It worked before.
        path.since_ms = now_ms - MINUTE_MS;
        path.results = vec![PathResult(now_ms, Outcome::Silence)];
        self.overwrite(Write::put, key, &paths).await;
    }

    fn asked_to_rerun(&self) -> Vec<Rerun> {
        let bodies =
            self.ask.queue.sent().into_iter().map(|it| serde_json::from_str::<Value>(&it.body).unwrap());
        bodies.filter_map(|body| serde_json::from_value(body["rerun"].clone()).ok()).collect()
    }
}

#[tokio::test]
async fn what_fails_for_the_first_time_is_asked_to_run_again_once_and_it_is_noted_before() {
    let alerter = alerter().await;
    alerter.fails_once(START_MS + MINUTE_MS).await;
    for _ in 0..3 {
        alerter.run(START_MS + MINUTE_MS + 5_000).await.unwrap();
    }
    let asked = alerter.asked_to_rerun();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!((&asked[0].availability_zone, asked[0].checks.len()), (&probe(ZONES[0]).availability_zone, 1));
    let noted: Reruns = alerter.table.get(&Keys::reruns()).await.unwrap().unwrap().read().unwrap();
    assert_eq!(noted.asked.len(), 1);
}

#[tokio::test]
async fn a_healthy_fleet_is_asked_nothing_and_nothing_of_it_is_read_or_stored() {
    let alerter = alerter().await;
    alerter.heard(START_MS + MINUTE_MS, PathStatus::Up).await;
    alerter.run(START_MS + MINUTE_MS + 5_000).await.unwrap();
    assert_eq!(alerter.asked_to_rerun(), []);
    assert!(alerter.table.get(&Keys::reruns()).await.unwrap().is_none());
}
