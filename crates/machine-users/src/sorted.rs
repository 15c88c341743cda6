//! Which key is which.

use crate::seen::{Key, Seen};

/// A user's keys, told apart by what its secret holds.
pub(crate) struct Sorted<'a> {
    /// The one that the secret hands out.
    pub(crate) current: Option<&'a Key>,
    /// The one that it handed out before.
    pub(crate) previous: Option<&'a Key>,
    /// Those that it never handed out: somebody's own, or one whose making was interrupted.
    pub(crate) unknown: Vec<&'a Key>,
}

impl<'a> Sorted<'a> {
    pub(crate) fn of(seen: &'a Seen) -> Self {
        let mut sorted = Self { current: None, previous: None, unknown: vec![] };
        for key in &seen.keys {
            let version = key.id.version();
            if seen.versions.current.as_ref() == Some(&version) {
                sorted.current = Some(key);
            } else if seen.versions.others.contains(&version) {
                sorted.previous = Some(key);
            } else {
                sorted.unknown.push(key);
            }
        }
        sorted
    }
}
