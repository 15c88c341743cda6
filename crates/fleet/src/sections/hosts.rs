//! Hosts and ports.

use super::items::Distinct;
use crate::reader::{Cursor, Reader};
use crate::rules;

const PORT: std::ops::RangeInclusive<u32> = 1..=65535;

/// All of the ports, or none when one could not be read.
pub(super) fn ports(cursor: &Cursor, reader: &mut Reader) -> Vec<u16> {
    if let Some(flaw) = cursor.scalar().and_then(rules::not_one_port) {
        reader.report(&cursor.place, flaw);
        return vec![];
    }
    let cursors = cursor.filled_list(reader, "port").unwrap_or_default();
    let mut ports = Distinct::default();
    for cursor in &cursors {
        if let Some(port) = port(cursor, reader) {
            ports.push(cursor, port, reader);
        }
    }
    if ports.items.len() == cursors.len() { ports.items } else { vec![] }
}

pub(super) fn port(cursor: &Cursor, reader: &mut Reader) -> Option<u16> {
    if let Some(flaw) = cursor.scalar().and_then(rules::not_one_port) {
        reader.report(&cursor.place, flaw);
        return None;
    }
    cursor.integer(reader, "a port", PORT).and_then(|port| u16::try_from(port).ok())
}

pub(super) fn templated_host(cursor: &Cursor, reader: &mut Reader) -> Option<String> {
    host(cursor, rules::TEMPLATE, reader)
}

pub(super) fn host(cursor: &Cursor, placeholders: &[&str], reader: &mut Reader) -> Option<String> {
    let host = cursor.parsed(reader, |text| rules::host(text, placeholders))?;
    if let Some(flaw) = rules::own_host(&host, placeholders, reader.loopback) {
        reader.report(&cursor.place, flaw);
    }
    Some(host)
}
