use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};

use phonehome_cloud::table::{Key, MemoryTable};
use phonehome_cloud::{Cause, CloudError};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::probe_cleanup::remove_unused_probes;
use crate::probe_code::{NoProbeCode, newest_probes, probe_zip};
use crate::written_by;

const HOUR_MS: u64 = LEFT_ALONE_MS;

/// How many bytes a chunk has here.
const SMALL: usize = 100;

/// In small chunks, so that there are several of little.
async fn store_probes<T: Table>(
    table: &T,
    probes: &ProbeRelease,
    zip: &[u8],
    now_ms: u64,
) -> Result<(), NotStored> {
    Storing { table, probes, zip, chunk_bytes: SMALL, now_ms }.store().await
}

/// Two chunks and a bit, which no other seed has.
fn zip(seed: u8) -> Vec<u8> {
    (0..SMALL * 2 + 10).map(|n| (n % 251) as u8 ^ seed).collect()
}

fn release(seed: u8) -> ProbeRelease {
    let code_sha256 = code_sha256(&zip(seed));
    ProbeRelease { code_sha256, architecture: "arm64".into(), release: format!("0.{seed}.0") }
}

fn table() -> MemoryTable {
    MemoryTable::default().writing_only(written_by("provisioner"))
}

/// A table of which each call takes a moment, and which is gone after so many writes.
struct Slow {
    of: MemoryTable,
    writes_left: AtomicI64,
}

impl Slow {
    fn of(of: &MemoryTable, writes_left: i64) -> Self {
        Self { of: of.clone(), writes_left: AtomicI64::new(writes_left) }
    }

    async fn moment(&self) -> Result<(), TableError> {
        let mut has_waited = false;
        std::future::poll_fn(|_| match std::mem::replace(&mut has_waited, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        match self.writes_left.load(Ordering::Relaxed) {
            0 => Err(CloudError::of_cause("a call", "dead", Cause::Connection("dead".into())).into()),
            _ => Ok(()),
        }
    }
}

impl Table for Slow {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.moment().await?;
        self.of.get(key).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.moment().await?;
        self.of.query(partition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.moment().await?;
        self.writes_left.fetch_sub(1, Ordering::Relaxed);
        self.of.write(writes).await
    }
}

/// The newest code is there as a whole, whatever else there is.
async fn assert_newest_is_whole(table: &MemoryTable) {
    if let Some(newest) = newest_probes(table).await.unwrap() {
        probe_zip(table, &newest.probes).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_stored_is_the_newest_and_read_as_it_was_and_a_second_time_writes_nothing() {
    let table = table();
    store_probes(&table, &release(1), &zip(1), 5).await.unwrap();
    assert_eq!(probe_zip(&table, &release(1)).await.unwrap(), zip(1));
    let newest = NewestProbes { probes: release(1), at_ms: 5 };
    assert_eq!(newest_probes(&table).await.unwrap(), Some(newest.clone()));
    let before = table.all();
    store_probes(&table, &release(1), &zip(1), 9).await.unwrap();
    assert_eq!(table.all(), before);
}

#[tokio::test]
async fn a_real_zip_is_stored_in_items_that_the_table_takes_and_read_again() {
    let table = table();
    // As a zip, it cannot be compressed any more.
    let mut seed = [0_u8; 32];
    let noise = std::iter::repeat_with(|| {
        seed = Sha256::digest(seed).into();
        seed
    });
    let zip: Vec<u8> = noise.take(2 * CHUNK_BYTES / 32 + 1).flatten().collect();
    let probes = ProbeRelease { code_sha256: code_sha256(&zip), ..release(1) };
    super::store_probes(&table, &probes, &zip, 1).await.unwrap();
    assert_eq!(probe_zip(&table, &probes).await.unwrap(), zip);
    let chunks = table.query(Keys::PROBE_CHUNKS).await.unwrap();
    let largest = chunks.iter().map(|doc| phonehome_aws::stored_bytes(&doc.read::<Chunk>().unwrap())).max();
    assert!(chunks.len() == 3 && largest < Some(300 * 1024), "{largest:?}");
}

#[tokio::test]
async fn a_hub_that_goes_back_notes_its_own_code_again_and_stores_no_chunk_twice() {
    let table = table();
    for (seed, at_ms) in [(1, 1), (2, 2), (1, 3)] {
        store_probes(&table, &release(seed), &zip(seed), at_ms).await.unwrap();
        assert_eq!(newest_probes(&table).await.unwrap().unwrap().probes, release(seed));
    }
    let chunks = table.query(Keys::PROBE_CHUNKS).await.unwrap();
    assert_eq!((chunks.len(), chunks.iter().map(|doc| doc.version).max()), (6, Some(1)));
}

#[tokio::test]
async fn what_is_too_large_or_other_code_than_is_said_is_refused_before_anything_is_written() {
    let table = table();
    let large = vec![0; PROBE_ZIP_BYTES_MAX + 1];
    let named = ProbeRelease { code_sha256: code_sha256(&large), ..release(1) };
    let refused = store_probes(&table, &named, &large, 1).await;
    assert!(matches!(refused, Err(NotStored::TooLarge { bytes }) if bytes == large.len()));
    let refused = store_probes(&table, &release(1), &zip(2), 1).await;
    assert!(matches!(refused, Err(NotStored::OtherCode { found, .. }) if found == release(2).code_sha256));
    assert_eq!(table.all(), []);
}

#[tokio::test]
async fn killed_at_any_write_there_is_no_code_and_the_next_one_goes_on_from_there() {
    for lives in 0..6 {
        let table = table();
        let died = store_probes(&Ready(Slow::of(&table, lives)), &release(1), &zip(1), 1).await;
        assert_eq!(died.is_ok(), lives == 5, "{lives}");
        if lives < 5 {
            assert!(matches!(probe_zip(&table, &release(1)).await, Err(NoProbeCode::Missing(_))), "{lives}");
            assert_eq!(newest_probes(&table).await.unwrap(), None, "{lives}");
        }
        store_probes(&table, &release(1), &zip(1), 2).await.unwrap();
        assert_eq!(probe_zip(&table, &release(1)).await.unwrap(), zip(1), "{lives}");
        assert!(table.query(Keys::PROBE_CHUNKS).await.unwrap().iter().all(|doc| doc.version == 1));
    }
}

/// The same table for whoever waits for nothing.
struct Ready(Slow);

impl Table for Ready {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.may(0)?;
        self.0.of.get(key).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.0.of.query(partition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.may(1)?;
        self.0.of.write(writes).await
    }
}

impl Ready {
    fn may(&self, writes: i64) -> Result<(), TableError> {
        if self.0.writes_left.fetch_sub(writes, Ordering::Relaxed) > 0 {
            return Ok(());
        }
        Err(CloudError::of_cause("a call", "dead", Cause::Connection("dead".into())).into())
    }
}

#[tokio::test]
async fn a_chunk_that_was_changed_is_never_taken_for_the_code_and_is_written_anew_once_the_item_is_gone() {
    let bytes = |seed: u8| serde_json::to_string(&Chunk::of(&[seed; 10])).unwrap();
    for body in ["{", r#"{"base64":"?"}"#, &bytes(7)] {
        let table = table();
        store_probes(&table, &release(1), &zip(1), 1).await.unwrap();
        table.put_raw(Keys::probe_chunk(&release(1).code_sha256, SMALL, 1), body);
        let damaged = probe_zip(&table, &release(1)).await.unwrap_err();
        assert!(
            matches!(&damaged, NoProbeCode::Damaged { wanted, .. } if *wanted == release(1)),
            "{damaged}"
        );
        let item = Keys::probe_code(&release(1).code_sha256);
        assert!(damaged.to_string().contains(&item.sort), "{damaged}");
        let doc = table.get(&item).await.unwrap();
        table.write(vec![Write::delete(item, Expect::unchanged(doc.as_ref()))]).await.unwrap();
        store_probes(&table, &release(1), &zip(1), 1).await.unwrap();
        assert_eq!(probe_zip(&table, &release(1)).await.unwrap(), zip(1));
    }
}

#[tokio::test]
async fn what_is_being_removed_is_stored_again_once_nobody_is_at_work_on_it() {
    let table = table();
    for seed in [1, 2] {
        store_probes(&table, &release(seed), &zip(seed), 0).await.unwrap();
    }
    // It marks the code, removes a chunk, and dies.
    let died = remove_unused_probes(&Ready(Slow::of(&table, 2)), HOUR_MS).await;
    died.unwrap_err();
    assert!(matches!(probe_zip(&table, &release(1)).await, Err(NoProbeCode::Missing(_))));
    let refused = store_probes(&table, &release(1), &zip(1), 2 * HOUR_MS - 1).await;
    assert!(matches!(refused, Err(NotStored::BeingRemoved(it)) if it == release(1)));
    assert_eq!(newest_probes(&table).await.unwrap().unwrap().probes, release(2));
    store_probes(&table, &release(1), &zip(1), 2 * HOUR_MS).await.unwrap();
    assert_eq!(probe_zip(&table, &release(1)).await.unwrap(), zip(1));
}

#[tokio::test]
async fn what_somebody_goes_on_with_long_after_it_was_begun_is_not_removed_under_his_hands() {
    let table = table();
    store_probes(&table, &release(2), &zip(2), 0).await.unwrap();
    let died = store_probes(&Ready(Slow::of(&table, 2)), &release(1), &zip(1), 0).await;
    died.unwrap_err();
    // He goes on an hour later, and is not done when others clean up.
    store_probes(&Ready(Slow::of(&table, 2)), &release(1), &zip(1), HOUR_MS).await.unwrap_err();
    assert_eq!(remove_unused_probes(&table, HOUR_MS).await.unwrap(), []);
    // Nobody goes on: what is left goes.
    assert_eq!(remove_unused_probes(&table, 2 * HOUR_MS).await.unwrap(), [release(1)]);
    let of_other = |doc: &Doc| doc.key.sort.starts_with(&release(2).code_sha256);
    assert!(table.query(Keys::PROBE_CHUNKS).await.unwrap().iter().all(of_other));
}

type Actor<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Polls whom the schedule names until all are done; those that it names often enough die.
fn interleave(mut actors: Vec<Actor<'_>>, schedule: &[usize], check: impl Fn()) {
    let mut context = Context::from_waker(Waker::noop());
    let mut next = schedule.iter().copied().chain((0..).map(|n| n % 7));
    while !actors.is_empty() {
        let chosen = next.next().unwrap() % actors.len();
        if actors[chosen].as_mut().poll(&mut context).is_ready() {
            drop(actors.swap_remove(chosen));
        }
        check();
    }
}

/// What of it takes no time.
fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(it) => it,
        Poll::Pending => panic!("it waits"),
    }
}

proptest! {
    /// Two hubs of two releases, each twice, two that remove, and one that reads, in every order of their calls; some
    /// die at any of them.
    #[test]
    fn whoever_reads_gets_the_whole_code_or_none_and_the_newest_is_always_whole(
        schedule in proptest::collection::vec(0..60usize, 0..120),
        lives in proptest::collection::vec(1..20i64, 6),
        old_first in any::<bool>(),
    ) {
        let table = table();
        for seed in if old_first { [1, 2] } else { [2, 1] } {
            now(store_probes(&table, &release(seed), &zip(seed), 0)).unwrap();
        }
        let tables: Vec<Slow> = lives.iter().map(|lives| Slow::of(&table, *lives)).collect();
        let reader = Slow::of(&table, -1);
        let mut actors: Vec<Actor<'_>> = Vec::new();
        for (number, table) in tables.iter().enumerate() {
            actors.push(match number {
                0..4 => Box::pin(async move {
                    let seed = 1 + (number % 2) as u8;
                    let _ = store_probes(table, &release(seed), &zip(seed), HOUR_MS * 2).await;
                }),
                _ => Box::pin(async move { drop(remove_unused_probes(table, HOUR_MS * 2).await) }),
            });
        }
        let reader = &reader;
        actors.push(Box::pin(async move {
            for seed in [1, 2, 1, 2] {
                match probe_zip(reader, &release(seed)).await {
                    Ok(whole) => assert_eq!(whole, zip(seed)),
                    Err(NoProbeCode::Missing(_)) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        }));
        interleave(actors, &schedule, || now(assert_newest_is_whole(&table)));
    }
}
