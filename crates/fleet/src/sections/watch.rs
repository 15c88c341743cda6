//! Connections, isolations, alert routes.

use super::checks::connection_check;
use super::exchange::every_minutes;
use super::hosts::{port, ports, templated_host};
use super::items::{collect, optional_items, reference, references};
use crate::draft::Items;
use crate::model::{AlertRoute, AlertSeverity, Connection, ForbiddenPair, Isolation, PlatformRoute};
use crate::names::Kind;
use crate::place::Flaw;
use crate::reader::{Cursor, Reader};
use crate::rules;

pub(super) fn connection(cursor: &Cursor, reader: &mut Reader) -> Option<Connection> {
    let mut map = cursor.map(reader)?;
    let from = map.required("from").and_then(|c| reference(&c, Kind::Domain, reader));
    let to_cursor = map.required("to");
    let to = to_cursor.as_ref().and_then(|c| reference(c, Kind::Domain, reader));
    let to_environment = map.optional("to_environment");
    let names_environment = to_environment.is_some();
    let to_environment = to_environment.and_then(|c| reference(&c, Kind::Environment, reader));
    if let (Some(cursor), true) = (&to_cursor, from.is_some() && from == to && !names_environment) {
        reader.report(&cursor.place, Flaw::new("a connection of a domain to itself"));
    }
    let ports = map.required("ports").map(|c| ports(&c, reader)).unwrap_or_default();
    let environments = map.optional("environments");
    let environments = environments.map(|c| references(&c, Kind::Environment, "environment", reader));
    let check = map.required("check").and_then(|c| connection_check(&c, reader));
    map.finish(reader);
    Some(Connection {
        from: from?,
        to: to?,
        to_environment,
        ports,
        environments: environments.unwrap_or_default(),
        check: check.unwrap_or_default(),
    })
}

pub(super) fn isolation(cursor: &Cursor, reader: &mut Reader) -> Option<Isolation> {
    let mut map = cursor.map(reader)?;
    let from = map.required("from").and_then(|c| reference(&c, Kind::Domain, reader));
    let to_cursor = map.required("to");
    let to = to_cursor.as_ref().and_then(|c| reference(c, Kind::Domain, reader));
    let to_environment = map.optional("to_environment");
    let to_environment = to_environment.and_then(|c| reference(&c, Kind::Environment, reader));
    if let (Some(cursor), true) = (&to_cursor, from.is_some() && from == to && to_environment.is_none()) {
        let flaw = Flaw::new("an isolation of a domain from itself");
        let hint = "to isolate its environments from each other, add `to_environment`";
        reader.report(&cursor.place, flaw.hint(hint));
    }
    let host = map.required("host").and_then(|c| templated_host(&c, reader));
    let port = map.required("port").and_then(|c| port(&c, reader));
    let environments = map.optional("environments");
    let environments = environments.map(|c| references(&c, Kind::Environment, "environment", reader));
    let control = map.required("control").and_then(|c| c.text(reader));
    let every_minutes = every_minutes(&mut map, reader);
    map.finish(reader);
    Some(Isolation {
        from: from?,
        to: to?,
        to_environment,
        host: host.unwrap_or_default(),
        port: port.unwrap_or_default(),
        environments: environments.unwrap_or_default(),
        control: control.unwrap_or_default(),
        every_minutes,
    })
}

/// Reads `forbidden_environments`.
pub(super) fn forbidden_environments(list: Option<Cursor>, reader: &mut Reader) -> Items<ForbiddenPair> {
    let pairs = optional_items(list, reader, forbidden_pair);
    for (index, (place, pair)) in pairs.found.iter().enumerate() {
        if let Some((first, _)) = pairs.found[..index].iter().find(|(_, earlier)| earlier == pair) {
            let flaw = Flaw::new(format!("the pair {} to {} stands here twice", pair.from, pair.to));
            reader.report(place, flaw.hint(format!("the first is on line {}", first.line)));
        }
    }
    pairs
}

fn forbidden_pair(cursor: &Cursor, reader: &mut Reader) -> Option<ForbiddenPair> {
    let mut map = cursor.map(reader)?;
    let from = map.required("from").and_then(|c| reference(&c, Kind::Environment, reader));
    let to_cursor = map.required("to");
    let to = to_cursor.as_ref().and_then(|c| reference(c, Kind::Environment, reader));
    if let (Some(cursor), true) = (&to_cursor, from.is_some() && from == to) {
        let flaw = Flaw::new("an environment cannot be forbidden to reach itself");
        reader.report(&cursor.place, flaw.hint("what must not connect within one is an isolation"));
    }
    map.finish(reader);
    Some(ForbiddenPair { from: from?, to: to? })
}

pub(super) fn alert_routes(cursor: &Cursor, reader: &mut Reader) -> Items<AlertRoute> {
    let Some(cursors) = cursor.filled_list(reader, "alert route") else { return Items::unreadable() };
    let routes = collect(&cursors, reader, alert_route);
    if !routes.complete {
        return routes;
    }
    match routes.found.iter().position(|(_, route)| route.is_catch_all()) {
        None => {
            let flaw = Flaw::new("no alert route takes everything: some alerts would go nowhere");
            let hint = "end the list with a route that has none of `environments`, `domains` and `severity`";
            reader.report(&cursor.place, flaw.hint(hint));
        }
        Some(first) => {
            let line = routes.found[first].0.line;
            for (place, _) in &routes.found[first + 1..] {
                let flaw = Flaw::new("no alert ever comes to this route").for_publishing();
                reader.report(place, flaw.hint(format!("the one on line {line} takes everything before it")));
            }
        }
    }
    routes
}

const SEVERITIES: [(&str, AlertSeverity); 2] = [("note", AlertSeverity::Note), ("page", AlertSeverity::Page)];

fn alert_route(cursor: &Cursor, reader: &mut Reader) -> Option<AlertRoute> {
    let mut map = cursor.map(reader)?;
    let environments = map.optional("environments");
    let environments = environments.map(|c| references(&c, Kind::Environment, "environment", reader));
    let domains = map.optional("domains").map(|c| references(&c, Kind::Domain, "domain", reader));
    // An unreadable or misspelt filter must not make a route look like one that takes everything.
    let filters_readable =
        [&environments, &domains].into_iter().all(|filter| filter.as_ref().is_none_or(|f| !f.is_empty()));
    let severity = map.optional("severity");
    let has_severity = severity.is_some();
    let severity = severity.and_then(|c| c.choice(reader, &SEVERITIES));
    let slack_channel = map.required("slack_channel").and_then(|c| c.parsed(reader, rules::slack_channel));
    let page = map.optional("page").and_then(|c| c.boolean(reader)).unwrap_or_default();
    let all_known = map.finish(reader);
    match (severity, page) {
        (Some(AlertSeverity::Note), true) => {
            let flaw = Flaw::new("this route never pages: notes page nobody");
            reader.report(&cursor.place, flaw.hint("remove `page`, or give it `severity: page`"));
        }
        (Some(AlertSeverity::Page), false) => {
            let flaw = Flaw::new("no alert ever comes to this route: what pages nobody is a note");
            reader.report(&cursor.place, flaw.hint("add `page: true`, or give it `severity: note`"));
        }
        _ => {}
    }
    let is_readable = filters_readable && severity.is_some() == has_severity;
    (is_readable && all_known).then(|| AlertRoute {
        environments: environments.unwrap_or_default(),
        domains: domains.unwrap_or_default(),
        severity,
        slack_channel: slack_channel.unwrap_or_default(),
        page,
    })
}

/// A part that cannot be read is reported, so no fleet is made of what stands here instead.
pub(super) fn platform_route(cursor: &Cursor, reader: &mut Reader) -> Option<PlatformRoute> {
    let mut map = cursor.map(reader)?;
    let slack_channel = map.required("slack_channel").and_then(|c| c.parsed(reader, rules::slack_channel));
    let page = map.optional("page").and_then(|c| c.boolean(reader));
    map.finish(reader);
    Some(PlatformRoute { slack_channel: slack_channel.unwrap_or_default(), page: page.unwrap_or_default() })
}
