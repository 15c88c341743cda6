//! What differs that was as declared before.

use std::fmt;

use phonehome_fleet::{Contact, ContactType, UnitPath};
use serde::{Deserialize, Serialize};

use crate::api::ParentId;
use crate::kept::Kept;
use crate::seen::Seen;
use crate::subject::Subject;

/// Something that an account bears otherwise than declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// It is in another unit.
    Unit {
        /// Where it is.
        seen: ParentId,
        /// Where it is to be.
        declared: UnitPath,
    },
    /// A tag has another value, or is missing.
    Tag {
        /// Its key.
        key: String,
        /// The value that it has; `None`: the account has no such tag.
        seen: Option<String>,
        /// The value that it is to have.
        declared: String,
    },
    /// An alternate contact is another one, or is missing.
    Contact {
        /// Which.
        which: ContactType,
        /// Who it is; `None`: nobody.
        seen: Option<Contact>,
        /// Who it is to be.
        declared: Contact,
    },
}

/// What somebody else changed: it was seen as declared, the file says the same still, and now it is otherwise. What is
/// declared newly or otherwise is no drift, nor is what an account never bore.
#[must_use]
pub fn drift(subject: &Subject, kept: &Kept, seen: &Seen) -> Vec<Difference> {
    let properties = &subject.properties;
    let mut drift = Vec::new();
    if let (Some(declared), Some(place)) = (&properties.unit, &seen.place)
        && kept.unit.as_ref() == Some(declared)
        && !place.is_as_declared()
    {
        drift.push(Difference::Unit { seen: place.parent.clone(), declared: declared.clone() });
    }
    for (key, declared) in properties.tags.iter().filter(|(key, value)| kept.tags.get(*key) == Some(*value)) {
        let Some(tags) = &seen.tags else { break };
        let seen = tags.get(key);
        if seen != Some(declared) {
            let (key, seen, declared) = (key.clone(), seen.cloned(), declared.clone());
            drift.push(Difference::Tag { key, seen, declared });
        }
    }
    for (which, declared) in
        properties.contacts.iter().filter(|(it, value)| kept.contacts.get(it) == Some(*value))
    {
        let Some(seen) = seen.contacts.get(which) else { continue };
        if seen.as_ref() != Some(declared) {
            let (which, seen, declared) = (*which, seen.clone(), declared.clone());
            drift.push(Difference::Contact { which, seen, declared });
        }
    }
    drift
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit { seen, declared } => {
                write!(f, "it is in {seen}, and the file says the unit {declared}")
            }
            Self::Tag { key, seen: Some(seen), declared } => {
                write!(f, "its tag {key} is \"{seen}\", and the file says \"{declared}\"")
            }
            Self::Tag { key, seen: None, declared } => {
                write!(f, "it has no tag {key}, and the file says \"{declared}\"")
            }
            Self::Contact { which, seen: Some(seen), declared } => {
                write!(f, "its {which} contact is {}, and the file says {}", person(seen), person(declared))
            }
            Self::Contact { which, seen: None, declared } => {
                write!(f, "it has no {which} contact, and the file says {}", person(declared))
            }
        }
    }
}

/// `Ada Example, On-call (ops@example.com, +1 555 0100)`
fn person(contact: &Contact) -> String {
    let Contact { name, title, email, phone } = contact;
    format!("{name}, {title} ({email}, {phone})")
}
