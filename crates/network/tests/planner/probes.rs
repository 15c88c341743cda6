//! The probe functions and their schedules.

use phonehome_network::{Action, Address, Change, FunctionState, Inventory, StackSpec, Step};
use phonehome_wire::ProbeInput;

use crate::support::{
    ZONES, addresses, apply, check, mend, only_step, perfect, plain_spec, planned, shape, spec,
};

/// A stack of one zone, so that there is one of each.
fn one_zone() -> (StackSpec, Inventory) {
    let spec = spec(&ZONES[..1], phonehome_fleet::Nat::PerAz, 2);
    let world = perfect(&spec);
    (spec, world)
}

/// The only step for a stack whose function was changed behind phonehome's back.
fn after_change(change: impl FnOnce(&mut phonehome_network::Function)) -> Step {
    let (spec, mut world) = one_zone();
    change(&mut world.functions[0]);
    let step = only_step(&spec, &world);
    mend(&spec, &mut world);
    assert_eq!(shape(&world), shape(&perfect(&spec)));
    step
}

fn is_configuration(step: &Step) -> bool {
    matches!(step.action, Action::UpdateFunctionConfiguration { .. })
}

#[test]
fn new_checks_change_each_schedule_and_nothing_else() {
    let mut spec = plain_spec();
    let world = perfect(&spec);
    spec.probe.checks.push(check(9));
    spec.probe.generation += 1;
    let plan = planned(&spec, &world);
    assert_eq!(plan.steps.len(), 3);
    for (step, az_id) in plan.steps.iter().zip(ZONES) {
        assert_eq!(step.address, Address::probe_schedule(az_id));
        let Action::UpdateSchedule { input, .. } = &step.action else { panic!("{step:?}") };
        assert_eq!((&input.checks, input.generation), (&spec.probe.checks, spec.probe.generation));
        assert_eq!(input.availability_zone, az_id);
    }
}

#[test]
fn a_new_generation_alone_changes_nothing() {
    let mut spec = plain_spec();
    let world = perfect(&spec);
    spec.probe.generation += 1;
    assert!(planned(&spec, &world).is_settled());
}

#[test]
fn new_code_updates_the_code_and_nothing_else() {
    let (mut spec, mut world) = one_zone();
    spec.probe.code_sha256 = "new".into();
    let step = only_step(&spec, &world);
    assert_eq!(step.action, Action::UpdateFunctionCode { name: "phonehome-probe-use1-az1".into() });
    mend(&spec, &mut world);
    assert_eq!(world.functions[0].code_sha256, "new");
}

#[test]
fn code_and_configuration_are_never_updated_by_one_plan() {
    let (mut spec, mut world) = one_zone();
    (spec.probe.code_sha256, spec.probe.memory_mb) = ("new".into(), 512);
    let first = only_step(&spec, &world);
    assert!(is_configuration(&first));
    apply(&planned(&spec, &world), &spec, &mut world);
    assert!(matches!(only_step(&spec, &world).action, Action::UpdateFunctionCode { .. }));
}

#[test]
fn a_function_with_other_settings_is_configured_again_and_only_the_difference_is_named() {
    let step = after_change(|function| function.memory_mb = 128);
    assert!(is_configuration(&step));
    assert_eq!(step.change, Change::Update { before: "128 MB".into(), after: "256 MB".into() });
    let step = after_change(|function| function.timeout_s = 3);
    assert_eq!(step.change, Change::Update { before: "3 s".into(), after: "30 s".into() });
    assert!(is_configuration(&after_change(|function| function.role_arn = "other".into())));
}

#[test]
fn a_function_is_pinned_to_its_zones_private_subnet() {
    let step = after_change(|function| function.subnet_ids.push("subnet-elsewhere".into()));
    assert!(is_configuration(&step));
    assert!(is_configuration(
        &after_change(|function| function.subnet_ids = vec!["subnet-elsewhere".into()])
    ));
    assert!(is_configuration(&after_change(|function| function.security_group_ids.clear())));
}

#[test]
fn a_function_that_was_taken_out_of_the_vpc_is_put_back() {
    let step = after_change(|function| {
        function.subnet_ids.clear();
        function.security_group_ids.clear();
    });
    assert!(is_configuration(&step));
}

#[test]
fn a_function_that_lambda_could_not_set_up_is_tried_again() {
    let step = after_change(|function| function.state = FunctionState::Failed);
    assert!(is_configuration(&step));
    assert_eq!(step.reason, "Lambda could not set it up");
}

#[test]
fn a_pending_function_is_waited_for_and_left_alone() {
    let (mut spec, mut world) = one_zone();
    let function = &mut world.functions[0];
    (function.state, function.destination) = (FunctionState::Pending, None);
    (spec.probe.code_sha256, spec.probe.memory_mb) = ("new".into(), 512);
    let plan = planned(&spec, &world);
    assert!(plan.steps.is_empty(), "{:?}", addresses(&plan));
    assert_eq!(plan.waits.len(), 1);
    assert_eq!(plan.waits[0].address, Address::probe(ZONES[0]));
    assert!(!plan.waits[0].egress_only);
}

#[test]
fn reports_that_go_elsewhere_are_led_back() {
    let step = after_change(|function| function.destination = None);
    assert!(matches!(step.action, Action::PutDestination { .. }));
    assert_eq!(step.change, Change::Create);
    let step = after_change(|function| function.destination = Some("arn:elsewhere".into()));
    assert_eq!(step.reason, "reports go elsewhere");
}

#[test]
fn a_schedule_that_was_changed_is_written_again_and_the_reason_is_named() {
    let (spec, world) = one_zone();
    let mut cases = Vec::new();
    let mut case = |reason, change: &dyn Fn(&mut phonehome_network::Schedule)| {
        let mut world = world.clone();
        change(&mut world.schedules[0]);
        cases.push((reason, world));
    };
    case("is disabled", &|schedule| schedule.enabled = false);
    case("runs at other times", &|schedule| schedule.expression = "rate(1 hour)".into());
    case("invokes something else", &|schedule| schedule.target_arn = "arn:other".into());
    case("has another role", &|schedule| schedule.role_arn = "arn:other".into());
    case("other checks", &|schedule| schedule.input = None);
    case("other checks", &|schedule| {
        schedule.input = schedule.input.take().map(|input| ProbeInput { version: 99, ..input });
    });
    for (reason, mut world) in cases {
        let step = only_step(&spec, &world);
        assert_eq!(step.reason, reason);
        assert!(matches!(step.action, Action::UpdateSchedule { .. }));
        mend(&spec, &mut world);
        assert_eq!(shape(&world), shape(&perfect(&spec)));
    }
}
