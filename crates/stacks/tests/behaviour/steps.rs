//! A change set is executed when it does what was worked out beforehand, and nothing else.

use std::collections::BTreeSet;

use phonehome_stacks::{
    Attribute, ChangeSetState, Changed, DifferenceKind, Expected, Planned, PolicyAction, Replacement,
    ResourceChange, TEMPLATE_BYTES_MAX, TooLarge, Wanted, check,
};
use proptest::prelude::*;
use serde_json::json;

use crate::world::{LASTING, NAME, ROLE};

const OTHER: &str = "AWS::S3::BucketPolicy";

fn change(
    resource_type: &str,
    changed: Changed,
    replacement: Replacement,
    policy: Option<PolicyAction>,
) -> ResourceChange {
    let (logical_id, resource_type) = ("It".to_owned(), resource_type.to_owned());
    ResourceChange { logical_id, resource_type, changed, replacement, policy, attributes: vec![] }
}

fn of(change: &ResourceChange, planned: Option<Planned>) -> Option<DifferenceKind> {
    let changes = planned.map(|planned| ("It".to_owned(), planned)).into_iter().collect();
    let lasting = BTreeSet::from([LASTING.to_owned()]);
    let expected = Expected { changes, ..Expected::default() };
    check(std::slice::from_ref(change), &expected, &lasting).pop().map(|difference| difference.what)
}

#[test]
fn each_difference_between_what_is_expected_and_what_would_be_done_is_told_apart() {
    use {Changed as C, DifferenceKind as D, Planned as P, PolicyAction as A, Replacement as R};
    let cases = [
        (change(OTHER, C::Add, R::No, None), Some(P::Add), None),
        (change(LASTING, C::Modify, R::No, None), Some(P::Modify), None),
        (change(LASTING, C::Modify, R::Possible, None), Some(P::Modify), Some(D::ReplacesLasting)),
        (change(LASTING, C::Modify, R::Yes, None), Some(P::Replace), Some(D::ReplacesLasting)),
        (
            change(LASTING, C::Modify, R::No, Some(A::ReplaceAndRetain)),
            Some(P::Modify),
            Some(D::ReplacesLasting),
        ),
        (change(LASTING, C::Remove, R::No, Some(A::Retain)), Some(P::Remove), None),
        (change(LASTING, C::Remove, R::No, Some(A::Delete)), Some(P::Remove), Some(D::DeletesLasting)),
        (change(LASTING, C::Remove, R::No, None), Some(P::Remove), Some(D::DeletesLasting)),
        (change(OTHER, C::Remove, R::No, Some(A::Delete)), Some(P::Remove), None),
        (change(OTHER, C::Remove, R::No, Some(A::Delete)), None, Some(D::Touches)),
        (change(OTHER, C::Modify, R::Possible, None), Some(P::Modify), Some(D::Replaces)),
        (change(OTHER, C::Modify, R::Yes, None), Some(P::Replace), None),
        (change(OTHER, C::Modify, R::No, None), None, Some(D::Touches)),
        (change(OTHER, C::Add, R::No, None), Some(P::Modify), Some(D::Otherwise)),
        (change(OTHER, C::Other, R::No, None), Some(P::Modify), Some(D::Otherwise)),
        (change(OTHER, C::Other, R::No, None), None, Some(D::Touches)),
    ];
    for (change, planned, expected) in cases {
        assert_eq!(of(&change, planned), expected, "{change:?}, {planned:?}");
    }
    let changes = [("It".to_owned(), Planned::Modify)].into();
    let missing = Expected { changes, ..Expected::default() };
    let differences = check(&[], &missing, &BTreeSet::new());
    assert_eq!(differences.first().map(|it| it.what.clone()), Some(DifferenceKind::Missing));
}

#[test]
fn what_only_refers_to_something_that_is_changed_may_be_named_and_not_be_replaced() {
    let attribute = |is_dynamic| Attribute { name: "Properties.PolicyDocument".into(), is_dynamic };
    let named = |attributes, replacement| ResourceChange {
        attributes,
        ..change(OTHER, Changed::Modify, replacement, None)
    };
    assert_eq!(of(&named(vec![attribute(true)], Replacement::No), None), None);
    let both = vec![attribute(true), attribute(false)];
    assert_eq!(of(&named(both, Replacement::No), None), Some(DifferenceKind::Touches));
    let replaced = named(vec![attribute(true)], Replacement::Possible);
    assert_eq!(of(&replaced, None), Some(DifferenceKind::Replaces));
}

proptest! {
    #[test]
    fn what_holds_data_is_never_replaced_or_deleted_whatever_is_expected(
        changed in prop::sample::select(vec![Changed::Add, Changed::Modify, Changed::Remove, Changed::Other]),
        replacement in prop::sample::select(vec![Replacement::No, Replacement::Yes, Replacement::Possible]),
        policy in prop::option::of(prop::sample::select(vec![
            PolicyAction::Retain, PolicyAction::Delete, PolicyAction::ReplaceAndRetain,
        ])),
        planned in prop::option::of(prop::sample::select(vec![
            Planned::Add, Planned::Modify, Planned::Replace, Planned::Remove,
        ])),
    ) {
        let is_let_through = of(&change(LASTING, changed, replacement, policy), planned).is_none();
        let goes = changed == Changed::Remove && policy != Some(PolicyAction::Retain);
        let replaces = replacement != Replacement::No || (changed == Changed::Modify && policy.is_some());
        prop_assert!(!is_let_through || (!goes && !replaces));
    }
}

#[test]
fn each_state_of_a_change_set_is_told_apart() {
    for (status, execution, state) in [
        ("CREATE_PENDING", "UNAVAILABLE", ChangeSetState::Pending),
        ("CREATE_IN_PROGRESS", "UNAVAILABLE", ChangeSetState::Pending),
        ("CREATE_COMPLETE", "AVAILABLE", ChangeSetState::Available),
        ("CREATE_COMPLETE", "UNAVAILABLE", ChangeSetState::Pending),
        ("CREATE_COMPLETE", "EXECUTE_IN_PROGRESS", ChangeSetState::Executed),
        ("CREATE_COMPLETE", "EXECUTE_COMPLETE", ChangeSetState::Executed),
        ("CREATE_COMPLETE", "EXECUTE_FAILED", ChangeSetState::ExecutionFailed),
        ("CREATE_COMPLETE", "OBSOLETE", ChangeSetState::Obsolete),
        ("DELETE_COMPLETE", "OBSOLETE", ChangeSetState::Obsolete),
        ("FAILED", "UNAVAILABLE", ChangeSetState::Failed),
        ("NEW", "AVAILABLE", ChangeSetState::Unknown("NEW, AVAILABLE".into())),
    ] {
        assert_eq!(ChangeSetState::of(status, execution), state, "{status} {execution}");
    }
}

#[test]
fn a_template_that_cloudformation_would_not_take_is_refused_before() {
    let template = |bytes: usize| json!({"Resources": {}, "Description": "x".repeat(bytes)});
    assert!(Wanted::of(NAME, &template(100), ROLE, BTreeSet::new()).is_ok());
    let refused = Wanted::of(NAME, &template(TEMPLATE_BYTES_MAX), ROLE, BTreeSet::new());
    assert!(matches!(refused, Err(TooLarge { bytes }) if bytes > TEMPLATE_BYTES_MAX));
}
