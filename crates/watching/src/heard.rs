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
            let probe = &view.key;
            let (heartbeat, unreadable) = match self.spread.get_mut(&of) {
                Some(parts) => match parts.iter_mut().find(|part| part.key.part == number) {
                    Some(part) => (&mut part.heartbeat, &mut part.unreadable),
                    None => continue,
                },
                None if number == 0 => (&mut view.heartbeat, &mut view.unreadable),
                None => continue,
            };
            match Unread::or::<Heartbeat>(doc) {
                Ok((_, mut read)) => {
                    read.shorten(probe);
                    *heartbeat = Some(read);
                }
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

#[cfg(test)]
mod tests {
    use phonehome_alerting::Checks;
    use phonehome_cloud::table::key;
    use phonehome_fleet::Parts;
    use serde_json::json;

    use super::*;

    fn watched(account: &str, zone: &str, further: u32) -> Watched {
        let view = serde_json::from_value(json!({
            "key": {"account": account, "region": "us-east-1", "availability_zone": zone},
            "account_name": "a", "expected_since_ms": 1, "checks": Checks::default(),
            "route": {"slack_channel": "#net"},
        }));
        let since_ms = (1..=further).map(|part| (part, 1)).collect();
        Watched { view: view.unwrap(), parts: Parts::of(&[]), declared: 0, since_ms }
    }

    fn doc(sort: &str, began_ms: u64) -> Doc {
        let mut names = sort.split('/');
        let mut name = || names.next().unwrap();
        let body = json!({
            "key": {"account": name(), "region": name(), "availability_zone": name()},
            "last_started_at_ms": began_ms, "last_received_at_ms": began_ms, "run_id": "x",
        });
        Doc { key: key("heartbeats", sort), version: 1, schema: 1, body: body.to_string() }
    }

    #[test]
    fn heartbeats_come_to_the_probe_or_the_part_that_their_key_names_and_to_nobody_else() {
        let mut watched = [
            watched("111111111111", "use1-az1", 0),
            watched("111111111111", "use1-az2", 2),
            watched("222222222222", "use1-az1", 0),
        ];
        let mut heard = Heard::of(&watched);
        let keys = [
            "111111111111/us-east-1/use1-az1",
            "111111111111/us-east-1/use1-az1/part-1",
            "111111111111/us-east-1/use1-az2",
            "111111111111/us-east-1/use1-az2/part-1",
            "111111111111/us-east-1/use1-az2/part-02",
            "111111111111/us-east-1/use1-az3",
            "333333333333/us-east-1/use1-az1",
        ];
        // In two pages.
        let docs: Vec<Doc> = (1..).zip(keys).map(|(began_ms, key)| doc(key, began_ms)).collect();
        let (first, second) = docs.split_at(3);
        heard.note(&mut watched, first.to_vec());
        heard.note(&mut watched, second.to_vec());
        let began = |it: &Option<Heartbeat>| it.as_ref().map(|it| it.last_started_at_ms);
        let plain: Vec<_> = watched.iter().map(|it| began(&it.view.heartbeat)).collect();
        assert_eq!(plain, [Some(1), None, None]);
        let spread: Vec<_> = heard.spread[&1].iter().map(|part| began(&part.heartbeat)).collect();
        assert_eq!((spread, heard.spread.len()), (vec![Some(3), Some(4), None], 1));
        assert!(heard.unread.is_empty());
    }

    #[test]
    fn a_heartbeat_that_cannot_be_read_is_named_where_its_probe_is_expected_alone() {
        let mut watched = [watched("111111111111", "use1-az1", 0)];
        let mut heard = Heard::of(&watched);
        let bad = |sort: &str| Doc { body: "{".into(), ..doc(sort, 1) };
        let docs = vec![bad("111111111111/us-east-1/use1-az1"), bad("111111111111/us-east-1/use1-az9")];
        heard.note(&mut watched, docs);
        assert!(watched[0].view.unreadable.heartbeat && watched[0].view.heartbeat.is_none());
        assert_eq!(heard.unread.len(), 1);
    }
}
