//! How things are tested, and the way out.

use std::net::IpAddr;

use super::exchange::{TIMEOUT_MS, pace, warn_of_certificate};
use super::hosts::{host, port};
use super::items::{Distinct, optional_items};
use crate::checks::egress_id;
use crate::model::{EgressAws, EgressEcho, EgressHost, EgressTarget, HttpUrl, Probing, Scheme};
use crate::place::Flaw;
use crate::reader::{Cursor, Map, Reader};
use crate::rules;

/// Reads `probing`, and says whether all of its egress targets could be read.
pub(super) fn probing(cursor: Option<Cursor>, reader: &mut Reader) -> (Probing, bool) {
    let mut probing = Probing::default();
    let Some(cursor) = cursor else { return (probing, true) };
    let Some(mut map) = cursor.map(reader) else { return (probing, false) };
    let egress = optional_items(map.optional("egress"), reader, egress_target);
    let mut number = |key, what: &str, range, value: &mut u32| {
        if let Some(given) = map.optional(key).and_then(|c| c.integer(reader, what, range)) {
            *value = given;
        }
    };
    number("timeout_ms", "`timeout_ms`", TIMEOUT_MS, &mut probing.timeout_ms);
    number("down_after", "`down_after`", 1..=60, &mut probing.down_after);
    number("up_after", "`up_after`", 1..=60, &mut probing.up_after);
    number("overdue_after_seconds", "`overdue_after_seconds`", 90..=3600, &mut probing.overdue_after_seconds);
    let every = &mut probing.isolations_every_minutes;
    number("isolations_every_minutes", "`isolations_every_minutes`", 1..=60, every);
    map.finish(reader);
    for (index, (place, target)) in egress.found.iter().enumerate() {
        let id = egress_id(target);
        if egress.found[..index].iter().any(|(_, earlier)| egress_id(earlier) == id) {
            let what = match target {
                EgressTarget::Host(EgressHost { host, port, .. }) => format!("`{host}:{port}`"),
                EgressTarget::Echo(it) => format!("an echo service at `{}:{}`", it.echo.host, it.echo.port),
                EgressTarget::Aws(it) => format!("`{}`", it.aws),
            };
            reader.report(place, Flaw::new(format!("{what} stands here twice")));
        }
    }
    probing.egress = egress.found.into_iter().map(|(_, target)| target).collect();
    (probing, egress.complete)
}

/// Which of its forms a target has is said by the first of these keys that it has.
fn egress_target(cursor: &Cursor, reader: &mut Reader) -> Option<EgressTarget> {
    let mut map = cursor.map(reader)?;
    if map.has("echo") {
        return echo(map, reader).map(EgressTarget::Echo);
    }
    if map.has("aws") {
        return aws(map, reader).map(EgressTarget::Aws);
    }
    if map.has("host") || map.has("port") {
        let host = map.required("host").and_then(|c| host(&c, &[], reader));
        let port = map.required("port").and_then(|c| port(&c, reader));
        let pace = pace(&mut map, reader);
        map.finish(reader);
        return Some(EgressTarget::Host(EgressHost { host: host?, port: port?, pace }));
    }
    // Known here, so that a slip of the keyboard is told from a form that is missing.
    let forms = ["host", "port", "echo", "expected", "aws"];
    forms.into_iter().for_each(|key| drop(map.optional(key)));
    pace(&mut map, reader);
    if map.finish(reader) {
        let flaw = Flaw::new("an egress target has a `host` and a `port`, or `echo`, or `aws`");
        let hint =
            "`echo: https://checkip.amazonaws.com/` asks for the public address, `aws: sts` for a service";
        reader.report(&cursor.place, flaw.hint(hint));
    }
    None
}

fn echo(mut map: Map, reader: &mut Reader) -> Option<EgressEcho> {
    let url = map.required("echo")?;
    let echo = url.parsed(reader, rules::http_url);
    if let Some(HttpUrl { scheme, host, .. }) = &echo {
        if let Some(flaw) = rules::own_host(host, &[], reader.loopback) {
            reader.report(&url.place, flaw);
        }
        if *scheme == Scheme::Https {
            warn_of_certificate(host, ("`https`", "take `http`"), &url.place, reader);
        }
    }
    let expected = map.optional("expected").map(|c| public_addresses(&c, reader)).unwrap_or_default();
    let pace = pace(&mut map, reader);
    other_form("echo", &["aws", "host", "port"], &mut map, reader);
    map.finish(reader);
    Some(EgressEcho { echo: echo?, expected, pace })
}

fn aws(mut map: Map, reader: &mut Reader) -> Option<EgressAws> {
    let aws = map.required("aws").and_then(|c| c.parsed(reader, rules::aws_service));
    let pace = pace(&mut map, reader);
    other_form("aws", &["host", "port", "expected"], &mut map, reader);
    map.finish(reader);
    Some(EgressAws { aws: aws?, pace })
}

/// Reports keys of a target's other forms.
fn other_form(key: &str, others: &[&'static str], map: &mut Map, reader: &mut Reader) {
    for other in others {
        if let Some(cursor) = map.optional(other) {
            let flaw = Flaw::new(format!("`{other}` means nothing beside `{key}`"));
            reader.report(&cursor.place, flaw.hint("give it a target of its own in the list"));
        }
    }
}

fn public_addresses(list: &Cursor, reader: &mut Reader) -> Vec<IpAddr> {
    let mut addresses = Distinct::default();
    for cursor in list.filled_list(reader, "address").unwrap_or_default() {
        if let Some(address) = cursor.parsed(reader, rules::public_address) {
            addresses.push(&cursor, address, reader);
        }
    }
    addresses.items
}
