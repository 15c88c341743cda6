//! A probe whose checks are spread over several inputs is one probe to whoever hears of it.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_alerting::{
    Calm, Heartbeat, PartView, PathState, PathStatus, Paths, ProbePart, ProbeView, Unreadable,
};
use phonehome_cloud::table::Doc;
use phonehome_fleet::Parts;
use phonehome_wire::CheckId;

/// A probe that is expected to report, and how its checks are spread now.
pub(crate) struct Watched {
    pub(crate) view: ProbeView,
    pub(crate) parts: Parts,
    /// Which checks are declared, by their digest.
    pub(crate) declared: u64,
    /// By part, when the stack was first ready with it; milliseconds since the Unix epoch.
    pub(crate) since_ms: BTreeMap<u32, u64>,
}

/// What is stored of one part of a probe.
#[derive(Debug)]
pub(crate) struct StoredPart {
    pub(crate) key: ProbePart,
    /// From when on reports of it are due, in milliseconds since the Unix epoch; `None` where none are: it is not
    /// there yet, or no longer needed.
    pub(crate) due_since_ms: Option<u64>,
    pub(crate) heartbeat: Option<Heartbeat>,
    pub(crate) paths: Paths,
    /// In their place, where nothing is wrong with any.
    pub(crate) calm: Option<Calm>,
    /// Of which version they were when they were read; 0 where there were none.
    pub(crate) read_version: u64,
    /// The document, where it was read just now.
    pub(crate) newly_read: Option<Doc>,
    pub(crate) unreadable: Unreadable,
}

impl Watched {
    /// Whether all its checks are in one input.
    pub(crate) fn is_plain(&self) -> bool {
        self.parts.count() <= 1 && self.since_ms.is_empty()
    }

    /// The parts of which something may be stored that counts: those there are now, and those there were until
    /// the account gets its new inputs. What is stored is not in them yet.
    pub(crate) fn stored_parts(&self) -> Vec<StoredPart> {
        let expected_since_ms = self.view.expected_since_ms;
        let last = self.since_ms.keys().next_back().map_or(0, |part| part + 1);
        let part = |part: u32| StoredPart {
            key: self.view.key.part(part),
            due_since_ms: match part {
                0 => Some(expected_since_ms),
                part if part >= self.parts.count() => None,
                part => self.since_ms.get(&part).map(|since_ms| expected_since_ms.max(*since_ms)),
            },
            heartbeat: None,
            paths: Paths::new(),
            calm: None,
            read_version: 0,
            newly_read: None,
            unreadable: Unreadable::default(),
        };
        (0..self.parts.count().max(last)).map(part).collect()
    }

    /// The only part of a plain one, with what is in it already: its heartbeat.
    pub(crate) fn only_part(&mut self) -> StoredPart {
        StoredPart {
            key: self.view.key.part(0),
            due_since_ms: Some(self.view.expected_since_ms),
            heartbeat: self.view.heartbeat.take(),
            paths: Paths::new(),
            calm: None,
            read_version: 0,
            newly_read: None,
            unreadable: self.view.unreadable,
        }
    }

    /// Puts these parts into it, at this moment and with this limit of silence; milliseconds. It is as silent as that
    /// part which is silent for the longest time. A path that several parts know, because its check has moved, is what
    /// the part says that the check is in now, once that knows.
    pub(crate) fn merge(&mut self, mut stored: Vec<StoredPart>, now_ms: u64, overdue_after_ms: u64) {
        let Self { view, parts, .. } = self;
        match stored.as_mut_slice() {
            [only] => (view.paths, view.calm) = (std::mem::take(&mut only.paths), only.calm.take()),
            several => {
                let said_by = paths(view, several, *parts, now_ms, overdue_after_ms);
                view.parts = several.iter().filter_map(|part| part.view(&said_by)).collect();
            }
        }
        let due = stored.into_iter().filter_map(|part| Some((part.due_since_ms?, part)));
        let due = due.inspect(|(_, part)| {
            view.unreadable.heartbeat |= part.unreadable.heartbeat;
            view.unreadable.paths |= part.unreadable.paths;
        });
        if let Some((since_ms, part)) = due.min_by_key(|(_, part)| part.heard_ms()) {
            (view.expected_since_ms, view.heartbeat) = (since_ms, part.heartbeat);
        }
    }
}

/// Puts together what these parts know of a probe's paths. Returns which of them says it of which path.
fn paths(
    view: &mut ProbeView,
    stored: &mut [StoredPart],
    parts: Parts,
    now_ms: u64,
    overdue_after_ms: u64,
) -> BTreeMap<CheckId, u32> {
    let ProbeView { checks, paths, .. } = view;
    let home: BTreeMap<&CheckId, u32> = checks.iter().map(|it| (&it.id, parts.part_of(it))).collect();
    let mut said_by: BTreeMap<CheckId, u32> = BTreeMap::new();
    for part in stored.iter_mut().filter(|part| part.counts(now_ms, overdue_after_ms)) {
        for (id, path) in std::mem::take(&mut part.paths) {
            let rank = |part: u32, path: &PathState| {
                (path.status != PathStatus::Unknown, home.get(&id) == Some(&part))
            };
            let known = paths.get(&id).zip(said_by.get(&id)).map(|(path, part)| rank(*part, path));
            if known.is_none_or(|known| known < rank(part.key.part, &path)) {
                said_by.insert(id.clone(), part.key.part);
                paths.insert(id, path);
            }
        }
    }
    said_by
}

impl StoredPart {
    /// Which version of its paths goes with its heartbeat; 0 where that is not known.
    pub(crate) fn paths_version(&self) -> u64 {
        self.heartbeat.as_ref().map_or(0, |heartbeat| heartbeat.paths_version)
    }

    /// When a report of it was received last; 0 where none is known.
    fn received_ms(&self) -> u64 {
        self.heartbeat.as_ref().map_or(0, |newest| newest.last_received_at_ms)
    }

    /// When the newest run of it began that was heard of, or when one should have been.
    fn heard_ms(&self) -> u64 {
        let began_ms = self.heartbeat.as_ref().map_or(0, |newest| newest.last_started_at_ms);
        began_ms.max(self.due_since_ms.unwrap_or_default())
    }

    /// What an alert looks at of one of several parts; none where no report is due and no path is known.
    fn view(&self, said_by: &BTreeMap<CheckId, u32>) -> Option<PartView> {
        let checks: BTreeSet<CheckId> =
            said_by.iter().filter(|(_, part)| **part == self.key.part).map(|(id, _)| id.clone()).collect();
        (self.due_since_ms.is_some() || !checks.is_empty()).then(|| PartView {
            checks,
            expected_since_ms: self.due_since_ms.unwrap_or_default(),
            heartbeat: self.heartbeat.clone(),
        })
    }

    /// Whether its paths are of the part as it is now, and not what is left of one that was needed before.
    fn counts(&self, now_ms: u64, overdue_after_ms: u64) -> bool {
        let received_ms = self.received_ms();
        self.key.part == 0
            || now_ms.saturating_sub(received_ms) <= overdue_after_ms
            || self.due_since_ms.is_some_and(|since_ms| received_ms >= since_ms)
    }
}
