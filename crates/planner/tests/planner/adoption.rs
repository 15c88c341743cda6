//! An existing VPC becomes a stack, and those who use it notice nothing.

use phonehome_fakecloud::FakeCloud;
use phonehome_fleet::Nat;
use phonehome_network::{
    Address, Association, Inventory, Route, RouteTarget, TAG_ADDRESS, TAG_ADOPTED, TAG_MANAGED_BY, Tags,
};
use phonehome_planner::Disruption;
use phonehome_planner::{
    Action, Change, Decommission, Limits, PlanError, StackSpec, plan, plan_decommission,
};

use crate::support::{
    ALL, ZONES, addresses, all, apply, cloud, count, edit, full, made, planned, seen, shape, spec, withheld,
};

/// A VPC that somebody made, just like this stack but without tags, which the spec adopts. It has an
/// open default group, and no more than AWS made beside.
fn existing(spec: &mut StackSpec) -> FakeCloud {
    let mut plain = spec.clone();
    (plain.features, plain.probe) = (Default::default(), None);
    let mut cloud = made(&plain);
    edit(&mut cloud, spec, |world| {
        world.vpcs[0].tags.clear();
        world.subnets.iter_mut().for_each(|it| it.tags.clear());
        world.internet_gateways[0].tags.clear();
        world.elastic_ips.iter_mut().for_each(|it| it.tags.clear());
        world.nat_gateways.iter_mut().for_each(|it| it.tags.clear());
        world.route_tables.iter_mut().for_each(|it| it.tags.clear());
    });
    spec.adopt = Some(all(&mut cloud, spec).vpcs[0].id.clone());
    cloud
}

fn adopting(nat: Nat) -> (StackSpec, FakeCloud) {
    let mut spec = full(&ZONES[..3], nat);
    let cloud = existing(&mut spec);
    (spec, cloud)
}

fn network_only(nat: Nat) -> (StackSpec, FakeCloud) {
    let mut spec = spec(&ZONES[..3], nat);
    let cloud = existing(&mut spec);
    (spec, cloud)
}

/// Applies what is allowed to an adopted stack; after it nothing is left that is.
fn adopt(spec: &StackSpec, cloud: &mut FakeCloud) {
    let plan = planned(cloud, spec, &Limits::ADOPTED);
    assert_eq!(plan.disruption(), Disruption::None);
    apply(cloud, spec, &plan);
    let rest = planned(cloud, spec, &Limits::ADOPTED);
    assert!(rest.is_converged(), "{:?}", addresses(&rest));
}

fn refused(spec: &StackSpec, cloud: &mut FakeCloud) -> PlanError {
    plan(spec, &seen(cloud, spec), &Limits::ADOPTED).expect_err("a refusal")
}

#[test]
fn a_vpc_that_fits_is_only_tagged() {
    for nat in [Nat::PerAz, Nat::Single, Nat::None] {
        let (spec, mut cloud) = network_only(nat);
        let untagged = all_tags(&all(&mut cloud, &spec)).filter(|tags| tags.is_empty()).count();
        let plan = planned(&mut cloud, &spec, &Limits::ADOPTED);
        let adopts = |step: &&phonehome_planner::Step| matches!(step.change, Change::Adopt { .. });
        assert_eq!(plan.steps.iter().filter(adopts).count(), plan.steps.len(), "{nat:?}: {plan:#?}");
        assert_eq!(count(&plan, |action| matches!(action, Action::Tag { .. })), plan.steps.len());
        assert!(plan.withheld.is_empty() && plan.unmanaged.is_empty());
        assert_eq!(plan.price.map(|it| it.before_cents), plan.price.map(|it| it.after_cents));
        adopt(&spec, &mut cloud);
        let mut world = all(&mut cloud, &spec);
        let mut new = all(&mut made(&spec_without_adoption(&spec)), &spec);
        assert_eq!(marked(&world), untagged, "what was there, so that it is never deleted");
        named_alike(&mut world);
        named_alike(&mut new);
        assert_eq!(shape(&world), shape(&new));
    }
}

fn spec_without_adoption(spec: &StackSpec) -> StackSpec {
    StackSpec { adopt: None, ..spec.clone() }
}

/// An adopted resource keeps the name it has, and is marked.
fn named_alike(world: &mut Inventory) {
    let plain = |tags: &mut Tags| tags.retain(|key, _| key != "Name" && key != TAG_ADOPTED);
    world.vpcs.iter_mut().for_each(|it| plain(&mut it.tags));
    world.subnets.iter_mut().for_each(|it| plain(&mut it.tags));
    world.internet_gateways.iter_mut().for_each(|it| plain(&mut it.tags));
    world.elastic_ips.iter_mut().for_each(|it| plain(&mut it.tags));
    world.nat_gateways.iter_mut().for_each(|it| plain(&mut it.tags));
    world.route_tables.iter_mut().for_each(|it| plain(&mut it.tags));
}

/// The tags of what a network without extras is made of, but for main route tables, which AWS makes.
fn all_tags(world: &Inventory) -> impl Iterator<Item = &Tags> {
    let tables = world.route_tables.iter().filter(|it| !it.main).map(|it| &it.tags);
    let parts = world.vpcs.iter().map(|it| &it.tags).chain(world.subnets.iter().map(|it| &it.tags));
    let ways = world.internet_gateways.iter().map(|it| &it.tags);
    let nats =
        world.nat_gateways.iter().map(|it| &it.tags).chain(world.elastic_ips.iter().map(|it| &it.tags));
    parts.chain(ways).chain(nats).chain(tables)
}

fn marked(world: &Inventory) -> usize {
    all_tags(world).filter(|tags| tags.get(TAG_ADOPTED).is_some_and(|it| it == "true")).count()
}

#[test]
fn what_was_adopted_is_not_deleted_even_with_permission() {
    let (spec, mut cloud) = network_only(Nat::PerAz);
    adopt(&spec, &mut cloud);
    let smaller = StackSpec { zones: spec.zones[..2].to_vec(), ..spec };
    let plan = planned(&mut cloud, &smaller, &ALL);
    assert_eq!(count(&plan, |action| matches!(action, Action::Remove(_))), 0, "{plan:#?}");
    let kept = plan.withheld.iter().filter(|it| it.reason.to_string().contains("adopted it")).count();
    assert!(kept > 0, "{:?}", plan.withheld);
}

#[test]
fn what_was_adopted_and_is_forgotten_carries_no_mark_of_it() {
    let (spec, mut cloud) = network_only(Nat::PerAz);
    adopt(&spec, &mut cloud);
    let plan = plan_decommission(&spec, &all(&mut cloud, &spec), &Limits::DECOMMISSION, Decommission::Forget)
        .unwrap();
    apply(&mut cloud, &spec, &plan);
    let world = all(&mut cloud, &spec);
    assert_eq!(marked(&world), 0);
    let is_ours = |tags: &Tags| tags.contains_key(TAG_ADDRESS) || tags.contains_key(TAG_MANAGED_BY);
    assert!(!all_tags(&world).any(is_ours), "{world:?}");
}

#[test]
fn what_users_would_notice_is_withheld_and_with_permission_done() {
    let (spec, mut cloud) = adopting(Nat::PerAz);
    let plan = planned(&mut cloud, &spec, &Limits::ADOPTED);
    let held = withheld(&plan);
    for address in [
        "security-group/default/inbound-rules",
        "security-group/default/outbound-rules",
        "network-acl/default/20",
        "network-acl/default/21",
        "endpoint/s3",
        "endpoint/dynamodb",
    ] {
        assert!(held.contains(&address.to_owned()), "{address}: {held:?}");
    }
    assert!(
        plan.withheld.iter().all(|it| it.reason.to_string().contains("--allow-disruption")
            || it.reason.to_string().contains("needs"))
    );
    adopt(&spec, &mut cloud);
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert!(plan.withheld.is_empty());
    apply(&mut cloud, &spec, &plan);
    assert!(planned(&mut cloud, &spec, &Limits::SWEEP).is_converged());
}

#[test]
fn what_would_let_in_more_is_not_made_without_what_closes() {
    let (spec, mut cloud) = adopting(Nat::PerAz);
    let plan = planned(&mut cloud, &spec, &Limits::ADOPTED);
    assert_eq!(count(&plan, |action| matches!(action, Action::CreateAclEntry { .. })), 0);
}

#[test]
fn subnets_with_other_addresses_are_recognised_by_zone_and_way_in() {
    let (mut spec, mut cloud) = network_only(Nat::PerAz);
    for (number, zone) in (0..).zip(&mut spec.zones) {
        let cidr = |part: u8| format!("10.0.{}.0/28", 120 + 2 * number + part).parse().unwrap();
        (zone.public, zone.private) = (cidr(0), cidr(1));
    }
    let plan = planned(&mut cloud, &spec, &Limits::ADOPTED);
    assert_eq!(count(&plan, |action| matches!(action, Action::CreateSubnet { .. })), 0);
    assert!(plan.withheld.is_empty(), "{:?}", plan.withheld);
    adopt(&spec, &mut cloud);
}

#[test]
fn a_missing_subnet_is_made_where_its_place_is_free() {
    let (spec, mut cloud) = network_only(Nat::None);
    edit(&mut cloud, &spec, |world| {
        let gone = world.subnets.pop().unwrap();
        world.route_tables.iter_mut().for_each(|it| it.associations.retain(|it| it.subnet_id != gone.id));
        world.route_tables.retain(|it| it.main || !it.associations.is_empty());
    });
    let plan = planned(&mut cloud, &spec, &Limits::ADOPTED);
    assert_eq!(count(&plan, |action| matches!(action, Action::CreateSubnet { .. })), 1);
    assert!(plan.withheld.is_empty());
    adopt(&spec, &mut cloud);
}

#[test]
fn a_missing_subnet_whose_place_is_taken_stops_the_plan_and_says_by_what() {
    let (spec, mut cloud) = network_only(Nat::None);
    edit(&mut cloud, &spec, |world| {
        let other = world.subnets.last_mut().unwrap();
        (other.id, other.az_id) = ("subnet-theirs".into(), ZONES[4].into());
    });
    let refused = refused(&spec, &mut cloud);
    assert!(matches!(&refused, PlanError::NoRoom { .. }), "{refused}");
    let text = refused.to_string();
    assert!(text.contains("subnet-theirs") && text.contains("subnet/private/use1-az3"), "{text}");
}

#[test]
fn a_subnet_that_lies_outside_the_vpc_stops_the_plan() {
    let (mut spec, mut cloud) = network_only(Nat::None);
    edit(&mut cloud, &spec, |world| drop(world.subnets.pop()));
    spec.zones[2].private = "10.200.0.0/24".parse().unwrap();
    let text = refused(&spec, &mut cloud).to_string();
    assert!(text.contains("outside the VPC's addresses"), "{text}");
}

#[test]
fn two_subnets_that_could_be_the_one_are_both_named() {
    let (mut spec, mut cloud) = network_only(Nat::None);
    let private = spec.zones[0].private;
    spec.zones[0].private = "10.0.127.0/28".parse().unwrap();
    edit(&mut cloud, &spec, |world| {
        let mut twin = world.subnets.iter().find(|it| it.cidr == private).unwrap().clone();
        (twin.id, twin.cidr) = ("subnet-twin".into(), "10.0.126.0/28".parse().unwrap());
        world.subnets.push(twin);
    });
    let refused = refused(&spec, &mut cloud);
    let PlanError::Candidates { address, ids } = &refused else { panic!("{refused}") };
    assert_eq!(address.to_string(), "subnet/private/use1-az1");
    assert_eq!(ids.len(), 2);
    assert!(refused.to_string().contains("phonehome:address=subnet/private/use1-az1"), "{refused}");
}

#[test]
fn a_vpc_that_is_not_there_stops_the_plan_and_says_which_are() {
    let mut spec = spec(&ZONES[..3], Nat::None);
    spec.adopt = Some("vpc-nowhere".into());
    let text = refused(&spec, &mut cloud()).to_string();
    assert!(text.contains("vpc-nowhere") && text.contains("there are: none"), "{text}");
}

/// All private subnets have one table that leads to one NAT gateway, as many VPCs have.
fn sharing(nat: Nat) -> (StackSpec, FakeCloud) {
    let (mut spec, mut cloud) = adopting(Nat::Single);
    spec.nat = nat;
    spec.zones.iter_mut().for_each(|zone| {
        zone.nat_az_id = match nat {
            Nat::PerAz => Some(zone.az_id.clone()),
            _ => zone.nat_az_id.take(),
        };
    });
    edit(&mut cloud, &spec, |world| {
        let privates: Vec<String> =
            world.route_tables.iter().filter(|it| leads_to_nat(it)).map(|it| it.id.clone()).collect();
        let mut moved: Vec<Association> = Vec::new();
        for table in world.route_tables.iter_mut().filter(|it| privates[1..].contains(&it.id)) {
            moved.append(&mut table.associations);
        }
        world.route_tables.retain(|it| !privates[1..].contains(&it.id));
        let shared = world.route_tables.iter_mut().find(|it| it.id == privates[0]).unwrap();
        shared.associations.append(&mut moved);
    });
    (spec, cloud)
}

fn leads_to_nat(table: &phonehome_network::RouteTable) -> bool {
    table.routes.iter().any(|route: &Route| matches!(route.target, RouteTarget::NatGateway(_)))
}

#[test]
fn for_a_shared_private_table_nothing_is_made_that_nothing_would_use() {
    for nat in [Nat::Single, Nat::PerAz] {
        let (spec, mut cloud) = sharing(nat);
        let plan = planned(&mut cloud, &spec, &Limits::ADOPTED);
        for (what, made) in [
            ("route tables", count(&plan, |it| matches!(it, Action::CreateRouteTable { .. }))),
            ("routes", count(&plan, |it| matches!(it, Action::CreateRoute { .. }))),
            ("NAT gateways", count(&plan, |it| matches!(it, Action::CreateNatGateway { .. }))),
            ("elastic IPs", count(&plan, |it| matches!(it, Action::AllocateElasticIp))),
            ("endpoints", count(&plan, |it| matches!(it, Action::CreateGatewayEndpoint { .. }))),
        ] {
            assert_eq!(made, 0, "{nat:?}: {what}");
        }
        let held = withheld(&plan);
        for az_id in &ZONES[..3] {
            let table = Address::private_route_table(az_id);
            assert!(held.contains(&table.to_string()), "{nat:?}: {held:?}");
            let route = plan.withheld.iter().find(|it| it.address == Address::default_route(&table));
            assert_eq!(
                route.unwrap().reason.to_string(),
                format!("needs {table}, which is withheld"),
                "{nat:?}"
            );
        }
        let price = plan.price.unwrap();
        assert_eq!(price.before_cents, price.after_cents, "nothing is bought");
        assert!(
            plan.unmanaged.iter().any(|it| it.what == "route table of 3 subnets"),
            "{:?}",
            plan.unmanaged
        );
        adopt(&spec, &mut cloud);
    }
}

#[test]
fn a_single_nat_gateway_is_taken_over_in_whatever_zone_it_is() {
    let (spec, mut cloud) = network_only(Nat::Single);
    edit(&mut cloud, &spec, |world| {
        let is_second = |it: &&phonehome_network::Subnet| it.cidr == spec.zones[1].public;
        let subnet = world.subnets.iter().find(is_second).unwrap().id.clone();
        world.nat_gateways[0].subnet_id = Some(subnet);
    });
    let plan = planned(&mut cloud, &spec, &Limits::ADOPTED);
    assert!(addresses(&plan).contains(&"nat-gateway/use1-az2/tags".to_owned()), "{:?}", addresses(&plan));
    assert_eq!(count(&plan, |action| matches!(action, Action::CreateNatGateway { .. })), 0);
    adopt(&spec, &mut cloud);
}

#[test]
fn with_permission_a_shared_private_table_is_left_for_one_in_each_zone() {
    let (spec, mut cloud) = sharing(Nat::Single);
    adopt(&spec, &mut cloud);
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert!(plan.withheld.is_empty(), "{:?}", plan.withheld);
    assert_eq!(count(&plan, |it| matches!(it, Action::ReplaceAssociation { .. })), 3);
    apply(&mut cloud, &spec, &plan);
    assert!(planned(&mut cloud, &spec, &Limits::SWEEP).is_converged());
}

#[test]
fn what_else_is_in_the_vpc_is_named_and_untouched() {
    let (spec, mut cloud) = network_only(Nat::PerAz);
    edit(&mut cloud, &spec, crate::support::add_unmanaged);
    let before = crate::support::unmanaged_in(&all(&mut cloud, &spec));
    let plan = planned(&mut cloud, &spec, &Limits::ADOPTED);
    let named: Vec<_> = plan.unmanaged.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(named, ["nat-theirs", "rtb-theirs", "subnet-theirs"]);
    adopt(&spec, &mut cloud);
    assert_eq!(crate::support::unmanaged_in(&all(&mut cloud, &spec)), before);
}
