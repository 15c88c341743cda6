//! How an account differs from what is declared.

use std::fmt;

use phonehome_fleet::{Contact, ContactType, UnitPath};
use serde::{Deserialize, Serialize};

use crate::api::ParentId;

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
