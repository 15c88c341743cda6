//! The probe functions and their schedules.

use phonehome_fakecloud::FakeCloud;
use phonehome_fleet::Nat;
use phonehome_network::{Address, FunctionState};
use phonehome_planner::{Action, Change, Limits, ProbeSpec, StackSpec, Step};
use phonehome_wire::ProbeInput;

use crate::support::{
    ZONES, addresses, all, apply, check, converge, edit, full, made, only_step, planned, shape, usual,
};

/// A stack of one zone, so that there is one of each.
fn one_zone() -> (StackSpec, FakeCloud) {
    let spec = full(&ZONES[..1], Nat::PerAz);
    let cloud = made(&spec);
    (spec, cloud)
}

fn probe(spec: &mut StackSpec) -> &mut ProbeSpec {
    spec.probe.as_mut().unwrap()
}

/// The only step for a stack whose function was changed behind phonehome's back.
fn after_change(change: impl FnOnce(&mut phonehome_network::Function)) -> Step {
    let (spec, mut cloud) = one_zone();
    let before = shape(&all(&mut cloud, &spec));
    edit(&mut cloud, &spec, |world| change(&mut world.functions[0]));
    let step = only_step(&mut cloud, &spec);
    assert_eq!(shape(&all(&mut cloud, &spec)), before);
    step
}

fn is_configuration(step: &Step) -> bool {
    matches!(step.action, Action::UpdateFunctionConfiguration { .. })
}

#[test]
fn new_checks_change_each_schedule_and_nothing_else() {
    let mut spec = usual();
    let mut cloud = made(&spec);
    probe(&mut spec).checks.push(check(9));
    probe(&mut spec).generation += 1;
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!(plan.steps.len(), 3);
    for (step, az_id) in plan.steps.iter().zip(ZONES) {
        assert_eq!(step.address, Address::probe_schedule(az_id));
        let Action::UpdateSchedule { input, .. } = &step.action else { panic!("{step:?}") };
        let probe = spec.probe.as_ref().unwrap();
        assert_eq!((&input.checks, input.generation), (&probe.checks, probe.generation));
        assert_eq!(input.availability_zone, az_id);
    }
}

#[test]
fn a_new_generation_alone_changes_nothing() {
    let mut spec = usual();
    let mut cloud = made(&spec);
    probe(&mut spec).generation += 1;
    assert!(planned(&mut cloud, &spec, &Limits::SWEEP).is_converged());
}

#[test]
fn new_code_updates_the_code_and_nothing_else() {
    let (mut spec, mut cloud) = one_zone();
    probe(&mut spec).code_sha256 = "new".into();
    let step = only_step(&mut cloud, &spec);
    assert_eq!(step.action, Action::UpdateFunctionCode { name: "phonehome-probe-use1-az1".into() });
    assert_eq!(all(&mut cloud, &spec).functions[0].code_sha256, "new");
}

#[test]
fn code_and_configuration_are_never_updated_by_one_plan() {
    let (mut spec, mut cloud) = one_zone();
    (probe(&mut spec).code_sha256, probe(&mut spec).memory_mb) = ("new".into(), 512);
    let first = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert!(first.steps.len() == 1 && is_configuration(&first.steps[0]));
    apply(&mut cloud, &spec, &first);
    assert!(matches!(only_step(&mut cloud, &spec).action, Action::UpdateFunctionCode { .. }));
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
    let elsewhere = || "subnet-elsewhere".to_owned();
    assert!(is_configuration(&after_change(|function| function.subnet_ids.push(elsewhere()))));
    assert!(is_configuration(&after_change(|function| function.subnet_ids = vec![elsewhere()])));
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
    let (mut spec, mut cloud) = one_zone();
    edit(&mut cloud, &spec, |world| {
        let function = &mut world.functions[0];
        (function.state, function.destination) = (FunctionState::Pending, None);
    });
    (probe(&mut spec).code_sha256, probe(&mut spec).memory_mb) = ("new".into(), 512);
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert!(plan.steps.is_empty(), "{:?}", addresses(&plan));
    assert_eq!(plan.waits.len(), 1);
    assert_eq!(plan.waits[0].address, Address::probe(ZONES[0]));
    assert!(!plan.network_ready());
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
    type Change = fn(&mut phonehome_network::Schedule);
    let cases: [(&str, Change); 6] = [
        ("is disabled", |schedule| schedule.enabled = false),
        ("runs at other times", |schedule| schedule.expression = "rate(1 hour)".into()),
        ("invokes something else", |schedule| schedule.target_arn = "arn:other".into()),
        ("has another role", |schedule| schedule.role_arn = "arn:other".into()),
        ("other checks", |schedule| schedule.input = None),
        ("other checks", |schedule| {
            schedule.input = schedule.input.take().map(|input| ProbeInput { version: 99, ..input });
        }),
    ];
    for (reason, change) in cases {
        let (spec, mut cloud) = one_zone();
        let before = shape(&all(&mut cloud, &spec));
        edit(&mut cloud, &spec, |world| change(&mut world.schedules[0]));
        let step = only_step(&mut cloud, &spec);
        assert_eq!(step.reason, reason);
        assert!(matches!(step.action, Action::UpdateSchedule { .. }));
        assert_eq!(shape(&all(&mut cloud, &spec)), before);
    }
}

#[test]
fn a_probes_group_lets_nothing_in_and_everything_out() {
    let (spec, mut cloud) = one_zone();
    let before = shape(&all(&mut cloud, &spec));
    edit(&mut cloud, &spec, |world| {
        let group = world.security_groups.iter_mut().find(|it| it.name == "phonehome-probe").unwrap();
        group.ingress = std::mem::take(&mut group.egress);
    });
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!(
        addresses(&plan),
        ["security-group/probe/surplus-inbound-rules", "security-group/probe/outbound-rules"]
    );
    converge(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!(shape(&all(&mut cloud, &spec)), before);
}

#[test]
fn a_probe_whose_code_is_not_at_hand_is_left_as_it_is_with_its_schedule_and_others_are_not() {
    let mut spec = full(&ZONES[..3], Nat::None);
    let mut cloud = made(&spec);
    probe(&mut spec).no_code = Some("it is gone".to_owned());
    assert!(planned(&mut cloud, &spec, &Limits::SWEEP).is_converged(), "all have it");
    probe(&mut spec).checks.push(check(9));
    edit(&mut cloud, &spec, |world| {
        world.functions.retain(|it| it.name != StackSpec::probe_name(ZONES[0]));
        world
            .functions
            .iter_mut()
            .find(|it| it.name == StackSpec::probe_name(ZONES[1]))
            .unwrap()
            .code_sha256 = "other".into();
    });
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    let steps: Vec<Address> = plan.steps.iter().map(|step| step.address.clone()).collect();
    assert_eq!(steps, [Address::probe_schedule(ZONES[2])]);
    let waits: Vec<(&Address, &str)> = plan.waits.iter().map(|it| (&it.address, it.what.as_str())).collect();
    let expected = [Address::probe(ZONES[0]), Address::probe(ZONES[1])];
    assert_eq!(waits, [(&expected[0], "it is gone"), (&expected[1], "it is gone")]);
    assert!(!plan.network_ready());
    assert_eq!(spec.lacks_code(&all(&mut cloud, &spec)), Some("it is gone"));
    // At hand again, each is as declared.
    probe(&mut spec).no_code = None;
    assert_eq!(spec.lacks_code(&all(&mut cloud, &spec)), None);
    converge(&mut cloud, &spec, &Limits::SWEEP);
    assert!(planned(&mut cloud, &spec, &Limits::SWEEP).is_converged());
}
