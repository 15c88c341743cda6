//! A table whose reads are counted, and take their time: virtual time, which passes while nothing else can be done.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use phonehome_cloud::table::{Doc, Key, MemoryTable, SortKeys, Table, TableError, Write};

/// How long a call to DynamoDB takes, and each page of one.
const CALL: Duration = Duration::from_millis(10);
/// What a strongly consistent read of this many bytes costs one read unit for.
const UNIT_BYTES: usize = 4096;

/// The table in memory, with what is read of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metered {
    table: MemoryTable,
    read: Arc<Mutex<Reads>>,
}

/// What was read, by partition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reads(BTreeMap<String, Read>);

#[derive(Debug, Clone, Copy, Default)]
struct Read {
    calls: usize,
    items: usize,
    bytes: usize,
    units: usize,
}

impl Metered {
    /// This table, of which nothing was read yet.
    pub(crate) fn over(table: &MemoryTable) -> Self {
        Self { table: table.clone(), ..Self::default() }
    }

    /// What was read since this was last asked.
    pub(crate) fn take(&self) -> Reads {
        std::mem::take(&mut *self.read.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a call that read these documents together.
    fn note(&self, partition: &str, docs: &[Doc]) {
        let bytes = docs.iter().map(Doc::bytes).sum::<usize>();
        self.add(partition, docs, bytes.div_ceil(UNIT_BYTES).max(1));
    }

    /// Counts a call that read each of these documents by itself.
    fn note_each(&self, partition: &str, docs: &[Doc]) {
        self.add(
            partition,
            docs,
            docs.iter().map(|doc| doc.bytes().div_ceil(UNIT_BYTES)).sum::<usize>().max(1),
        );
    }

    fn add(&self, partition: &str, docs: &[Doc], units: usize) {
        let mut reads = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let read = reads.0.entry(partition.to_owned()).or_default();
        read.calls += 1;
        read.items += docs.len();
        read.bytes += docs.iter().map(Doc::bytes).sum::<usize>();
        read.units += units;
    }
}

impl Reads {
    /// `21.30 MB, 50,000 items, 23 calls, 5,230 read units`, without the commas.
    pub(crate) fn sum(&self) -> impl Display {
        let mut sum = Read::default();
        for read in self.0.values() {
            sum.calls += read.calls;
            sum.items += read.items;
            sum.bytes += read.bytes;
            sum.units += read.units;
        }
        sum
    }
}

#[allow(clippy::cast_precision_loss, reason = "megabytes for people")]
impl Display for Read {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { calls, items, bytes, units } = self;
        write!(f, "{:.2} MB, {items} items, {calls} calls, {units} read units", *bytes as f64 / 1e6)
    }
}

/// By partition, the largest first.
impl Display for Reads {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut reads: Vec<_> = self.0.iter().filter(|(_, read)| read.bytes > 100_000).collect();
        reads.sort_by_key(|(_, read)| std::cmp::Reverse(read.bytes));
        reads.into_iter().try_for_each(|(partition, read)| writeln!(f, "      {partition}: {read}"))
    }
}

impl Table for Metered {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        tokio::time::sleep(CALL).await;
        let doc = self.table.get(key).await?;
        self.note(&key.partition, doc.as_slice());
        Ok(doc)
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Doc>, TableError> {
        tokio::time::sleep(CALL).await;
        let docs = self.table.get_many(keys).await?;
        self.note_each(keys.first().map_or("", |key| &key.partition), &docs);
        Ok(docs)
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        let mut docs = Vec::new();
        self.query_pages(partition, |page| docs.extend(page)).await?;
        Ok(docs)
    }

    async fn query_between(
        &self,
        partition: &str,
        keys: SortKeys<'_>,
        mut take: impl FnMut(Vec<Doc>) + Send,
    ) -> Result<(), TableError> {
        let mut from = keys.from.map(str::to_owned);
        loop {
            let page = self.table.page(partition, SortKeys { from: from.as_deref(), ..keys });
            // As many pages are held at once as are waited for.
            tokio::time::sleep(CALL).await;
            self.note(partition, &page);
            // The first key behind the page's last one.
            from = page.last().map(|doc| format!("{}\0", doc.key.sort));
            let is_last = page.iter().map(Doc::bytes).sum::<usize>() < MemoryTable::PAGE_BYTES;
            take(page);
            if is_last {
                return Ok(());
            }
        }
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        tokio::time::sleep(CALL).await;
        self.table.write(writes).await
    }
}
