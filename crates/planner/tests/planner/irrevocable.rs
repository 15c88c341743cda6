//! What is given up for good waits until the version that asks for it is in force.

use std::collections::BTreeMap;

use phonehome_fakecloud::FakeCloud;
use phonehome_fleet::Nat;
use phonehome_network::{Inventory, Permission, RemovalTarget, Tagged as _};
use phonehome_planner::{
    Agreed, Decommission, Irrevocable, Limits, Plan, StackSpec, WithheldReason, beyond, classes, plan,
    plan_decommission, render,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::support::{
    ALL, ZONES, all, apply, changes, converge, full, made, permitted, planned, removals, seen, shape, spec,
};

/// What others know an account by: each VPC with its block, each elastic IP with its public address, each regional NAT
/// gateway with its own, and through which address each zone's traffic leaves.
fn identities(world: &Inventory) -> BTreeMap<String, String> {
    let vpcs = world.vpcs.iter().map(|it| (it.id.clone(), format!("{:?}", it.cidrs)));
    let ips = world.elastic_ips.iter().map(|it| (it.allocation_id.clone(), it.public_ip.clone()));
    let live = || world.nat_gateways.iter().filter(|it| it.is_live());
    let regional = live().filter(|it| it.subnet_id.is_none());
    let regional = regional.map(|it| (it.id.clone(), format!("{:?}", it.public_ips)));
    vpcs.chain(ips).chain(regional).collect()
}

/// Through which public addresses each way out leads.
fn ways_out(world: &Inventory) -> BTreeMap<String, String> {
    let live = world.nat_gateways.iter().filter(|it| it.is_live());
    live.filter_map(|it| Some((it.address()?.to_string(), format!("{:?}", it.public_ips)))).collect()
}

/// What a sweep's plan asks for.
fn asked(cloud: &mut FakeCloud, spec: &StackSpec) -> Permission {
    planned(cloud, spec, &Limits::SWEEP).asks().into_iter().collect()
}

/// Applies what is planned until nothing is left to do. What AWS refuses while something is being deleted is tried again.
fn until_converged(
    cloud: &mut FakeCloud,
    spec: &StackSpec,
    planned: impl Fn(&mut FakeCloud) -> Plan,
) -> Plan {
    for _ in 0..12 {
        let plan = planned(cloud);
        if plan.is_converged() {
            return plan;
        }
        let _ = cloud.stack(&spec.account, &spec.region).apply(spec, &plan);
        cloud.advance(200_000);
    }
    panic!("still not converged:\n{}", render::text(&planned(cloud)));
}

/// As a version reaches an account while it is rolled out, with this accepted.
fn roll_out(cloud: &mut FakeCloud, spec: &StackSpec, accepted: &Permission) -> Plan {
    until_converged(cloud, spec, |cloud| {
        let plan = permitted(cloud, spec, accepted).while_revocable();
        assert!(plan.steps.iter().all(|step| step.action.gives_up(&step.address).is_none()));
        plan
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, rng_seed: RngSeed::Fixed(11), ..ProptestConfig::default() })]

    /// Whatever was accepted, and however long NAT gateways take to go.
    #[test]
    fn a_roll_out_that_is_taken_back_leaves_every_address_as_it_was(
        (old, new) in changes(), deleting_ms in prop::sample::select(vec![0, 60_000, 300_000])
    ) {
        let mut cloud = made(&old);
        cloud.options_mut().nat_deleting_ms = deleting_ms;
        let before = all(&mut cloud, &old);
        let accepted = asked(&mut cloud, &new);
        let _ = roll_out(&mut cloud, &new, &accepted);
        let between = identities(&all(&mut cloud, &new));
        for (id, known_as) in identities(&before) {
            prop_assert_eq!(between.get(&id), Some(&known_as), "{} while it is rolled out", id);
        }
        let _ = until_converged(&mut cloud, &old, |cloud| planned(cloud, &old, &ALL));
        let after = all(&mut cloud, &old);
        prop_assert_eq!(identities(&after), identities(&before));
        prop_assert_eq!(ways_out(&after), ways_out(&before));
    }

    /// The permission for what waits is there once the version is in force, and then nothing of the old one is left.
    #[test]
    fn once_the_version_is_in_force_what_waited_is_done_with_the_same_permission(
        (old, new) in changes()
    ) {
        let mut cloud = made(&old);
        let accepted = asked(&mut cloud, &new);
        let waiting = roll_out(&mut cloud, &new, &accepted);
        let asks: Vec<_> = waiting.until_in_force().flat_map(|held| &held.asks).collect();
        prop_assert!(asks.iter().all(|ask| accepted.allows(ask)), "{:?}", asks);
        for _ in 0..8 {
            let plan = permitted(&mut cloud, &new, &accepted);
            apply(&mut cloud, &new, &plan);
            cloud.advance(200_000);
        }
        let plan = permitted(&mut cloud, &new, &accepted);
        prop_assert!(plan.is_converged() && plan.withheld.is_empty(), "{}", render::text(&plan));
        let mut straight = made(&old);
        converge(&mut straight, &new, &ALL);
        prop_assert_eq!(shape(&all(&mut cloud, &new)), shape(&all(&mut straight, &new)));
    }

    /// Who agreed to the plan agreed to each half of it.
    #[test]
    fn neither_what_is_done_at_once_nor_what_waits_is_beyond_the_plan_that_was_agreed_to(
        (old, new) in changes()
    ) {
        let mut cloud = made(&old);
        let agreed = Agreed::to(&planned(&mut cloud, &new, &Limits::SWEEP));
        let accepted = asked(&mut cloud, &new);
        let now = permitted(&mut cloud, &new, &accepted).while_revocable();
        prop_assert!(beyond(&now, &agreed, None).is_empty());
        let _ = roll_out(&mut cloud, &new, &accepted);
        let later = permitted(&mut cloud, &new, &accepted);
        prop_assert!(beyond(&later, &agreed, None).is_empty(), "{}", render::text(&later));
    }
}

fn given_up(plan: &Plan) -> Vec<(Irrevocable, String, usize)> {
    plan.given_up().into_iter().map(|it| (it.what, it.address.to_string(), it.known_as.len())).collect()
}

#[test]
fn what_is_given_up_for_good_is_named_whether_it_is_permitted_or_not() {
    let ip = |az_id: &str| (Irrevocable::ElasticIp, format!("elastic-ip/{az_id}"), 1);
    let regional = (Irrevocable::RegionalAddresses, "nat-gateway/regional".to_owned(), 2);
    for (from, to, wanted) in [
        (Nat::PerAz, Nat::Single, vec![ip(ZONES[1])]),
        (Nat::PerAz, Nat::None, vec![ip(ZONES[0]), ip(ZONES[1])]),
        (Nat::Regional, Nat::None, vec![regional]),
        (Nat::None, Nat::PerAz, vec![]),
        (Nat::PerAz, Nat::PerAz, vec![]),
    ] {
        let (old, new) = (spec(&ZONES[..2], from), spec(&ZONES[..2], to));
        let mut cloud = made(&old);
        for limits in [Limits::SWEEP, ALL] {
            let plan = planned(&mut cloud, &new, &limits);
            assert_eq!(given_up(&plan), wanted, "{from:?} to {to:?}");
            assert_eq!(
                given_up(&plan.while_revocable()),
                wanted,
                "{from:?} to {to:?}, while it is rolled out"
            );
        }
    }
}

#[test]
fn who_gives_a_stack_up_gives_up_its_block_and_its_addresses() {
    let spec = full(&ZONES[..1], Nat::PerAz);
    let mut cloud = made(&spec);
    let world = all(&mut cloud, &spec);
    let given_up = |mode| {
        let plan = plan_decommission(&spec, &world, &Limits::DECOMMISSION, mode).unwrap();
        plan.given_up().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let ip = format!("elastic IP {} (elastic-ip/use1-az1)", world.elastic_ips[0].public_ip);
    let vpc = "VPC with block 10.0.64.0/18 (vpc)".to_owned();
    assert_eq!(given_up(Decommission::Remove), [ip, vpc.clone()]);
    assert_eq!(given_up(Decommission::Forget), [vpc], "its elastic IP stays the account's");
}

#[test]
fn while_a_version_is_rolled_out_gateways_go_and_their_addresses_stay() {
    let (old, new) = (spec(&ZONES[..2], Nat::PerAz), spec(&ZONES[..2], Nat::None));
    let mut cloud = made(&old);
    let plan = planned(&mut cloud, &new, &ALL).while_revocable();
    let goes = |is: fn(&&&RemovalTarget) -> bool| removals(&plan).iter().filter(is).count();
    assert_eq!(goes(|it| matches!(it, RemovalTarget::NatGateway { .. })), 2);
    assert_eq!(goes(|it| matches!(it, RemovalTarget::ElasticIp { .. })), 0);
    let waiting: Vec<_> = plan.until_in_force().map(|held| held.address.to_string()).collect();
    assert_eq!(waiting, ["elastic-ip/use1-az1", "elastic-ip/use1-az2"]);
    assert_eq!(plan.withheld_otherwise().count(), 0);
    assert!(plan.until_in_force().all(|held| held.asks.len() == 1 && held.id.starts_with("eipalloc-")));
    assert_eq!(plan.uses().len(), removals(&plan).len(), "what waits uses nothing up");
}

#[test]
fn what_comes_after_something_that_waits_waits_as_well() {
    let spec = full(&ZONES[..1], Nat::PerAz);
    let world = all(&mut made(&spec), &spec);
    let plan = plan_decommission(&spec, &world, &Limits::DECOMMISSION, Decommission::Remove).unwrap();
    let ip = plan.steps.iter().find(|it| it.address.to_string().starts_with("elastic-ip/")).unwrap();
    let after: Vec<_> = plan.steps.iter().filter(|it| it.after.contains(&ip.address)).collect();
    assert!(!after.is_empty(), "the internet gateway goes after the elastic IP");
    let revocable = plan.clone().while_revocable();
    for step in after {
        let held = revocable.withheld.iter().find(|held| held.address == step.address).unwrap();
        assert_eq!((&held.reason, &held.asks), (&WithheldReason::UntilInForce, &step.asks));
    }
    assert_eq!(revocable.steps.len() + revocable.withheld.len(), plan.steps.len());
    let order: Vec<_> = revocable.steps.iter().map(|it| &it.address).collect();
    assert!(revocable.steps.iter().all(|it| it.after.iter().all(|before| order.contains(&before))));
}

#[test]
fn plans_that_give_up_other_things_are_not_alike_and_other_ids_are_no_difference() {
    let of = |from: Nat, earlier: Nat| {
        let (old, new) = (spec(&ZONES[..2], from), spec(&ZONES[..2], Nat::None));
        let mut cloud = made(&spec(&ZONES[..2], earlier));
        for spec in [&new, &old] {
            converge(&mut cloud, spec, &ALL);
        }
        plan(&new, &seen(&mut cloud, &new), &Limits::SWEEP).unwrap()
    };
    let (zonal, regional) = (of(Nat::PerAz, Nat::None), of(Nat::Regional, Nat::None));
    let other_ids = of(Nat::PerAz, Nat::PerAz);
    assert_eq!(zonal.terms().iter().filter(|it| it.contains("give up")).count(), 2);
    assert!(regional.terms().iter().any(|it| it.contains("give up")));
    assert_ne!(zonal.given_up()[0].id, other_ids.given_up()[0].id);
    assert_eq!(zonal.terms(), other_ids.terms(), "no id and no public address is compared");
    assert_eq!(classes([&zonal, &other_ids, &regional]).len(), 2);
}
