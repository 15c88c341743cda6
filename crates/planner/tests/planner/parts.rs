//! Checks that do not fit one input: as many schedules as there are parts.

use std::collections::BTreeSet;

use phonehome_fakecloud::FakeCloud;
use phonehome_fleet::Nat;
use phonehome_network::{Address, Ask, FunctionState, Inventory, Permission, RemovalTarget};
use phonehome_planner::{Action, Decommission, Limits, StackSpec, plan_decommission};
use phonehome_wire::{CheckId, ProbeInput};

use crate::support::{
    ALL, ZONES, addresses, all, apply, check, converge, edit, full, made, only_step, permitted, planned,
    step, withheld,
};

/// A stack of so many zones, each probe of which has so many checks.
fn with_checks(zones: usize, checks: usize) -> StackSpec {
    let mut spec = full(&ZONES[..zones], Nat::PerAz);
    spec.probe.as_mut().unwrap().checks = (0..checks).map(check).collect();
    spec
}

fn name(part: u32) -> String {
    StackSpec::schedule_name(ZONES[0], part)
}

fn names(seen: &Inventory) -> BTreeSet<String> {
    seen.schedules.iter().map(|schedule| schedule.name.clone()).collect()
}

fn inputs(cloud: &mut FakeCloud, spec: &StackSpec) -> Vec<ProbeInput> {
    all(cloud, spec).schedules.into_iter().map(|schedule| schedule.input.unwrap()).collect()
}

fn ids(input: &ProbeInput) -> BTreeSet<CheckId> {
    input.checks.iter().map(|check| check.id.clone()).collect()
}

#[test]
fn five_hundred_checks_are_three_schedules_of_each_zones_one_function() {
    let spec = with_checks(2, 500);
    let mut cloud = made(&spec);
    let seen = all(&mut cloud, &spec);
    assert_eq!((seen.functions.len(), seen.schedules.len()), (2, 6));
    let expected =
        ["phonehome-probe-use1-az1", "phonehome-probe-use1-az1-part-1", "phonehome-probe-use1-az1-part-2"];
    assert!(expected.iter().all(|name| names(&seen).contains(*name)), "{:?}", names(&seen));
    let declared: BTreeSet<CheckId> = (0..500).map(|number| check(number).id).collect();
    for az_id in &ZONES[..2] {
        let inputs = inputs(&mut cloud, &spec).into_iter().filter(|input| input.availability_zone == *az_id);
        let inputs: Vec<ProbeInput> = inputs.collect();
        assert_eq!(inputs.iter().map(|input| input.part).collect::<BTreeSet<_>>(), [0, 1, 2].into());
        assert!(inputs.iter().all(|input| input.checks.len() <= 200));
        assert_eq!(inputs.iter().map(|input| input.checks.len()).sum::<usize>(), 500);
        assert_eq!(inputs.iter().flat_map(ids).collect::<BTreeSet<_>>(), declared);
    }
    for schedule in &seen.schedules {
        let (az_id, part) = StackSpec::of_schedule(&schedule.name).unwrap();
        assert_eq!(schedule.target_arn, spec.probe_arn(az_id));
        assert_eq!(schedule.input.as_ref().unwrap().part, part);
    }
}

#[test]
fn a_name_is_read_as_the_zone_and_part_that_it_was_made_of_and_no_other_is() {
    for part in [0, 1, 5] {
        assert_eq!(StackSpec::of_schedule(&name(part)), Some((ZONES[0], part)));
    }
    for other in ["", "other", "phonehome-probe-use1-az1-part-0", "phonehome-probe-use1-az1-part-01"] {
        assert_eq!(StackSpec::of_schedule(other), None, "{other}");
    }
}

#[test]
fn one_check_more_changes_the_input_of_its_own_part_alone() {
    let mut spec = with_checks(1, 500);
    let mut cloud = made(&spec);
    let probe = spec.probe.as_mut().unwrap();
    probe.checks.push(check(500));
    let own = probe.parts().part_of(&check(500));
    assert_eq!(only_step(&mut cloud, &spec).address, Address::part_schedule(ZONES[0], own));
}

#[test]
fn what_does_not_fit_any_more_gets_a_schedule_and_those_that_stay_are_tested_all_the_while() {
    let mut spec = with_checks(1, 200);
    let mut cloud = made(&spec);
    let before = inputs(&mut cloud, &spec);
    assert_eq!((before.len(), before[0].part), (1, 0));
    spec.probe.as_mut().unwrap().checks.push(check(200));
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!(addresses(&plan), ["probe/use1-az1/schedule", "probe/use1-az1/schedule/1"]);
    converge(&mut cloud, &spec, &Limits::SWEEP);
    let after = inputs(&mut cloud, &spec);
    assert!(after[0].checks.iter().all(|check| before[0].checks.contains(check)), "into the new part only");
    assert_eq!(after[0].checks.len() + after[1].checks.len(), 201);
}

#[test]
fn a_part_waits_for_code_that_says_which_part_it_reports() {
    let mut spec = with_checks(1, 200);
    let mut cloud = made(&spec);
    let probe = spec.probe.as_mut().unwrap();
    probe.checks.push(check(200));
    probe.code_sha256 = "new".into();
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!(addresses(&plan), ["probe/use1-az1"]);
    let waiting: Vec<&Address> = plan.waits.iter().map(|wait| &wait.address).collect();
    assert_eq!(waiting, [&Address::part_schedule(ZONES[0], 0), &Address::part_schedule(ZONES[0], 1)]);
    apply(&mut cloud, &spec, &plan);
    edit(&mut cloud, &spec, |world| world.functions[0].state = FunctionState::Active);
    converge(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!(inputs(&mut cloud, &spec).len(), 2);
}

#[test]
fn a_schedule_of_a_part_that_somebody_deletes_or_disables_comes_back_alone() {
    let spec = with_checks(1, 500);
    let mut cloud = made(&spec);
    let before = inputs(&mut cloud, &spec);
    edit(&mut cloud, &spec, |world| world.schedules.retain(|it| it.name != name(1)));
    assert_eq!(only_step(&mut cloud, &spec).address, Address::part_schedule(ZONES[0], 1));
    edit(&mut cloud, &spec, |world| {
        world.schedules.iter_mut().filter(|it| it.name == name(2)).for_each(|it| it.enabled = false);
    });
    assert_eq!(only_step(&mut cloud, &spec).address, Address::part_schedule(ZONES[0], 2));
    let by_part = |mut inputs: Vec<ProbeInput>| {
        inputs.sort_by_key(|input| input.part);
        inputs
    };
    assert_eq!(by_part(inputs(&mut cloud, &spec)), by_part(before));
}

#[test]
fn an_input_of_another_part_is_put_right() {
    let spec = with_checks(1, 500);
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| {
        let of_first = world.schedules.iter().find(|it| it.name == name(0)).unwrap().input.clone();
        world
            .schedules
            .iter_mut()
            .filter(|it| it.name == name(1))
            .for_each(|it| it.input.clone_from(&of_first));
    });
    assert_eq!(only_step(&mut cloud, &spec).address, Address::part_schedule(ZONES[0], 1));
    let mut of_second = inputs(&mut cloud, &spec);
    of_second.retain(|input| input.part == 1);
    assert_eq!(of_second.len(), 1);
}

#[test]
fn what_is_not_needed_any_more_goes_when_that_is_permitted_the_last_part_first() {
    let mut cloud = made(&with_checks(1, 500));
    let spec = with_checks(1, 150);
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!(addresses(&plan), ["probe/use1-az1/schedule"], "all are in part 0 again");
    assert_eq!(withheld(&plan), ["probe/use1-az1/schedule/2", "probe/use1-az1/schedule/1"]);
    let asks: Permission = plan.asks().into_iter().collect();
    let expected = |part| Ask::Delete(RemovalTarget::Schedule { name: name(part) });
    assert!([1, 2].into_iter().all(|part| asks.allows(&expected(part))), "{asks:?}");
    let plan = permitted(&mut cloud, &spec, &asks);
    assert_eq!(step(&plan, &Address::part_schedule(ZONES[0], 2)).after, []);
    let last = Address::part_schedule(ZONES[0], 2);
    assert_eq!(step(&plan, &Address::part_schedule(ZONES[0], 1)).after, [last]);
    apply(&mut cloud, &spec, &plan);
    assert!(planned(&mut cloud, &spec, &Limits::SWEEP).is_converged());
    let left = inputs(&mut cloud, &spec);
    assert_eq!((left.len(), left[0].checks.len()), (1, 150));
}

#[test]
fn a_zone_that_goes_takes_the_schedules_of_all_its_parts_before_its_function() {
    let mut cloud = made(&with_checks(2, 500));
    let spec = with_checks(1, 500);
    let plan = planned(&mut cloud, &spec, &ALL);
    let zone = ZONES[1];
    let function = step(&plan, &Address::probe(zone));
    let schedules: BTreeSet<Address> = (0..3).map(|part| Address::part_schedule(zone, part)).collect();
    assert_eq!(function.after.iter().cloned().collect::<BTreeSet<_>>(), schedules);
    converge(&mut cloud, &spec, &ALL);
    assert_eq!(names(&all(&mut cloud, &spec)), (0..3).map(name).collect());
}

#[test]
fn giving_a_stack_up_takes_the_schedules_of_all_parts() {
    for mode in [Decommission::Remove, Decommission::Forget] {
        let spec = with_checks(2, 500);
        let mut cloud = made(&spec);
        let plan = plan_decommission(&spec, &all(&mut cloud, &spec), &ALL, mode).unwrap();
        let schedules = plan.steps.iter().filter(|it| {
            matches!(&it.action, Action::Remove(removal) if matches!(removal.what(), RemovalTarget::Schedule { .. }))
        });
        assert_eq!(schedules.count(), 6, "{mode:?}");
    }
}
