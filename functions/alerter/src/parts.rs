//! A probe whose checks are spread over several inputs is one probe to whoever hears of it.

use std::collections::BTreeMap;

use phonehome_alerting::{Heartbeat, Paths, ProbePart, ProbeView, Unreadable};
use phonehome_fleet::Parts;
use phonehome_wire::CheckId;

/// A probe that is expected to report, and how its checks are spread now.
pub(crate) struct Watched {
    pub(crate) view: ProbeView,
    pub(crate) parts: Parts,
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
    pub(crate) unreadable: Unreadable,
}

impl Watched {
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
            unreadable: Unreadable::default(),
        };
        (0..self.parts.count().max(last)).map(part).collect()
    }

    /// The probe, of these parts, at this moment and with this limit of silence; milliseconds. It is as silent as that
    /// part which is silent for the longest time; while others are not, their paths alone count. A path that several
    /// parts know, because its check has moved, is what the part says that the check is in now.
    pub(crate) fn merged(self, stored: Vec<StoredPart>, now_ms: u64, overdue_after_ms: u64) -> ProbeView {
        let Self { mut view, parts, .. } = self;
        let home: BTreeMap<&CheckId, u32> = match stored.len() {
            1 => BTreeMap::new(),
            _ => view.checks.iter().map(|check| (&check.id, parts.part_of(check))).collect(),
        };
        let is_silent = |part: &StoredPart| part.is_silent(now_ms, overdue_after_ms);
        let due = || stored.iter().filter(|part| part.due_since_ms.is_some());
        view.partly_heard = due().any(is_silent) && !due().all(is_silent);
        for part in stored.iter().filter(|part| part.counts(now_ms, overdue_after_ms)) {
            let is_heard = !view.partly_heard || !is_silent(part);
            for (id, path) in part.paths.iter().filter(|_| is_heard) {
                if home.get(id) == Some(&part.key.part) || !view.paths.contains_key(id) {
                    view.paths.insert(id.clone(), path.clone());
                }
            }
        }
        let longest_silent = stored.into_iter().filter_map(|part| Some((part.due_since_ms?, part)));
        let longest_silent = longest_silent.inspect(|(_, part)| {
            view.unreadable.heartbeat |= part.unreadable.heartbeat;
            view.unreadable.paths |= part.unreadable.paths;
        });
        if let Some((since_ms, part)) = longest_silent.min_by_key(|(_, part)| part.heard_ms()) {
            (view.expected_since_ms, view.heartbeat) = (since_ms, part.heartbeat);
        }
        view
    }
}

impl StoredPart {
    /// When a report of it was received last; 0 where none is known.
    fn received_ms(&self) -> u64 {
        self.heartbeat.as_ref().map_or(0, |newest| newest.last_received_at_ms)
    }

    /// Since when nothing was heard of it, or should have been.
    fn heard_ms(&self) -> u64 {
        self.received_ms().max(self.due_since_ms.unwrap_or_default())
    }

    fn is_silent(&self, now_ms: u64, overdue_after_ms: u64) -> bool {
        !self.unreadable.heartbeat && now_ms.saturating_sub(self.heard_ms()) > overdue_after_ms
    }

    /// Whether its paths are of the part as it is now, and not what is left of one that was needed before.
    fn counts(&self, now_ms: u64, overdue_after_ms: u64) -> bool {
        let received_ms = self.received_ms();
        self.key.part == 0
            || now_ms.saturating_sub(received_ms) <= overdue_after_ms
            || self.due_since_ms.is_some_and(|since_ms| received_ms >= since_ms)
    }
}
