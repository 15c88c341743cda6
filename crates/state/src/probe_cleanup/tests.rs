use phonehome_cloud::table::MemoryTable;
use phonehome_rollout::{Pace, Wave};

use super::*;
use crate::probe_code::{code_sha256, probe_zip};
use crate::probe_store::store_probes;
use crate::{PublishedFleet, Way, base, publish, publish_by, written_by};

const LATER_MS: u64 = 10 * LEFT_ALONE_MS;

fn release(seed: u8) -> ProbeRelease {
    let code_sha256 = code_sha256(&[seed; 10]);
    ProbeRelease { code_sha256, architecture: "arm64".into(), release: format!("0.{seed}.0") }
}

/// The code of so many releases, each a while after the one before.
async fn table(releases: u8) -> MemoryTable {
    let table = MemoryTable::default();
    for seed in 1..=releases {
        store_probes(&table, &release(seed), &[seed; 10], u64::from(seed)).await.unwrap();
    }
    table
}

fn named(seed: u8) -> PublishedFleet {
    PublishedFleet { text: "text".into(), probes: Some(release(seed)), ..PublishedFleet::default() }
}

async fn published(table: &MemoryTable, seed: u8) {
    publish(table, &base(table).await.unwrap(), named(seed)).await.unwrap();
}

async fn removed(table: &MemoryTable, now_ms: u64) -> Vec<String> {
    let table = table.writing_only(written_by("provisioner"));
    let mut removed: Vec<String> =
        remove_unused_probes(&table, now_ms).await.unwrap().into_iter().map(|it| it.release).collect();
    removed.sort();
    removed
}

#[tokio::test]
async fn the_code_of_versions_in_use_of_the_one_before_and_the_newest_stay_and_the_rest_goes() {
    let table = table(6).await;
    for seed in [1, 2, 3] {
        published(&table, seed).await;
    }
    let waves = vec![Wave::new("all".into(), [].into())];
    let pace = Pace { bake_ms: 1, converge_ms: 1, at_once: 1 };
    let way = Way::InWaves { waves, pace, mends: false };
    publish_by(&table, &base(&table).await.unwrap(), named(4), &way, false).await.unwrap();
    assert_eq!(removed(&table, LATER_MS).await, ["0.1.0", "0.5.0"]);
    for seed in [2, 3, 4, 6] {
        assert_eq!(probe_zip(&table, &release(seed)).await.unwrap(), [seed; 10]);
    }
    assert_eq!(table.query(Keys::PROBE_CHUNKS).await.unwrap().len(), 4);
    assert_eq!(removed(&table, 2 * LATER_MS).await, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_is_removed_within_an_hour_of_the_newest() {
    let table = table(3).await;
    assert_eq!(removed(&table, 2 + LEFT_ALONE_MS).await, Vec::<String>::new());
    assert_eq!(removed(&table, 3 + LEFT_ALONE_MS).await, ["0.1.0", "0.2.0"]);
}

#[tokio::test]
async fn while_what_is_in_force_or_rolled_out_cannot_be_read_nothing_is_removed() {
    for key in [Keys::fleet(), Keys::rollout(), Keys::newest_probes()] {
        let table = table(3).await;
        published(&table, 2).await;
        table.put_raw(key.clone(), "{");
        let before = table.all();
        assert!(remove_unused_probes(&table, LATER_MS).await.is_err(), "{key:?}");
        assert_eq!(table.all(), before);
    }
}

#[tokio::test]
async fn without_a_newest_nothing_is_removed() {
    let table = table(2).await;
    let doc = table.get(&Keys::newest_probes()).await.unwrap();
    let delete = Write::delete(Keys::newest_probes(), Expect::unchanged(doc.as_ref()));
    table.write(vec![delete]).await.unwrap();
    assert_eq!(removed(&table, LATER_MS).await, Vec::<String>::new());
}
