//! What is done unasked, and what only with the permission of a plan that somebody has seen.

use phonehome_fakecloud::FakeCloud;
use phonehome_fleet::Nat;
use phonehome_network::{
    Address, Ask, NatState, PeeringState, Permission, RemovalTarget, RouteTarget, Rule, RulePeer,
};
use phonehome_planner::{Action, Change, Limits, REPAIR, StackSpec, plan};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::support::{
    ALL, ZONES, addresses, all, apply, changes, converge, damage, damages, edit, full, linked, made,
    permitted, planned, removals, shape, step, usual, withheld,
};

/// Everything that the sweep's plan asks for.
fn asked(cloud: &mut FakeCloud, spec: &StackSpec) -> Permission {
    planned(cloud, spec, &Limits::SWEEP).asks().into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: ProptestConfig::default().cases / 2, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn a_sweep_takes_away_nothing_that_works_whatever_is_declared(
        (old, new) in changes(), damages in damages(),
    ) {
        let mut cloud = made(&old);
        edit(&mut cloud, &old, |world| damages.iter().for_each(|it| damage(world, *it)));
        let before = all(&mut cloud, &new);
        let Ok(plan) = plan(&new, &before, &Limits::SWEEP) else { return Ok(()) };
        prop_assert!(plan.uses().is_empty() && plan.disruption() <= REPAIR, "{:?}", plan.uses());
        for gone in removals(&plan) {
            let is_repair = match gone {
                RemovalTarget::AclEntry { .. } => true,
                RemovalTarget::Route { table_id, destination } => {
                    let table = before.route_tables.iter().find(|it| it.id == *table_id).unwrap();
                    let route = table.routes.iter().find(|it| it.destination == *destination).unwrap();
                    matches!(&route.target, RouteTarget::Peering(id)
                        if before.peerings.iter().all(|it| it.id != *id || it.state == PeeringState::Gone))
                }
                _ => false,
            };
            prop_assert!(is_repair, "{:?}", gone);
        }
        for step in &plan.steps {
            let Change::Replace(_) = step.change else { continue };
            prop_assert!(before.nat_gateways.iter().any(|nat| nat.state == NatState::Failed));
        }
    }

    #[test]
    fn what_a_plan_asks_for_is_all_it_takes_and_half_of_it_does_just_that_half(
        (old, new) in changes(), half in any::<u64>(),
    ) {
        let mut cloud = made(&old);
        let asks = asked(&mut cloud, &new);
        let some: Permission = asks.asks().enumerate()
            .filter(|(n, _)| half >> (n % 64) & 1 == 1).map(|(_, ask)| ask.clone()).collect();
        let plan = permitted(&mut cloud, &new, &some);
        prop_assert!(plan.uses().iter().all(|ask| some.allows(ask)), "{:?}", plan.uses());
        apply(&mut cloud, &new, &plan);
        let mut whole = made(&old);
        for _ in 0..8 {
            let plan = permitted(&mut whole, &new, &asks);
            apply(&mut whole, &new, &plan);
            whole.advance(200_000);
        }
        converge(&mut cloud, &new, &ALL);
        prop_assert_eq!(shape(&all(&mut whole, &new)), shape(&all(&mut cloud, &new)));
    }
}

#[test]
fn a_peering_made_again_by_hand_has_another_id_and_no_permission() {
    let (mut cloud, _, mut pay) = linked();
    pay.links.clear();
    let asks = asked(&mut cloud, &pay);
    let id = all(&mut cloud, &pay).peerings[0].id.clone();
    assert_eq!(
        asks.asks().collect::<Vec<_>>(),
        [&Ask::Unpeer { id }],
        "one for the peering and all of its own"
    );
    let plan = permitted(&mut cloud, &pay, &asks);
    assert_eq!((removals(&plan).len(), plan.uses().len()), (10, 1));
    edit(&mut cloud, &pay, |world| {
        let again = "pcx-0000000000000beef".to_owned();
        let routes = world.route_tables.iter_mut().flat_map(|it| &mut it.routes);
        routes
            .filter(|it| matches!(it.target, RouteTarget::Peering(_)))
            .for_each(|it| it.target = RouteTarget::Peering(again.clone()));
        world.peerings[0].id = again;
    });
    let plan = permitted(&mut cloud, &pay, &asks);
    assert!(plan.steps.is_empty() && plan.withheld.len() == 10, "{:?}", addresses(&plan));
}

#[test]
fn half_a_view_asks_for_nothing_and_takes_nothing_away_with_any_permission() {
    let mut cloud = made(&full(&ZONES[..3], Nat::PerAz));
    let fewer = full(&ZONES[..2], Nat::PerAz);
    let asks = asked(&mut cloud, &fewer);
    let mut world = all(&mut cloud, &fewer);
    world.unseen.insert(phonehome_network::Kind::NatGateway);
    world.nat_gateways.clear();
    let plan = phonehome_planner::plan_permitted(&fewer, &world, &Limits::SWEEP, &asks).unwrap();
    let blind = |target: &&RemovalTarget| {
        matches!(target, RemovalTarget::Subnet { .. } | RemovalTarget::NatGateway { .. })
    };
    assert!(!removals(&plan).iter().any(blind), "{:?}", removals(&plan));
    let subnet = plan.withheld.iter().find(|it| it.address.to_string().starts_with("subnet/")).unwrap();
    assert!(subnet.asks.is_empty() && subnet.reason.to_string().contains("could be seen"), "{subnet:?}");
}

/// What was opened for a declared connection.
fn opened(spec: &StackSpec, port: u16) -> Vec<Rule> {
    let ports = Some((i32::from(port), i32::from(port)));
    let rule =
        |source: &ipnet::Ipv4Net| Rule { protocol: "tcp".into(), ports, peer: RulePeer::Cidr(*source) };
    spec.links[0].peer_subnets.iter().map(rule).collect()
}

#[test]
fn a_port_that_left_the_fleet_file_stays_open_until_that_is_accepted_and_one_opened_by_hand_does_not() {
    let (mut cloud, _, mut pay) = linked();
    let was_open = opened(&pay, 443);
    pay.history.opened.clone_from(&was_open);
    (pay.links[0].inbound, pay.history.was_as_declared) = (vec![80], false);
    let by_hand = Rule { ports: Some((22, 22)), ..was_open[0].clone() };
    edit(&mut cloud, &pay, |world| {
        let group = world.security_groups.iter_mut().find(|it| it.name == "phonehome-inbound").unwrap();
        group.ingress.push(by_hand.clone());
    });
    let undeclared = Address::undeclared_inbound_rules(&Address::inbound_security_group());
    let revoked = |plan: &phonehome_planner::Plan| match &step(plan, &undeclared).action {
        Action::RevokeRules { rules, .. } => rules.clone(),
        other => panic!("{other:?}"),
    };
    let plan = planned(&mut cloud, &pay, &Limits::SWEEP);
    assert_eq!(revoked(&plan), [by_hand]);
    assert_eq!(withheld(&plan), ["security-group/inbound/surplus-inbound-rules/undeclared"]);
    assert_eq!((plan.asks().len(), plan.uses().len()), (3, 0));
    assert!(was_open.iter().all(|rule| plan.located.opened.contains(rule)), "{:?}", plan.located);
    let asks: Permission = plan.asks().into_iter().collect();
    apply(&mut cloud, &pay, &plan);
    pay.history.opened = plan.located.opened;
    let plan = permitted(&mut cloud, &pay, &asks);
    assert_eq!((revoked(&plan).len(), plan.uses().len()), (3, 3));
    apply(&mut cloud, &pay, &plan);
    assert!(permitted(&mut cloud, &pay, &asks).is_converged());
    let rest = planned(&mut cloud, &pay, &Limits::SWEEP);
    assert!(rest.withheld.is_empty() && !rest.located.opened.contains(&was_open[0]), "{rest:?}");
}

#[test]
fn a_peer_of_which_nothing_is_known_keeps_what_was_opened_for_it() {
    let (mut cloud, _, mut pay) = linked();
    pay.history.opened = opened(&pay, 443);
    (pay.links[0].peer_subnets, pay.links[0].peer_vpc) = (vec![], None);
    let plan = planned(&mut cloud, &pay, &Limits::SWEEP);
    assert!(plan.steps.is_empty(), "{:?}", addresses(&plan));
}

#[test]
fn traffic_that_somebody_led_to_another_gateway_of_ours_is_led_back_and_a_declared_move_is_asked_for() {
    let mut spec = usual();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| {
        let (first, second) = (world.nat_gateways[0].id.clone(), world.nat_gateways[1].id.clone());
        let routes = world.route_tables.iter_mut().flat_map(|it| &mut it.routes);
        routes
            .filter(|it| it.target == RouteTarget::NatGateway(first.clone()))
            .for_each(|it| it.target = RouteTarget::NatGateway(second.clone()));
    });
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert!(plan.steps.is_empty() && plan.asks().len() == 1, "{plan:?}");
    let accepted: Permission = plan.asks().into_iter().collect();
    for allowed in [permitted(&mut cloud, &spec, &accepted), planned(&mut cloud, &spec, &ALL)] {
        assert_eq!(
            allowed.uses(),
            plan.asks().into_iter().collect(),
            "it is used up, however it was allowed"
        );
    }
    spec.history.was_as_declared = true;
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert!(plan.steps.len() == 1 && plan.uses().is_empty() && plan.disruption() == REPAIR, "{plan:?}");
}
