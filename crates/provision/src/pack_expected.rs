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

#[cfg(test)]
mod tests {
    use phonehome_starter_pack::compare;
    use serde_json::json;

    use super::*;

    fn template() -> Value {
        json!({"Outputs": {"KeyArn": {"Value": "k"}}, "Resources": {
            "Key": {"Type": "AWS::KMS::Key", "DeletionPolicy": "Retain", "Properties": {"KeySpec": "a"}},
            "Log": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"Tags": []}},
            "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"PolicyDocument": {}}},
            "Role": {"Type": "AWS::IAM::Role", "DeletionPolicy": "Retain", "Properties": {"RoleName": "r"}},
        }})
    }

    fn expected_of(change: impl FnOnce(&mut Value)) -> Expected {
        let mut wanted = template();
        change(&mut wanted);
        expected(&compare(&template(), &wanted), None)
    }

    #[test]
    fn each_change_of_a_template_is_expected_of_the_change_set_and_what_is_withheld_is_refused_with_why() {
        let gone =
            |wanted: &mut Value, id: &str| drop(wanted["Resources"].as_object_mut().unwrap().remove(id));
        type Case<'a> = (&'a str, Planned, Option<&'a str>, Expected);
        let cases: [Case<'_>; 7] = [
            (
                "New",
                Planned::Add,
                None,
                expected_of(|it| it["Resources"]["New"] = json!({"Type": "AWS::IAM::Role"})),
            ),
            (
                "Log",
                Planned::Modify,
                None,
                expected_of(|it| it["Resources"]["Log"]["Properties"]["Tags"] = json!(["t"])),
            ),
            (
                "Log",
                Planned::Modify,
                Some("its data could be touched by BucketEncryption"),
                expected_of(|it| it["Resources"]["Log"]["Properties"]["BucketEncryption"] = json!(1)),
            ),
            (
                "Key",
                Planned::Replace,
                Some("another one would take its place, because of KeySpec"),
                expected_of(|it| it["Resources"]["Key"]["Properties"]["KeySpec"] = json!("b")),
            ),
            (
                "Key",
                Planned::Modify,
                Some("it would no longer be kept: DeletionPolicy"),
                expected_of(|it| it["Resources"]["Key"]["DeletionPolicy"] = json!("Delete")),
            ),
            ("Policy", Planned::Remove, None, expected_of(|it| gone(it, "Policy"))),
            (
                "Role",
                Planned::Remove,
                Some("it would stay in the account"),
                expected_of(|it| gone(it, "Role")),
            ),
        ];
        for (id, planned, why, expected) in cases {
            assert_eq!(expected.changes.into_iter().collect::<Vec<_>>(), [(id.to_owned(), planned)]);
            let refused: Vec<(&str, bool)> = expected
                .refused
                .iter()
                .map(|it| (it.logical_id.as_str(), why.is_some_and(|why| it.why.starts_with(why))))
                .collect();
            assert_eq!(refused, why.map(|_| (id, true)).into_iter().collect::<Vec<_>>(), "{id}");
            assert_eq!(expected.unplanned, []);
        }
    }

    #[test]
    fn what_is_no_resource_is_in_no_change_set_and_has_to_be_agreed_to_all_the_same() {
        let mut wanted = template();
        wanted["Outputs"]["KeyArn"] = json!({"Value": "another"});
        let changes = compare(&template(), &wanted);
        assert!(expected(&changes, None).changes.is_empty());
        let unplanned = expected(&changes, Some(&BTreeSet::new())).unplanned;
        assert_eq!(unplanned[0].logical_id, "Outputs");
    }

    #[test]
    fn a_change_of_which_one_property_was_not_agreed_to_is_beyond_and_fewer_are_not() {
        let change = |properties: &[&str]| {
            let mut wanted = template();
            for property in properties {
                wanted["Resources"]["Role"]["Properties"][*property] = json!("x");
            }
            compare(&template(), &wanted)
        };
        let agreed = pack_digests(&change(&["Description", "MaxSessionDuration"]));
        assert_eq!(agreed.len(), 2);
        let beyond = |properties: &[&str]| expected(&change(properties), Some(&agreed)).unplanned;
        assert_eq!(beyond(&["Description"]), [], "half of it may be done already");
        assert_eq!(beyond(&["Description", "MaxSessionDuration"]), []);
        let more = beyond(&["Description", "Tags"]);
        assert_eq!((more.len(), more[0].what.as_str()), (1, "it is changed (Description, Tags)"));
    }

    #[test]
    fn kinds_of_which_one_is_kept_are_lasting() {
        let kinds: Vec<String> = lasting(&template()).into_iter().collect();
        assert_eq!(kinds, ["AWS::IAM::Role", "AWS::KMS::Key", "AWS::S3::Bucket"]);
    }
}
