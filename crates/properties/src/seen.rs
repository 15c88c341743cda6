//! What there is of an account.

use std::collections::BTreeMap;

use phonehome_fleet::{Contact, ContactType};

use crate::api::{ParentId, Unit};

/// What an account bears. What was not looked at is not here: it is not declared, or could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Where it is.
    pub place: Option<Place>,
    /// All its tags.
    pub tags: Option<BTreeMap<String, String>>,
    /// Its alternate contacts; `None`: it has none of that type.
    pub contacts: BTreeMap<ContactType, Option<Contact>>,
}

/// Where an account is, and what there is of the units in which it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What the account is in.
    pub parent: ParentId,
    /// The root.
    pub root: ParentId,
    /// The units of the declared path that there are, from below the root.
    pub units: Vec<Unit>,
    /// How many the declared path has.
    pub depth: usize,
}

impl Place {
    /// The declared unit; `None` where it, or one above it, is missing.
    #[must_use]
    pub fn destination(&self) -> Option<&ParentId> {
        self.units.last().filter(|_| self.units.len() == self.depth).map(|unit| &unit.id)
    }

    /// Whether the account is in the declared unit.
    #[must_use]
    pub fn is_as_declared(&self) -> bool {
        self.destination() == Some(&self.parent)
    }

    /// What a missing unit is to be made in.
    #[must_use]
    pub fn lowest(&self) -> &ParentId {
        self.units.last().map_or(&self.root, |unit| &unit.id)
    }
}
