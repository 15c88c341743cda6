//! The heartbeats of the probes that are expected to report, taken in page by page: of each no more is kept than it says.

use std::collections::BTreeMap;

use phonehome_alerting::Heartbeat;
use phonehome_cloud::table::Doc;
use phonehome_state::Unread;

use crate::parts::{StoredPart, Watched};

/// What of the heartbeats is not in the probes themselves.
pub(crate) struct Heard {
    /// By the number of the probe, the parts of those whose checks are, or were, spread over several.
    pub(crate) spread: BTreeMap<usize, Vec<StoredPart>>,
    /// What cannot be read.
    pub(crate) unread: Vec<Unread>,
}

impl Heard {
    /// Nothing yet of these probes.
    pub(crate) fn of(watched: &[Watched]) -> Self {
        let spread = watched.iter().enumerate().filter(|(_, it)| !it.is_plain());
        Self { spread: spread.map(|(of, it)| (of, it.stored_parts())).collect(), unread: vec![] }
    }

    /// Takes in some documents. `watched`: the probes, in the order of their keys. What is of nobody that is expected is
    /// not looked at.
    pub(crate) fn note(&mut self, watched: &mut [Watched], docs: Vec<Doc>) {
        for doc in docs {
            let Some((of, number)) = find(watched, &doc.key.sort) else { continue };
            let view = &mut watched[of].view;
            let (heartbeat, unreadable) = match self.spread.get_mut(&of) {
                Some(parts) => match parts.iter_mut().find(|part| part.key.part == number) {
                    Some(part) => (&mut part.heartbeat, &mut part.unreadable),
                    None => continue,
                },
                None if number == 0 => (&mut view.heartbeat, &mut view.unreadable),
                None => continue,
            };
            match Unread::or::<Heartbeat>(doc) {
                Ok((_, read)) => *heartbeat = Some(read),
                Err(unread) => {
                    unreadable.heartbeat = true;
                    self.unread.push(unread);
                }
            }
        }
    }
}

/// The number of the probe that a sort key names, and which part of it.
fn find(watched: &[Watched], sort: &str) -> Option<(usize, u32)> {
    let mut names = sort.splitn(4, '/');
    let key = (names.next()?, names.next()?, names.next()?);
    let part = match names.next() {
        None => 0,
        Some(part) => part.strip_prefix("part-")?.parse().ok()?,
    };
    let of = watched.binary_search_by(|it| {
        let of = &it.view.key;
        (of.account.as_str(), of.region.as_str(), of.availability_zone.as_str()).cmp(&key)
    });
    // Another way to write the number is another key.
    of.ok()
        .filter(|of| part == 0 || watched[*of].view.key.part(part).to_string() == sort)
        .map(|of| (of, part))
}
