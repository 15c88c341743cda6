//! How something is tested: the keys that several kinds of checks have in common.

use std::fmt;
use std::ops::RangeInclusive;

use phonehome_wire::{HttpMethod, StatusRange};

use super::items::Distinct;
use crate::model::{Exchange, ExpectedHeader, Pace, TeamCheckType};
use crate::place::{Flaw, Place};
use crate::reader::{Cursor, Map, Reader};
use crate::rules;
use crate::spelling::listed;

/// How long one test may take, in milliseconds.
pub(super) const TIMEOUT_MS: RangeInclusive<u32> = 100..=10_000;
/// Characters of a text that an answer must contain.
const CONTAINED_MAX: usize = 200;
const HTTP: &[TeamCheckType] = &[TeamCheckType::Http, TeamCheckType::Https];

/// The type that a check has, as far as it could be read.
#[derive(Clone, Copy)]
pub(super) struct Given {
    /// None where it could not be read: then nothing is said of keys that are for other types.
    pub(super) check_type: Option<TeamCheckType>,
}

impl Given {
    /// The value of a key that only some types have; one that this type has not is reported.
    pub(super) fn only<'n>(
        self,
        types: &[TeamCheckType],
        map: &mut Map<'n>,
        key: &'static str,
        reader: &mut Reader,
    ) -> Option<Cursor<'n>> {
        let cursor = map.optional(key)?;
        match self.check_type {
            Some(given) if !types.contains(&given) => {
                let flaw = Flaw::new(format!("`{key}` means nothing with `type: {}`", word(given)));
                let words: Vec<String> = types.iter().map(|it| format!("type: {}", word(*it))).collect();
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                reader.report(&cursor.place, flaw.hint(format!("it is for {}", listed(&words))));
                None
            }
            _ => Some(cursor),
        }
    }
}

fn word(check_type: TeamCheckType) -> &'static str {
    match check_type {
        TeamCheckType::Tcp => "tcp",
        TeamCheckType::Tls => "tls",
        TeamCheckType::Http => "http",
        TeamCheckType::Https => "https",
        TeamCheckType::Dns => "dns",
    }
}

/// Reads what is said over a connection.
pub(super) fn exchange(map: &mut Map, given: Given, reader: &mut Reader) -> Exchange {
    const METHODS: [(&str, HttpMethod); 2] = [("GET", HttpMethod::Get), ("HEAD", HttpMethod::Head)];
    let server_name = given.only(&[TeamCheckType::Tls], map, "server_name", reader);
    let server_name = server_name.and_then(|c| c.parsed(reader, |text| rules::host(text, rules::TEMPLATE)));
    let path = given.only(HTTP, map, "path", reader).and_then(|c| c.parsed(reader, rules::http_path));
    let method = given.only(HTTP, map, "method", reader).and_then(|c| c.choice(reader, &METHODS));
    let status = given.only(HTTP, map, "status", reader).map(|c| statuses(&c, reader));
    let header = given.only(HTTP, map, "header", reader).and_then(|c| expected_header(&c, reader));
    let body = given.only(HTTP, map, "body", reader);
    if let (Some(cursor), Some(HttpMethod::Head)) = (&body, method) {
        let flaw = Flaw::new("`body` means nothing with `method: HEAD`, whose answers have none");
        reader.report(&cursor.place, flaw.hint("take `method: GET`, or expect a `header`"));
    }
    let body = body.and_then(|c| c.parsed(reader, |text| rules::contained(text, CONTAINED_MAX)));
    Exchange {
        server_name,
        path,
        method: method.unwrap_or_default(),
        status: status.unwrap_or_default(),
        header,
        body,
    }
}

/// One status, or a list.
fn statuses(cursor: &Cursor, reader: &mut Reader) -> Vec<StatusRange> {
    if cursor.scalar().is_some() {
        return status(cursor, reader).into_iter().collect();
    }
    let mut statuses = Distinct::default();
    for cursor in cursor.filled_list(reader, "status").unwrap_or_default() {
        if let Some(range) = status(&cursor, reader) {
            statuses.push(&cursor, Shown(range), reader);
        }
    }
    statuses.items.into_iter().map(|Shown(range)| range).collect()
}

/// A code is a number; a class and a range are text.
fn status(cursor: &Cursor, reader: &mut Reader) -> Option<StatusRange> {
    if cursor.scalar().is_some_and(|text| text.parse::<i64>().is_ok()) {
        let code = cursor.integer(reader, "an HTTP status", 100..=599)?;
        let code = u16::try_from(code).ok()?;
        return Some(StatusRange { from: code, to: code });
    }
    cursor.parsed(reader, rules::statuses)
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Shown(StatusRange);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(StatusRange { from, to }) = self;
        if from == to { write!(f, "{from}") } else { write!(f, "{from}-{to}") }
    }
}

fn expected_header(cursor: &Cursor, reader: &mut Reader) -> Option<ExpectedHeader> {
    let mut map = cursor.map(reader)?;
    let name = map.required("name").and_then(|c| c.parsed(reader, rules::header_name));
    let contains = map.optional("contains");
    let contains = contains.and_then(|c| c.parsed(reader, |text| rules::header_value(text, CONTAINED_MAX)));
    map.finish(reader);
    Some(ExpectedHeader { name: name?, contains })
}

/// Reads how often, how long and how persistently something is tested.
pub(super) fn pace(map: &mut Map, reader: &mut Reader) -> Pace {
    Pace {
        timeout_ms: number(map, "timeout_ms", TIMEOUT_MS, reader),
        tries: number(map, "tries", 1..=3, reader),
        every_minutes: every_minutes(map, reader),
    }
}

pub(super) fn every_minutes(map: &mut Map, reader: &mut Reader) -> Option<u32> {
    number(map, "every_minutes", 1..=60, reader)
}

fn number(map: &mut Map, key: &'static str, range: RangeInclusive<u32>, reader: &mut Reader) -> Option<u32> {
    map.optional(key).and_then(|c| c.integer(reader, &format!("`{key}`"), range))
}

/// Warns of a certificate that no public authority gives, unless the file names others.
pub(super) fn warn_of_certificate(
    name: &str,
    (what, instead): (&str, &str),
    place: &Place,
    reader: &mut Reader,
) {
    let flaw = rules::no_public_certificate(name, what, instead);
    if let Some(flaw) = flaw.filter(|_| !reader.has_authorities) {
        reader.warn(place, flaw);
    }
}
