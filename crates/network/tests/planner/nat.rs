//! The ways out: a NAT gateway in each zone, one for all, none.

use ipnet::Ipv4Net;
use phonehome_fleet::Nat;
use phonehome_network::{Action, Address, Inventory, NatState, Ref, RefTarget, RouteTarget, StackSpec, Step};

use crate::support::{ZONES, apply, count, mend, only_step, perfect, plain_spec, planned, shape, spec, step};

fn private_default_route(az_id: &str) -> Address {
    Address::default_route(&Address::private_route_table(az_id))
}

fn nat_of(step: &Step) -> &Ref {
    match &step.action {
        Action::CreateRoute { target: RefTarget::NatGateway(nat), .. } => nat,
        other => panic!("{other:?} leads to no NAT gateway"),
    }
}

fn fresh(nat: Nat) -> (StackSpec, phonehome_network::Plan) {
    let spec = spec(&ZONES[..3], nat, 1);
    let plan = planned(&spec, &Inventory::default());
    (spec, plan)
}

#[test]
fn with_one_in_each_zone_no_zone_depends_on_another() {
    let (_, plan) = fresh(Nat::PerAz);
    for az_id in &ZONES[..3] {
        let route = step(&plan, &private_default_route(az_id));
        assert_eq!(*nat_of(route), Ref::Output(Address::nat_gateway(az_id)));
    }
}

#[test]
fn a_single_one_has_one_elastic_ip_and_every_private_route_leads_to_it() {
    let (spec, plan) = fresh(Nat::Single);
    assert_eq!(count(&plan, |action| matches!(action, Action::AllocateElasticIp)), 1);
    assert_eq!(count(&plan, |action| matches!(action, Action::CreateNatGateway { .. })), 1);
    for zone in &spec.zones {
        let route = step(&plan, &private_default_route(&zone.az_id));
        assert_eq!(*nat_of(route), Ref::Output(Address::nat_gateway(ZONES[0])));
    }
}

#[test]
fn without_one_there_is_no_private_default_route() {
    let (_, plan) = fresh(Nat::None);
    assert_eq!(count(&plan, |action| matches!(action, Action::AllocateElasticIp)), 0);
    assert_eq!(count(&plan, |action| matches!(action, Action::CreateNatGateway { .. })), 0);
    let routes: Vec<_> =
        plan.steps.iter().filter(|step| matches!(step.action, Action::CreateRoute { .. })).collect();
    assert_eq!(routes.len(), 1);
    assert_eq!(routes[0].address, Address::default_route(&Address::public_route_table()));
}

#[test]
fn a_single_one_comes_back_where_it_was_and_with_the_same_public_address() {
    let mut world = perfect(&spec(&ZONES[1..3], Nat::Single, 1));
    let spec = spec(&ZONES[..3], Nat::Single, 1);
    world.nat_gateways[0].state = NatState::Gone;
    let made = planned(&spec, &world);
    let made = step(&made, &Address::nat_gateway(ZONES[1]));
    let Action::CreateNatGateway { allocation, .. } = &made.action else { panic!("{made:?}") };
    assert_eq!(*allocation, Ref::Id(world.elastic_ips[0].allocation_id.clone()));
}

#[test]
fn going_from_one_in_each_zone_to_a_single_one_redirects_routes_and_takes_nothing_away() {
    let mut world = perfect(&spec(&ZONES[..3], Nat::PerAz, 1));
    let spec = spec(&ZONES[..3], Nat::Single, 1);
    let plan = planned(&spec, &world);
    assert_eq!(count(&plan, |action| matches!(action, Action::ReplaceRoute { .. })), 2);
    assert_eq!(plan.steps.len(), 2);
    apply(&plan, &spec, &mut world);
    assert!(planned(&spec, &world).is_settled());
    assert_eq!(world.nat_gateways.len(), 3);
}

#[test]
fn a_pending_one_is_waited_for_and_only_the_way_out_needs_it() {
    let spec = plain_spec();
    let mut world = perfect(&spec);
    world.nat_gateways[1].state = NatState::Pending;
    let plan = planned(&spec, &world);
    assert!(plan.steps.is_empty() && !plan.is_settled());
    assert_eq!(plan.waits.len(), 1);
    assert_eq!(plan.waits[0].address, world.nat_gateways[1].address);
    assert_eq!(plan.waits[0].id, world.nat_gateways[1].id);
    assert!(plan.waits[0].egress_only);
}

#[test]
fn a_route_to_a_pending_one_is_made_already() {
    let spec = plain_spec();
    let mut world = perfect(&spec);
    world.nat_gateways[0].state = NatState::Pending;
    let nat = world.nat_gateways[0].id.clone();
    let table = Address::private_route_table(ZONES[0]);
    let mut tables = world.route_tables.iter_mut();
    tables.find(|seen| seen.address == table).unwrap().routes.clear();
    let plan = planned(&spec, &world);
    assert_eq!(*nat_of(step(&plan, &Address::default_route(&table))), Ref::Id(nat));
    assert_eq!((plan.steps.len(), plan.waits.len()), (1, 1));
}

#[test]
fn a_failed_one_is_made_again_on_its_elastic_ip_and_its_route_follows() {
    let spec = plain_spec();
    let mut world = perfect(&spec);
    world.nat_gateways[0].state = NatState::Gone;
    let plan = planned(&spec, &world);
    let found: Vec<_> = plan.steps.iter().map(|step| &step.action).collect();
    let Action::CreateNatGateway { allocation, .. } = found[0] else { panic!("{found:?}") };
    assert_eq!(*allocation, Ref::Id(world.elastic_ips[0].allocation_id.clone()));
    let expected = Action::ReplaceRoute {
        table: Ref::Id(world.route_tables[1].id.clone()),
        destination: Ipv4Net::default(),
        target: RefTarget::NatGateway(Ref::Output(Address::nat_gateway(ZONES[0]))),
    };
    assert_eq!(found[1..], [&expected]);
    mend(&spec, &mut world);
    assert_eq!(shape(&world), shape(&perfect(&spec)));
}

#[test]
fn a_private_route_that_leads_elsewhere_is_led_back() {
    let spec = plain_spec();
    let mut world = perfect(&spec);
    let (ours, other) = (world.nat_gateways[2].id.clone(), world.nat_gateways[0].id.clone());
    let wanted = RouteTarget::NatGateway(ours.clone());
    for wrong in [
        RouteTarget::NatGateway(other),
        RouteTarget::Other("tgw-1".into()),
        RouteTarget::InternetGateway(ours.clone()),
    ] {
        let routes = world.route_tables.iter_mut().flat_map(|table| &mut table.routes);
        let mut routes = routes.filter(|route| route.target == wanted);
        let before = wrong.to_string();
        routes.next().unwrap().target = wrong;
        drop(routes);
        let step = only_step(&spec, &world);
        assert_eq!(step.address, private_default_route(ZONES[2]));
        assert!(matches!(step.action, Action::ReplaceRoute { .. }));
        assert_eq!(step.change, phonehome_network::Change::Update { before, after: ours.clone() });
        mend(&spec, &mut world);
    }
}
