//! What a plan may take away, and what it does with half a view.

use phonehome_fleet::Nat;
use phonehome_network::{Inventory, Kind};
use phonehome_planner::{Change, Limits, PlanError, plan};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::support::{
    ALL, ZONES, add_lookalikes, add_unmanaged, addresses, all, apply, changes, damage, damages, edit, linked,
    made, plain, planned, removals, seen, step, unmanaged_in, usual, withheld,
};

fn kinds() -> impl Strategy<Value = Vec<Kind>> {
    prop::collection::vec(prop::sample::select(Kind::ALL.to_vec()), 0..5)
}

fn hide(world: &mut Inventory, kind: Kind) {
    world.unseen.insert(kind);
    match kind {
        Kind::InternetGateway => world.internet_gateways.clear(),
        Kind::ElasticIp => world.elastic_ips.clear(),
        Kind::NatGateway => world.nat_gateways.clear(),
        Kind::SecurityGroup => world.security_groups.clear(),
        Kind::NetworkAcl => world.network_acls.clear(),
        Kind::Endpoint => world.endpoints.clear(),
        Kind::FlowLog => world.flow_logs.clear(),
        Kind::Peering => world.peerings.clear(),
        Kind::Function => world.functions.clear(),
        Kind::Schedule => world.schedules.clear(),
        _ => {}
    }
}

/// The kinds of address that a hidden kind may not be planned for.
fn hidden_addresses(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::InternetGateway => &["internet-gateway", "nat-gateway", "elastic-ip"],
        Kind::ElasticIp | Kind::NatGateway => &["nat-gateway", "elastic-ip"],
        Kind::SecurityGroup => &["security-group"],
        Kind::NetworkAcl => &["network-acl"],
        Kind::Endpoint => &["endpoint"],
        Kind::FlowLog => &["flow-log"],
        Kind::Peering => &["peering"],
        Kind::Function | Kind::Schedule => &["probe"],
        _ => &[],
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: ProptestConfig::default().cases / 2, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_taken_away_without_permission(
        (old, new) in changes(), damages in damages(), unseen in kinds(),
    ) {
        let mut cloud = made(&old);
        edit(&mut cloud, &old, |world| damages.iter().for_each(|it| damage(world, *it)));
        let mut world = all(&mut cloud, &new);
        unseen.iter().for_each(|kind| hide(&mut world, *kind));
        for limits in [Limits::NONE, Limits::ADOPTED] {
            if let Ok(plan) = plan(&new, &world, &limits) {
                prop_assert!(removals(&plan).is_empty(), "{:?}", addresses(&plan));
                prop_assert_eq!(plan.disruption(), phonehome_planner::Disruption::None);
                let replaces = plan.steps.iter().any(|step| matches!(step.change, Change::Replace(_)));
                prop_assert!(limits.replacements > 0 || !replaces);
            }
        }
    }

    #[test]
    fn nothing_of_a_kind_is_planned_that_could_not_be_seen(
        (old, new) in changes(), damages in damages(), unseen in kinds(),
    ) {
        let mut cloud = made(&old);
        edit(&mut cloud, &old, |world| damages.iter().for_each(|it| damage(world, *it)));
        let mut world = all(&mut cloud, &new);
        unseen.iter().for_each(|kind| hide(&mut world, *kind));
        match plan(&new, &world, &ALL) {
            Err(PlanError::Blind { kind }) => prop_assert!(unseen.contains(&kind)),
            Err(other) => prop_assert!(!unseen.is_empty() || !damages.is_empty(), "{}", other),
            Ok(plan) => for kind in unseen {
                for prefix in hidden_addresses(kind) {
                    let found = plan.steps.iter().find(|step| step.address.to_string().split('/').next() == Some(prefix));
                    prop_assert!(found.is_none(), "{:?} is hidden: {:?}", kind, found);
                }
            },
        }
    }

    #[test]
    fn no_more_is_deleted_than_allowed_and_the_rest_is_named_with_its_option(
        (old, new) in changes(), deletions in 0..12u32,
    ) {
        let mut cloud = made(&old);
        let whole = planned(&mut cloud, &new, &ALL);
        let plan = planned(&mut cloud, &new, &Limits { deletions, ..ALL });
        let count = removals(&plan).len();
        prop_assert!(count <= deletions as usize);
        prop_assert_eq!(count + plan.withheld.len(), removals(&whole).len());
        let explained = |held: &phonehome_planner::Withheld| {
            held.reason.to_string().contains("--allow-delete") || held.reason.to_string().contains("which is withheld")
        };
        prop_assert!(plan.withheld.iter().all(explained), "{:?}", plan.withheld);
        apply(&mut cloud, &new, &plan);
    }

    #[test]
    fn what_others_made_stays_as_it_is(
        (old, new) in changes(), damages in damages(),
    ) {
        let mut cloud = made(&old);
        edit(&mut cloud, &old, |world| {
            add_unmanaged(world);
            add_lookalikes(world);
            damages.iter().for_each(|it| damage(world, *it));
        });
        let before = unmanaged_in(&all(&mut cloud, &old));
        if let Ok(plan) = plan(&new, &seen(&mut cloud, &new), &Limits::SWEEP) {
            apply(&mut cloud, &new, &plan);
            prop_assert_eq!(unmanaged_in(&all(&mut cloud, &old)), before);
        }
    }
}

#[test]
fn without_a_view_of_vpcs_subnets_or_route_tables_nothing_is_planned() {
    let spec = plain();
    for (kind, named) in [(Kind::Vpc, "VPCs"), (Kind::Subnet, "subnets"), (Kind::RouteTable, "route tables")]
    {
        let mut world = seen(&mut made(&spec), &spec);
        world.unseen.insert(kind);
        let refused = plan(&spec, &world, &ALL).expect_err("a refusal");
        assert_eq!(refused, PlanError::Blind { kind });
        assert!(refused.to_string().starts_with(&format!("not all {named} could be seen")), "{refused}");
    }
}

#[test]
fn without_a_view_of_elastic_ips_a_declared_nat_gateway_is_not_taken_for_undeclared() {
    let spec = usual();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| world.route_tables.iter_mut().for_each(|it| it.routes.clear()));
    let mut world = all(&mut cloud, &spec);
    hide(&mut world, Kind::ElasticIp);
    let plan = plan(&spec, &world, &ALL).unwrap();
    assert_eq!(addresses(&plan), ["route-table/public/default-route"], "and the rest is still planned");
    assert!(plan.withheld.is_empty(), "{:?}", plan.withheld);
    assert_eq!((plan.unseen.as_slice(), plan.price), ([Kind::ElasticIp].as_slice(), None));
}

#[test]
fn what_needs_something_withheld_is_withheld_and_says_so() {
    let spec = usual();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| world.network_acls[0].entries.retain(|it| it.number >= 100));
    let plan = planned(&mut cloud, &spec, &Limits::NONE);
    assert!(plan.steps.is_empty());
    assert_eq!(plan.withheld.len(), 5);
    assert!(plan.withheld.iter().all(|it| it.reason.to_string().contains("--allow-disruption")));
}

#[test]
fn each_kind_of_taking_away_has_its_own_limit() {
    let (mut cloud, _, mut pay) = linked();
    pay.links.clear();
    pay.zones.truncate(2);
    let deletes = planned(&mut cloud, &pay, &Limits { peerings: 0, ..ALL });
    assert!(removals(&deletes).iter().all(|it| !it.id().starts_with("pcx-")));
    let unpeers = planned(&mut cloud, &pay, &Limits { deletions: 0, ..ALL });
    assert_eq!(step(&unpeers, &phonehome_network::Address::peering("shop-prod")).after.len(), 10);
    assert!(withheld(&unpeers).iter().all(|it| it.contains(ZONES[2])), "{:?}", withheld(&unpeers));
}

#[test]
fn the_named_limits_are_what_they_say() {
    let (nat, none) = (Limits::SWEEP, Limits::NONE);
    assert_eq!((none.deletions, none.replacements, none.peerings), (0, 0, 0));
    assert_eq!((nat.deletions, nat.peerings), (0, 0));
    assert_eq!(nat.disruption, phonehome_planner::REPAIR);
    assert_eq!((Limits::ADOPTED.deletions, Limits::ADOPTED.peerings), (0, 0));
    assert_eq!(Limits::ADOPTED.disruption, phonehome_planner::Disruption::None);
    assert_eq!(Limits::default(), Limits::NONE);
    let eight = crate::support::full(&ZONES, Nat::PerAz).zones.len() as u32;
    assert!(Limits::DECOMMISSION.deletions > eight * 10);
}
