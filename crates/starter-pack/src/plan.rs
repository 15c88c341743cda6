//! What becomes of a pack once another file is in force, by what is known of its stack: nobody asks the account.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::compare::{Change, Class, compare};
use crate::kept::{Kept, kept_data};
use crate::kinds::Usage;
use crate::price::{PackPrice, monthly_cents, usage};
use crate::verdict::{Verdict, Why, verdict};

/// What is known of a pack's stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known<'a> {
    /// There is none.
    Nothing,
    /// It has this template.
    Template(&'a Value),
    /// There is one, and nobody has noted which template it has.
    Unnoted,
}

/// What becomes of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackPlan {
    /// What in all.
    #[serde(flatten)]
    pub outcome: PackOutcome,
    /// What becomes of each resource that does not stay as it is.
    pub changes: Vec<Change>,
    /// What costs money each month.
    pub price: PackPrice,
    /// What is paid by use of what will be there; that of what stays as it is included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub usage: Vec<Usage>,
}

/// What becomes of a pack in all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum PackOutcome {
    /// Nothing of it is changed.
    Withheld {
        /// Why, most serious first.
        why: Vec<Why>,
    },
    /// It is not declared any more: its stack stays, and nobody looks after it.
    LeftAlone {
        /// What of it holds data, and stays.
        kept: Vec<Kept>,
    },
    /// What would be done to it is not known.
    NotKnown,
    /// It is changed in place, and things are added to it.
    Changed,
    /// It is made.
    Made,
    /// It stays as it is, or there is none and none is declared.
    Unchanged,
}

impl PackPlan {
    /// What becomes of a pack of which this is known when this template is wanted; without one none is declared.
    #[must_use]
    pub fn of(known: Known<'_>, wanted: Option<&Value>) -> Self {
        match (known, wanted) {
            (Known::Nothing, None) => Self::without_changes(PackOutcome::Unchanged, 0),
            (Known::Nothing, Some(wanted)) => Self {
                outcome: PackOutcome::Made,
                changes: compare(&Value::Null, wanted),
                price: PackPrice { before_cents: 0, after_cents: monthly_cents(wanted) },
                usage: usage(wanted),
            },
            (Known::Template(deployed), None) => {
                let kept = kept_data(deployed);
                let left = Self::without_changes(PackOutcome::LeftAlone { kept }, monthly_cents(deployed));
                Self { usage: usage(deployed), ..left }
            }
            (Known::Template(deployed), Some(wanted)) => Self::between(deployed, wanted),
            (Known::Unnoted, None) => Self::without_changes(PackOutcome::LeftAlone { kept: vec![] }, 0),
            (Known::Unnoted, Some(wanted)) => {
                let unknown = Self::without_changes(PackOutcome::NotKnown, monthly_cents(wanted));
                Self { usage: usage(wanted), ..unknown }
            }
        }
    }

    fn without_changes(outcome: PackOutcome, cents: u64) -> Self {
        let price = PackPrice { before_cents: cents, after_cents: cents };
        Self { outcome, changes: vec![], price, usage: vec![] }
    }

    fn between(deployed: &Value, wanted: &Value) -> Self {
        let changes = compare(deployed, wanted);
        let outcome = match verdict(&changes) {
            Verdict::Withheld { why } => PackOutcome::Withheld { why },
            Verdict::Allowed if changes.is_empty() => PackOutcome::Unchanged,
            Verdict::Allowed => PackOutcome::Changed,
        };
        let stays = |change: &&Change| change.class == Class::Removal { left_behind: true };
        let left = changes.iter().filter(stays).filter_map(|change| crate::kinds::kind(&change.kind));
        let after_cents = monthly_cents(wanted) + left.map(|kind| kind.monthly_cents).sum::<u64>();
        let price = PackPrice { before_cents: monthly_cents(deployed), after_cents };
        // What leaves the template stays, and is used on.
        let mut usage: Vec<Usage> = usage(deployed).into_iter().chain(usage(wanted)).collect();
        usage.sort();
        usage.dedup();
        Self { outcome, price, changes, usage }
    }

    /// Whether it is known what becomes of it.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.outcome != PackOutcome::NotKnown
    }

    /// Whether there is nothing to tell of it.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.outcome == PackOutcome::Unchanged
    }
}

impl fmt::Display for Change {
    /// Without what it is about: `it is changed (Tags)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.class {
            Class::Add => f.write_str("it is made"),
            Class::InPlace { properties } | Class::InPlaceOfData { properties, .. } => {
                write!(f, "it is changed ({})", properties.join(", "))
            }
            Class::Replacement { properties, certain } => {
                let is = if *certain { "is" } else { "may be" };
                write!(f, "it {is} replaced ({})", properties.join(", "))
            }
            Class::Removal { left_behind: true } => f.write_str("it leaves the stack and stays"),
            Class::Removal { left_behind: false } => f.write_str("it is deleted"),
            Class::Unprotected { properties } => {
                write!(f, "it is no longer kept ({})", properties.join(", "))
            }
            Class::Unclear => f.write_str("what is done to it is not known"),
        }
    }
}

impl Change {
    /// What of it is agreed to, a line for each property: what is done to which resource. Not what a property is to be:
    /// the fleet file says that.
    #[must_use]
    pub fn terms(&self) -> Vec<String> {
        let Self { logical_id, kind, class } = self;
        let (verb, properties): (&str, &[String]) = match class {
            Class::Add => ("add", &[]),
            Class::InPlace { properties } | Class::InPlaceOfData { properties, .. } => ("change", properties),
            Class::Replacement { properties, .. } => ("replace", properties),
            Class::Removal { left_behind: true } => ("leave", &[]),
            Class::Removal { left_behind: false } => ("delete", &[]),
            Class::Unprotected { properties } => ("unprotect", properties),
            Class::Unclear => ("unclear", &[]),
        };
        let term = |property: &str| format!("pack {verb} {logical_id} {kind} {property}");
        match properties {
            [] => vec![term("")],
            properties => properties.iter().map(|property| term(property)).collect(),
        }
    }
}
