//! What the probes are asked to test, and when they are asked for something else.

use std::net::IpAddr;

use phonehome_fakecloud::FakeCloud;
use phonehome_fleet::Nat;
use phonehome_network::{Address, FunctionState, Kind, NatState, Part};
use phonehome_planner::{Action, Change, Limits, Plan, Readiness, StackSpec, follows_way_out, plan, render};
use phonehome_wire::{Check, CheckKind, ProbeInput, REPORT_VERSION};

use crate::support::{
    ALL, ZONES, addresses, all, apply, check, converge, edit, full, made, only_step, planned, seen, step,
    usual,
};

/// A stack of one zone for which another build wants other code and one check more.
fn upgraded() -> (StackSpec, FakeCloud) {
    let mut spec = full(&ZONES[..1], Nat::PerAz);
    let cloud = made(&spec);
    let probe = spec.probe.as_mut().unwrap();
    probe.code_sha256 = "new".into();
    probe.checks.push(check(9));
    probe.generation += 1;
    (spec, cloud)
}

fn schedule() -> Address {
    Address::probe_schedule(ZONES[0])
}

fn deployed(cloud: &mut FakeCloud, spec: &StackSpec) -> ProbeInput {
    all(cloud, spec).schedules[0].input.clone().unwrap()
}

/// The input that a plan gives the one zone's probe.
fn given(plan: &Plan) -> &ProbeInput {
    match &step(plan, &schedule()).action {
        Action::CreateSchedule { input, .. } | Action::UpdateSchedule { input, .. } => input,
        other => panic!("{other:?}"),
    }
}

#[test]
fn new_checks_wait_for_the_code_that_knows_them_and_the_plan_says_so() {
    let (spec, mut cloud) = upgraded();
    let before = deployed(&mut cloud, &spec);
    let first = planned(&mut cloud, &spec, &Limits::SWEEP);
    insta::assert_snapshot!(render::text(&first), @r"
      ~ probe/use1-az1           another version of the probe: mJ4Jd1Gn → new
      … probe/use1-az1/schedule  phonehome-probe-use1-az1: waits until probe/use1-az1 is updated, so that its code knows the new input: other checks (2 checks → 3 checks (1 new))
    0 to create (+), 1 to change in place (~), 0 to replace (±), 0 to delete (-); waiting for 1 (…).
    ");
    assert!(!first.is_converged() && !first.network_ready());
    assert_eq!(first.waits[0].holds_up, Readiness::Network);
    apply(&mut cloud, &spec, &first);
    assert_eq!(deployed(&mut cloud, &spec), before);
    let second = only_step(&mut cloud, &spec);
    assert_eq!((second.address, second.reason.as_str()), (schedule(), "other checks"));
    assert_eq!(deployed(&mut cloud, &spec).checks.len(), 3);
}

#[test]
fn new_checks_wait_as_long_as_lambda_is_updating_the_code() {
    let (spec, mut cloud) = upgraded();
    let first = planned(&mut cloud, &spec, &Limits::SWEEP);
    apply(&mut cloud, &spec, &first);
    for state in [FunctionState::Pending, FunctionState::Failed] {
        edit(&mut cloud, &spec, |world| world.functions[0].state = state);
        let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
        assert!(plan.waits.iter().any(|wait| wait.address == schedule()), "{state:?}");
        assert!(plan.steps.iter().all(|it| it.address != schedule()), "{state:?}");
    }
}

#[test]
fn a_schedule_is_repaired_at_once_with_the_input_that_is_there_however_long_the_code_takes() {
    type Damage = fn(&mut phonehome_network::Schedule);
    let damages: [(&str, Damage); 4] = [
        ("is disabled", |it| it.enabled = false),
        ("runs at other times", |it| it.expression = "rate(1 hour)".into()),
        ("invokes something else", |it| it.target_arn = "arn:other".into()),
        ("has another role", |it| it.role_arn = "arn:other".into()),
    ];
    for (reason, damage) in damages {
        let (spec, mut cloud) = upgraded();
        let before = deployed(&mut cloud, &spec);
        edit(&mut cloud, &spec, |world| damage(&mut world.schedules[0]));
        let mut plan = planned(&mut cloud, &spec, &Limits::SWEEP);
        assert_eq!((given(&plan), step(&plan, &schedule()).reason.as_str()), (&before, reason));
        assert_eq!(step(&plan, &schedule()).after, [], "it does not come after the code");
        assert!(plan.waits.iter().any(|wait| wait.address == schedule()));
        // The code's update fails.
        plan.steps.retain(|it| it.address == schedule());
        apply(&mut cloud, &spec, &plan);
        let rest = planned(&mut cloud, &spec, &Limits::SWEEP);
        assert_eq!(addresses(&rest), ["probe/use1-az1"], "{reason}");
    }
}

#[test]
fn a_function_that_gets_other_settings_alone_has_the_code_for_new_checks_already() {
    let mut spec = full(&ZONES[..1], Nat::PerAz);
    let mut cloud = made(&spec);
    let probe = spec.probe.as_mut().unwrap();
    probe.memory_mb += 1;
    probe.checks.push(check(9));
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!(addresses(&plan), ["probe/use1-az1", "probe/use1-az1/schedule"]);
    // But its time limit is a part of the input.
    spec.probe.as_mut().unwrap().timeout_s += 1;
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!((addresses(&plan), plan.waits.len()), (vec!["probe/use1-az1".to_owned()], 1));
    converge(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!(deployed(&mut cloud, &spec).timeout_s, 31);
}

#[test]
fn a_function_that_is_gone_is_made_before_its_probe_is_asked_for_anything_new() {
    let (spec, mut cloud) = upgraded();
    edit(&mut cloud, &spec, |world| world.functions.clear());
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert!(plan.waits.is_empty());
    assert_eq!(step(&plan, &schedule()).after, [Address::probe(ZONES[0])]);
    assert_eq!(given(&plan).checks.len(), 3);
}

#[test]
fn a_schedule_that_is_gone_is_made_when_the_code_is_in_place() {
    let (spec, mut cloud) = upgraded();
    edit(&mut cloud, &spec, |world| world.schedules.clear());
    let first = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!((addresses(&first), first.waits.len()), (vec!["probe/use1-az1".to_owned()], 1));
    apply(&mut cloud, &spec, &first);
    assert_eq!(only_step(&mut cloud, &spec).change, Change::Create);
}

/// The plan for a probe whose input was changed so.
fn ahead(spec: &StackSpec, cloud: &mut FakeCloud, change: fn(&mut ProbeInput)) -> Plan {
    let mut seen = seen(cloud, spec);
    match seen.schedules[0].input.as_mut() {
        Some(input) => change(input),
        None => panic!("no input"),
    }
    plan(spec, &seen, &Limits::SWEEP).unwrap()
}

#[test]
fn after_a_roll_back_a_probe_is_asked_for_less_before_it_gets_the_older_code() {
    let changes: [fn(&mut ProbeInput); 3] = [
        |input| input.checks[0].kind = CheckKind::Unknown,
        |input| input.report_version = REPORT_VERSION + 1,
        |input| input.version += 1,
    ];
    for change in changes {
        let (spec, mut cloud) = upgraded();
        let plan = ahead(&spec, &mut cloud, change);
        assert_eq!(addresses(&plan), ["probe/use1-az1/schedule"], "{}", render::text(&plan));
        assert_eq!(given(&plan).checks, spec.probe.as_ref().unwrap().checks);
        assert_eq!((plan.waits.len(), &plan.waits[0].address), (1, &Address::probe(ZONES[0])));
        apply(&mut cloud, &spec, &plan);
        assert!(matches!(only_step(&mut cloud, &spec).action, Action::UpdateFunctionCode { .. }));
    }
    // Where there is no function, both are in one plan, in that order.
    let (spec, mut cloud) = upgraded();
    edit(&mut cloud, &spec, |world| world.functions.clear());
    let plan = ahead(&spec, &mut cloud, |input| input.checks[0].kind = CheckKind::Unknown);
    assert_eq!(step(&plan, &Address::probe(ZONES[0])).after, [schedule()]);
}

#[test]
fn an_input_that_cannot_be_read_is_written_anew_before_the_code_is_updated() {
    let (spec, mut cloud) = upgraded();
    edit(&mut cloud, &spec, |world| world.schedules[0].input = None);
    let first = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!(addresses(&first), ["probe/use1-az1/schedule"]);
    converge(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!(deployed(&mut cloud, &spec).checks.len(), 3);
}

#[test]
fn probes_of_a_release_before_get_the_version_of_reports_and_the_time_limit_as_a_step_of_its_own() {
    let spec = full(&ZONES[..1], Nat::PerAz);
    let mut cloud = made(&spec);
    let new = deployed(&mut cloud, &spec);
    assert_eq!((new.report_version, new.timeout_s), (REPORT_VERSION, 30));
    edit(&mut cloud, &spec, |world| {
        let input = world.schedules[0].input.as_mut().unwrap();
        (input.report_version, input.timeout_s) = (1, 0);
    });
    let step = only_step(&mut cloud, &spec);
    let (before, after) = ("version 1, no time limit".into(), "version 2, a time limit of 30 s".into());
    assert_eq!(step.change, Change::Update { before, after });
    assert_eq!(step.reason, "asks for another version of reports");
    assert_eq!(deployed(&mut cloud, &spec), new);
}

#[test]
fn a_schedule_is_repaired_before_other_addresses_of_the_way_out_come_into_it() {
    let spec = with_egress(full(&ZONES[..1], Nat::PerAz), &[]);
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| {
        world.nat_gateways[0].public_ips = vec!["203.0.113.7".parse().unwrap()];
        world.schedules[0].enabled = false;
    });
    let before = deployed(&mut cloud, &spec);
    let first = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!((given(&first), step(&first, &schedule()).reason.as_str()), (&before, "is disabled"));
    apply(&mut cloud, &spec, &first);
    assert!(follows_way_out(&before, given(&planned(&mut cloud, &spec, &Limits::SWEEP))));
}

/// With a check of the way out, which says what it expects or does not.
fn with_egress(mut spec: StackSpec, expected: &[IpAddr]) -> StackSpec {
    let url = "https://echo.example.com".to_owned();
    let kind = CheckKind::Egress { url, expected: expected.to_vec() };
    spec.probe.as_mut().unwrap().checks.push(Check { kind, ..check(7) });
    spec
}

/// What each zone's probe expects of the way out.
fn expected(cloud: &mut FakeCloud, spec: &StackSpec) -> Vec<Vec<IpAddr>> {
    let of = |check: Check| match check.kind {
        CheckKind::Egress { expected, .. } => Some(expected),
        _ => None,
    };
    let inputs = all(cloud, spec).schedules.into_iter().filter_map(|it| it.input);
    inputs.filter_map(|input| input.checks.into_iter().find_map(of)).collect()
}

#[test]
fn a_check_of_the_way_out_expects_the_addresses_of_the_zones_nat_gateway() {
    for (nat, addresses) in [(Nat::PerAz, 1), (Nat::Single, 1), (Nat::Regional, 2), (Nat::None, 0)] {
        let spec = with_egress(full(&ZONES[..3], nat), &[]);
        let mut cloud = made(&spec);
        let nats = all(&mut cloud, &spec).nat_gateways;
        let found = expected(&mut cloud, &spec);
        assert_eq!(found.len(), 3);
        for (at, expected) in found.iter().enumerate() {
            let is_per_az = nat == Nat::PerAz;
            let own = nats.get(if is_per_az { at } else { 0 }).map(|nat| nat.public_ips.clone());
            assert_eq!((expected.len(), expected), (addresses, &own.unwrap_or_default()), "{nat:?}");
        }
    }
}

#[test]
fn what_a_check_of_the_way_out_says_itself_stays_and_so_does_every_other_check() {
    let own: IpAddr = "203.0.113.7".parse().unwrap();
    let spec = with_egress(usual(), &[own]);
    let mut cloud = made(&spec);
    assert_eq!(expected(&mut cloud, &spec), vec![vec![own]; 3]);
    assert_eq!(deployed(&mut cloud, &spec).checks, spec.probe.unwrap().checks);
}

#[test]
fn nothing_is_expected_of_a_way_out_that_is_not_available_or_not_seen() {
    let spec = with_egress(full(&ZONES[..1], Nat::PerAz), &[]);
    let mut cloud = made(&spec);
    let seen = seen(&mut cloud, &spec);
    let mut pending = seen.clone();
    pending.nat_gateways[0].state = NatState::Pending;
    let mut unseen = seen.clone();
    unseen.unseen.insert(Kind::NatGateway);
    for world in [pending, unseen] {
        let plan = plan(&spec, &world, &Limits::SWEEP).unwrap();
        assert_eq!(given(&plan).checks, spec.probe.as_ref().unwrap().checks);
    }
}

#[test]
fn nothing_is_expected_of_a_way_out_that_the_traffic_may_not_be_led_to_yet() {
    let one = with_egress(full(&ZONES[..2], Nat::Single), &[]);
    let mut cloud = made(&one);
    let each = StackSpec { nat: Nat::PerAz, ..with_egress(full(&ZONES[..2], Nat::PerAz), &[]) };
    converge(&mut cloud, &each, &Limits::SWEEP);
    assert!(
        planned(&mut cloud, &each, &Limits::SWEEP)
            .withheld
            .iter()
            .any(|it| it.address.part == Part::DefaultRoute)
    );
    let found = expected(&mut cloud, &each);
    assert_eq!((found[0].len(), found[1].len()), (1, 0), "the second zone still leaves through the first");
    converge(&mut cloud, &each, &ALL);
    let found = expected(&mut cloud, &each);
    assert!(found[1].len() == 1 && found[0] != found[1], "{found:?}");
}

#[test]
fn another_address_of_the_way_out_is_a_step_that_says_so() {
    let spec = with_egress(full(&ZONES[..1], Nat::PerAz), &[]);
    let mut cloud = made(&spec);
    let before = deployed(&mut cloud, &spec);
    edit(&mut cloud, &spec, |world| world.nat_gateways[0].public_ips = vec!["203.0.113.7".parse().unwrap()]);
    let step = only_step(&mut cloud, &spec);
    let change = Change::Update { before: "198.18.0.1".into(), after: "203.0.113.7".into() };
    assert_eq!((step.reason.as_str(), step.change), ("expects other addresses of the way out", change));
    let after = deployed(&mut cloud, &spec);
    assert!(follows_way_out(&before, &after));
    assert!(!follows_way_out(&before, &before), "they differ in nothing");
    let timeout_s = after.timeout_s + 1;
    assert!(!follows_way_out(&before, &ProbeInput { timeout_s, ..after }), "they differ in more");
}
