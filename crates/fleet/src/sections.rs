//! Reads each section of a fleet file.

mod accounts;
mod network;
mod watch;

use std::collections::BTreeSet;
use std::fmt;

use crate::characters;
use crate::draft::{Draft, Items};
use crate::names::Kind;
use crate::reader::{Cursor, Map, Reader};
use crate::rules;

/// Reads the whole file.
pub(crate) fn draft(root: &Cursor, reader: &mut Reader) -> Option<Draft> {
    let mut file = root.map(reader)?;
    if let Some(version) = file.required("version") {
        version.integer(reader, "the version of a fleet file", crate::FORMAT_VERSION..=crate::FORMAT_VERSION);
    }
    let organization = file.required("organization").and_then(|o| accounts::organization(&o, reader));
    let regions = items(file.required("regions"), "Region", Kind::Region, reader, network::region);
    let pools = items(file.required("address_pools"), "address pool", Kind::Pool, reader, network::pool);
    let environments =
        items(file.required("environments"), "environment", Kind::Environment, reader, network::environment);
    let domains = items(file.required("domains"), "domain", Kind::Domain, reader, accounts::domain);
    let connections = optional_items(file.optional("connections"), reader, watch::connection);
    let isolations = optional_items(file.optional("isolations"), reader, watch::isolation);
    let forbidden = watch::forbidden_environments(file.optional("forbidden_environments"), reader);
    let network = file.optional("network").and_then(|n| network::settings(&n, reader)).unwrap_or_default();
    let (probing, egress_complete) = watch::probing(file.optional("probing"), reader);
    let alert_routes = match file.required("alert_routes") {
        Some(list) => watch::alert_routes(&list, reader),
        None => Items::unreadable(),
    };
    let rollout = file.optional("rollout").and_then(|r| watch::rollout(&r, reader)).unwrap_or_default();
    file.finish(reader);
    Some(Draft {
        organization,
        regions,
        pools,
        environments,
        domains,
        connections,
        isolations,
        forbidden,
        network,
        probing,
        egress_complete,
        alert_routes,
        rollout,
    })
}

/// Reads one item of a list; `None` when it cannot be told which item it is.
type ReadItem<T> = fn(&Cursor, &mut Reader) -> Option<T>;

/// A list of named things that must not be empty.
fn items<T>(
    list: Option<Cursor>,
    what: &str,
    kind: Kind,
    reader: &mut Reader,
    read: ReadItem<T>,
) -> Items<T> {
    let cursors = list.and_then(|list| list.filled_list(reader, what));
    let items = match cursors {
        Some(cursors) => collect(&cursors, reader, read),
        None => Items::unreadable(),
    };
    if !items.complete {
        reader.names.unreadable(kind);
    }
    items
}

/// A list that may be left out or empty.
fn optional_items<T>(list: Option<Cursor>, reader: &mut Reader, read: ReadItem<T>) -> Items<T> {
    let Some(list) = list else { return Items::none() };
    match list.list(reader) {
        Some(cursors) => collect(&cursors, reader, read),
        None => Items::unreadable(),
    }
}

fn collect<T>(cursors: &[Cursor], reader: &mut Reader, read: ReadItem<T>) -> Items<T> {
    let found: Vec<_> = cursors
        .iter()
        .filter_map(|cursor| read(cursor, reader).map(|value| (cursor.place.clone(), value)))
        .collect();
    Items { complete: found.len() == cursors.len(), found }
}

/// A name under the key `name`, declared. One that breaks a rule is declared all the same: what
/// refers to it is not wrong as well.
fn declared_name(map: &mut Map, kind: Kind, reader: &mut Reader) -> Option<String> {
    let rule = if kind == Kind::Region { rules::region } else { rules::name };
    let cursor = map.required("name")?;
    let name = cursor.text(reader)?;
    if let Err(flaw) = rule(&name) {
        reader.report(&cursor.place, flaw);
    }
    // As people see it, so that what refers to it is not wrong as well.
    let name = characters::visible(&name);
    reader.declare(kind, &name, &cursor.place);
    Some(name)
}

/// A reference to something declared elsewhere.
fn reference(cursor: &Cursor, kind: Kind, reader: &mut Reader) -> Option<String> {
    let name = cursor.text(reader)?;
    reader.names.refer(kind, &name, &cursor.place);
    Some(name)
}

/// A list of references, without repetitions; those that cannot be read are left out.
fn references(list: &Cursor, kind: Kind, what: &str, reader: &mut Reader) -> Vec<String> {
    let mut names = Distinct::default();
    for cursor in list.filled_list(reader, what).unwrap_or_default() {
        if let Some(name) = reference(&cursor, kind, reader) {
            names.push(&cursor, name, reader);
        }
    }
    names.items
}

/// The items of a list in which none may stand twice.
struct Distinct<T> {
    items: Vec<T>,
    seen: BTreeSet<T>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Self { items: vec![], seen: BTreeSet::new() }
    }
}

impl<T: Ord + Clone + fmt::Display> Distinct<T> {
    /// Adds an item, and reports one that stands in the list already.
    fn push(&mut self, cursor: &Cursor, item: T, reader: &mut Reader) {
        if !self.seen.insert(item.clone()) {
            reader.report(&cursor.place, crate::reader::Flaw::new(format!("`{item}` stands here twice")));
        }
        self.items.push(item);
    }
}
