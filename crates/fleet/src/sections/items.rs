//! Lists, names and references, as every section has them.

use std::collections::BTreeSet;
use std::fmt;

use crate::characters;
use crate::draft::Items;
use crate::names::Kind;
use crate::place::Flaw;
use crate::reader::{Cursor, Map, Reader};
use crate::rules;

/// Reads one item of a list; `None` when it cannot be told which item it is.
pub(super) type ReadItem<T> = fn(&Cursor, &mut Reader) -> Option<T>;

/// A list of named things that must not be empty.
pub(super) fn items<T>(
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
pub(super) fn optional_items<T>(list: Option<Cursor>, reader: &mut Reader, read: ReadItem<T>) -> Items<T> {
    let Some(list) = list else { return Items::none() };
    match list.list(reader) {
        Some(cursors) => collect(&cursors, reader, read),
        None => Items::unreadable(),
    }
}

pub(super) fn collect<T>(cursors: &[Cursor], reader: &mut Reader, read: ReadItem<T>) -> Items<T> {
    let found: Vec<_> = cursors
        .iter()
        .filter_map(|cursor| read(cursor, reader).map(|value| (cursor.place.clone(), value)))
        .collect();
    Items { complete: found.len() == cursors.len(), found }
}

/// A name under the key `name`, declared. One that breaks a rule is declared all the same: what
/// refers to it is not wrong as well.
pub(super) fn declared_name(map: &mut Map, kind: Kind, reader: &mut Reader) -> Option<String> {
    let cursor = map.required("name")?;
    let name = cursor.text(reader)?;
    let broken = if kind == Kind::Region { rules::region(&name).err() } else { rules::name(&name).err() };
    if let Some(flaw) = broken {
        reader.report(&cursor.place, flaw);
    }
    // As people see it, so that what refers to it is not wrong as well.
    let name = characters::visible(&name);
    reader.declare(kind, &name, &cursor.place);
    Some(name)
}

/// A reference to something declared elsewhere.
pub(super) fn reference(cursor: &Cursor, kind: Kind, reader: &mut Reader) -> Option<String> {
    let name = cursor.text(reader)?;
    reader.names.refer(kind, &name, &cursor.place);
    Some(name)
}

/// A list of references, without repetitions; those that cannot be read are left out.
pub(super) fn references(list: &Cursor, kind: Kind, what: &str, reader: &mut Reader) -> Vec<String> {
    let mut names = Distinct::default();
    for cursor in list.filled_list(reader, what).unwrap_or_default() {
        if let Some(name) = reference(&cursor, kind, reader) {
            names.push(&cursor, name, reader);
        }
    }
    names.items
}

/// The items of a list in which none may stand twice.
pub(super) struct Distinct<T> {
    pub(super) items: Vec<T>,
    seen: BTreeSet<T>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Self { items: vec![], seen: BTreeSet::new() }
    }
}

impl<T: Ord + Clone + fmt::Display> Distinct<T> {
    /// Adds an item, and reports one that stands in the list already.
    pub(super) fn push(&mut self, cursor: &Cursor, item: T, reader: &mut Reader) {
        if !self.seen.insert(item.clone()) {
            reader.report(&cursor.place, Flaw::new(format!("`{item}` stands here twice")));
        }
        self.items.push(item);
    }
}
