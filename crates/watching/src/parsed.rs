//! What documents say that are looked at for every report, and change seldom: each is parsed once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use phonehome_cloud::table::{Doc, Key};
use phonehome_state::Unread;
use serde::de::DeserializeOwned;

/// How many documents are kept, of some KB each; whoever wants to keep more begins anew.
const DOCS_MAX: usize = 1_000;

/// What was parsed, by the documents' keys, each with the document itself: of another one it says nothing.
#[derive(Debug)]
pub(crate) struct Parsed<D>(Mutex<BTreeMap<Key, (Doc, Arc<D>)>>);

impl<D> Default for Parsed<D> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<D> Parsed<D> {
    /// What a document says, with it: what the same one said before, it says now.
    ///
    /// # Errors
    /// [`Unread`]
    pub(crate) fn value(&self, doc: Doc) -> Result<(Doc, Arc<D>), Unread>
    where
        D: DeserializeOwned,
    {
        self.value_by(doc, Unread::or)
    }

    /// The same by whoever reads it.
    ///
    /// # Errors
    /// [`Unread`]
    pub(crate) fn value_by(
        &self,
        doc: Doc,
        read: impl FnOnce(Doc) -> Result<(Doc, D), Unread>,
    ) -> Result<(Doc, Arc<D>), Unread> {
        // Each change is one call, so that what a panic left is whole.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, value)) = known.get(&doc.key).filter(|(it, _)| *it == doc) {
            return Ok((doc, Arc::clone(value)));
        }
        let (doc, value) = read(doc)?;
        let value = Arc::new(value);
        if known.len() >= DOCS_MAX && !known.contains_key(&doc.key) {
            known.clear();
        }
        known.insert(doc.key.clone(), (doc.clone(), Arc::clone(&value)));
        Ok((doc, value))
    }
}

#[cfg(test)]
mod tests {
    use phonehome_cloud::table::key;

    use super::*;

    fn doc(sort: &str, version: u64, body: &str) -> Doc {
        Doc { key: key("inputs", sort), version, schema: 1, body: body.to_owned() }
    }

    #[test]
    fn the_same_document_is_parsed_once_and_any_other_under_its_key_anew() {
        let parsed = Parsed::<u32>::default();
        let value = |doc: Doc| parsed.value(doc).map(|(_, value)| value);
        let first = value(doc("a", 3, "7")).unwrap();
        assert!(Arc::ptr_eq(&first, &value(doc("a", 3, "7")).unwrap()));
        // Whoever mends an item by hand may leave its version as it was.
        assert_eq!(*value(doc("a", 3, "8")).unwrap(), 8);
        assert_eq!(*value(doc("b", 3, "9")).unwrap(), 9);
        assert!(value(doc("a", 4, "?")).is_err());
        assert!(
            value(Doc { schema: 99, ..doc("a", 3, "8") }).is_err(),
            "only a newer build knows what it means"
        );
    }

    #[test]
    fn however_many_are_asked_for_no_more_are_kept() {
        let parsed = Parsed::<u32>::default();
        for number in 0..DOCS_MAX + 10 {
            parsed.value(doc(&number.to_string(), 1, "1")).unwrap();
        }
        assert_eq!(parsed.0.lock().unwrap().len(), 10);
    }
}
