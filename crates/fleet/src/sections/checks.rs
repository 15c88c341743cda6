//! How connections are tested, and teams' own checks.

use phonehome_wire::RecordType;

use super::exchange::{Given, exchange, pace, warn_of_certificate};
use super::hosts::{host, port, templated_host};
use super::items::{Distinct, reference, references};
use crate::loopback::Loopback;
use crate::model::{CheckType, ConnectionCheck, Exchange, TeamCheck, TeamCheckType};
use crate::names::Kind;
use crate::reader::{Cursor, Map, Reader};
use crate::rules;

const CONNECTION_TYPES: [(&str, CheckType); 4] = [
    ("tcp", CheckType::Tcp),
    ("tls", CheckType::Tls),
    ("http", CheckType::Http),
    ("https", CheckType::Https),
];
const TEAM_TYPES: [(&str, TeamCheckType); 5] = [
    ("tcp", TeamCheckType::Tcp),
    ("tls", TeamCheckType::Tls),
    ("http", TeamCheckType::Http),
    ("https", TeamCheckType::Https),
    ("dns", TeamCheckType::Dns),
];
const RECORDS: [(&str, RecordType); 8] = [
    ("A", RecordType::A),
    ("AAAA", RecordType::Aaaa),
    ("CNAME", RecordType::Cname),
    ("MX", RecordType::Mx),
    ("NS", RecordType::Ns),
    ("PTR", RecordType::Ptr),
    ("SRV", RecordType::Srv),
    ("TXT", RecordType::Txt),
];
const DNS: &[TeamCheckType] = &[TeamCheckType::Dns];

/// Reads a connection's `check`.
pub(super) fn connection_check(cursor: &Cursor, reader: &mut Reader) -> Option<ConnectionCheck> {
    let mut map = cursor.map(reader)?;
    let host = map.required("host").and_then(|c| templated_host(&c, reader));
    let type_cursor = map.optional("type");
    let check_type = given_type(type_cursor.as_ref(), &CONNECTION_TYPES, reader);
    let given = Given { check_type: check_type.map(Into::into) };
    let exchange = exchange(&mut map, given, reader);
    let pace = pace(&mut map, reader);
    map.finish(reader);
    if let Some(host) = &host {
        certificate_can_be(host, check_type, &exchange, type_cursor.as_ref(), reader);
    }
    let check_type = check_type.unwrap_or_default();
    Some(ConnectionCheck { host: host.unwrap_or_default(), check_type, exchange, pace })
}

/// Reads an item of `checks`.
pub(super) fn team_check(cursor: &Cursor, reader: &mut Reader) -> Option<TeamCheck> {
    let mut map = cursor.map(reader)?;
    let name = map.required("name").and_then(|c| c.parsed(reader, rules::name));
    let from = map.required("from").and_then(|c| reference(&c, Kind::Domain, reader));
    let environments = map.optional("environments");
    let environments = environments.map(|c| references(&c, Kind::Environment, "environment", reader));
    let type_cursor = map.optional("type");
    let check_type = given_type(type_cursor.as_ref(), &TEAM_TYPES, reader);
    let given = Given { check_type };
    let is_lookup = check_type == Some(TeamCheckType::Dns);
    let record = given.only(DNS, &mut map, "record", reader).and_then(|c| c.choice(reader, &RECORDS));
    let host = map.required("host").and_then(|c| match is_lookup {
        true => name_to_look_up(&c, record, reader),
        false => templated_host(&c, reader),
    });
    let port = team_port(&mut map, given, reader);
    let exchange = exchange(&mut map, given, reader);
    let expected = given.only(DNS, &mut map, "expected", reader);
    let expected = expected.map(|c| expected_records(&c, record, reader)).unwrap_or_default();
    let nameserver = given.only(DNS, &mut map, "nameserver", reader).and_then(|c| nameserver(&c, reader));
    let pace = pace(&mut map, reader);
    map.finish(reader);
    if let (Some(host), Some(connects)) = (&host, check_type.map(TeamCheckType::connects)) {
        certificate_can_be(host, connects, &exchange, type_cursor.as_ref(), reader);
    }
    Some(TeamCheck {
        name: name?,
        from: from?,
        environments: environments.unwrap_or_default(),
        check_type: check_type.unwrap_or_default(),
        host: host.unwrap_or_default(),
        port,
        exchange,
        record,
        expected,
        nameserver,
        pace,
    })
}

/// The type that a check has; none when it cannot be read.
fn given_type<T: Copy + Default>(
    cursor: Option<&Cursor>,
    types: &[(&str, T)],
    reader: &mut Reader,
) -> Option<T> {
    cursor.map_or_else(|| Some(T::default()), |cursor| cursor.choice(reader, types))
}

/// Each check that connects has one, and a lookup has none.
fn team_port(map: &mut Map, given: Given, reader: &mut Reader) -> Option<u16> {
    const CONNECTING: &[TeamCheckType] =
        &[TeamCheckType::Tcp, TeamCheckType::Tls, TeamCheckType::Http, TeamCheckType::Https];
    let cursor = match given.check_type {
        Some(TeamCheckType::Dns) | None => given.only(CONNECTING, map, "port", reader),
        Some(_) => map.required("port"),
    };
    cursor.and_then(|c| port(&c, reader))
}

/// Warns of a test that can never succeed. The name that counts is the one that the certificate must carry.
fn certificate_can_be(
    host: &str,
    check_type: Option<CheckType>,
    exchange: &Exchange,
    place: Option<&Cursor>,
    reader: &mut Reader,
) {
    let words = match check_type {
        Some(CheckType::Tls) => ("`type: tls`", "take `type: tcp`"),
        Some(CheckType::Https) => ("`type: https`", "take `type: http`"),
        _ => return,
    };
    let name = exchange.server_name.as_deref().unwrap_or(host);
    if let Some(cursor) = place {
        warn_of_certificate(name, words, &cursor.place, reader);
    }
}

fn name_to_look_up(cursor: &Cursor, record: Option<RecordType>, reader: &mut Reader) -> Option<String> {
    let name = host(cursor, rules::TEMPLATE, reader)?;
    if let Some(flaw) = rules::not_a_name(&name, record) {
        reader.report(&cursor.place, flaw);
        return None;
    }
    Some(name)
}

fn expected_records(list: &Cursor, record: Option<RecordType>, reader: &mut Reader) -> Vec<String> {
    let mut records = Distinct::default();
    for cursor in list.filled_list(reader, "record").unwrap_or_default() {
        if let Some(text) = cursor.parsed(reader, |text| rules::dns_record(text, record)) {
            records.push(&cursor, text, reader);
        }
    }
    records.items
}

fn nameserver(cursor: &Cursor, reader: &mut Reader) -> Option<String> {
    let allowed = reader.loopback == Loopback::Allowed;
    cursor.parsed(reader, |text| rules::nameserver(text, allowed))
}
