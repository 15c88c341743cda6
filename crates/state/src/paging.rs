//! How many pages there may be.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// How many pages are sent within a minute. Nobody who was just woken reads more: one takes some ten seconds,
/// and each rings a phone. With 65 accounts down at once the sixth page says nothing that the first five and
/// their sum do not.
pub const PAGES_PER_MINUTE: usize = 5;

const MINUTE_MS: u64 = 60_000;

/// What was paged lately, and what was held back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Paging {
    /// When pages were sent, or were about to be, within the last minute; milliseconds since the Unix epoch.
    pub sent_ms: Vec<u64>,
    /// By the message that says so: the messages that it says are held back. It ends when they are gone.
    pub told: BTreeMap<String, BTreeSet<String>>,
}

/// How many go now, and what is to be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ration {
    /// So many of those that wait go, the first ones.
    pub go: usize,
    /// These are held back, and nobody was told so. One page has room to say it.
    pub tell: BTreeSet<String>,
}

impl Paging {
    /// How many pages may be sent now.
    #[must_use]
    pub fn room(&self, now_ms: u64) -> usize {
        let lately = self.sent_ms.iter().filter(|at_ms| at_ms.abs_diff(now_ms) < MINUTE_MS).count();
        PAGES_PER_MINUTE.saturating_sub(lately)
    }

    /// With one page more. This is stored before the page is sent.
    #[must_use]
    pub fn with_sent(&self, now_ms: u64) -> Self {
        let mut next = self.clone();
        next.sent_ms.retain(|at_ms| at_ms.abs_diff(now_ms) < MINUTE_MS);
        next.sent_ms.push(now_ms);
        next
    }

    /// Whether this message says what is held back.
    #[must_use]
    pub fn tells(&self, id: &str) -> bool {
        self.told.contains_key(id)
    }

    /// What is done with the messages that wait, in their order.
    #[must_use]
    pub fn ration(&self, waiting: &[&str], now_ms: u64) -> Ration {
        let room = self.room(now_ms);
        let is_told = |id: &str| self.tells(id) || self.told.values().any(|ids| ids.contains(id));
        let untold = |sent: usize| -> BTreeSet<String> {
            let held = waiting.iter().skip(sent).filter(|id| !is_told(id));
            held.map(|id| (*id).to_owned()).collect()
        };
        if room == 0 || untold(room).is_empty() {
            return Ration { go: room.min(waiting.len()), tell: BTreeSet::new() };
        }
        Ration { go: room - 1, tell: untold(room - 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_goes_and_what_does_not_is_told_once() {
        let ids: Vec<String> = (0..8).map(|id| format!("page {id}")).collect();
        let waiting: Vec<&str> = ids.iter().map(String::as_str).collect();
        let paging = Paging::default();
        assert_eq!(paging.ration(&waiting[..5], 0), Ration { go: 5, tell: BTreeSet::new() });
        let ration = paging.ration(&waiting, 0);
        assert_eq!((ration.go, ration.tell.len()), (4, 4), "the fifth says it");
        let paging = Paging { told: BTreeMap::from([("sum".to_owned(), ration.tell)]), ..paging };
        let mut waiting = waiting;
        waiting.splice(..4, ["sum"]);
        assert_eq!(paging.ration(&waiting, 0), Ration { go: 5, tell: BTreeSet::new() });
        waiting.push("another");
        let ration = Paging { sent_ms: vec![9], ..paging.clone() }.ration(&waiting, 10);
        assert_eq!((ration.go, ration.tell.into_iter().collect::<Vec<_>>()), (3, vec!["another".to_owned()]));
    }

    #[test]
    fn there_is_room_again_after_a_minute() {
        let mut paging = Paging::default();
        for at_ms in 0..5 {
            paging = paging.with_sent(at_ms);
        }
        assert_eq!((paging.room(10), paging.ration(&["x"], 10).go), (0, 0));
        assert_eq!((paging.room(60_000), paging.room(60_004)), (1, 5));
        assert_eq!(paging.with_sent(90_000).sent_ms, [90_000]);
    }
}
