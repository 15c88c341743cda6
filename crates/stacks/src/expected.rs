//! The change as it was worked out beforehand, from two templates.

use std::collections::BTreeMap;

/// What a new template changes, resource by resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// By the resources' names in the template.
    pub changes: BTreeMap<String, Planned>,
    /// What of it is not done, whoever asks.
    pub refused: Vec<Refused>,
    /// What of it is not in the plan that the version was published with: its change set is made, and halts there.
    pub unplanned: Vec<Unplanned>,
}

/// What is expected to become of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planned {
    /// It is made.
    Add,
    /// It is changed in place.
    Modify,
    /// Another one takes its place.
    Replace,
    /// It leaves the stack.
    Remove,
}

/// What is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The resource's name in the template.
    pub logical_id: String,
    /// For people: what, and why not.
    pub why: String,
}

/// What nobody agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplanned {
    /// The resource's name in the template.
    pub logical_id: String,
    /// For people: what would be done to it.
    pub what: String,
}

impl Expected {
    /// Whether nothing takes the old state of it back: what leaves a stack, or is replaced, is not in it again by the
    /// template before.
    #[must_use]
    pub fn is_irrevocable(&self) -> bool {
        self.changes.values().any(|planned| matches!(planned, Planned::Remove | Planned::Replace))
    }
}

/// What may be done of what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permits {
    /// Whether the version that declares it is in force. Before that it may be taken back, and nothing is given up for good.
    pub is_in_force: bool,
    /// The number of that version; 0 where a person does it.
    pub version: u64,
}
