//! The table as the functions meet it: each call takes its time, so that they meet one another, and a read that need
//! not be consistent may be of a moment ago.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use phonehome_cloud::WallClock as _;
use phonehome_cloud::table::{Doc, Key, MemoryTable, Table, TableError, Write};
use phonehome_state::Keys;
use tokio::sync::Notify;
use tokio::time::Duration;

use crate::chance::{Chance, Question};
use crate::clock::VirtualClock;

/// For how long a read that need not be consistent may see what was there before, in milliseconds.
const STALE_MS: u64 = 1_000;
/// In how many of a million cases it does.
const STALE_PPM: u32 = 300_000;
/// How long a call takes at most, in milliseconds.
const LATENCY_MS_MAX: u32 = 12;

/// What was stored under a key before, and until when; milliseconds since the Unix epoch.
type Before = BTreeMap<Key, (Option<Doc>, u64)>;

/// A table that takes its time. Its copies are the same.
#[derive(Debug, Clone)]
pub(crate) struct SlowTable {
    pub(crate) table: MemoryTable,
    pub(crate) clock: VirtualClock,
    pub(crate) chance: Chance,
    before: Arc<Mutex<Before>>,
    /// The table's stream, as far as the notifier hears it.
    pub(crate) stream: Arc<Notify>,
}

impl SlowTable {
    pub(crate) fn new(table: MemoryTable, clock: VirtualClock, chance: Chance) -> Self {
        Self { table, clock, chance, before: Arc::default(), stream: Arc::default() }
    }

    /// The same as one function may write it.
    pub(crate) fn of(&self, function: &str) -> Self {
        let table = self.table.writing_only(phonehome_state::written_by(function));
        Self { table, ..self.clone() }
    }

    async fn take_time(&self) {
        let now_ms = self.clock.now_ms();
        let mut random = self.chance.of(Question::Latency, 0, now_ms);
        tokio::time::sleep(Duration::from_millis(1 + u64::from(random.below(LATENCY_MS_MAX)))).await;
    }

    fn stale(&self, key: &Key) -> Option<Option<Doc>> {
        let now_ms = self.clock.now_ms();
        let before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let (doc, until_ms) = before.get(key).filter(|(_, until_ms)| until_ms + STALE_MS > now_ms)?;
        let is_stale = self.chance.of(Question::Stale, *until_ms, now_ms).happens(STALE_PPM);
        is_stale.then(|| doc.clone())
    }
}

impl Table for SlowTable {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.take_time().await;
        self.table.get(key).await
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Doc>, TableError> {
        self.take_time().await;
        self.table.get_many(keys).await
    }

    async fn get_many_eventually(&self, keys: &[Key]) -> Result<Vec<Doc>, TableError> {
        self.take_time().await;
        let mut docs = Vec::new();
        for key in keys {
            match self.stale(key) {
                Some(before) => docs.extend(before),
                None => docs.extend(self.table.get(key).await?),
            }
        }
        Ok(docs)
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.take_time().await;
        self.table.query(partition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.take_time().await;
        let mut known = Before::new();
        for write in &writes {
            known.insert(write.key.clone(), (self.table.get(&write.key).await?, self.clock.now_ms()));
        }
        let is_news = writes.iter().any(|it| it.key.partition == Keys::OUTBOX && it.body.is_some());
        self.table.write(writes).await?;
        self.before.lock().unwrap_or_else(PoisonError::into_inner).extend(known);
        if is_news {
            self.stream.notify_one();
        }
        Ok(())
    }
}
