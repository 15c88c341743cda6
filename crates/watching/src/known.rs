//! What an alerter remembers from one run to the next. Nothing of it decides by itself: each run asks the table whether
//! it is still so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use phonehome_alerting::{Calm, PATHS_KEPT_MS};
use phonehome_cloud::table::{Cache, Key};
use phonehome_state::{InForce, LastRead};

use crate::declared::DeclaredFleet;
use crate::digest::digest;

/// What an alerter remembers: the fleet file, paths of which something is wrong as they are stored, and of all others a
/// few bytes each.
#[derive(Debug, Default)]
pub struct Known {
    pub(crate) paths: Cache,
    pub(crate) fleet: LastRead,
    calm: Mutex<HashMap<String, Kept>>,
    declared: Mutex<Option<Arc<DeclaredFleet>>>,
}

/// What was made of a document.
#[derive(Debug)]
struct Kept {
    /// The document's version.
    version: u64,
    /// Which checks were declared then, by [`digest()`] of their names.
    declared: u64,
    /// From when on the document is read again; milliseconds since the Unix epoch.
    until_ms: u64,
    calm: Calm,
}

impl Known {
    /// What is known of the paths under this key, where they are of this version and these checks are declared.
    pub(crate) fn calm(&self, key: &Key, version: u64, declared: u64, now_ms: u64) -> Option<Calm> {
        let calm = self.locked();
        let kept = calm.get(&key.sort).filter(|it| (it.version, it.declared) == (version, declared))?;
        // A clock that was put back makes nothing last longer.
        let lasts = kept.until_ms > now_ms && kept.until_ms <= now_ms + PATHS_KEPT_MS;
        lasts.then(|| kept.calm.clone())
    }

    /// Remembers what was read at `now_ms`, for half of [`PATHS_KEPT_MS`] at least: what was read at once, in the first
    /// run, is not read again at once.
    pub(crate) fn keep_calm(&self, key: &Key, version: u64, declared: u64, now_ms: u64, calm: &Calm) {
        let spread_ms = digest(&key.sort) % (PATHS_KEPT_MS / 2);
        let kept =
            Kept { version, declared, until_ms: now_ms + PATHS_KEPT_MS - spread_ms, calm: calm.clone() };
        self.locked().insert(key.sort.clone(), kept);
    }

    /// Forgets what nobody asks for any more.
    pub(crate) fn forget(&self, now_ms: u64) {
        self.locked().retain(|_, kept| kept.until_ms > now_ms);
    }

    /// What a version declares, where it is in force by itself.
    pub(crate) fn declared(&self, in_force: &Arc<InForce>) -> Arc<DeclaredFleet> {
        let mut last = self.declared.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(known) if Arc::ptr_eq(&known.in_force, in_force) => Arc::clone(known),
            _ => {
                // Not both at once.
                *last = None;
                Arc::clone(last.insert(Arc::new(DeclaredFleet::of(in_force))))
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        // Each change is one call, so that what a panic left is whole.
        self.calm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use phonehome_alerting::Paths;
    use phonehome_cloud::table::key;

    use super::*;

    #[test]
    fn what_is_remembered_is_of_its_version_and_its_checks_and_lasts_for_ten_minutes_at_most() {
        let known = Known::default();
        let calm = Calm::of(&phonehome_alerting::Checks::default(), &Paths::new()).unwrap();
        let at = |number: u32| key("paths", number.to_string());
        for number in 0..100 {
            known.keep_calm(&at(number), 3, 7, 1_000, &calm);
        }
        let count = |version, declared, now_ms| {
            (0..100).filter(|it| known.calm(&at(*it), version, declared, now_ms).is_some()).count()
        };
        assert_eq!([count(3, 7, 1_000), count(4, 7, 1_000), count(3, 8, 1_000)], [100, 0, 0]);
        assert_eq!([count(3, 7, 1_000 + PATHS_KEPT_MS / 2), count(3, 7, 1_000 + PATHS_KEPT_MS)], [100, 0]);
        let some = count(3, 7, 1_000 + PATHS_KEPT_MS * 3 / 4);
        assert!((20..80).contains(&some), "they are read again at different times: {some}");
        known.forget(1_000 + PATHS_KEPT_MS);
        assert!(known.locked().is_empty());
    }
}
