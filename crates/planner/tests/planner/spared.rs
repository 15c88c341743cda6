//! What is not read again: what of it is known, and that a plan over it is nothing just where the whole one is.

use phonehome_fleet::Nat;
use phonehome_network::{
    Inventory, KnownFunction, KnownProbes, KnownSchedule, Lists, NatGateway, NatState, Schedule,
};
use phonehome_planner::{Limits, StackSpec, addresses_in_use, known_probes, plan, render, schedule_digest};
use proptest::prelude::*;

use crate::support::{ZONES, all, check, damage, damages, edit, full, made, seen};

/// Ten minutes in milliseconds: for how long a schedule must not have been changed.
const UNCHANGED_MS: u64 = 600_000;
const CHANGED_MS: i64 = 1_000_000;

fn parts(zones: usize, checks: usize) -> StackSpec {
    let mut spec = full(&ZONES[..zones], Nat::PerAz);
    spec.probe.as_mut().unwrap().checks = (0..checks).map(check).collect();
    spec
}

/// As AWS marks what there is.
fn marked(seen: Inventory) -> Inventory {
    let mut seen = seen;
    seen.functions.iter_mut().for_each(|it| it.revision = Some(format!("revision of {}", it.name)));
    seen.schedules.iter_mut().for_each(|it| it.modified_ms = Some(CHANGED_MS));
    seen
}

/// The same without its schedules and addresses: of the first the digests are known, the others are as the NAT gateways
/// say.
fn spared(spec: &StackSpec, seen: &Inventory) -> Inventory {
    let digests = seen.schedules.iter().map(|it| (it.name.clone(), schedule_digest(it)));
    Inventory {
        unchanged_schedules: digests.collect(),
        schedules: vec![],
        elastic_ips: addresses_in_use(spec, &seen.nat_gateways).unwrap_or_else(|| seen.elastic_ips.clone()),
        ..seen.clone()
    }
}

fn is_nothing(spec: &StackSpec, seen: &Inventory) -> bool {
    plan(spec, seen, &Limits::SWEEP).is_ok_and(|plan| plan.is_nothing())
}

#[test]
fn a_stack_as_declared_is_nothing_to_do_also_where_schedules_and_addresses_were_not_read() {
    for (zones, checks) in [(1, 1), (2, 450), (3, 7)] {
        for nat in [Nat::PerAz, Nat::Single, Nat::Regional, Nat::None] {
            let mut spec = full(&ZONES[..zones], nat);
            spec.probe.as_mut().unwrap().checks = (0..checks).map(check).collect();
            let mut cloud = made(&spec);
            let seen = spared(&spec, &seen(&mut cloud, &spec));
            let plan = plan(&spec, &seen, &Limits::SWEEP).unwrap();
            assert!(plan.is_nothing(), "{zones} zones, {nat:?}:\n{}", render::text(&plan));
        }
    }
}

#[test]
fn a_schedule_that_was_not_read_looks_missing_where_another_one_is_declared() {
    let spec = parts(2, 3);
    let mut cloud = made(&spec);
    let seen = spared(&spec, &seen(&mut cloud, &spec));
    assert!(is_nothing(&spec, &seen));
    let mut newer = spec.clone();
    newer.probe.as_mut().unwrap().generation += 1;
    assert!(is_nothing(&newer, &seen), "which plan wrote it is of no matter");
    newer.probe.as_mut().unwrap().checks.push(check(9));
    assert!(!is_nothing(&newer, &seen));
    let mut other = spec.clone();
    other.probe.as_mut().unwrap().schedule_role_arn = "other".into();
    assert!(!is_nothing(&other, &seen));
    let mut swapped = seen.clone();
    let digests: Vec<String> = swapped.unchanged_schedules.values().rev().cloned().collect();
    swapped.unchanged_schedules.values_mut().zip(digests).for_each(|(it, other)| *it = other);
    assert!(!is_nothing(&spec, &swapped), "each has its own zone");
    // The checks expect the addresses of the way out.
    let mut moved = seen.clone();
    moved.nat_gateways.iter_mut().for_each(|nat| nat.public_ips = vec!["198.51.100.9".parse().unwrap()]);
    let expects =
        spec.probe.as_ref().unwrap().checks.iter().any(|it| format!("{:?}", it.kind).contains("Egress"));
    assert_eq!(is_nothing(&spec, &moved), !expects);
}

#[test]
fn two_schedules_have_one_digest_only_where_they_differ_in_nothing_that_is_compared() {
    let spec = parts(1, 3);
    let mut cloud = made(&spec);
    let schedule = all(&mut cloud, &spec).schedules.remove(0);
    let digest = schedule_digest(&schedule);
    assert_eq!(digest.len(), 32);
    let other = |change: fn(&mut Schedule)| {
        let mut other = schedule.clone();
        change(&mut other);
        schedule_digest(&other) == digest
    };
    assert!(other(|it| it.modified_ms = Some(7)) && other(|it| it.input.as_mut().unwrap().generation += 1));
    let changes: [fn(&mut Schedule); 10] = [
        |it| it.name.push('x'),
        |it| it.expression.push('x'),
        |it| it.enabled = false,
        |it| it.target_arn.push('x'),
        |it| it.role_arn.push('x'),
        |it| it.input = None,
        |it| it.input.as_mut().unwrap().part += 1,
        |it| it.input.as_mut().unwrap().timeout_s += 1,
        |it| it.input.as_mut().unwrap().report_version += 1,
        |it| drop(it.input.as_mut().unwrap().checks.pop()),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        assert!(!other(change), "{number}");
    }
}

fn nat(address: &str, state: NatState, ids: &[&str], ips: &[&str]) -> NatGateway {
    let tags = [("phonehome:managed-by", "phonehome"), ("phonehome:address", address)];
    let tags = tags.into_iter().filter(|_| !address.is_empty());
    NatGateway {
        id: "nat-1".into(),
        tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        vpc_id: "vpc-1".into(),
        subnet_id: Some("subnet-1".into()),
        allocation_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        public_ips: ips.iter().map(|ip| ip.parse().unwrap()).collect(),
        route_table_id: None,
        state,
    }
}

#[test]
fn nat_gateways_say_which_addresses_there_are_only_while_each_is_available_with_one() {
    use NatState::{Available, Deleting, Failed, Gone, Pending};
    let spec = full(&ZONES[..1], Nat::PerAz);
    let (ours, one, ip) = ("nat-gateway/use1-az1", ["eipalloc-1"], ["203.0.113.7"]);
    for (nats, expected) in [
        (vec![], Some(0)),
        (vec![nat(ours, Available, &one, &ip)], Some(1)),
        (vec![nat(ours, Pending, &one, &ip)], None),
        (vec![nat(ours, Failed, &one, &ip)], None),
        (vec![nat(ours, Deleting, &one, &ip)], None),
        (vec![nat(ours, Gone, &one, &ip)], Some(0)),
        (vec![nat(ours, Available, &[], &[])], None),
        (vec![nat(ours, Available, &["eipalloc-1", "eipalloc-2"], &["203.0.113.7", "203.0.113.8"])], None),
        (vec![nat(ours, Available, &one, &[])], None),
        (vec![nat("", Available, &["eipalloc-9", "eipalloc-8"], &[])], Some(0)),
        (vec![nat("nat-gateway/regional", Available, &[], &["203.0.113.9"])], Some(0)),
    ] {
        let found = addresses_in_use(&spec, &nats);
        assert_eq!(found.as_ref().map(Vec::len), expected, "{nats:?}");
    }
    let found = addresses_in_use(&spec, &[nat(ours, Available, &one, &ip)]).unwrap().remove(0);
    assert_eq!((found.allocation_id.as_str(), found.public_ip.as_str()), ("eipalloc-1", "203.0.113.7"));
    let adopting = StackSpec { adopt: Some("vpc-1".into()), ..spec };
    assert_eq!(addresses_in_use(&adopting, &[]), None, "others' addresses are adopted with their tags");
}

#[test]
fn what_was_read_is_known_by_its_marks_and_what_was_just_changed_is_not() {
    let spec = parts(2, 250);
    let mut cloud = made(&spec);
    let mut seen = marked(all(&mut cloud, &spec));
    let old_ms = CHANGED_MS as u64 + UNCHANGED_MS;
    let known = known_probes(&spec, &seen, None, old_ms);
    assert_eq!((known.functions.len(), known.schedules.len()), (2, 4));
    assert_eq!((known.lists, known.is_futile), (Lists::default(), false));
    for (name, function) in &known.functions {
        let expected = KnownFunction {
            revision: format!("revision of {name}"),
            destination_ms: old_ms,
            still_reports: false,
        };
        assert_eq!(*function, expected);
    }
    assert_eq!(known_probes(&spec, &seen, None, old_ms - 1).schedules.len(), 0, "within ten minutes");
    // Nothing is known without a mark, of what is unreadable, nor of what is not declared.
    seen.functions[0].revision = None;
    seen.functions[1].revision = Some("x".repeat(73));
    seen.schedules[0].modified_ms = None;
    seen.schedules[1].input = None;
    let less = known_probes(&spec, &seen, None, old_ms);
    assert_eq!((less.functions.len(), less.schedules.len()), (0, 2));
    let one = parts(1, 1);
    assert_eq!(known_probes(&one, &marked(all(&mut cloud, &spec)), None, old_ms).schedules.len(), 1);
}

#[test]
fn what_was_not_read_again_stays_known_as_it_was() {
    let spec = parts(1, 1);
    let mut cloud = made(&spec);
    let seen = marked(all(&mut cloud, &spec));
    let known = known_probes(&spec, &seen, None, 10_000_000);
    let reporting = |still_reports: bool, revision: &str| {
        let mut before = known.clone();
        for function in before.functions.values_mut() {
            (function.still_reports, function.revision) = (still_reports, revision.to_owned());
        }
        before
    };
    let name = StackSpec::probe_name(ZONES[0]);
    let revision = known.functions[&name].revision.clone();
    let unread = Inventory {
        unchanged_schedules: [(name.clone(), "digest".into())].into(),
        schedules: vec![],
        ..seen
    };
    for (before, expected_ms) in [
        (reporting(true, &revision), 10_000_000),
        (reporting(false, &revision), 20_000_000),
        (reporting(true, "another"), 20_000_000),
    ] {
        let after = known_probes(&spec, &unread, Some(&before), 20_000_000);
        assert_eq!(after.functions[&name].destination_ms, expected_ms);
        assert_eq!(after.schedules, before.schedules);
        assert!(!after.functions[&name].still_reports);
    }
    let lists = Lists { functions: false, schedules: true };
    let before = KnownProbes { lists, is_futile: true, ..known };
    let after = known_probes(&spec, &unread, Some(&before), 20_000_000);
    assert_eq!((after.lists, after.is_futile), (lists, false));
}

/// What is stored is small, and stays readable: `still_reports` is not in it.
#[test]
fn what_is_known_of_a_stack_of_three_zones_takes_less_than_a_kilobyte() {
    let spec = parts(3, 1);
    let mut cloud = made(&spec);
    let mut seen = marked(all(&mut cloud, &spec));
    for function in &mut seen.functions {
        function.revision = Some("0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f".into());
    }
    let mut known = known_probes(&spec, &seen, None, 1_800_000_000_000);
    known.functions.values_mut().for_each(|it| it.still_reports = true);
    let text = serde_json::to_string(&known).unwrap();
    assert!(text.len() < 1_000, "{}: {text}", text.len());
    let read: KnownProbes = serde_json::from_str(&text).unwrap();
    assert!(read.functions.values().all(|it| !it.still_reports));
    let schedule = KnownSchedule { modified_ms: 1, digest: "d".into(), generation: 2 };
    assert_eq!(serde_json::from_value::<KnownSchedule>(serde_json::json!(schedule)).unwrap(), schedule);
}

proptest! {
    /// Whatever else was done to the account: where the look that read less finds nothing, so does the one that read all.
    #[test]
    fn a_look_that_read_less_finds_nothing_only_where_the_whole_one_does(
        damaged in damages(),
    ) {
        let spec = full(&ZONES[..2], Nat::PerAz);
        let mut cloud = made(&spec);
        let before = all(&mut cloud, &spec);
        edit(&mut cloud, &spec, |world| damaged.iter().for_each(|it| damage(world, *it)));
        let whole = seen(&mut cloud, &spec);
        let mut less = spared(&spec, &whole);
        // What has changed has another mark, and is read.
        less.schedules = whole.schedules.iter().filter(|it| !before.schedules.contains(it)).cloned().collect();
        less.unchanged_schedules.retain(|name, _| !less.schedules.iter().any(|it| it.name == *name));
        if is_nothing(&spec, &less) && whole.elastic_ips == before.elastic_ips {
            prop_assert!(is_nothing(&spec, &whole), "{damaged:?}");
        }
        if is_nothing(&spec, &whole) {
            prop_assert!(is_nothing(&spec, &less), "{damaged:?}");
        }
    }
}
