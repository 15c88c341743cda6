//! The one table: JSON documents with a version, written only under a condition.

mod contended;
mod memory;

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::CloudError;

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

/// A stored document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doc {
    /// Its key.
    pub key: Key,
    /// Grows by one with each write; 0 of an item that carries none.
    pub version: u64,
    /// JSON text, at most [`BODY_BYTES_MAX`]. DynamoDB's item limit of 400 KB counts after compression.
    pub body: String,
}

impl Doc {
    /// The body as a type.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] when it is of another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, TableError> {
        serde_json::from_str(&self.body)
            .map_err(|error| TableError::Unreadable { key: self.key.clone(), problem: error.to_string() })
    }
}

/// What must hold for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing is stored under the key.
    Absent,
    /// This version is stored.
    Version(u64),
}

impl Expect {
    /// What must hold when `doc` is what was read.
    pub fn unchanged(doc: Option<&Doc>) -> Self {
        doc.map_or(Self::Absent, |doc| Self::Version(doc.version))
    }

    /// What must hold for the next write, after a put under this condition.
    #[must_use]
    pub fn after_write(self) -> Self {
        Self::Version(self.next_version())
    }

    /// The version that a put under this condition stores.
    pub fn next_version(self) -> u64 {
        match self {
            Self::Absent => 1,
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
    /// The call failed.
    #[error(transparent)]
    Aws(#[from] CloudError),
}

/// How many keys one [`Table::get_many`] takes: DynamoDB's limit of a BatchGetItem.
pub const GET_MANY_MAX: usize = 100;

/// The longest body, in bytes: 8 MiB. An item of 400 KB could unpack to a thousand times its size.
pub const BODY_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Where state is kept. An item that is no document (no version, no body, or one that cannot be
/// unpacked) is one with an empty body, so that [`Doc::read`] finds it unreadable and it hides no other.
pub trait Table: Send + Sync {
    /// Reads one document, consistently.
    fn get(&self, key: &Key) -> impl Future<Output = Result<Option<Doc>, TableError>> + Send;
    /// Reads all documents of a partition in the order of their sort keys, consistently.
    fn query(&self, partition: &str) -> impl Future<Output = Result<Vec<Doc>, TableError>> + Send;
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
    /// Does all writes (at most 100, each key once) or none.
    fn write(&self, writes: Vec<Write>) -> impl Future<Output = Result<(), TableError>> + Send;
}
