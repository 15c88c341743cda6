//! What one function has read lately, in its own memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Doc, Key};

/// Longer documents are read each time: 16 KB. The paths of a probe with 50 checks take less.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// How many documents are kept, some 32 MB at most; whoever wants to keep more begins anew.
const DOCS_MAX: usize = 2_000;

/// Documents that were read lately. That one is here says nothing of what is stored now: whoever takes it knows
/// why it will do, by its version or because what it says may be of a while ago.
#[derive(Debug, Default)]
pub struct Cache {
    docs: Mutex<BTreeMap<Key, (Doc, u64)>>,
}

impl Cache {
    /// The document as it was read at `since_ms` or later; milliseconds since the Unix epoch.
    pub fn since(&self, key: &Key, since_ms: u64) -> Option<Doc> {
        let docs = self.locked();
        docs.get(key).filter(|(_, read_at_ms)| *read_at_ms >= since_ms).map(|(doc, _)| doc.clone())
    }

    /// The same where it is of this version.
    pub fn of_version(&self, key: &Key, version: u64, since_ms: u64) -> Option<Doc> {
        self.since(key, since_ms).filter(|doc| doc.version == version)
    }

    /// Keeps what was read, or written, at `now_ms`, in place of what was kept.
    pub fn keep(&self, doc: &Doc, now_ms: u64) {
        let mut docs = self.locked();
        if doc.body.len() > BODY_BYTES_MAX {
            docs.remove(&doc.key);
            return;
        }
        if docs.len() >= DOCS_MAX && !docs.contains_key(&doc.key) {
            docs.clear();
        }
        docs.insert(doc.key.clone(), (doc.clone(), now_ms));
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<Key, (Doc, u64)>> {
        // Each change is one call, so that what a panic left is whole.
        self.docs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::key;
    use super::*;

    fn doc(sort: &str, version: u64, body: &str) -> Doc {
        Doc { key: key("paths", sort), version, schema: 1, body: body.to_owned() }
    }

    #[test]
    fn a_document_is_there_while_it_is_young_enough_and_of_the_version_that_is_asked_for() {
        let cache = Cache::default();
        cache.keep(&doc("a", 3, "{}"), 1_000);
        let a = key("paths", "a");
        assert_eq!(cache.since(&a, 1_000), Some(doc("a", 3, "{}")));
        assert_eq!(cache.since(&a, 1_001), None);
        assert_eq!(cache.of_version(&a, 3, 0), Some(doc("a", 3, "{}")));
        assert_eq!(cache.of_version(&a, 4, 0), None);
        assert_eq!(cache.since(&key("paths", "b"), 0), None);
    }

    #[test]
    fn a_document_that_has_become_too_long_is_not_kept_in_its_older_form() {
        let cache = Cache::default();
        cache.keep(&doc("a", 3, "{}"), 1_000);
        cache.keep(&doc("a", 4, &"x".repeat(BODY_BYTES_MAX + 1)), 2_000);
        assert_eq!(cache.since(&key("paths", "a"), 0), None);
    }

    #[test]
    fn whoever_fills_it_takes_a_bounded_amount_of_memory() {
        let cache = Cache::default();
        for number in 0..3 * DOCS_MAX {
            cache.keep(&doc(&number.to_string(), 1, "{}"), 1);
        }
        assert!(cache.locked().len() <= DOCS_MAX);
        let newest = key("paths", (3 * DOCS_MAX - 1).to_string());
        assert!(cache.since(&newest, 1).is_some());
    }
}
