//! Names that are declared in one part of a file and referred to in another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::reader::{Flaw, Place, Reader};

/// What a name is the name of. Names of different kinds do not get in each other's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Region,
    Pool,
    Environment,
    Domain,
    Account,
    AccountId,
    Email,
    Vpc,
    Wave,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Region => "Region",
            Self::Pool => "address pool",
            Self::Environment => "environment",
            Self::Domain => "domain",
            Self::Account => "account name",
            Self::AccountId => "account id",
            Self::Email => "e-mail address",
            Self::Vpc => "VPC",
            Self::Wave => "roll-out wave",
        })
    }
}

/// The names of one file.
#[derive(Default)]
pub(crate) struct Names {
    declared: BTreeMap<Kind, BTreeMap<String, usize>>,
    /// Kinds of which a declaration could not be read.
    unreadable: BTreeSet<Kind>,
    references: Vec<(Kind, String, Place)>,
}

impl Names {
    /// Notes a declaration; the flaw says that the name is taken.
    pub(crate) fn declare(&mut self, kind: Kind, name: &str, place: &Place) -> Result<(), Flaw> {
        let names = self.declared.entry(kind).or_default();
        if let Some(line) = names.get(name) {
            return Err(Flaw::new(format!("the {kind} `{name}` is used twice"))
                .hint(format!("the first is on line {line}")));
        }
        names.insert(name.to_owned(), place.line);
        Ok(())
    }

    /// Notes that there is a declaration whose name is unknown, so that a reference to it is not
    /// blamed for it.
    pub(crate) fn unreadable(&mut self, kind: Kind) {
        self.unreadable.insert(kind);
    }

    /// Notes a reference, to be resolved when all is read: the file's order is free.
    pub(crate) fn refer(&mut self, kind: Kind, name: &str, place: &Place) {
        self.references.push((kind, name.to_owned(), place.clone()));
    }

    pub(crate) fn is_declared(&self, kind: Kind, name: &str) -> bool {
        self.declared.get(&kind).is_some_and(|names| names.contains_key(name))
    }
}

impl Reader {
    /// Notes a declaration and reports a name that is taken.
    pub(crate) fn declare(&mut self, kind: Kind, name: &str, place: &Place) {
        if let Err(flaw) = self.names.declare(kind, name, place) {
            self.report(place, flaw);
        }
    }

    /// Reports every reference to a name that is declared nowhere.
    pub(crate) fn resolve_references(&mut self) {
        for (kind, name, place) in std::mem::take(&mut self.names.references) {
            if self.names.is_declared(kind, &name) {
                continue;
            }
            let flaw = Flaw::new(format!("unknown {kind} `{name}`"));
            if !self.may_suggest() {
                self.report(&place, flaw);
                continue;
            }
            let declared: Vec<&str> = match self.names.declared.get(&kind) {
                Some(names) => names.keys().map(String::as_str).collect(),
                None => vec![],
            };
            let flaw = match closest(&name, declared.iter().copied()) {
                Some(meant) => flaw.hint(format!("did you mean `{meant}`?")),
                // Perhaps it is the one whose declaration could not be read.
                None if self.names.unreadable.contains(&kind) => continue,
                None if declared.is_empty() => flaw,
                None => flaw.hint(format!("declared: {}", listed(&declared))),
            };
            self.report(&place, flaw);
        }
    }
}

/// At most ten names, for a hint.
pub(crate) fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(10).map(|name| format!("`{name}`")).collect();
    let rest = names.len().saturating_sub(shown.len());
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// The candidate a typing error away from `word`: one edit for every four letters.
pub(crate) fn closest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    // Whatever is longer is no word; comparing two takes the product of their lengths.
    const WORD_MAX: usize = 200;
    if word.len() > WORD_MAX {
        return None;
    }
    let word = word.to_lowercase().replace('_', "-");
    let length = word.chars().count();
    candidates
        .filter_map(|candidate| {
            let spelled = candidate.to_lowercase().replace('_', "-");
            let letters = spelled.chars().count();
            let edits = (letters / 4).max(1);
            // As many edits as the lengths differ by are needed in any case.
            let may_be = spelled.len() <= WORD_MAX && letters.abs_diff(length) <= edits;
            let distance = may_be.then(|| strsim::damerau_levenshtein(&word, &spelled))?;
            (distance <= edits).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The candidate that is most like `word`, however unlike; `None` without any.
#[must_use]
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .min_by_key(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), *candidate))
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn a_typing_error_finds_the_word_that_was_meant_and_another_word_does_not() {
        let words = ["environments", "owner", "name", "block"];
        let cases = [
            ("enviroments", Some("environments")),
            ("Owner", Some("owner")),
            ("nmae", Some("name")),
            ("blok", Some("block")),
            ("colour", None),
            ("x", None),
        ];
        for (word, meant) in cases {
            assert_eq!(closest(word, words.into_iter()), meant, "{word}");
        }
    }
}
