//! What AWS answers, and what comes of it.

use phonehome_fleet::Properties;

use super::world::{ROOT, Run, account, subject};
use super::{all, in_unit, set_tag, tagged, tags, with_contact};

fn fails(run: &Run, operation: &'static str, code: &'static str, times: usize) {
    run.world.state(|state| state.errors.insert(operation, (code, times)));
}

const HOUR_MS: u64 = 60 * 60_000;

/// What somebody else does before a call.
type Happening = (&'static str, fn(&mut super::world::State));

#[test]
fn a_unit_or_a_move_that_somebody_else_made_meanwhile_is_looked_at_again_and_ends_as_declared() {
    let happens: [Happening; 4] = [
        ("organizations:CreateOrganizationalUnit", |state| drop(state.make_unit(ROOT, "Workloads"))),
        ("organizations:MoveAccount", |state| {
            let (id, _) = state.units.iter().find(|(_, (_, name))| name == "Prod").unwrap();
            state.parents.insert(account(0), id.clone());
        }),
        ("organizations:MoveAccount", |state| {
            state.units.retain(|_, (_, name)| name != "Prod");
        }),
        ("organizations:CreateOrganizationalUnit", |state| {
            state.tags.entry(account(0)).or_default().insert("owner".to_owned(), "mallory".to_owned());
        }),
    ];
    for (operation, what) in happens {
        let run = Run::new(vec![subject(0, true, all())]);
        run.world.state(|state| state.before.insert(operation, what));
        run.once();
        assert!(run.is_as_declared(), "{operation}");
        assert_eq!(run.told(), Vec::<String>::new(), "{operation}");
    }
}

#[test]
fn what_passes_by_itself_is_tried_again_later_and_not_told() {
    for (operation, code) in [
        ("organizations:MoveAccount", "ConcurrentModificationException"),
        ("organizations:MoveAccount", "TooManyRequestsException"),
        ("organizations:ListParents", "TooManyRequestsException"),
        ("organizations:ListRoots", "ServiceException"),
        ("organizations:TagResource", "ServiceException"),
        ("account:PutAlternateContact", "TooManyRequestsException"),
        ("account:GetAlternateContact", "InternalServerException"),
        ("organizations:ListOrganizationalUnitsForParent", "ParentNotFoundException"),
    ] {
        let run = Run::new(vec![subject(0, true, all())]);
        let mut keeper = run.keeper();
        fails(&run, operation, code, 1);
        let round = run.round(&mut keeper);
        assert!(round.again_at_ms.is_some(), "{operation} {code}");
        run.pass(HOUR_MS);
        run.round(&mut keeper);
        assert!(run.is_as_declared(), "{operation} {code}");
        assert_eq!(run.told(), Vec::<String>::new(), "{operation} {code}");
    }
}

#[test]
fn while_aws_is_asked_too_often_no_other_account_is_looked_at() {
    let run = Run::new((0..5).map(|it| subject(it, true, in_unit("Workloads"))).collect());
    fails(&run, "organizations:ListParents", "TooManyRequestsException", 9);
    assert_eq!(run.once().looked, 1);
    fails(&run, "organizations:ListParents", "ServiceException", 1);
    assert_eq!(run.once().looked, 5, "what is one account's trouble keeps no other waiting");
}

#[test]
fn what_is_denied_or_refused_is_told_once_for_all_accounts_keeps_nothing_else_from_being_done_and_is_tried_again()
 {
    for (operation, code, says) in [
        ("organizations:MoveAccount", "AccessDeniedException", "deploy infra/management.yaml again"),
        ("organizations:ListParents", "AccessDeniedException", "deploy infra/management.yaml again"),
        (
            "organizations:TagResource",
            "ConstraintViolationException",
            "AWS does not take what the file declares",
        ),
        ("organizations:CreateOrganizationalUnit", "ConstraintViolationException", "AWS does not take"),
        (
            "account:PutAlternateContact",
            "AccessDeniedException",
            "enable-aws-service-access --service-principal",
        ),
        (
            "account:GetAlternateContact",
            "AccessDeniedException",
            "enable-aws-service-access --service-principal",
        ),
        ("account:PutAlternateContact", "ValidationException", "AWS does not take what the file declares"),
    ] {
        let run = Run::new((0..3).map(|it| subject(it, true, all())).collect());
        fails(&run, operation, code, usize::MAX);
        run.days(2);
        let told = run.told();
        assert_eq!(told.len(), 1, "{operation} {code}: {told:#?}");
        assert!(told[0].contains(says) && told[0].contains(operation), "{}", told[0]);
        let asked = run.world.state(|state| usize::MAX - state.errors[operation].1);
        // What is only looked at is looked at again after each change.
        let looks = if operation.contains(":List") || operation.contains(":Get") { 3 } else { 1 };
        assert!((1..=3 * 2 * looks).contains(&asked), "{operation} {code}: {asked} times");
        let state = (tags(&run, 2), run.world.state(|state| state.contacts.len()));
        let expected = match operation {
            "organizations:TagResource" => (String::new(), 3),
            "account:PutAlternateContact" | "account:GetAlternateContact" => {
                ("owner=shop stage=prod".to_owned(), 0)
            }
            _ => ("owner=shop stage=prod".to_owned(), 3),
        };
        assert_eq!(state, expected, "{operation} {code}");
        fails(&run, operation, code, 0);
        run.pass(HOUR_MS);
        run.once();
        assert!(run.is_as_declared(), "{operation} {code}: within an hour it is tried again");
        assert_eq!(run.told().len(), 1);
    }
}

#[test]
fn what_aws_takes_and_shows_otherwise_is_given_up_told_once_and_tried_again_with_the_next_declaration() {
    let mut run = Run::new(vec![subject(0, false, with_contact("Ops"))]);
    run.world.state(|state| state.normalises = true);
    run.days(6);
    let told = run.told();
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("AWS took every call 3 times and still shows something else"), "{}", told[0]);
    let (puts, _) = run.calls();
    assert!(puts.len() <= 3 * 9, "{}", puts.len());
    run.days(3);
    assert_eq!(run.changes(), Vec::<String>::new());
    run.world.state(|state| state.normalises = false);
    run.subjects[0].properties = with_contact("Others");
    run.once();
    assert!(run.is_as_declared());
}

#[test]
fn an_account_that_has_left_is_left_alone_and_not_told() {
    let run = Run::new(vec![subject(0, true, all()), subject(1, true, tagged(&[("a", "b")]))]);
    run.world.state(|state| state.parents.clear());
    let mut keeper = run.keeper();
    run.round(&mut keeper);
    assert_eq!(run.round(&mut keeper).looked, 0);
    assert_eq!((run.changes(), run.told()), (vec![], vec![]));
}

#[test]
fn while_one_thing_cannot_be_put_right_each_change_of_another_is_told() {
    let run = Run::new(vec![subject(0, true, all())]);
    fails(&run, "account:PutAlternateContact", "AccessDeniedException", usize::MAX);
    run.once();
    assert_eq!(run.told().len(), 1);
    for changes in 1..3 {
        set_tag(&run, 0, "owner", "mallory");
        run.days(1);
        assert_eq!((tags(&run, 0).as_str(), run.told().len()), ("owner=shop stage=prod", 1 + changes));
    }
}

#[test]
fn a_move_that_is_seen_late_is_one_move() {
    let run = Run::new(vec![subject(0, true, in_unit("Workloads"))]);
    run.once();
    run.changes();
    for back in 1..=3 {
        run.world.state(|state| drop(state.parents.insert(account(0), ROOT.to_owned())));
        run.world.state(|state| state.stale_looks = 3);
        run.days(1);
        assert!(run.is_as_declared(), "moved back {back} times");
        assert_eq!(run.told().len(), back, "{:?}", run.told());
    }
}

#[test]
fn of_an_account_that_is_closed_nothing_is_told() {
    let run = Run::new(vec![subject(0, true, all())]);
    fails(&run, "account:PutAlternateContact", "AccessDeniedException", usize::MAX);
    run.world.state(|state| state.closed.insert(account(0)));
    run.days(3);
    assert_eq!(run.told(), Vec::<String>::new());
}

#[test]
fn an_account_whose_document_cannot_be_read_is_left_alone() {
    let run = Run::new(vec![subject(0, true, all()), subject(1, true, tagged(&[("a", "b")]))]);
    run.table.put_raw(phonehome_properties::kept_key(&account(0)), "{");
    run.once();
    assert_eq!(run.changes(), ["tag 333000000001 a"]);
}

#[test]
fn an_account_with_as_many_tags_as_it_may_have_gets_room_by_those_that_are_no_longer_declared() {
    let mut run = Run::new(vec![subject(0, false, tagged(&[("old", "1")]))]);
    run.once();
    for number in 0..49 {
        set_tag(&run, 0, &format!("f{number}"), "");
    }
    run.subjects[0].properties = tagged(&[("new", "1")]);
    run.once();
    assert!(run.is_as_declared() && run.told().is_empty());
    run.subjects[0].properties = Properties { ..tagged(&[("new", "1"), ("more", "1")]) };
    run.once();
    assert!(run.told()[0].contains("organizations:TagResource"), "{:?}", run.told());
}
