//! What checks aim at, and when they run: all that is asked of them while nothing is wrong. The checks themselves are
//! some 450 bytes each, this is 24, and the texts are there once for the whole fleet.

use std::collections::HashMap;
use std::ops::Range;

use phonehome_wire::{Check, CheckKind, Expect, Purpose};

/// What a check aims at, and when it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aim<'c> {
    /// The check's name.
    pub id: &'c str,
    /// The host that it connects to, or the name that it looks up; its endpoint where it has none.
    pub host: &'c str,
    /// As [`phonehome_wire::Target::endpoint`].
    pub endpoint: &'c str,
    /// As [`phonehome_wire::Target::account`].
    pub account: Option<&'c str>,
    /// As [`Check::expect`].
    pub expect: Expect,
    /// As [`Check::purpose`].
    pub purpose: Purpose,
    /// Whether it is over when the resolver has answered.
    pub is_lookup: bool,
    /// Whether each run of the probe has a result for it.
    pub is_in_every_run: bool,
}

impl<'c> Aim<'c> {
    /// Of a check.
    #[must_use]
    pub fn of(check: &'c Check) -> Self {
        let endpoint = &check.target.endpoint;
        Self {
            id: &check.id.0,
            host: host(&check.kind).unwrap_or(endpoint),
            endpoint,
            account: check.target.account.as_deref(),
            expect: check.expect,
            purpose: check.purpose,
            is_lookup: matches!(check.kind, CheckKind::Dns { .. }),
            is_in_every_run: check.every_minutes <= 1,
        }
    }
}

/// The host that a check connects to, or the name that it looks up.
fn host(kind: &CheckKind) -> Option<&str> {
    match kind {
        CheckKind::Tcp { host, .. } | CheckKind::Tls { host, .. } => Some(host),
        CheckKind::Http { url, .. } | CheckKind::Egress { url, .. } => {
            let authority = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
            let authority = authority.split(['/', '?', '#']).next().unwrap_or(authority);
            match authority.rsplit_once(':') {
                Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(host),
                _ => Some(authority),
            }
        }
        CheckKind::Dns { name, .. } => Some(name),
        CheckKind::Unknown => None,
    }
}

/// The aims of many lists of checks.
#[derive(Debug, Default)]
pub struct Aims {
    texts: Vec<Box<str>>,
    aims: Vec<Packed>,
}

/// An [`Aim`], its texts by their numbers.
#[derive(Debug, Clone, Copy)]
struct Packed {
    id: u32,
    host: u32,
    endpoint: u32,
    account: Option<u32>,
    expect: Expect,
    purpose: Purpose,
    is_lookup: bool,
    is_in_every_run: bool,
}

impl Aims {
    /// Of the lists that are given to the function, one call each, which says where they are: in their order.
    #[must_use]
    pub fn collect(tell: impl FnOnce(&mut dyn FnMut(&[Check]) -> Range<u32>)) -> Self {
        let mut numbers: HashMap<Box<str>, u32> = HashMap::new();
        let mut aims = Vec::new();
        tell(&mut |checks| {
            let from = number(aims.len());
            aims.extend(checks.iter().map(|check| Packed::of(Aim::of(check), &mut numbers)));
            from..number(aims.len())
        });
        let mut texts: Vec<Box<str>> = vec![Box::default(); numbers.len()];
        for (text, number) in numbers {
            texts[number as usize] = text;
        }
        aims.shrink_to_fit();
        Self { texts, aims }
    }

    /// Those of one list.
    pub fn of(&self, list: Range<u32>) -> impl ExactSizeIterator<Item = Aim<'_>> {
        let text = |number: u32| &*self.texts[number as usize];
        self.aims[list.start as usize..list.end as usize].iter().map(move |it| Aim {
            id: text(it.id),
            host: text(it.host),
            endpoint: text(it.endpoint),
            account: it.account.map(text),
            expect: it.expect,
            purpose: it.purpose,
            is_lookup: it.is_lookup,
            is_in_every_run: it.is_in_every_run,
        })
    }
}

impl Packed {
    fn of(aim: Aim<'_>, numbers: &mut HashMap<Box<str>, u32>) -> Self {
        let mut text = |text: &str| match numbers.get(text) {
            Some(known) => *known,
            None => {
                let next = number(numbers.len());
                numbers.insert(text.into(), next);
                next
            }
        };
        let Aim { expect, purpose, is_lookup, is_in_every_run, .. } = aim;
        let (id, host, endpoint) = (text(aim.id), text(aim.host), text(aim.endpoint));
        let account = aim.account.map(text);
        Self { id, host, endpoint, account, expect, purpose, is_lookup, is_in_every_run }
    }
}

/// Fewer than that are all the checks of a fleet: a document of the table names them.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use phonehome_wire::CheckId;
    use serde_json::json;

    use super::*;

    fn checks(list: u8) -> Vec<Check> {
        let kinds = [
            json!({"type": "tcp", "host": "db.example.com", "port": 5432}),
            json!({"type": "egress", "url": "https://a.example.com:8443/x?y"}),
            json!({"type": "dns", "name": "a.example.com"}),
            json!({"type": "http", "url": "http://b.example.com", "status": 200}),
        ];
        let check = |(number, kind): (usize, &serde_json::Value)| {
            let mut check: Check = serde_json::from_value(json!({
                "id": format!("check-{list}-{number}"), "kind": kind, "timeout_ms": 1000,
                "target": {"endpoint": format!("endpoint-{number}")}, "every_minutes": number,
            }))
            .unwrap();
            check.target.account = (number % 2 == 1).then(|| format!("account-{list}"));
            check.expect = if number == 3 { Expect::Deny } else { Expect::Connect };
            check
        };
        kinds.iter().enumerate().map(check).collect()
    }

    #[test]
    fn what_a_list_aims_at_is_kept_as_its_checks_say_it_and_each_text_once() {
        let lists = [checks(0), vec![], checks(1), checks(0)];
        let mut places = Vec::new();
        let aims = Aims::collect(|note| places = lists.iter().map(|list| note(list)).collect());
        for (list, place) in lists.iter().zip(places) {
            assert!(aims.of(place).eq(list.iter().map(Aim::of)));
        }
        let texts: std::collections::BTreeSet<_> = aims.texts.iter().collect();
        assert_eq!(texts.len(), aims.texts.len());
    }

    #[test]
    fn a_host_is_what_is_connected_to_or_looked_up() {
        let checks = checks(0);
        let hosts: Vec<&str> = checks.iter().map(|check| Aim::of(check).host).collect();
        assert_eq!(hosts, ["db.example.com", "a.example.com", "a.example.com", "b.example.com"]);
        let unknown = Check { id: CheckId("x".into()), kind: CheckKind::Unknown, ..checks[0].clone() };
        assert_eq!(Aim::of(&unknown).host, "endpoint-0");
        let every: Vec<bool> = checks.iter().map(|check| Aim::of(check).is_in_every_run).collect();
        assert_eq!(every, [true, true, false, false]);
    }
}
