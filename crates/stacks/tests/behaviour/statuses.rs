//! Every status of the API's model has a way out, or people are told.

use phonehome_stacks::{DriftStatus, Outcome, PackStack, PackStatus, Permits, Problem, Seen, Step, decide};

use crate::executor::{Stored, converge, record, take, wanted};
use crate::world::{ROLE, World, template};

fn stack(status: PackStatus) -> PackStack {
    PackStack {
        id: "arn".into(),
        status,
        reason: Some("because".into()),
        role_arn: Some(ROLE.into()),
        is_tagged: true,
        mark: None,
        changed_at_ms: 0,
        drift: DriftStatus::NotChecked,
        drift_checked_at_ms: None,
    }
}

/// What is done first, at a time.
fn step(stack: PackStack, now_ms: u64) -> Step {
    let seen = Seen { stack: Some(stack), ..Seen::default() };
    let permits = Permits { is_in_force: true, version: 1 };
    decide(&seen, &wanted(&template("a", 1, &[])), record(), permits, now_ms).step
}

#[test]
fn every_status_of_the_model_is_known_by_its_name() {
    assert_eq!(PackStatus::all().count(), 23);
    for status in PackStatus::all() {
        assert_eq!(PackStatus::named(&status.to_string()), status);
    }
    assert_eq!(PackStatus::named("NEW_STATUS"), PackStatus::Unknown("NEW_STATUS".into()));
}

#[test]
fn every_status_has_a_way_out_or_people_are_told_what_to_do() {
    for status in PackStatus::all().chain([PackStatus::Unknown("NEW_STATUS".into())]) {
        let soon = step(stack(status.clone()), 60_000);
        let late = step(stack(status.clone()), 3 * 60 * 60_000);
        match (&soon, &late) {
            // It ends by itself, or people are told after two hours.
            (Step::Wait { .. }, Step::Tell(Problem::Stuck { .. })) => {
                assert!(status.to_string().ends_with("IN_PROGRESS"), "{status}");
            }
            (Step::Tell(problem), _) => {
                let told = problem.to_string();
                assert!(told.contains("aws cloudformation"), "{status}: {told}");
            }
            (Step::Wait { .. } | Step::Done | Step::StillDrifted, _) => {
                panic!("{status}: {soon:?}, {late:?}")
            }
            _ => {}
        }
    }
}

#[test]
fn only_what_bears_the_tag_is_touched() {
    for status in PackStatus::all().filter(|status| *status != PackStatus::DeleteComplete) {
        let foreign = PackStack { is_tagged: false, role_arn: None, ..stack(status.clone()) };
        let step = step(foreign, 0);
        assert!(matches!(step, Step::Tell(Problem::Foreign { .. })), "{status}: {step:?}");
    }
    let (world, stored) = (World::default().shared(), Stored::new());
    {
        let mut world = World::lock(&world);
        let stack = world.put(PackStatus::ReviewInProgress, &template("a", 1, &[]));
        (stack.is_tagged, stack.role) = (false, None);
    }
    assert!(!converge(&world, &stored, &template("a", 1, &[]), 20));
    assert_eq!(World::lock(&world).violations, [""; 0]);
}

#[test]
fn a_stack_with_another_role_is_left_alone() {
    for status in PackStatus::all().filter(|status| *status != PackStatus::DeleteComplete) {
        let other = PackStack { role_arn: Some("arn:aws:iam::1:role/admin".into()), ..stack(status) };
        assert!(matches!(step(other, 0), Step::Tell(Problem::OtherRole { .. })));
    }
}

#[test]
fn a_stack_without_a_change_set_of_phonehomes_is_deleted_while_nothing_is_in_it() {
    let step = step(stack(PackStatus::ReviewInProgress), 0);
    assert_eq!(step, Step::Delete { id: "arn".into() });
}

#[test]
fn drift_is_looked_for_once_a_day_told_once_and_over_when_it_is() {
    let (world, stored) = (World::default().shared(), Stored::new());
    World::lock(&world).now_ms = 30 * 24 * 60 * 60_000;
    let declared = template("a", 1, &[]);
    assert!(converge(&world, &stored, &declared, 10));
    World::lock(&world).there().unwrap().drift.0 = DriftStatus::Drifted;
    let mut told = 0;
    let mut asked = 0;
    for _ in 0..5 * 48 {
        World::lock(&world).calls.clear();
        let turn = take(&world, &stored, &declared, None).unwrap();
        let calls = World::lock(&world).calls.clone();
        assert!(calls.len() <= 2, "{calls:?}");
        asked += calls.iter().filter(|call| call.ends_with("DetectStackDrift")).count();
        match turn.outcome {
            Outcome::Told(Problem::Drifted(_)) => told += 1,
            Outcome::AsDeclared | Outcome::StillDrifted => {}
            other => panic!("{other:?}"),
        }
        World::lock(&world).pass(30 * 60_000);
    }
    assert_eq!(asked, 5);
    // Each day's detection is read; what it says is told by whoever compares it with what was told.
    assert_eq!(told, 5);
    World::lock(&world).there().unwrap().drift.0 = DriftStatus::InSync;
    let turn = take(&world, &stored, &declared, None).unwrap();
    assert_eq!(turn.outcome, Outcome::AsDeclared);
}
