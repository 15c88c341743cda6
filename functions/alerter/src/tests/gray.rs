//! That a zone is slow is stored with its message, and told once whoever decides.

use phonehome_alerting::{Connects, GrayZones, Heartbeat, RUNS_KEPT};

use super::*;

/// Connects take so long there: a letter of the buckets, three times.
async fn connects(alerter: &Alerter<MemoryTable, MemoryQueue>, zone: &str, letters: &str) {
    let key = Keys::heartbeat(&probe(zone).part(0));
    let heartbeat: Heartbeat = alerter.table.get(&key).await.unwrap().unwrap().read().unwrap();
    let connects = vec![Connects(3, 0, letters.to_owned()); RUNS_KEPT];
    alerter.overwrite(Write::put, key, &Heartbeat { connects, ..heartbeat }).await;
}

async fn slow(alerter: &Alerter<MemoryTable, MemoryQueue>) -> GrayZones {
    alerter.table.get(&Keys::gray_zones()).await.unwrap().unwrap().read().unwrap()
}

#[tokio::test]
async fn a_slow_zone_is_told_once_by_whoever_decides_and_its_end_too() {
    let alerter = alerter().await;
    alerter.heard(START_MS, PathStatus::Up).await;
    for (zone, letters) in [(ZONES[0], "jjj"), (ZONES[1], "CCC"), (ZONES[2], "CCC")] {
        connects(&alerter, zone, letters).await;
    }
    alerter.run(START_MS + 1).await.unwrap();
    assert_eq!(alerter.outbox().await.len(), 1, "{:?}", alerter.outbox().await);
    assert_eq!(
        slow(&alerter).await.since_ms.keys().map(|zone| zone.as_str()).collect::<Vec<_>>(),
        [ZONES[0]]
    );
    let other = over_table(alerter.table.clone());
    other.run(START_MS + 2).await.unwrap();
    assert_eq!(other.outbox().await.len(), 1);
    connects(&alerter, ZONES[0], "CCC").await;
    alerter.run(START_MS + 3).await.unwrap();
    assert_eq!(alerter.outbox().await.len(), 2);
    assert_eq!(slow(&alerter).await, GrayZones::default());
}
