//! What was changed behind phonehome's back is changed back, and nothing beside it.

use phonehome_network::{Action, Address, Ref, RefTarget, RouteTarget, Tier};

use crate::support::{ZONES, addresses, mend, only_step, perfect, plain_spec, planned, shape};

#[test]
fn a_public_default_route_that_leads_elsewhere_is_led_back() {
    let spec = plain_spec();
    let mut world = perfect(&spec);
    world.route_tables[0].routes[0].target = RouteTarget::Other("eni-1".into());
    let step = only_step(&spec, &world);
    assert_eq!(step.address, Address::default_route(&Address::public_route_table()));
    let gateway = RefTarget::InternetGateway(Ref::Id(world.internet_gateways[0].id.clone()));
    assert!(matches!(step.action, Action::ReplaceRoute { target, .. } if target == gateway));
}

#[test]
fn an_opened_default_security_group_is_emptied() {
    let spec = plain_spec();
    for (ingress_rules, egress_rules) in [(1, 0), (0, 1), (2, 2)] {
        let mut world = perfect(&spec);
        (world.security_groups[0].ingress_rules, world.security_groups[0].egress_rules) =
            (ingress_rules, egress_rules);
        let step = only_step(&spec, &world);
        assert_eq!(step.action, Action::EmptyDefaultSecurityGroup { vpc: Ref::Id(world.vpcs[0].id.clone()) });
        mend(&spec, &mut world);
        assert_eq!(shape(&world), shape(&perfect(&spec)));
    }
}

#[test]
fn a_detached_internet_gateway_is_attached_again() {
    let spec = plain_spec();
    let mut world = perfect(&spec);
    world.internet_gateways[0].vpc_id = None;
    let step = only_step(&spec, &world);
    let gateway = Ref::Id(world.internet_gateways[0].id.clone());
    let vpc = Ref::Id(world.vpcs[0].id.clone());
    assert_eq!(step.action, Action::AttachInternetGateway { gateway, vpc });
}

#[test]
fn a_lost_association_is_made_again() {
    let spec = plain_spec();
    let mut world = perfect(&spec);
    world.route_tables[1].subnet_ids.clear();
    let step = only_step(&spec, &world);
    assert_eq!(step.address, Address::association(Tier::Private, ZONES[0]));
}

#[test]
fn a_lost_route_table_comes_back_with_its_route_and_association() {
    let spec = plain_spec();
    let mut world = perfect(&spec);
    world.route_tables.remove(1);
    let table = Address::private_route_table(ZONES[0]);
    let plan = planned(&spec, &world);
    let association = Address::association(Tier::Private, ZONES[0]);
    let route = Address::default_route(&table);
    assert_eq!(addresses(&plan), [&table.0, &route.0, &association.0]);
    assert!(plan.steps[1..].iter().all(|step| step.after == [table.clone()]));
}
