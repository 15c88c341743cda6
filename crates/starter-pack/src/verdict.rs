//! Whether a change may be made.

use std::fmt;

use serde::Serialize;

use crate::compare::{Change, Class};
use crate::kinds::{Holds, holds};

/// Whether a change may be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// It may.
    Allowed,
    /// It may not, and neither may anything else of the same template.
    Withheld {
        /// Why, most serious first.
        why: Vec<Why>,
    },
}

/// Why a change is withheld.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Why {
    /// What it holds would go with it.
    Deleted {
        /// Its name in the template.
        logical_id: String,
    },
    /// Another one would take its place.
    Replaced {
        /// Its name in the template.
        logical_id: String,
        /// Because of what.
        properties: Vec<String>,
        /// Whether it is certain; otherwise one only may.
        certain: bool,
    },
    /// It would no longer be kept when it is taken away.
    Unprotected {
        /// Its name in the template.
        logical_id: String,
        /// Which policies would go.
        properties: Vec<String>,
    },
    /// Its data could be touched.
    Touched {
        /// Its name in the template.
        logical_id: String,
        /// By what.
        properties: Vec<String>,
    },
    /// It would stay in the account as nobody's: a bucket with its data and its name, a role that can still be assumed. It
    /// could not be made again under its name.
    LeftBehind {
        /// Its name in the template.
        logical_id: String,
    },
    /// What it would do is not known.
    Unclear {
        /// Its name in the template, or a section's.
        logical_id: String,
    },
}

impl Why {
    /// What it is about: its name in the template.
    #[must_use]
    pub fn logical_id(&self) -> &str {
        match self {
            Self::Deleted { logical_id }
            | Self::Replaced { logical_id, .. }
            | Self::Unprotected { logical_id, .. }
            | Self::Touched { logical_id, .. }
            | Self::LeftBehind { logical_id }
            | Self::Unclear { logical_id } => logical_id,
        }
    }
}

impl fmt::Display for Why {
    /// Without what it is about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deleted { .. } => f.write_str("it would be deleted, with what it holds"),
            Self::Replaced { properties, certain, .. } => {
                let would = if *certain { "would" } else { "may" };
                write!(f, "another one {would} take its place, because of {}", properties.join(", "))
            }
            Self::Unprotected { properties, .. } => {
                write!(f, "it would no longer be kept: {}", properties.join(", "))
            }
            Self::Touched { properties, .. } => {
                write!(f, "its data could be touched by {}", properties.join(", "))
            }
            Self::LeftBehind { .. } => f.write_str(
                "it would stay in the account as nobody's; take it out of the stack by hand, or declare it again",
            ),
            Self::Unclear { .. } => f.write_str("what would be done to it is not known"),
        }
    }
}

impl Change {
    /// Whether it may be made. Keys, buckets, tables and secrets are never deleted or replaced, and changed only where it
    /// touches no data; nothing is replaced, and nothing is left behind unasked.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let logical_id = self.logical_id.clone();
        let why = match &self.class {
            Class::Add | Class::InPlace { .. } => return Verdict::Allowed,
            Class::InPlaceOfData { touching, .. } if touching.is_empty() => return Verdict::Allowed,
            Class::InPlaceOfData { touching, .. } => {
                Why::Touched { logical_id, properties: touching.clone() }
            }
            Class::Replacement { properties, certain } => {
                Why::Replaced { logical_id, properties: properties.clone(), certain: *certain }
            }
            Class::Unprotected { properties } => {
                Why::Unprotected { logical_id, properties: properties.clone() }
            }
            Class::Removal { left_behind: true } => Why::LeftBehind { logical_id },
            Class::Removal { left_behind: false } if holds(&self.kind) == Holds::Nothing => {
                return Verdict::Allowed;
            }
            Class::Removal { left_behind: false } => Why::Deleted { logical_id },
            Class::Unclear => Why::Unclear { logical_id },
        };
        Verdict::Withheld { why: vec![why] }
    }
}

/// Whether a template may be given to a stack: only as a whole, for CloudFormation carries out all of it.
#[must_use]
pub fn verdict(changes: &[Change]) -> Verdict {
    let of_each = changes.iter().filter_map(|change| match change.verdict() {
        Verdict::Withheld { why } => Some(why),
        Verdict::Allowed => None,
    });
    let mut why: Vec<Why> = of_each.flatten().collect();
    why.sort();
    if why.is_empty() { Verdict::Allowed } else { Verdict::Withheld { why } }
}
