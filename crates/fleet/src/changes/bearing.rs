//! What accounts bear in the organization by one file otherwise than by another.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Change, former};
use crate::identity::Line;
use crate::members::Member;
use crate::model::{Contact, Fleet};

/// What changes of what an account bears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PropertyChanges {
    /// The line, as the new file has it.
    pub line: Line,
    /// What changes, in order of its names; at least one thing. A tag's value is as it is written in the file where that
    /// is what changes, `{domain}`, so that lines of which the same is declared have the same changes.
    pub changes: Vec<Change>,
    /// Whether it is to be in another organizational unit, whose policies then apply to it.
    pub moves: bool,
}

/// What accounts bear by `after` otherwise than by `before`, or than by no file: of each line of `after`, in its order,
/// of which something changes.
#[must_use]
pub fn property_changes(before: Option<&Fleet>, after: &Fleet) -> Vec<PropertyChanges> {
    let (old, new) = (before.map(Fleet::members).unwrap_or_default(), after.members());
    let changes = |member: &Member| {
        let was = before.zip(former((after, &new), &old, member));
        let unit = after.properties_of(member).unit;
        let moves = unit.is_some() && unit != was.and_then(|(fleet, was)| fleet.properties_of(was).unit);
        let was = was.map(|(fleet, was)| declared(fleet, was)).unwrap_or_default();
        let changes = differences(was, declared(after, member));
        (!changes.is_empty()).then(|| PropertyChanges { line: member.line(), changes, moves })
    };
    new.iter().filter_map(changes).collect()
}

/// Which settings accounts are to have by `after` otherwise than by `before`, or than by no file: of each line of `after`,
/// in its order, of which something changes. What is no longer declared stays in the account as it is.
#[must_use]
pub fn setting_changes(before: Option<&Fleet>, after: &Fleet) -> Vec<(Line, Vec<Change>)> {
    let (old, new) = (before.map(Fleet::members).unwrap_or_default(), after.members());
    let declared = |(fleet, member): (&Fleet, &Member)| {
        let named = fleet.account_settings_of(member).map(|settings| settings.named()).unwrap_or_default();
        let named = named.into_iter().map(|(what, value)| (what.to_owned(), Declared::plain(value)));
        named.collect::<BTreeMap<_, _>>()
    };
    let changes = |member: &Member| {
        let was = before.zip(former((after, &new), &old, member));
        let changes = differences(was.map(declared).unwrap_or_default(), declared((after, member)));
        (!changes.is_empty()).then(|| (member.line(), changes))
    };
    new.iter().filter_map(changes).collect()
}

/// Something that is declared: as the file has it, and what it comes to.
struct Declared {
    written: String,
    value: String,
}

impl Declared {
    fn plain(value: impl ToString) -> Self {
        Self { written: value.to_string(), value: value.to_string() }
    }
}

fn declared(fleet: &Fleet, member: &Member) -> BTreeMap<String, Declared> {
    let properties = fleet.properties_of(member);
    let mut declared = BTreeMap::new();
    declared.extend(properties.unit.map(|unit| ("organizational unit".to_owned(), Declared::plain(unit))));
    declared.extend(properties.support_plan.map(|plan| ("support plan".to_owned(), Declared::plain(plan))));
    let contacts = properties.contacts.iter();
    declared.extend(
        contacts.map(|(which, contact)| (format!("{which} contact"), Declared::plain(person(contact)))),
    );
    let written = |key: &str| {
        let tags = fleet.accounts.iter().flat_map(|accounts| &accounts.tags);
        tags.clone().find(|tag| tag.key == key).map(|tag| tag.value.clone()).unwrap_or_default()
    };
    let tags = properties.tags.into_iter();
    declared
        .extend(tags.map(|(key, value)| (format!("tag {key}"), Declared { written: written(&key), value })));
    declared
}

/// `Ada Example, On-call (ops@example.com, +1 555 0100)`
fn person(Contact { name, title, email, phone }: &Contact) -> String {
    format!("{name}, {title} ({email}, {phone})")
}

fn differences(mut before: BTreeMap<String, Declared>, after: BTreeMap<String, Declared>) -> Vec<Change> {
    let mut changes = Vec::new();
    for (what, after) in after {
        let (before, after) = match before.remove(&what) {
            Some(same) if same.value == after.value => continue,
            // What a placeholder stands for changed.
            Some(before) if before.written == after.written => (Some(before.value), after.value),
            before => (before.map(|it| it.written), after.written),
        };
        changes.push(Change { what, before, after: Some(after) });
    }
    let gone = |(what, it): (String, Declared)| Change { what, before: Some(it.written), after: None };
    changes.extend(before.into_iter().map(gone));
    changes.sort_by(|a, b| a.what.cmp(&b.what));
    changes
}
