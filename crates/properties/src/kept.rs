//! What is known of an account's properties, in the table.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_cloud::table::{Key, key};
use phonehome_fleet::{Contact, ContactType, Line, UnitPath};
use phonehome_wire::AccountId;
use serde::{Deserialize, Serialize};

use crate::difference::Difference;
use crate::obstacle::Obstacle;
use crate::seen::Seen;
use crate::subject::Subject;

/// Partition of what is known of the accounts' properties, each under its account.
pub const PROPERTIES: &str = "properties";

/// Where what is known of an account's properties is stored.
#[must_use]
pub fn kept_key(account: &AccountId) -> Key {
    key(PROPERTIES, account.as_str())
}

/// A week, in milliseconds.
const WEEK_MS: u64 = 7 * 24 * 60 * 60_000;

/// What is known of an account's properties. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The account.
    pub account: AccountId,
    /// The line that it was.
    pub line: Line,
    /// When it was last looked at to the end; 0: never.
    #[serde(default)]
    pub looked_at_ms: u64,
    /// What was declared then, by [`Subject::digest`].
    #[serde(default)]
    pub declared: String,
    /// The declared unit in which it was seen last.
    #[serde(default)]
    pub unit: Option<UnitPath>,
    /// Whether it is phonehome's to move: it was seen in a declared unit, or is new and on its way to one.
    #[serde(default)]
    pub is_placed: bool,
    /// The tags that were seen as declared, by key.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The values that phonehome gave a tag, or is about to, by key. It takes no others away.
    #[serde(default)]
    pub given: BTreeMap<String, BTreeSet<String>>,
    /// The contacts that were seen as declared.
    #[serde(default)]
    pub contacts: BTreeMap<ContactType, Contact>,
    /// What was told of drift, until all is as declared again.
    #[serde(default)]
    pub told: Vec<Difference>,
    /// Why it does not bear what is declared.
    #[serde(default)]
    pub obstacles: BTreeSet<Obstacle>,
    /// When it was moved back within a week.
    #[serde(default)]
    pub moved_at_ms: Vec<u64>,
    /// How many looks in a row ended with something otherwise than declared although AWS took every call.
    #[serde(default)]
    pub unkept: u32,
}

impl Kept {
    /// Of an account that nobody has looked at.
    #[must_use]
    pub fn new(subject: &Subject) -> Self {
        Self {
            account: subject.account.clone(),
            line: subject.line.clone(),
            looked_at_ms: 0,
            declared: String::new(),
            unit: None,
            is_placed: false,
            tags: BTreeMap::new(),
            given: BTreeMap::new(),
            contacts: BTreeMap::new(),
            told: vec![],
            obstacles: BTreeSet::new(),
            moved_at_ms: vec![],
            unkept: 0,
        }
    }

    /// How often it was moved back within the week before a time; milliseconds since the Unix epoch.
    #[must_use]
    pub fn moves(&self, before_ms: u64) -> usize {
        let within = |at_ms: &&u64| **at_ms < before_ms && **at_ms + WEEK_MS > before_ms;
        self.moved_at_ms.iter().filter(within).count()
    }

    /// The same, before it is moved.
    pub(crate) fn moving(&mut self, now_ms: u64) {
        self.moved_at_ms.retain(|at_ms| at_ms + WEEK_MS > now_ms);
        self.moved_at_ms.push(now_ms);
    }

    /// The same, before these tags are given.
    pub(crate) fn giving(&mut self, tags: &BTreeMap<String, String>) {
        for (key, value) in tags {
            self.given.entry(key.clone()).or_default().insert(value.clone());
        }
    }

    /// The same for what is declared now: what is not declared any more is not kept any more, and what was given up is
    /// tried again.
    pub(crate) fn declaring(&mut self, subject: &Subject) {
        if self.declared != subject.digest() {
            self.unkept = 0;
            self.moved_at_ms.clear();
        }
        self.line = subject.line.clone();
        if subject.properties.unit.is_none() {
            self.unit = None;
            self.is_placed = false;
        }
        self.tags.retain(|key, _| subject.properties.tags.contains_key(key));
        self.contacts.retain(|which, _| subject.properties.contacts.contains_key(which));
    }

    /// The same after a look: what was seen as declared is so. An account that phonehome made got its tags from it.
    pub(crate) fn seeing(&mut self, subject: &Subject, seen: &Seen) {
        let properties = &subject.properties;
        if let (Some(declared), Some(place)) = (&properties.unit, &seen.place)
            && place.is_as_declared()
        {
            self.unit = Some(declared.clone());
            self.is_placed = true;
        }
        if let Some(tags) = &seen.tags {
            let is_new = self.looked_at_ms == 0 && subject.vended;
            for (key, value) in properties.tags.iter().filter(|(key, value)| tags.get(*key) == Some(*value)) {
                self.tags.insert(key.clone(), value.clone());
                if is_new || self.given.contains_key(key) {
                    self.given.insert(key.clone(), BTreeSet::from([value.clone()]));
                }
            }
            // Whatever has taken the place of a tag that is not declared any more is somebody else's.
            self.given.retain(|key, values| {
                properties.tags.contains_key(key) || tags.get(key).is_some_and(|value| values.contains(value))
            });
        }
        for (which, declared) in &properties.contacts {
            if seen.contacts.get(which).is_some_and(|seen| seen.as_ref() == Some(declared)) {
                self.contacts.insert(*which, declared.clone());
            }
        }
    }
}
