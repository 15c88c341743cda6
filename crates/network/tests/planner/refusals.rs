//! Where no step is safe, nothing is planned at all, and the refusal says what was seen.

use phonehome_network::{Address, Inventory, PlanError, StackSpec, Tier, plan};

use crate::support::{ZONES, perfect, plain_spec, planned};

/// What planning says to a perfect world in which `change` was done.
fn refusal(change: impl FnOnce(&mut Inventory)) -> PlanError {
    let spec = plain_spec();
    let mut world = perfect(&spec);
    change(&mut world);
    plan(&spec, &world).expect_err("a refusal")
}

fn assert_ambiguous(refusal: &PlanError, address: &Address, expected: [&str; 2]) {
    match refusal {
        PlanError::Ambiguous { address: found, ids } => {
            assert_eq!((found, ids.as_slice()), (address, expected.map(String::from).as_slice()));
        }
        other => panic!("{other}"),
    }
}

fn assert_immutable(refusal: &PlanError, address: &Address) {
    match refusal {
        PlanError::Immutable { address: found, .. } => assert_eq!(found, address, "{refusal}"),
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
    assert_ambiguous(&refusal(twin!(vpcs, id)), &Address::vpc(), ["another", "vpc-01"]);
    let refused = refusal(twin!(internet_gateways, id));
    assert_ambiguous(&refused, &Address::internet_gateway(), ["another", "igw-01"]);
    let refused = refusal(twin!(subnets, id));
    assert_ambiguous(&refused, &Address::subnet(Tier::Public, az), ["another", "subnet-01"]);
    let refused = refusal(twin!(elastic_ips, allocation_id));
    assert_ambiguous(&refused, &Address::elastic_ip(az), ["another", "eipalloc-01"]);
    let refused = refusal(twin!(nat_gateways, id));
    assert_ambiguous(&refused, &Address::nat_gateway(az), ["another", "nat-01"]);
    let refused = refusal(twin!(route_tables, id));
    assert_ambiguous(&refused, &Address::public_route_table(), ["another", "rtb-01"]);
    let refused = refusal(|world| {
        let mut twin = world.security_groups[1].clone();
        twin.id = "another".into();
        world.security_groups.push(twin);
    });
    assert_ambiguous(&refused, &Address::probe_security_group(), ["another", "sg-02"]);
}

#[test]
fn an_ambiguity_says_what_to_do() {
    let text = refusal(twin!(vpcs, id)).to_string();
    assert!(text.contains("another, vpc-01") && text.contains("remove the tag phonehome:address"), "{text}");
}

#[test]
fn a_vpc_or_subnet_with_other_addresses_is_not_replaced() {
    let other = "10.9.0.0/18".parse().unwrap();
    assert_immutable(&refusal(|world| world.vpcs[0].cidr = other), &Address::vpc());
    let subnet = Address::subnet(Tier::Private, ZONES[0]);
    assert_immutable(&refusal(|world| world.subnets[1].cidr = other), &subnet);
    let text = refusal(|world| world.vpcs[0].cidr = other).to_string();
    assert!(
        text.contains("10.9.0.0/18") && text.contains("10.0.64.0/18") && text.contains("vpc-01"),
        "{text}"
    );
}

#[test]
fn a_subnet_in_another_zone_is_not_replaced() {
    let refused = refusal(|world| world.subnets[0].az_id = ZONES[5].into());
    assert_immutable(&refused, &Address::subnet(Tier::Public, ZONES[0]));
}

#[test]
fn what_is_in_another_vpc_is_not_used() {
    let elsewhere = || "vpc-elsewhere".to_owned();
    let refused = refusal(|world| world.internet_gateways[0].vpc_id = Some(elsewhere()));
    assert_immutable(&refused, &Address::internet_gateway_attachment());
    let refused = refusal(|world| world.subnets[0].vpc_id = elsewhere());
    assert_immutable(&refused, &Address::subnet(Tier::Public, ZONES[0]));
    let refused = refusal(|world| world.route_tables[0].vpc_id = elsewhere());
    assert_immutable(&refused, &Address::public_route_table());
    let refused = refusal(|world| world.security_groups[1].vpc_id = elsewhere());
    assert_immutable(&refused, &Address::probe_security_group());
}

#[test]
fn a_nat_gateway_in_another_subnet_is_not_used() {
    let refused = refusal(|world| world.nat_gateways[0].subnet_id = world.subnets[1].id.clone());
    assert_immutable(&refused, &Address::nat_gateway(ZONES[0]));
}

#[test]
fn a_vpc_that_is_not_seen_although_its_subnets_are_is_not_made_a_second_time() {
    let refused = refusal(|world| {
        world.vpcs.clear();
        world.internet_gateways.clear();
    });
    assert_immutable(&refused, &Address::subnet(Tier::Public, ZONES[0]));
}

#[test]
fn resources_of_zones_that_are_no_longer_declared_are_left_alone() {
    let four = crate::support::spec(&ZONES[..4], phonehome_fleet::Nat::PerAz, 2);
    let three: StackSpec = plain_spec();
    assert!(planned(&three, &perfect(&four)).is_settled());
}
