//! What cannot be seen in keys and values that are YAML all the same.

use std::collections::BTreeMap;

use super::Reader;
use crate::characters::{invisible, message};
use crate::place::{Flaw, Place};
use crate::yaml::{Node, Value};

/// An invisible character.
struct Found {
    /// Where it stands.
    place: Place,
    message: String,
    /// Something was said about the key or value that it is in.
    matters: bool,
}

/// The keys and values with an invisible character, by the line and column at which they begin.
struct Search<'t> {
    lines: Vec<&'t str>,
    found: BTreeMap<(usize, usize), Found>,
}

impl Reader {
    /// Says which character cannot be seen, in place of what was said about the key or value that it is
    /// in: "`shop` is not a name" would look wrong. Where nothing is wrong it is warned of.
    pub(crate) fn explain_invisible(&mut self, root: &Node, text: &str) {
        let mut search = Search { lines: text.lines().collect(), found: BTreeMap::new() };
        search.node(root);
        let mut found = search.found;
        self.problems.retain(|problem| match found.get_mut(&(problem.line, problem.column)) {
            Some(found) => {
                found.place.path = problem.path.replace(invisible, "");
                found.matters = true;
                false
            }
            None => true,
        });
        for Found { place, message, matters } in found.into_values() {
            let flaw = Flaw::new(message);
            if matters { self.report(&place, flaw) } else { self.warn(&place, flaw) }
        }
    }
}

impl Search<'_> {
    fn node(&mut self, node: &Node) {
        match &node.value {
            Value::Scalar { text, .. } => self.text(text, node.line, node.column),
            Value::List(items) => items.iter().for_each(|item| self.node(item)),
            Value::Map(entries) => {
                for entry in entries {
                    self.text(&entry.key, entry.line, entry.column);
                    self.node(&entry.value);
                }
            }
        }
    }

    fn text(&mut self, text: &str, line: usize, column: usize) {
        let Some((c, message)) = text.chars().find_map(|c| Some((c, message(c)?))) else { return };
        // Where it stands in the file: behind the value's beginning, unless it is written as an escape or
        // on a later line.
        let source = line.checked_sub(1).and_then(|index| self.lines.get(index)).copied().unwrap_or_default();
        let behind = source.chars().skip(column.saturating_sub(1)).position(|other| other == c);
        let place = Place { line, column: column + behind.unwrap_or_default(), path: String::new() };
        self.found.entry((line, column)).or_insert(Found { place, message, matters: false });
    }
}
