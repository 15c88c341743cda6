//! Reads typed values from YAML nodes and collects every problem on the way.
//!
//! A value that cannot be read is reported and becomes `None`; reading goes on beside it, so that
//! one run shows all that is wrong with a file.

mod invisible;
mod references;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::diagnostics::Diagnostic;
use crate::limits::{KEYS_MAX, SUGGESTIONS_MAX, items_max};
use crate::loopback::Loopback;
use crate::names::Names;
use crate::place::{Flaw, Place};
use crate::spelling::closest;
use crate::yaml::{Entry, Node, Value, is_null};

/// Which rules make a file one that cannot be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Binding {
    /// All of them: it is to be published.
    #[default]
    All,
    /// Only those without which it has no clear meaning: it was published, by whatever release.
    Meaning,
}

/// Collects problems and names while a file is read.
#[derive(Default)]
pub(crate) struct Reader {
    binding: Binding,
    /// What is to be said of targets on this machine.
    pub(crate) loopback: Loopback,
    /// Whether the file names certificate authorities of its own.
    pub(crate) has_authorities: bool,
    /// Whether a part of a starter pack could not be read: what packs come to is not known then.
    pub(crate) has_unreadable_packs: bool,
    pub(crate) problems: Vec<Diagnostic>,
    pub(crate) warnings: Vec<Diagnostic>,
    pub(crate) names: Names,
    suggestions: usize,
}

impl Reader {
    pub(crate) fn new(loopback: Loopback, binding: Binding) -> Self {
        Self { loopback, binding, ..Self::default() }
    }

    /// Whether a rule for publishing stops the reading of what breaks it.
    pub(crate) fn is_strict(&self) -> bool {
        self.binding == Binding::All
    }

    /// Whether to look once more for what was perhaps meant: not for ever, when all is misspelt.
    pub(crate) fn may_suggest(&mut self) -> bool {
        self.suggestions += 1;
        self.suggestions <= SUGGESTIONS_MAX
    }

    pub(crate) fn report(&mut self, place: &Place, flaw: Flaw) {
        if flaw.is_clear && !self.is_strict() {
            return self.warn(place, flaw);
        }
        self.problems.push(flaw.at(place));
    }

    /// Notes what is allowed and hardly meant.
    pub(crate) fn warn(&mut self, place: &Place, flaw: Flaw) {
        self.warnings.push(flaw.at(place));
    }
}

/// A node on its way to becoming a value.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'n> {
    node: &'n Node,
    pub(crate) place: Place,
}

impl<'n> Cursor<'n> {
    pub(crate) fn root(node: &'n Node) -> Self {
        Self { node, place: Place { line: node.line, column: node.column, path: String::new() } }
    }

    /// The node as a map.
    pub(crate) fn map(&self, reader: &mut Reader) -> Option<Map<'n>> {
        match &self.node.value {
            Value::Map(entries) => {
                if entries.len() > KEYS_MAX {
                    let flaw = format!("a map of {} keys; one has at most {KEYS_MAX}", entries.len());
                    reader.report(&self.place, Flaw::new(flaw).for_publishing());
                    if reader.is_strict() {
                        return None;
                    }
                }
                Some(Map { place: self.place.clone(), entries, known: vec![], missing: vec![] })
            }
            _ => self.wrong_type(reader, "a map of keys and values"),
        }
    }

    /// The node as a list of nodes.
    pub(crate) fn list(&self, reader: &mut Reader) -> Option<Vec<Cursor<'n>>> {
        let Value::List(items) = &self.node.value else { return self.wrong_type(reader, "a list") };
        let max = items_max(self.key());
        if items.len() > max {
            let flaw = format!("`{}` has {} items; it can have {max}", self.key(), items.len());
            reader.report(&self.place, Flaw::new(flaw).for_publishing());
            if reader.is_strict() {
                return None;
            }
        }
        Some(
            items
                .iter()
                .enumerate()
                .map(|(index, node)| {
                    let path = format!("{}[{index}]", self.place.path);
                    Cursor { node, place: Place { line: node.line, column: node.column, path } }
                })
                .collect(),
        )
    }

    /// As [`Cursor::list`], but an empty one is refused; `items` says of what.
    pub(crate) fn filled_list(&self, reader: &mut Reader, items: &str) -> Option<Vec<Cursor<'n>>> {
        let list = self.list(reader)?;
        if list.is_empty() {
            reader.report(&self.place, Flaw::new(format!("at least one {items} is needed here")));
            return None;
        }
        Some(list)
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    /// The node as text. A number, a truth value or nothing in its place is refused.
    pub(crate) fn text(&self, reader: &mut Reader) -> Option<String> {
        match &self.node.value {
            Value::Scalar { text, plain } if !plain || scalar_type(text) == "text" => Some(text.clone()),
            _ => self.wrong_type(reader, "text"),
        }
    }

    /// The node as text that obeys `rule`.
    pub(crate) fn parsed<T>(
        &self,
        reader: &mut Reader,
        rule: impl FnOnce(&str) -> Result<T, Flaw>,
    ) -> Option<T> {
        let text = self.text(reader)?;
        rule(&text).map_err(|flaw| reader.report(&self.place, flaw)).ok()
    }

    /// The node as a whole number within `range`; `what` names it: "a port".
    pub(crate) fn integer(&self, reader: &mut Reader, what: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let number = match &self.node.value {
            Value::Scalar { text, plain: true } if scalar_type(text) == "a number" => {
                text.parse::<i64>().ok()
            }
            _ => return self.wrong_type(reader, "a number"),
        };
        let within = number.and_then(|n| u32::try_from(n).ok()).filter(|n| range.contains(n));
        if within.is_none() {
            let (low, high) = (range.start(), range.end());
            let allowed =
                if low == high { low.to_string() } else { format!("a whole number from {low} to {high}") };
            let flaw = Flaw::new(format!("{what} must be {allowed}, not {}", self.shown()));
            reader.report(&self.place, flaw);
        }
        within
    }

    /// The node as `true` or `false`.
    pub(crate) fn boolean(&self, reader: &mut Reader) -> Option<bool> {
        match &self.node.value {
            Value::Scalar { text, plain: true } if scalar_type(text) == "a truth value" => {
                Some(text.eq_ignore_ascii_case("true"))
            }
            _ => self.wrong_type(reader, "true or false"),
        }
    }

    /// The node as one of a few words.
    pub(crate) fn choice<T: Copy>(&self, reader: &mut Reader, choices: &[(&str, T)]) -> Option<T> {
        self.parsed(reader, |text| {
            choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
                let words: Vec<String> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
                let flaw = Flaw::new(format!("`{text}` is none of {}", words.join(", ")));
                match closest(text, choices.iter().map(|(word, _)| *word)) {
                    Some(word) => flaw.hint(format!("did you mean `{word}`?")),
                    None => flaw,
                }
            })
        })
    }

    fn wrong_type<T>(&self, reader: &mut Reader, wanted: &str) -> Option<T> {
        let key = self.key();
        let subject = if key.is_empty() { "the file".to_owned() } else { format!("`{key}`") };
        let flaw = match &self.node.value {
            Value::Scalar { text, plain: true } if is_null(text) => {
                Flaw::new(format!("{subject} has no value; it must be {wanted}")).hint(no_value_hint(wanted))
            }
            Value::Scalar { text, plain } => {
                let found = if *plain { scalar_type(text) } else { "text" };
                let flaw = Flaw::new(format!("{subject} must be {wanted}, but {text:?} is {found}"));
                match wanted {
                    "text" => flaw.hint(format!("put it in quotes: \"{text}\"")),
                    "a list" => flaw.hint(format!("a list of one is written [{}]", self.shown())),
                    "a number" => flaw.hint("write it in digits, without quotes"),
                    "true or false" => flaw.hint("write `true` or `false`, without quotes"),
                    _ => flaw,
                }
            }
            Value::List(_) => Flaw::new(format!("{subject} must be {wanted}, not a list")),
            Value::Map(_) => Flaw::new(format!("{subject} must be {wanted}, not a map of keys and values")),
        };
        reader.report(&self.place, flaw);
        None
    }

    /// The text of a scalar, whatever it means.
    pub(crate) fn scalar(&self) -> Option<&'n str> {
        match &self.node.value {
            Value::Scalar { text, .. } => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The last key of its path, with its index in a list: `ports`, `ports[0]`.
    fn key(&self) -> &str {
        self.place.path.rsplit('.').next().unwrap_or_default()
    }

    fn shown(&self) -> &str {
        match &self.node.value {
            Value::Scalar { text, .. } => text,
            Value::List(_) | Value::Map(_) => "this",
        }
    }
}

fn no_value_hint(wanted: &str) -> &'static str {
    match wanted {
        "text" => "remove the key, or give it a value; text that begins with # needs quotes: \"#channel\"",
        "a list" => "remove the key, or write [] for an empty list",
        _ => "remove the key, or give it a value",
    }
}

/// How YAML 1.2's core schema reads a scalar without quotes.
fn scalar_type(text: &str) -> &'static str {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let radix =
        |prefix, base| digits.strip_prefix(prefix).is_some_and(|n| u64::from_str_radix(n, base).is_ok());
    if is_null(text) {
        "nothing"
    } else if matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE") {
        "a truth value"
    } else if (digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') && digits.parse::<f64>().is_ok())
        || radix("0x", 16)
        || radix("0o", 8)
        || matches!(digits.to_ascii_lowercase().as_str(), ".inf" | ".nan")
    {
        "a number"
    } else {
        "text"
    }
}

/// A map being read key by key. What was never asked for is an unknown key.
pub(crate) struct Map<'n> {
    pub(crate) place: Place,
    entries: &'n [Entry],
    known: Vec<&'static str>,
    missing: Vec<&'static str>,
}

impl<'n> Map<'n> {
    /// Whether a key stands here.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// Whether no key stands here.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a key that may be left out.
    pub(crate) fn optional(&mut self, key: &'static str) -> Option<Cursor<'n>> {
        self.known.push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        let node = &entry.value;
        // Nothing stands nowhere; its key is what people look for.
        let empty = matches!(&node.value, Value::Scalar { text, plain: true } if text.is_empty());
        let (line, column) = if empty { (entry.line, entry.column) } else { (node.line, node.column) };
        Some(Cursor { node, place: Place { line, column, path: self.path_of(key) } })
    }

    /// The value of a key that must be there.
    pub(crate) fn required(&mut self, key: &'static str) -> Option<Cursor<'n>> {
        let found = self.optional(key);
        if found.is_none() {
            self.missing.push(key);
        }
        found
    }

    /// Reports missing, unknown and repeated keys, and says whether all keys are known. To be called
    /// after the last key was asked for.
    pub(crate) fn finish(mut self, reader: &mut Reader) -> bool {
        let mut all_known = true;
        // What is already there was hardly meant again.
        let present: BTreeSet<&str> = self.entries.iter().map(|entry| entry.key.as_str()).collect();
        let absent: Vec<&str> = self.known.iter().copied().filter(|key| !present.contains(key)).collect();
        let mut lines: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in self.entries {
            let place = Place { line: entry.line, column: entry.column, path: self.path_of(&entry.key) };
            if let Some(first) = lines.get(entry.key.as_str()) {
                let flaw = Flaw::new(format!("the key `{}` stands here a second time", entry.key))
                    .hint(format!("the first is on line {first}"));
                reader.report(&place, flaw);
            } else if !self.known.contains(&entry.key.as_str()) {
                all_known = false;
                let flaw = self.unknown(&entry.key, &absent);
                reader.report(&place, flaw);
            }
            lines.entry(&entry.key).or_insert(entry.line);
        }
        for key in &self.missing {
            reader.report(&self.place, Flaw::new(format!("the key `{key}` is missing")));
        }
        all_known
    }

    /// `absent` are the keys that are known here and do not stand here.
    fn unknown(&mut self, key: &str, absent: &[&'static str]) -> Flaw {
        let flaw = Flaw::new(format!("unknown key `{key}`"));
        if key == "<<" {
            return flaw.hint("merge keys are not part of YAML 1.2; an alias of a whole value works");
        }
        match closest(key, absent.iter().copied()) {
            Some(meant) => {
                // One slip of the keyboard is one error.
                self.missing.retain(|missing| *missing != meant);
                flaw.hint(format!("did you mean `{meant}`?"))
            }
            None => {
                let known: Vec<String> = self.known.iter().map(|known| format!("`{known}`")).collect();
                flaw.hint(format!("known here: {}", known.join(", ")))
            }
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.place.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place.path) }
    }
}
