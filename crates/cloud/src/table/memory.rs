//! The table in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::{Doc, Expect, Key, SCHEMA_WRITTEN, SortKeys, Table, TableError, Write, key};

/// A table in memory, with the same behaviour.
#[derive(Debug, Clone, Default)]
pub struct MemoryTable {
    docs: Arc<Mutex<BTreeMap<Key, Doc>>>,
    expiries: Arc<Mutex<BTreeMap<Key, u64>>>,
    writable: Option<Arc<[String]>>,
}

impl MemoryTable {
    /// How many bytes the documents of a page have, of which the last one may be beyond, where more follow: as DynamoDB
    /// gives them, 1 MB.
    pub const PAGE_BYTES: usize = 1024 * 1024;

    /// The same table for somebody whose policy allows writes to these partitions alone. A write to
    /// another one is a mistake of the code, and panics.
    #[must_use]
    pub fn writing_only<'a>(&self, partitions: impl IntoIterator<Item = &'a str>) -> Self {
        let partitions = partitions.into_iter().map(str::to_owned).collect();
        Self { writable: Some(partitions), ..self.clone() }
    }

    /// The same table for a test, which may write everything.
    #[must_use]
    pub fn unrestricted(&self) -> Self {
        Self { writable: None, ..self.clone() }
    }

    #[allow(clippy::unwrap_used, reason = "a poisoned lock means a test already panicked")]
    fn locked(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Doc>> {
        self.docs.lock().unwrap()
    }

    /// Stores a body as it is, whatever is there: what a bug, a newer version or a hand may leave.
    pub fn put_raw(&self, key: Key, body: &str) {
        let mut docs = self.locked();
        let version = docs.get(&key).map_or(1, |doc| doc.version + 1);
        docs.insert(key.clone(), Doc { key, version, schema: 1, body: body.to_owned() });
    }

    /// Stores a body as a build would that writes this schema.
    pub fn put_of_schema(&self, key: Key, schema: u32, body: &str) {
        self.put_raw(key.clone(), body);
        self.locked().entry(key).and_modify(|doc| doc.schema = schema);
    }

    /// When a document expires, in seconds since the Unix epoch. Nothing is ever removed by itself.
    #[allow(clippy::unwrap_used, reason = "a poisoned lock means a test already panicked")]
    pub fn expires_at_s(&self, key: &Key) -> Option<u64> {
        self.expiries.lock().unwrap().get(key).copied()
    }

    /// The first of these documents, as many as DynamoDB gives at once; none where there are none.
    pub fn page(&self, partition: &str, keys: SortKeys<'_>) -> Vec<Doc> {
        page(&mut between(&self.locked(), partition, keys))
    }

    /// All documents, by key.
    pub fn all(&self) -> Vec<Doc> {
        self.locked().values().cloned().collect()
    }
}

/// The documents of a partition whose sort keys are among these.
fn between<'d>(
    docs: &'d BTreeMap<Key, Doc>,
    partition: &'d str,
    keys: SortKeys<'d>,
) -> impl Iterator<Item = &'d Doc> {
    let from_first = docs.range(key(partition, keys.from.unwrap_or_default())..).map(|(_, doc)| doc);
    from_first.take_while(move |doc| doc.key.partition == partition && keys.contain(&doc.key.sort))
}

/// The next page of these documents.
fn page<'d>(docs: &mut impl Iterator<Item = &'d Doc>) -> Vec<Doc> {
    let mut bytes = 0;
    let mut page = Vec::new();
    while bytes < MemoryTable::PAGE_BYTES
        && let Some(doc) = docs.next()
    {
        bytes += doc.bytes();
        page.push(doc.clone());
    }
    page
}

impl Table for MemoryTable {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        Ok(self.locked().get(key).cloned())
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Doc>, TableError> {
        let docs = self.locked();
        Ok(keys.iter().filter_map(|key| docs.get(key).cloned()).collect())
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        let docs = self.locked();
        Ok(between(&docs, partition, SortKeys::ALL).cloned().collect())
    }

    async fn query_between(
        &self,
        partition: &str,
        keys: SortKeys<'_>,
        mut take: impl FnMut(Vec<Doc>) + Send,
    ) -> Result<(), TableError> {
        // One moment for all of them, as one query has.
        let docs = self.locked();
        let mut found = between(&docs, partition, keys).peekable();
        while found.peek().is_some() {
            take(page(&mut found));
        }
        Ok(())
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        for write in &writes {
            let partition = &write.key.partition;
            let may = self.writable.as_ref().is_none_or(|writable| writable.contains(partition));
            assert!(may, "a role writes the partition {partition:?}, and its policy does not allow that");
        }
        writes.iter().try_for_each(Write::is_allowed)?;
        let mut docs = self.locked();
        let holds = |write: &Write| Expect::unchanged(docs.get(&write.key)) == write.expect;
        if !writes.iter().all(holds) {
            return Err(TableError::Conflict { keys: writes.into_iter().map(|write| write.key).collect() });
        }
        #[allow(clippy::unwrap_used, reason = "a poisoned lock means a test already panicked")]
        let mut expiries = self.expiries.lock().unwrap();
        for Write { key, body, expires_at_s, .. } in writes {
            match expires_at_s {
                Some(at_s) => expiries.insert(key.clone(), at_s),
                None => expiries.remove(&key),
            };
            let version = docs.get(&key).map_or(1, |doc| doc.version + 1);
            match body {
                Some(body) => docs.insert(key.clone(), Doc { key, version, schema: SCHEMA_WRITTEN, body }),
                None => docs.remove(&key),
            };
        }
        Ok(())
    }
}
