//! What is stored, as far as it can be read: one bad item must not hide the others.

use phonehome_cloud::table::{Doc, Expect, Table, TableError, Write};
use phonehome_wire::StackId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Keys;

/// How long a copy of an item that was written anew is kept: 90 days, in seconds.
const SET_ASIDE_KEPT_S: u64 = 90 * 24 * 3600;

/// A document that could not be read: it stays where it is until a version of phonehome can, or somebody
/// mends or removes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The document.
    pub doc: Doc,
    /// What is wrong with it.
    pub problem: String,
}

/// The documents of a partition, by sort key.
#[derive(Debug, Clone)]
pub struct Readable<T> {
    /// Those that could be read.
    pub found: Vec<(Doc, T)>,
    /// The others. Whoever decides without them must not decide what they may hide.
    pub unreadable: Vec<Unread>,
}

/// A copy of an item that could not be read and was written anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAside {
    /// What it was.
    pub body: String,
    /// Its version.
    pub version: u64,
    /// When it was written anew; milliseconds since the Unix epoch.
    pub at_ms: u64,
}

impl Unread {
    /// The account in the Region that it is about, of a document with such a key.
    #[must_use]
    pub fn stack(&self) -> Option<StackId> {
        self.doc.key.sort.parse().ok()
    }

    /// The document as `T`, or with what is wrong with it.
    ///
    /// # Errors
    /// [`Unread`]
    pub fn or<T: DeserializeOwned>(doc: Doc) -> Result<(Doc, T), Self> {
        match doc.read() {
            Ok(value) => Ok((doc, value)),
            Err(problem) => {
                tracing::error!(%problem, "unreadable item");
                let problem = match problem {
                    TableError::Unreadable { problem, .. } => problem,
                    other => other.to_string(),
                };
                Err(Self { doc, problem })
            }
        }
    }
}

impl<T: DeserializeOwned> FromIterator<Doc> for Readable<T> {
    fn from_iter<I: IntoIterator<Item = Doc>>(docs: I) -> Self {
        let mut readable = Self { found: Vec::new(), unreadable: Vec::new() };
        for doc in docs {
            match Unread::or(doc) {
                Ok(read) => readable.found.push(read),
                Err(unread) => readable.unreadable.push(unread),
            }
        }
        readable
    }
}

/// All documents of a partition, as `T` where they are.
///
/// # Errors
/// [`TableError`] when the table could not be asked: that is no answer, not a partial one.
pub async fn readable<T: DeserializeOwned>(
    table: &impl Table,
    partition: &str,
) -> Result<Readable<T>, TableError> {
    Ok(table.query(partition).await?.into_iter().collect())
}

/// The copy to be kept of a document that cannot be read. Write it in the transaction that writes the
/// document anew.
pub fn set_aside(doc: &Doc, now_ms: u64) -> Write {
    let copy = SetAside { body: doc.body.clone(), version: doc.version, at_ms: now_ms };
    let write = Write::put(Keys::unreadable(&doc.key, now_ms), Expect::Absent, &copy);
    write.expiring(now_ms / 1000 + SET_ASIDE_KEPT_S)
}
