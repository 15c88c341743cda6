//! The one table: JSON documents with a version, written only under a condition.
//!
//! Functions of two releases run side by side while one is deployed, and a deployment may be rolled back. So
//! documents carry the number of their schema. Fields may be added to it, with a default: who does not know
//! them keeps them ([`Write::over`]). Anything else is a new number, and takes two releases: the first one
//! reads it ([`SCHEMA_READ`]), the second one writes it ([`SCHEMA_WRITTEN`]). What is of a newer schema than
//! a build reads is unreadable to it, and it neither writes nor deletes it.

mod cache;
mod contended;
mod memory;
mod unknown;

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::CloudError;

pub use cache::Cache;
pub use contended::{ATTEMPTS, MayConflict, on_conflict};
pub use memory::MemoryTable;

/// A document's key: `partition` groups what is read together, `sort` orders within it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The partition key.
    pub partition: String,
    /// The sort key.
    pub sort: String,
}

/// Makes a key.
pub fn key(partition: impl Into<String>, sort: impl Into<String>) -> Key {
    Key { partition: partition.into(), sort: sort.into() }
}

/// The schema of the documents that this build writes. Those of release 0.1.0 carry no number and are of
/// schema 1.
pub const SCHEMA_WRITTEN: u32 = 1;

/// The newest schema that this build reads: at least what the release after it writes, so that a roll-back by
/// one version meets nothing unreadable.
pub const SCHEMA_READ: u32 = 1;

/// A stored document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doc {
    /// Its key.
    pub key: Key,
    /// Grows by one with each write; 0 of an item that carries none.
    pub version: u64,
    /// Its schema; 1 of an item that does not say.
    pub schema: u32,
    /// JSON text, at most [`BODY_BYTES_MAX`]. DynamoDB's item limit of 400 KB counts after compression.
    pub body: String,
}

impl Doc {
    /// The body as a type.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] when it is of another shape, or of a newer schema.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, TableError> {
        let unreadable = |problem| TableError::Unreadable { key: self.key.clone(), problem };
        if self.is_newer() {
            return Err(unreadable(format!("it is of schema {}, and {}", self.schema, reads())));
        }
        serde_json::from_str(&self.body).map_err(|error| unreadable(error.to_string()))
    }

    /// How many bytes it has in the table, where it is not compressed: as DynamoDB counts it, of each attribute its name
    /// and its value.
    pub fn bytes(&self) -> usize {
        /// `pk`, `sk`, `version`, `schema_number` and `body`, and the two numbers.
        const NAMES_AND_NUMBERS: usize = 2 + 2 + 7 + 13 + 4 + 3 + 2;
        NAMES_AND_NUMBERS + self.key.partition.len() + self.key.sort.len() + self.body.len()
    }

    /// Whether only a newer build knows what it means.
    pub fn is_newer(&self) -> bool {
        self.schema > SCHEMA_READ
    }
}

/// What must hold for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing is stored under the key.
    Absent,
    /// This version is stored.
    Version(u64),
    /// What is stored is of this schema, which is newer than this build reads: it is left alone.
    Newer(u32),
}

fn reads() -> String {
    format!("this version of phonehome reads up to {SCHEMA_READ}: deploy the newer one again")
}

impl Expect {
    /// What must hold when `doc` is what was read.
    pub fn unchanged(doc: Option<&Doc>) -> Self {
        match doc {
            None => Self::Absent,
            Some(doc) if doc.is_newer() => Self::Newer(doc.schema),
            Some(doc) => Self::Version(doc.version),
        }
    }

    /// What must hold for the next write, after a put under this condition.
    #[must_use]
    pub fn after_write(self) -> Self {
        Self::Version(self.next_version())
    }

    /// The version that a put under this condition stores.
    pub fn next_version(self) -> u64 {
        match self {
            Self::Absent | Self::Newer(_) => 1,
            Self::Version(version) => version + 1,
        }
    }
}

/// One conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// What it writes or removes.
    pub key: Key,
    /// Under which condition.
    pub expect: Expect,
    /// The JSON text to store; `None` removes what is stored.
    pub body: Option<String>,
    /// From when on DynamoDB may remove the document; seconds since the Unix epoch.
    pub expires_at_s: Option<u64>,
}

impl Write {
    /// Stores `value` as JSON.
    pub fn put<T: Serialize>(key: Key, expect: Expect, value: &T) -> Self {
        #[allow(clippy::expect_used, reason = "our own types, all with string keys, always serialise")]
        let body = serde_json::to_string(value).expect("serialisable");
        Self { key, expect, body: Some(body), expires_at_s: None }
    }

    /// Stores `value` as JSON in place of what was read, and keeps the fields of that which `T` does not know:
    /// a newer build added them, and reads them again. For values that were made from what was read; what is
    /// written anew as a whole is a [`Write::put`].
    pub fn over<T: Serialize + DeserializeOwned>(before: Option<&Doc>, key: Key, value: &T) -> Self {
        Self::put(key, Expect::unchanged(before), value).keeping::<T>(before)
    }

    /// The same where the condition is another one: with the fields of `before` that a `T` does not know.
    #[must_use]
    pub fn keeping<T: Serialize + DeserializeOwned>(self, before: Option<&Doc>) -> Self {
        let body = match (before, &self.body) {
            (Some(before), Some(body)) => unknown::kept::<T>(&before.body, body),
            _ => None,
        };
        Self { body: body.or(self.body), ..self }
    }

    /// The document as it is once this is written; `None` where that removes it.
    pub fn written(&self) -> Option<Doc> {
        let (key, version) = (self.key.clone(), self.expect.next_version());
        self.body.clone().map(|body| Doc { key, version, schema: SCHEMA_WRITTEN, body })
    }

    /// Why nothing may be written: what is stored is of a newer schema.
    ///
    /// # Errors
    /// [`TableError::Newer`]
    pub fn is_allowed(&self) -> Result<(), TableError> {
        match self.expect {
            Expect::Newer(schema) => Err(TableError::Newer { key: self.key.clone(), schema }),
            Expect::Absent | Expect::Version(_) => Ok(()),
        }
    }

    /// Removes what is stored.
    pub fn delete(key: Key, expect: Expect) -> Self {
        Self { key, expect, body: None, expires_at_s: None }
    }

    /// Lets DynamoDB remove the document some time after this moment (seconds since the epoch).
    pub fn expiring(mut self, at_s: u64) -> Self {
        self.expires_at_s = Some(at_s);
        self
    }
}

/// What goes wrong with the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// A condition did not hold: nothing was written. Read again and decide again.
    #[error("someone else wrote {} first", .keys.iter().map(|key| format!("{}/{}", key.partition, key.sort)).collect::<Vec<_>>().join(", "))]
    Conflict {
        /// What was to be written.
        keys: Vec<Key>,
    },
    /// A document is not of the expected shape.
    #[error("the stored document {}/{} is unreadable: {problem}", key.partition, key.sort)]
    Unreadable {
        /// Which.
        key: Key,
        /// serde's complaint.
        problem: String,
    },
    /// What is stored is of a newer schema than this build reads, and is left as it is.
    #[error("the stored document {}/{} is of schema {schema}, and {}: it is left as it is", key.partition, key.sort, reads())]
    Newer {
        /// Which.
        key: Key,
        /// Its schema.
        schema: u32,
    },
    /// The call failed.
    #[error(transparent)]
    Aws(#[from] CloudError),
}

/// Why a record was not kept before a call that changes something: the call was not made.
#[derive(Debug)]
pub enum NotKept {
    /// Somebody else wrote since it was read, and works on the same.
    Taken,
    /// The table failed.
    Table(TableError),
}

impl From<TableError> for NotKept {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Conflict { .. } => Self::Taken,
            error => Self::Table(error),
        }
    }
}

/// How many keys one [`Table::get_many`] takes: DynamoDB's limit of a BatchGetItem.
pub const GET_MANY_MAX: usize = 100;

/// The longest body, in bytes: 8 MiB. An item of 400 KB could unpack to a thousand times its size.
pub const BODY_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The sort keys from one on and before another one; without either end where there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SortKeys<'k> {
    /// The first one that is among them.
    pub from: Option<&'k str>,
    /// The first one behind it that is not.
    pub before: Option<&'k str>,
}

impl SortKeys<'_> {
    /// Every one of a partition.
    pub const ALL: Self = Self { from: None, before: None };

    /// Whether this one is among them.
    #[must_use]
    pub fn contain(&self, sort: &str) -> bool {
        self.from.is_none_or(|from| from <= sort) && self.before.is_none_or(|before| sort < before)
    }
}

/// Where state is kept. An item that is no document (no version, no body, or one that cannot be
/// unpacked) is one with an empty body, so that [`Doc::read`] finds it unreadable and it hides no other.
pub trait Table: Send + Sync {
    /// Reads one document, consistently.
    fn get(&self, key: &Key) -> impl Future<Output = Result<Option<Doc>, TableError>> + Send;
    /// Reads all documents of a partition in the order of their sort keys, consistently.
    fn query(&self, partition: &str) -> impl Future<Output = Result<Vec<Doc>, TableError>> + Send;
    /// The same, some documents at a time, so that not all of them have to be held at once: each call of `take` is given
    /// the next ones.
    fn query_pages(
        &self,
        partition: &str,
        take: impl FnMut(Vec<Doc>) + Send,
    ) -> impl Future<Output = Result<(), TableError>> + Send {
        self.query_between(partition, SortKeys::ALL, take)
    }
    /// The same of those documents whose sort keys are among these, so that parts of a large partition can be read side by
    /// side.
    fn query_between(
        &self,
        partition: &str,
        keys: SortKeys<'_>,
        mut take: impl FnMut(Vec<Doc>) + Send,
    ) -> impl Future<Output = Result<(), TableError>> + Send {
        async move {
            let mut docs = self.query(partition).await?;
            docs.retain(|doc| keys.contain(&doc.key.sort));
            take(docs);
            Ok(())
        }
    }
    /// Reads the documents that are stored under these keys, at most [`GET_MANY_MAX`] different ones,
    /// consistently and in no particular order. What is not there is left out.
    fn get_many(&self, keys: &[Key]) -> impl Future<Output = Result<Vec<Doc>, TableError>> + Send {
        async move {
            let mut docs = Vec::new();
            for key in keys {
                docs.extend(self.get(key).await?);
            }
            Ok(docs)
        }
    }
    /// As [`Table::get_many`], at half the price, and maybe of a moment ago (eventually consistent). For what
    /// is decided under the condition that nobody wrote since: whoever read something old loses the race.
    fn get_many_eventually(&self, keys: &[Key]) -> impl Future<Output = Result<Vec<Doc>, TableError>> + Send {
        self.get_many(keys)
    }
    /// Does all writes (at most 100, each key once) or none.
    fn write(&self, writes: Vec<Write>) -> impl Future<Output = Result<(), TableError>> + Send;
}

#[cfg(test)]
mod tests;
