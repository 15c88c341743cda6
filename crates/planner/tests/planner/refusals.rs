//! Where no step is safe, nothing is planned at all, and the refusal says what was seen.

use phonehome_network::{Address, Inventory, Tier};
use phonehome_planner::{Limits, PlanError, plan};

use crate::support::{ZONES, made, plain, seen, usual};

/// What planning says to a perfect world in which `change` was done.
fn refusal(change: impl FnOnce(&mut Inventory)) -> PlanError {
    let spec = usual();
    let mut world = seen(&mut made(&spec), &spec);
    change(&mut world);
    plan(&spec, &world, &Limits::SWEEP).expect_err("a refusal")
}

fn assert_ambiguous(refusal: &PlanError, address: &Address) {
    match refusal {
        PlanError::Ambiguous { address: found, ids } => {
            assert_eq!(**found, *address);
            assert!(ids.len() == 2 && ids[0] == "another", "{ids:?}");
        }
        other => panic!("{other}"),
    }
}

fn assert_immutable(refusal: &PlanError, address: &Address) {
    match refusal {
        PlanError::Immutable { address: found, .. } => assert_eq!(**found, *address, "{refusal}"),
        other => panic!("{other}"),
    }
}

/// A copy of the first one under another id.
macro_rules! twin {
    ($list:ident, $id:ident) => {
        |world: &mut Inventory| {
            let mut twin = world.$list[0].clone();
            twin.$id = "another".into();
            world.$list.insert(0, twin);
        }
    };
}

#[test]
fn two_resources_with_one_address_are_named_both() {
    let az = ZONES[0];
    assert_ambiguous(&refusal(twin!(vpcs, id)), &Address::vpc());
    assert_ambiguous(&refusal(twin!(internet_gateways, id)), &Address::internet_gateway());
    assert_ambiguous(&refusal(twin!(subnets, id)), &Address::subnet(Tier::Public, az));
    assert_ambiguous(&refusal(twin!(elastic_ips, allocation_id)), &Address::elastic_ip(az));
    assert_ambiguous(&refusal(twin!(nat_gateways, id)), &Address::nat_gateway(az));
    assert_ambiguous(&refusal(twin!(endpoints, id)), &Address::endpoint("s3"));
    assert_ambiguous(&refusal(twin!(flow_logs, id)), &Address::flow_log());
    let refused = refusal(|world| {
        let table = world.route_tables.iter().find(|it| !it.main).cloned();
        world
            .route_tables
            .extend(table.map(|it| phonehome_network::RouteTable { id: "another".into(), ..it }));
    });
    assert_ambiguous(&refused, &Address::public_route_table());
    let refused = refusal(|world| {
        let group = world.security_groups.iter().find(|it| it.name == "phonehome-probe").cloned();
        let twin = group.map(|it| phonehome_network::SecurityGroup { id: "another".into(), ..it });
        world.security_groups.extend(twin);
    });
    assert_ambiguous(&refused, &Address::probe_security_group());
}

#[test]
fn an_ambiguity_says_what_to_do() {
    let text = refusal(twin!(vpcs, id)).to_string();
    assert!(text.contains("another, vpc-") && text.contains("remove the tag phonehome:address"), "{text}");
}

#[test]
fn a_vpc_or_subnet_with_other_addresses_is_not_replaced() {
    let other = "10.9.0.0/18".parse().unwrap();
    let refused = refusal(|world| world.vpcs[0].cidrs = vec![other]);
    assert_immutable(&refused, &Address::vpc());
    let text = refused.to_string();
    assert!(
        text.contains("10.9.0.0/18") && text.contains("10.0.64.0/18") && text.contains("vpc-0"),
        "{text}"
    );
    let subnet = Address::subnet(Tier::Private, ZONES[0]);
    assert_immutable(&refusal(|world| world.subnets[1].cidr = other), &subnet);
}

#[test]
fn a_subnet_in_another_zone_is_not_replaced() {
    let refused = refusal(|world| world.subnets[0].az_id = ZONES[5].into());
    assert_immutable(&refused, &Address::subnet(Tier::Public, ZONES[0]));
}

#[test]
fn a_subnet_of_somebody_elses_in_the_place_of_ours_is_named() {
    let refused = refusal(|world| {
        world.subnets[1].tags.clear();
        (world.subnets[1].id, world.subnets[1].az_id) = ("subnet-theirs".into(), ZONES[4].into());
    });
    assert!(matches!(refused, PlanError::NoRoom { .. }) && refused.to_string().contains("subnet-theirs"));
}

#[test]
fn what_is_in_another_vpc_is_not_used() {
    let elsewhere = || "vpc-elsewhere".to_owned();
    let refused = refusal(|world| world.internet_gateways[0].vpc_id = Some(elsewhere()));
    assert_immutable(&refused, &Address::internet_gateway_attachment());
    let refused = refusal(|world| world.subnets[0].vpc_id = elsewhere());
    assert_immutable(&refused, &Address::subnet(Tier::Public, ZONES[0]));
    let refused = refusal(|world| {
        world.route_tables.iter_mut().filter(|it| !it.main).for_each(|it| it.vpc_id = elsewhere());
    });
    assert_immutable(&refused, &Address::public_route_table());
    let refused = refusal(|world| {
        world.security_groups.iter_mut().for_each(|it| it.vpc_id = elsewhere());
    });
    assert_immutable(&refused, &Address::probe_security_group());
}

#[test]
fn a_nat_gateway_in_another_subnet_is_not_used() {
    let refused = refusal(|world| world.nat_gateways[0].subnet_id = Some(world.subnets[1].id.clone()));
    assert_immutable(&refused, &Address::nat_gateway(ZONES[0]));
}

#[test]
fn a_vpc_that_is_not_seen_although_its_subnets_are_is_not_made_a_second_time() {
    let spec = plain();
    let mut world = seen(&mut made(&spec), &spec);
    world.vpcs.clear();
    world.internet_gateways.clear();
    let refused = plan(&spec, &world, &Limits::SWEEP).expect_err("a refusal");
    assert_immutable(&refused, &Address::subnet(Tier::Public, ZONES[0]));
}
