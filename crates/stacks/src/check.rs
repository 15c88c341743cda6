//! Whether a change set does what was worked out beforehand, and nothing else.

use std::collections::BTreeSet;
use std::fmt;

use crate::change_set::{Changed, PolicyAction, Replacement, ResourceChange};
use crate::expected::{Expected, Planned};

/// Why a change set is not executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The resource's name in the template.
    pub logical_id: String,
    /// What is otherwise.
    pub what: DifferenceKind,
}

/// What a change set would do, or not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DifferenceKind {
    /// It would replace what holds data or identity, or may (`Conditional`).
    ReplacesLasting,
    /// It would delete what holds data or identity.
    DeletesLasting,
    /// It would replace what was to be changed in place, or may.
    Replaces,
    /// It would do something to what was to stay as it is.
    Touches,
    /// It would do something else to it.
    Otherwise,
    /// It would not do what was expected.
    Missing,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            DifferenceKind::ReplacesLasting => "it would, or may, be replaced, and it holds data or identity",
            DifferenceKind::DeletesLasting => "it would be deleted, and it holds data or identity",
            DifferenceKind::Replaces => "it would, or may, be replaced, and was to be changed in place",
            DifferenceKind::Touches => "it would be changed, and was to stay as it is",
            DifferenceKind::Otherwise => "something else would be done to it than was expected",
            DifferenceKind::Missing => "it would stay as it is, and was to be changed",
        };
        write!(f, "{}: {what}", self.logical_id)
    }
}

/// Everything that a change set does otherwise than expected; empty where it may be executed. `lasting`: the types of
/// resources that hold data or identity, of which none is replaced or deleted, whatever is expected.
#[must_use]
pub fn check(changes: &[ResourceChange], expected: &Expected, lasting: &BTreeSet<String>) -> Vec<Difference> {
    let mut differences: Vec<Difference> = changes
        .iter()
        .filter_map(|change| {
            let what = of_change(change, expected.changes.get(&change.logical_id).copied(), lasting)?;
            Some(Difference { logical_id: change.logical_id.clone(), what })
        })
        .collect();
    let seen: BTreeSet<&String> = changes.iter().map(|change| &change.logical_id).collect();
    let missing = expected.changes.keys().filter(|id| !seen.contains(id));
    differences
        .extend(missing.map(|id| Difference { logical_id: id.clone(), what: DifferenceKind::Missing }));
    differences
}

fn of_change(
    change: &ResourceChange,
    planned: Option<Planned>,
    lasting: &BTreeSet<String>,
) -> Option<DifferenceKind> {
    let is_lasting = lasting.contains(&change.resource_type);
    let replaces = change.replacement != Replacement::No
        || (change.changed == Changed::Modify && change.policy.is_some());
    if is_lasting && replaces {
        return Some(DifferenceKind::ReplacesLasting);
    }
    let stays = change.policy == Some(PolicyAction::Retain);
    if is_lasting && change.changed == Changed::Remove && !stays {
        return Some(DifferenceKind::DeletesLasting);
    }
    match (change.changed, planned) {
        (Changed::Add, Some(Planned::Add)) | (Changed::Remove, Some(Planned::Remove)) => None,
        (Changed::Modify, Some(Planned::Replace)) => None,
        (Changed::Modify, Some(Planned::Modify)) if replaces => Some(DifferenceKind::Replaces),
        (Changed::Modify, Some(Planned::Modify)) => None,
        (Changed::Modify, None) if replaces => Some(DifferenceKind::Replaces),
        // What refers to something that is changed in place is looked at by CloudFormation, and stays as it is.
        (Changed::Modify, None) if is_dynamic(change) => None,
        (_, None) => Some(DifferenceKind::Touches),
        _ => Some(DifferenceKind::Otherwise),
    }
}

fn is_dynamic(change: &ResourceChange) -> bool {
    !change.attributes.is_empty() && change.attributes.iter().all(|attribute| attribute.is_dynamic)
}
