//! The ways out: a NAT gateway in each zone, one for all, a regional one, none.

use phonehome_fakecloud::FakeCloud;
use phonehome_fleet::Nat;
use phonehome_network::{Address, NatState, RemovalTarget, RouteTarget};
use phonehome_planner::Disruption;
use phonehome_planner::{
    Action, Decommission, Limits, Plan, Ref, RefTarget, StackSpec, Step, plan_decommission,
};

use crate::support::{
    ALL, ZONES, addresses, all, apply, converge, count, edit, fresh, made, permitted, plain, planned,
    removals, seen, shape, spec, step, withheld,
};

const MODES: [Nat; 4] = [Nat::PerAz, Nat::Single, Nat::Regional, Nat::None];

fn private_default_route(az_id: &str) -> Address {
    Address::default_route(&Address::private_route_table(az_id))
}

fn nat_of(step: &Step) -> &Ref {
    match &step.action {
        Action::CreateRoute { target: RefTarget::NatGateway(nat), .. } => nat,
        other => panic!("{other:?} leads to no NAT gateway"),
    }
}

fn of(nat: Nat) -> Plan {
    fresh(&spec(&ZONES[..3], nat))
}

#[test]
fn with_one_in_each_zone_no_zone_depends_on_another() {
    let plan = of(Nat::PerAz);
    for az_id in &ZONES[..3] {
        let route = step(&plan, &private_default_route(az_id));
        assert_eq!(*nat_of(route), Ref::Output(Address::nat_gateway(az_id)));
    }
}

#[test]
fn a_single_one_has_one_elastic_ip_and_every_private_route_leads_to_it() {
    let plan = of(Nat::Single);
    assert_eq!(count(&plan, |action| matches!(action, Action::AllocateElasticIp)), 1);
    assert_eq!(count(&plan, |action| matches!(action, Action::CreateNatGateway { .. })), 1);
    for az_id in &ZONES[..3] {
        let route = step(&plan, &private_default_route(az_id));
        assert_eq!(*nat_of(route), Ref::Output(Address::nat_gateway(ZONES[0])));
    }
}

#[test]
fn a_regional_one_needs_no_elastic_ip_and_no_subnet() {
    let plan = of(Nat::Regional);
    assert_eq!(count(&plan, |action| matches!(action, Action::AllocateElasticIp)), 0);
    let nat = step(&plan, &Address::regional_nat_gateway());
    assert!(matches!(nat.action, Action::CreateRegionalNatGateway { .. }));
    for az_id in &ZONES[..3] {
        assert_eq!(*nat_of(step(&plan, &private_default_route(az_id))), Ref::Output(nat.address.clone()));
    }
}

#[test]
fn without_one_there_is_no_private_default_route() {
    let plan = of(Nat::None);
    let routes: Vec<_> =
        plan.steps.iter().filter(|step| matches!(step.action, Action::CreateRoute { .. })).collect();
    assert_eq!(routes.len(), 1);
    assert_eq!(routes[0].address, Address::default_route(&Address::public_route_table()));
    assert_eq!(plan.price, None);
}

#[test]
fn each_mode_has_its_price_and_a_change_tells_the_difference() {
    let cents = |nat| of(nat).price.map(|price| (price.before_cents, price.after_cents));
    assert_eq!(cents(Nat::PerAz), Some((0, 10_800)));
    assert_eq!(cents(Nat::Single), Some((0, 3_600)));
    assert_eq!(cents(Nat::Regional), Some((0, 10_800)));
    let mut cloud = made(&spec(&ZONES[..3], Nat::PerAz));
    let single = spec(&ZONES[..3], Nat::Single);
    let mut between = |limits| {
        let price = planned(&mut cloud, &single, limits).price.unwrap();
        (price.before_cents, price.after_cents)
    };
    assert_eq!(between(&Limits::SWEEP), (10_800, 10_800), "what is withheld goes on costing");
    assert_eq!(between(&ALL), (10_800, 3_600));
}

#[test]
fn every_change_of_mode_waits_for_permission_redirects_first_and_takes_away_last() {
    for from in MODES {
        for to in MODES.into_iter().filter(|to| *to != from) {
            let (old, new) = (spec(&ZONES[..3], from), spec(&ZONES[..3], to));
            let mut cloud = made(&old);
            let nats = seen(&mut cloud, &old).nat_gateways.len();
            converge(&mut cloud, &new, &Limits::SWEEP);
            let held = planned(&mut cloud, &new, &Limits::SWEEP);
            let gone: Vec<_> = withheld(&held).into_iter().filter(|it| it.starts_with("nat-")).collect();
            let kept = seen(&mut cloud, &new).nat_gateways.len();
            assert!(nats == 0 || from == to || !gone.is_empty(), "{from:?} to {to:?}: {held:#?}");
            assert!(
                nats == 0 || kept == nats,
                "{from:?} to {to:?}: nothing is gone, nothing is there in vain"
            );
            assert!(seen(&mut cloud, &new).nat_gateways.iter().all(|nat| nat.state == NatState::Available));
            converge(&mut cloud, &new, &ALL);
            let mut world = all(&mut cloud, &new);
            world.network_interfaces.clear();
            assert_eq!(shape(&world), shape(&all(&mut made(&new), &new)), "{from:?} to {to:?}");
        }
    }
}

#[test]
fn one_plan_with_permission_leads_routes_away_before_it_deletes() {
    for to in [Nat::Single, Nat::Regional, Nat::None] {
        let mut cloud = made(&plain());
        let new = spec(&ZONES[..3], to);
        if to == Nat::Regional {
            let plan = planned(&mut cloud, &new, &ALL);
            apply(&mut cloud, &new, &plan);
            cloud.advance(200_000);
        }
        let plan = planned(&mut cloud, &new, &ALL);
        for nat in plan.steps.iter().filter(|it| it.address.to_string().starts_with("nat-gateway/use1-az")) {
            let address = nat.address.to_string();
            let route = step(&plan, &private_default_route(address.rsplit('/').next().unwrap()));
            assert!(nat.after.contains(&route.address), "{to:?}: {nat:?}");
            let ip = step(&plan, &Address::elastic_ip(address.rsplit('/').next().unwrap()));
            assert_eq!(ip.after, std::slice::from_ref(&nat.address));
        }
        assert!(removals(&plan).len() >= 4, "{to:?}: {:?}", addresses(&plan));
        apply(&mut cloud, &new, &plan);
        cloud.advance(200_000);
        assert!(planned(&mut cloud, &new, &ALL).is_converged());
    }
}

/// Every private subnet's traffic leaves through an available NAT gateway.
fn has_way_out(cloud: &mut FakeCloud, spec: &StackSpec) -> bool {
    let world = seen(cloud, spec);
    let available =
        |id: &str| world.nat_gateways.iter().any(|nat| nat.id == id && nat.state == NatState::Available);
    let private = world.route_tables.iter().filter(|table| {
        table.tags.get("phonehome:address").is_some_and(|it| it.starts_with("route-table/private/"))
    });
    private.flat_map(|table| &table.routes).all(|route| match &route.target {
        RouteTarget::NatGateway(id) => available(id),
        _ => false,
    })
}

#[test]
fn traffic_leaves_through_the_old_gateway_until_the_new_one_is_available() {
    let modes = [
        (Nat::Single, Nat::PerAz),
        (Nat::Single, Nat::Regional),
        (Nat::PerAz, Nat::Regional),
        (Nat::Regional, Nat::Single),
        (Nat::Regional, Nat::PerAz),
    ];
    for (from, to) in modes {
        for accepted in [true, false] {
            let (old, new) = (spec(&ZONES[..3], from), spec(&ZONES[..3], to));
            let mut cloud = made(&old);
            // Either by numbers, or by what a sweep's plan asks for.
            let asks = planned(&mut cloud, &new, &Limits::SWEEP).asks().into_iter().collect();
            let planned = |cloud: &mut FakeCloud| match accepted {
                true => permitted(cloud, &new, &asks),
                false => planned(cloud, &new, &ALL),
            };
            for round in 0..6 {
                let plan = planned(&mut cloud);
                if round == 0 {
                    assert!(removals(&plan).is_empty(), "{from:?} to {to:?}: {:?}", addresses(&plan));
                    assert!(
                        plan.waits.iter().any(|it| it.what.contains("goes on through nat-")),
                        "{plan:#?}"
                    );
                    assert!(!plan.egress_ready());
                }
                apply(&mut cloud, &new, &plan);
                assert!(has_way_out(&mut cloud, &new), "{from:?} to {to:?}, round {round}");
                cloud.advance(60_000);
                assert!(has_way_out(&mut cloud, &new), "{from:?} to {to:?}, round {round}");
            }
            assert!(planned(&mut cloud).is_converged(), "{from:?} to {to:?}");
        }
    }
}

#[test]
fn the_zone_of_the_shared_gateway_is_given_up_only_after_the_others_have_another_one() {
    let (old, new) = (spec(&ZONES[..3], Nat::Single), spec(&ZONES[1..3], Nat::Single));
    let mut cloud = made(&old);
    for _ in 0..6 {
        let plan = planned(&mut cloud, &new, &ALL);
        apply(&mut cloud, &new, &plan);
        assert!(has_way_out(&mut cloud, &new), "{plan:#?}");
        cloud.advance(60_000);
        assert!(has_way_out(&mut cloud, &new), "{plan:#?}");
    }
    assert!(planned(&mut cloud, &new, &ALL).is_converged());
    assert_eq!(all(&mut cloud, &new).subnets.len(), 4, "nothing of the zone is left");
}

#[test]
fn a_new_gateway_that_fails_costs_nobody_the_way_out() {
    let new = spec(&ZONES[..3], Nat::PerAz);
    let mut cloud = made(&spec(&ZONES[..3], Nat::Single));
    cloud.fail_next_nat_gateways(2);
    for _ in 0..3 {
        let plan = planned(&mut cloud, &new, &ALL);
        apply(&mut cloud, &new, &plan);
        cloud.advance(200_000);
        assert!(has_way_out(&mut cloud, &new), "{plan:#?}");
    }
    converge(&mut cloud, &new, &ALL);
    assert!(has_way_out(&mut cloud, &new));
}

#[test]
fn where_no_connection_may_be_reset_no_gateway_is_made_that_nothing_would_use() {
    let new = spec(&ZONES[..3], Nat::PerAz);
    let mut cloud = made(&spec(&ZONES[..3], Nat::Single));
    let plan = planned(&mut cloud, &new, &Limits { disruption: Disruption::None, ..ALL });
    assert!(plan.is_converged(), "{:?}", addresses(&plan));
    assert!(withheld(&plan).contains(&private_default_route(ZONES[1]).to_string()), "{plan:#?}");
}

#[test]
fn the_route_table_of_a_regional_gateway_is_neither_somebody_elses_nor_taken_over() {
    let new = spec(&ZONES[..3], Nat::Regional);
    let mut cloud = made(&new);
    let world = all(&mut cloud, &new);
    let id = world.nat_gateways[0].route_table_id.clone().expect("AWS makes one");
    let table = world.route_tables.iter().find(|it| it.id == id).expect("it is listed");
    assert!(table.tags.is_empty() && !table.main);
    let plan = planned(&mut cloud, &new, &ALL);
    assert!(plan.unmanaged.is_empty() && plan.is_converged(), "{plan:#?}");
    let world = all(&mut cloud, &new);
    let plan = plan_decommission(&new, &world, &Limits::DECOMMISSION, Decommission::Remove).unwrap();
    assert!(plan.withheld.is_empty(), "{:?}", plan.withheld);
    apply(&mut cloud, &new, &plan);
    assert!(all(&mut cloud, &new).route_tables.is_empty(), "it goes with its gateway");
}

#[test]
fn without_a_way_out_a_route_to_somebody_elses_gateway_stays() {
    let mut cloud = made(&plain());
    let none = spec(&ZONES[..3], Nat::None);
    edit(&mut cloud, &none, |world| {
        world.nat_gateways[0].tags.clear();
        world.elastic_ips[0].tags.clear();
    });
    let plan = planned(&mut cloud, &none, &ALL);
    let routes = removals(&plan).into_iter().filter(|it| matches!(it, RemovalTarget::Route { .. }));
    assert_eq!(routes.count(), 2, "{:?}", addresses(&plan));
}

#[test]
fn a_route_whose_removal_is_withheld_keeps_its_gateway() {
    let mut cloud = made(&plain());
    let none = spec(&ZONES[..3], Nat::None);
    let plan = planned(&mut cloud, &none, &Limits { deletions: 1, ..ALL });
    assert_eq!(removals(&plan).len(), 1);
    assert!(matches!(removals(&plan)[0], RemovalTarget::Route { .. }));
    for az_id in &ZONES[..3] {
        assert!(withheld(&plan).contains(&Address::nat_gateway(az_id).to_string()));
    }
    assert!(plan.withheld.iter().all(
        |it| it.reason.to_string().contains("--allow-delete") || it.reason.to_string().contains("needs ")
    ));
    assert!(plan.withheld.iter().all(|it| it.reason.to_string().contains("only 1 is allowed")
        || it.reason.to_string().contains("withheld")));
}

#[test]
fn a_single_one_comes_back_where_it_was_and_with_the_same_public_address() {
    let mut cloud = made(&spec(&ZONES[1..3], Nat::Single));
    let spec = spec(&ZONES[..3], Nat::Single);
    edit(&mut cloud, &spec, |world| {
        world.nat_gateways[0].state = NatState::Gone;
        world.elastic_ips[0].association_id = None;
    });
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    let Action::CreateNatGateway { allocation, .. } = &step(&plan, &Address::nat_gateway(ZONES[1])).action
    else {
        panic!("{plan:#?}")
    };
    assert_eq!(*allocation, Ref::Id(seen(&mut cloud, &spec).elastic_ips[0].allocation_id.clone()));
}

#[test]
fn a_single_one_stays_where_it_is_when_a_zone_comes_before_it_even_while_others_are_left() {
    let mut cloud = made(&spec(&ZONES[1..3], Nat::PerAz));
    converge(&mut cloud, &spec(&ZONES[1..3], Nat::Single), &Limits::SWEEP);
    let plan = planned(&mut cloud, &spec(&ZONES[..3], Nat::Single), &Limits::SWEEP);
    assert_eq!(count(&plan, |action| matches!(action, Action::CreateNatGateway { .. })), 0);
    assert_eq!(count(&plan, |action| matches!(action, Action::ReplaceRoute { .. })), 0);
}

#[test]
fn a_pending_one_is_waited_for_and_only_the_way_out_needs_it() {
    let spec = plain();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| world.nat_gateways[1].state = NatState::Pending);
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert!(plan.steps.is_empty() && !plan.is_converged());
    assert!(plan.network_ready() && !plan.egress_ready() && plan.connections_ready());
    assert_eq!(plan.waits[0].address, Address::nat_gateway(ZONES[1]));
}

#[test]
fn a_route_to_a_pending_one_is_made_already() {
    let spec = plain();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| {
        world.nat_gateways[0].state = NatState::Pending;
        let to_nat = |route: &phonehome_network::Route| route.target.to_string() == world.nat_gateways[0].id;
        world.route_tables.iter_mut().for_each(|table| table.routes.retain(|route| !to_nat(route)));
    });
    let nat = seen(&mut cloud, &spec).nat_gateways[0].id.clone();
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!(*nat_of(step(&plan, &private_default_route(ZONES[0]))), Ref::Id(nat));
    assert_eq!((plan.steps.len(), plan.waits.len()), (1, 1));
}

#[test]
fn traffic_is_led_to_another_one_when_that_one_is_available_whatever_is_pending_elsewhere() {
    for (pending, leads_there) in [(None, true), (Some(0), true), (Some(1), false)] {
        let spec = plain();
        let mut cloud = made(&spec);
        edit(&mut cloud, &spec, |world| {
            let elsewhere = RouteTarget::NatGateway(world.nat_gateways[0].id.clone());
            let here = RouteTarget::NatGateway(world.nat_gateways[1].id.clone());
            let routes = world.route_tables.iter_mut().flat_map(|table| &mut table.routes);
            routes.filter(|route| route.target == here).for_each(|route| route.target = elsewhere.clone());
            if let Some(at) = pending {
                world.nat_gateways[at].state = NatState::Pending;
            }
        });
        let (plan, address) = (planned(&mut cloud, &spec, &ALL), private_default_route(ZONES[1]));
        let is_led = plan.steps.iter().any(|step| step.address == address);
        let is_waited_for = plan.waits.iter().any(|wait| wait.address == address);
        assert_eq!((is_led, is_waited_for), (leads_there, !leads_there), "{pending:?}: {plan:#?}");
    }
}
