//! What is expected of a pack's change set, and what of that nobody agreed to.

use std::collections::BTreeSet;

use phonehome_planner::digest;
use phonehome_stacks::{Expected, PackRecord, Planned, Refused, Unplanned};
use phonehome_starter_pack::{Change, Class, Verdict};
use serde_json::Value;

use crate::agreed::binding;
use crate::provision::Job;

/// What is agreed to with these changes, to be stored: a digest of each thing that is done to each resource.
#[must_use]
pub fn pack_digests(changes: &[Change]) -> BTreeSet<String> {
    changes.iter().flat_map(Change::terms).map(|term| digest(&term)).collect()
}

/// What the version was planned with, for as long as the stack was never as declared under it: from then on what differs
/// is a repair, and nobody has to agree to that. `None` where nothing binds.
pub(crate) fn agreed_pack<'a>(job: &Job<'a>, record: &PackRecord) -> Option<&'a BTreeSet<String>> {
    let (number, contract) = binding(job)?;
    if record.version >= number {
        return None;
    }
    contract.pack_of(&job.stack())
}

/// The changes that do anything beyond what was agreed to.
fn unplanned(changes: &[Change], agreed: &BTreeSet<String>) -> Vec<Unplanned> {
    let is_beyond = |term: &String| !agreed.contains(&digest(term));
    let beyond = changes.iter().filter(|change| change.terms().iter().any(is_beyond));
    let of = |change: &Change| Unplanned { logical_id: change.logical_id.clone(), what: change.to_string() };
    beyond.map(of).collect()
}

/// The types of resources that are kept when they leave the template: these are neither replaced nor deleted.
pub(crate) fn lasting(template: &Value) -> BTreeSet<String> {
    let resources = template["Resources"].as_object().into_iter().flatten();
    let kept = resources.filter(|(_, resource)| resource.get("DeletionPolicy").is_some());
    kept.filter_map(|(_, resource)| resource["Type"].as_str().map(str::to_owned)).collect()
}

/// What a change of template comes to, as it is expected of a change set; `agreed` is what its version was planned with.
pub(crate) fn expected(changes: &[Change], agreed: Option<&BTreeSet<String>>) -> Expected {
    let mut expected = Expected::default();
    for change in changes {
        let planned = match change.class {
            Class::Add => Planned::Add,
            Class::InPlace { .. }
            | Class::InPlaceOfData { .. }
            | Class::Unprotected { .. }
            | Class::Unclear => Planned::Modify,
            Class::Replacement { .. } => Planned::Replace,
            Class::Removal { .. } => Planned::Remove,
        };
        if let Verdict::Withheld { why } = change.verdict() {
            let why = why.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            expected.refused.push(Refused { logical_id: change.logical_id.clone(), why });
        }
        // What is no resource is in no change set.
        if !change.kind.is_empty() {
            expected.changes.insert(change.logical_id.clone(), planned);
        }
    }
    expected.unplanned = agreed.map(|agreed| unplanned(changes, agreed)).unwrap_or_default();
    expected
}
