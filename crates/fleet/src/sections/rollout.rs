//! Roll-outs.

use std::collections::BTreeMap;

use super::items::references;
use crate::model::{Rollout, Wave, default_at_once, default_bake, default_converge};
use crate::names::Kind;
use crate::place::{Flaw, Place};
use crate::reader::{Cursor, Reader};
use crate::rules;

/// How a wave may say which accounts it takes.
const SELECTORS: [&str; 3] = ["accounts", "environments", "percent"];

/// What the waves before have, by kind and name, each with its wave's name.
type Taken = BTreeMap<(Kind, String), String>;

pub(super) fn rollout(cursor: &Cursor, reader: &mut Reader) -> Option<(Place, Rollout)> {
    let mut map = cursor.map(reader)?;
    let list = map.required("waves");
    let cursors = list.as_ref().and_then(|c| c.filled_list(reader, "wave"));
    let bake = map.optional("bake_minutes").and_then(|c| c.integer(reader, "`bake_minutes`", 1..=1440));
    let converge = map.optional("converge_minutes");
    let converge = converge.and_then(|c| c.integer(reader, "`converge_minutes`", 5..=1440));
    let at_once = map.optional("at_once").and_then(|c| c.integer(reader, "`at_once`", 1..=1000));
    map.finish(reader);
    let cursors = cursors?;
    let mut taken = Taken::new();
    let mut waves: Vec<Wave> = vec![];
    for (index, cursor) in cursors.iter().enumerate() {
        let is_last = index + 1 == cursors.len();
        waves.extend(wave(cursor, is_last, &mut taken, reader));
    }
    let rollout = Rollout {
        waves,
        bake_minutes: bake.unwrap_or_else(default_bake),
        converge_minutes: converge.unwrap_or_else(default_converge),
        at_once: at_once.unwrap_or_else(default_at_once),
    };
    Some((cursor.place.clone(), rollout))
}

fn wave(cursor: &Cursor, is_last: bool, taken: &mut Taken, reader: &mut Reader) -> Option<Wave> {
    let mut map = cursor.map(reader)?;
    let name_cursor = map.required("name");
    let name = name_cursor.as_ref().and_then(|c| c.parsed(reader, rules::filled));
    if let (Some(cursor), Some(name)) = (&name_cursor, &name) {
        reader.declare(Kind::Wave, name, &cursor.place);
    }
    let [accounts, environments, percent] = SELECTORS.map(|key| map.optional(key));
    map.finish(reader);
    let selectors = [&accounts, &environments, &percent].into_iter().flatten();
    says_who(&cursor.place, selectors.map(|it| &it.place).collect(), is_last, reader);
    let name = name.unwrap_or_default();
    let mut named = |list: Option<Cursor>, kind: Kind, reader: &mut Reader| {
        let names = list.map(|list| references(&list, kind, &kind.to_string(), reader)).unwrap_or_default();
        not_taken(&cursor.place, kind, &names, &name, taken, reader);
        names
    };
    let accounts = named(accounts, Kind::Account, reader);
    let environments = named(environments, Kind::Environment, reader);
    let percent = percent.and_then(|c| c.integer(reader, "`percent`", 1..=99));
    Some(Wave { name, accounts, environments, percent })
}

/// Every wave but the last says in one way whom it takes, and the last one does not.
fn says_who(place: &Place, selectors: Vec<&Place>, is_last: bool, reader: &mut Reader) {
    match (selectors.as_slice(), is_last) {
        ([first, ..], true) => {
            let flaw = Flaw::new("the last wave takes all accounts that are left, so it has no list");
            reader.report(first, flaw.hint("add a wave with nothing but a `name` at the end"));
        }
        ([], false) => {
            let flaw =
                Flaw::new("only the last wave may be without `accounts`, `environments` and `percent`");
            reader.report(place, flaw.hint("it takes every account, so nothing is left behind it"));
        }
        ([_, second, ..], false) => {
            let flaw = Flaw::new("a wave says in one way which accounts it takes");
            let hint = "leave one of `accounts`, `environments` and `percent`, or make two waves of it";
            reader.report(second, flaw.hint(hint));
        }
        ([], true) | ([_], false) => {}
    }
}

fn not_taken(
    place: &Place,
    kind: Kind,
    names: &[String],
    wave: &str,
    taken: &mut Taken,
    reader: &mut Reader,
) {
    let what = if kind == Kind::Account { "account" } else { "environment" };
    for name in names {
        if let Some(wave) = taken.get(&(kind, name.clone())) {
            let flaw = Flaw::new(format!("the {what} `{name}` is in the wave `{wave}` already"));
            reader.report(place, flaw);
        }
    }
    for name in names {
        taken.entry((kind, name.clone())).or_insert_with(|| wave.to_owned());
    }
}
