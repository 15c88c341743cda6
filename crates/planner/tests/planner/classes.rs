//! Which plans are the same but for ids and names.

use phonehome_fleet::Nat;
use phonehome_network::{Address, Inventory};
use phonehome_planner::{Action, Disruption, Limits, Plan, Ref, RefTarget, StackSpec, classes, plan};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::support::{
    ALL, Damage, ZONES, all, changes, check, damage, damages, edit, full, linked, made, shuffled, usual,
};

/// One renaming of everything that is an account's own.
fn renamed(text: &str, seed: u64) -> String {
    let mut text = text.replace("use1-", "euw1-").replace("us-east-1", "eu-west-1");
    for (from, to) in [("444455556666", "121212121212"), ("shop", "books"), ("prod", "live")] {
        text = text.replace(from, to);
    }
    for third in 64..128 {
        text = text.replace(&format!("10.0.{third}."), &format!("10.200.{third}."));
    }
    // `vpc-00000000000000012`: every number becomes another one, in another order.
    let mut parts = text.split("-00000000");
    let mut renamed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let number = part.get(..9).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        match number {
            Some(number) => renamed.push_str(&format!("-{:017x}{}", (number ^ seed) | 1 << 40, &part[9..])),
            None => renamed.push_str(&format!("-00000000{part}")),
        }
    }
    renamed
}

fn renamed_world(world: &Inventory, seed: u64) -> Inventory {
    let text = serde_json::to_string(world).unwrap();
    let renamed = serde_json::from_str(&renamed(&text, seed)).unwrap();
    shuffled(&renamed, seed)
}

fn renamed_spec(spec: &StackSpec, seed: u64) -> StackSpec {
    let of = |text: &str| renamed(text, seed);
    let mut spec = spec.clone();
    spec.account = of(&spec.account).parse().unwrap();
    spec.account_name = of(&spec.account_name);
    spec.region = of(&spec.region).parse().unwrap();
    spec.cidr = of(&spec.cidr.to_string()).parse().unwrap();
    spec.tags.values_mut().for_each(|value| *value = of(value));
    for zone in &mut spec.zones {
        zone.az_id = of(&zone.az_id).parse().unwrap();
        zone.nat_az_id = zone.nat_az_id.as_ref().map(|az_id| of(az_id).parse().unwrap());
        zone.public = of(&zone.public.to_string()).parse().unwrap();
        zone.private = of(&zone.private.to_string()).parse().unwrap();
    }
    if let Some(probe) = &mut spec.probe {
        for arn in [&mut probe.role_arn, &mut probe.schedule_role_arn, &mut probe.bus_arn] {
            *arn = of(arn);
        }
        probe.generation += 5;
    }
    spec
}

fn are_alike(one: &Plan, other: &Plan) -> bool {
    classes([one, other]).len() == 1
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, rng_seed: RngSeed::Fixed(5), ..ProptestConfig::default() })]

    /// Whatever changes, and whatever somebody has damaged before.
    #[test]
    fn a_plan_is_alike_when_ids_accounts_zones_and_addresses_are_renamed_and_order_differs(
        (old, new) in changes(), harm in damages(), seed in 1u64..0xfff, may_all in any::<bool>()
    ) {
        let limits = if may_all { ALL } else { Limits::SWEEP };
        let mut cloud = made(&old);
        harm.iter().for_each(|harm: &Damage| edit(&mut cloud, &old, |world| damage(world, *harm)));
        let world = all(&mut cloud, &old);
        let other_world = renamed_world(&world, seed);
        let (one, other) = (plan(&new, &world, &limits), plan(&renamed_spec(&new, seed), &other_world, &limits));
        if let (Ok(one), Ok(other)) = (one, other) {
            prop_assert!(are_alike(&one, &other), "{}{}", phonehome_planner::render::text(&one), phonehome_planner::render::text(&other));
        }
    }
}

/// Three zones, each with a NAT gateway of its own, in an empty account.
fn fresh() -> Plan {
    crate::support::fresh(&usual())
}

fn changed(change: impl FnOnce(&mut Plan)) -> Plan {
    let mut plan = fresh();
    change(&mut plan);
    plan
}

fn step<'a>(plan: &'a mut Plan, address: &Address) -> &'a mut phonehome_planner::Step {
    plan.steps.iter_mut().find(|step| step.address == *address).unwrap()
}

/// Leads the way out of a zone through the NAT gateway of another one.
fn lead(plan: &mut Plan, zone: usize, through: usize) {
    let at = Address::default_route(&Address::private_route_table(ZONES[zone]));
    let gateway = Ref::Output(Address::nat_gateway(ZONES[through]));
    let Action::CreateRoute { target, .. } = &mut step(plan, &at).action else { panic!("no route") };
    *target = RefTarget::NatGateway(gateway);
}

#[test]
fn a_renaming_that_is_not_the_same_everywhere_is_none() {
    // Each zone through its own gateway, and two that are crossed: every single step is one of the other's
    // with a zone renamed, and there is no renaming of all of them.
    let crossed = changed(|plan| {
        lead(plan, 0, 1);
        lead(plan, 1, 0);
    });
    assert!(!are_alike(&fresh(), &crossed));
    // All through one: which one does not matter.
    let through = |gateway| changed(|plan| (0..3).for_each(|zone| lead(plan, zone, gateway)));
    assert!(are_alike(&through(0), &through(2)));
    let round = |by: usize| changed(|plan| (0..3).for_each(|zone| lead(plan, zone, (zone + by) % 3)));
    assert!(are_alike(&round(1), &round(2)), "a ring is a ring either way round");
    assert!(!are_alike(&round(1), &through(1)));
}

#[test]
fn what_is_done_differently_is_another_class() {
    let vpc = Address::vpc();
    let changes: [(&str, Plan); 6] = [
        ("a step less", changed(|plan| drop(plan.steps.pop()))),
        ("it disturbs", changed(|plan| step(plan, &vpc).disruption = Disruption::Detaches)),
        ("it waits", changed(|plan| plan.postponed.push(vpc.clone()))),
        ("not all is seen", changed(|plan| plan.unseen.push(phonehome_network::Kind::Peering))),
        (
            "addresses that are nobody's of the fleet",
            changed(|plan| {
                step(plan, &vpc).action = Action::CreateVpc { cidr: "203.0.113.0/24".parse().unwrap() }
            }),
        ),
        ("another mode", crate::support::fresh(&full(&ZONES[..3], Nat::Single))),
    ];
    for (what, plan) in &changes {
        assert!(!are_alike(&fresh(), plan), "{what}");
    }
    assert_eq!(classes(changes.iter().map(|(_, plan)| plan)).len(), changes.len());
}

#[test]
fn what_is_withheld_and_what_would_be_done_then_tell_classes_apart() {
    let planned = |new: &StackSpec| {
        let mut cloud = made(&usual());
        plan(new, &all(&mut cloud, new), &Limits::SWEEP).unwrap()
    };
    let smaller = planned(&full(&ZONES[..2], Nat::PerAz));
    let single = planned(&full(&ZONES[..3], Nat::Single));
    assert!(!smaller.withheld.is_empty() && !single.withheld.is_empty());
    assert!(!are_alike(&smaller, &single));
    // The same withheld change that leads elsewhere.
    let mut other = single.clone();
    let held = other.withheld.iter_mut().find(|held| held.call.is_some()).unwrap();
    let Some(Action::ReplaceRoute { target, .. }) = held.call.as_deref_mut() else { panic!("{held:?}") };
    *target = RefTarget::InternetGateway(target.reference().clone());
    assert!(!are_alike(&single, &other));
}

#[test]
fn a_check_more_is_alike_whatever_other_checks_an_account_has() {
    let planned = |checks: usize, new: usize| {
        let mut spec = usual();
        spec.probe.as_mut().unwrap().checks = (0..checks).map(check).collect();
        let mut cloud = made(&spec);
        spec.probe.as_mut().unwrap().checks.push(check(new));
        plan(&spec, &all(&mut cloud, &spec), &Limits::SWEEP).unwrap()
    };
    assert!(are_alike(&planned(1, 7), &planned(4, 7)));
    assert!(!are_alike(&planned(1, 7), &planned(1, 8)));
}

#[test]
fn both_ends_of_a_connection_are_alike_only_with_their_like() {
    let (mut cloud, mut shop, mut pay) = linked();
    (shop.links, pay.links) = (vec![], vec![]);
    let mut planned = |spec: &StackSpec| plan(spec, &all(&mut cloud, spec), &ALL).unwrap();
    let (requester, accepter) = (planned(&shop), planned(&pay));
    assert!(!requester.steps.is_empty() && !are_alike(&requester, &accepter), "one of them has let in");
}

#[test]
fn classes_are_in_the_order_of_their_first_plans() {
    let (one, other) = (fresh(), crate::support::fresh(&full(&ZONES[..2], Nat::None)));
    let plans = [&one, &other, &one, &Plan::default(), &other];
    assert_eq!(classes(plans), [vec![0, 2], vec![1, 4], vec![3]]);
    assert_eq!(classes([]), Vec::<Vec<usize>>::new());
}
