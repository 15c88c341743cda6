//! Names that are declared in one part of a file and referred to in another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::place::{Flaw, Place};

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
    ObservabilityAccount,
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
            Self::ObservabilityAccount => "account at the observability vendor",
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

    /// The references that were noted since the last time, in their order.
    pub(crate) fn take_references(&mut self) -> Vec<(Kind, String, Place)> {
        std::mem::take(&mut self.references)
    }

    pub(crate) fn is_declared(&self, kind: Kind, name: &str) -> bool {
        self.declared.get(&kind).is_some_and(|names| names.contains_key(name))
    }

    pub(crate) fn declared(&self, kind: Kind) -> Vec<&str> {
        self.declared.get(&kind).into_iter().flatten().map(|(name, _)| name.as_str()).collect()
    }

    /// Whether a declaration of this kind could not be read.
    pub(crate) fn is_partial(&self, kind: Kind) -> bool {
        self.unreadable.contains(&kind)
    }
}
