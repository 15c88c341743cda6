//! What was changed behind phonehome's back is changed back, and nothing beside it.

use phonehome_fakecloud::FakeCloud;
use phonehome_network::{AclEntry, Address, Inventory, NatState, RouteTarget, Rule, RulePeer, Tier};
use phonehome_planner::Disruption;
use phonehome_planner::{Action, Change, Limits, Ref, RefTarget, StackSpec, Step};

use crate::support::{
    ALL, ZONES, addresses, all, apply, cloud, converge, edit, made, only_step, open_entry, planned, seen,
    shape, step, usual, withheld,
};

/// What a sweep does about a change, after which the stack is as it was.
fn mended(change: impl FnOnce(&mut Inventory)) -> Step {
    let spec = usual();
    let mut cloud = made(&spec);
    let before = shape(&all(&mut cloud, &spec));
    edit(&mut cloud, &spec, change);
    let step = only_step(&mut cloud, &spec);
    assert_eq!(shape(&all(&mut cloud, &spec)), before);
    step
}

fn table<'a>(world: &'a mut Inventory, address: &Address) -> &'a mut phonehome_network::RouteTable {
    let mut tables = world.route_tables.iter_mut();
    tables.find(|it| it.tags["phonehome:address"] == address.to_string()).unwrap()
}

#[test]
fn a_deleted_default_route_is_made_again_and_disturbs_nobody() {
    for address in [Address::public_route_table(), Address::private_route_table(ZONES[1])] {
        let step = mended(|world| table(world, &address).routes.clear());
        assert_eq!((step.address, step.change), (Address::default_route(&address), Change::Create));
        assert_eq!(step.disruption, Disruption::None);
    }
}

#[test]
fn a_default_route_that_leads_elsewhere_is_led_back_and_that_breaks_what_goes_there() {
    for address in [Address::public_route_table(), Address::private_route_table(ZONES[1])] {
        let step =
            mended(|world| table(world, &address).routes[0].target = RouteTarget::Other("eni-1".into()));
        assert!(matches!(step.action, Action::ReplaceRoute { .. }));
        assert_eq!(step.disruption, Disruption::ResetsConnections);
    }
}

#[test]
fn a_removed_association_is_made_again() {
    let address = Address::private_route_table(ZONES[0]);
    let step = mended(|world| table(world, &address).associations.clear());
    assert_eq!(step.address, Address::association(Tier::Private, ZONES[0]));
    assert!(matches!(step.action, Action::AssociateRouteTable { .. }));
}

#[test]
fn an_association_with_an_unmanaged_table_is_replaced() {
    let spec = usual();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| {
        let ours = table(world, &Address::private_route_table(ZONES[0]));
        let mut theirs = ours.clone();
        ours.associations.clear();
        (theirs.id, theirs.tags) = ("rtb-0000000000000beef".into(), [].into());
        world.route_tables.push(theirs);
    });
    let step = only_step(&mut cloud, &spec);
    assert!(matches!(step.action, Action::ReplaceAssociation { .. }));
    assert_eq!(step.disruption, Disruption::ResetsConnections);
    let theirs = all(&mut cloud, &spec).route_tables.into_iter().find(|it| it.id.ends_with("beef")).unwrap();
    assert!(theirs.associations.is_empty() && theirs.tags.is_empty());
}

#[test]
fn a_lost_route_table_comes_back_with_all_that_hangs_on_it() {
    let spec = usual();
    let mut cloud = made(&spec);
    let before = shape(&all(&mut cloud, &spec));
    let table = Address::private_route_table(ZONES[0]);
    edit(&mut cloud, &spec, |world| {
        let gone = world
            .route_tables
            .iter()
            .position(|it| it.tags["phonehome:address"] == table.to_string())
            .unwrap();
        let gone = world.route_tables.remove(gone);
        world.endpoints.iter_mut().for_each(|it| it.route_table_ids.retain(|id| *id != gone.id));
    });
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    let association = Address::association(Tier::Private, ZONES[0]);
    let route = Address::default_route(&table);
    assert_eq!(
        addresses(&plan),
        [
            table.to_string(),
            route.to_string(),
            association.to_string(),
            "endpoint/s3".into(),
            "endpoint/dynamodb".into()
        ]
    );
    assert!(plan.steps[1..].iter().all(|step| step.after == [table.clone()]));
    apply(&mut cloud, &spec, &plan);
    assert_eq!(shape(&all(&mut cloud, &spec)), before);
}

#[test]
fn a_detached_internet_gateway_is_attached_again() {
    let step = mended(|world| world.internet_gateways[0].vpc_id = None);
    assert!(matches!(step.action, Action::AttachInternetGateway { .. }));
}

#[test]
fn where_another_internet_gateway_is_attached_it_is_named_and_nothing_is_built_on_it() {
    let spec = usual();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| {
        let mut theirs = world.internet_gateways[0].clone();
        (theirs.id, theirs.tags) = ("igw-theirs".into(), [].into());
        world.internet_gateways[0].vpc_id = None;
        world.internet_gateways.push(theirs);
        world.route_tables.iter_mut().for_each(|it| it.routes.clear());
    });
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!(withheld(&plan), ["internet-gateway/attachment", "route-table/public/default-route"]);
    assert!(plan.withheld[0].reason.to_string().contains("igw-theirs"), "{}", plan.withheld[0].reason);
    apply(&mut cloud, &spec, &plan);
}

#[test]
fn a_nat_gateway_deleted_by_hand_is_made_again_on_its_elastic_ip_and_its_route_follows() {
    let spec = usual();
    let mut cloud = made(&spec);
    let before = shape(&all(&mut cloud, &spec));
    edit(&mut cloud, &spec, |world| {
        world.nat_gateways[0].state = NatState::Gone;
        world.elastic_ips[0].association_id = None;
    });
    let world = seen(&mut cloud, &spec);
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    let actions: Vec<_> = plan.steps.iter().map(|step| &step.action).collect();
    let Action::CreateNatGateway { allocation, .. } = actions[0] else { panic!("{actions:?}") };
    assert_eq!(*allocation, Ref::Id(world.elastic_ips[0].allocation_id.clone()));
    let nat = RefTarget::NatGateway(Ref::Output(Address::nat_gateway(ZONES[0])));
    assert!(matches!(actions[1], Action::ReplaceRoute { target, .. } if *target == nat));
    assert_eq!((actions.len(), plan.disruption()), (2, Disruption::None), "nothing went there any more");
    apply(&mut cloud, &spec, &plan);
    assert_eq!(shape(&all(&mut cloud, &spec)), before);
}

#[test]
fn what_only_looks_like_phonehomes_is_not_taken_for_it() {
    let spec = usual();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| {
        crate::support::add_unmanaged(world);
        crate::support::add_lookalikes(world);
        world.nat_gateways[0].state = NatState::Gone;
        world.elastic_ips[0].association_id = None;
        world.endpoints.retain(|it| it.tags.get("phonehome:address").is_none_or(|it| it != "endpoint/s3"));
    });
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    let nat = &step(&plan, &Address::nat_gateway(ZONES[0])).action;
    assert!(matches!(nat, Action::CreateNatGateway { .. }));
    assert!(matches!(step(&plan, &Address::endpoint("s3")).action, Action::CreateGatewayEndpoint { .. }));
    for id in ["nat-also-theirs", "vpce-also-theirs"] {
        assert!(plan.unmanaged.iter().any(|it| it.id == id), "{:?}", plan.unmanaged);
    }
}

#[test]
fn a_nat_gateway_that_is_being_deleted_is_waited_for_as_it_keeps_its_elastic_ip() {
    let spec = usual();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| world.nat_gateways[0].state = NatState::Deleting);
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert!(plan.steps.is_empty(), "{:?}", addresses(&plan));
    assert_eq!(plan.waits.len(), 1);
    assert!(plan.network_ready() || !plan.egress_ready());
    assert!(plan.waits[0].what.contains("elastic IP"), "{}", plan.waits[0].what);
}

#[test]
fn an_elastic_ip_that_somebody_uses_for_something_else_is_left_to_them() {
    let spec = usual();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| {
        world.nat_gateways[0].state = NatState::Gone;
        world.elastic_ips[0].association_id = Some("eipassoc-theirs".into());
    });
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert!(plan.steps.is_empty(), "{:?}", addresses(&plan));
    let nat = Address::nat_gateway(ZONES[0]).to_string();
    let route = Address::default_route(&Address::private_route_table(ZONES[0])).to_string();
    assert_eq!(withheld(&plan), [nat, route]);
    assert!(plan.withheld[0].reason.to_string().contains("eipassoc-theirs"));
}

#[test]
fn a_failed_nat_gateway_is_replaced_and_only_with_permission() {
    let spec = usual();
    let mut cloud = cloud();
    cloud.options_mut().nat_pending_ms = 100_000;
    cloud.fail_next_nat_gateways(1);
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    apply(&mut cloud, &spec, &plan);
    cloud.advance(100_000);
    let held = planned(&mut cloud, &spec, &Limits::NONE);
    let nat = Address::nat_gateway(ZONES[0]);
    let route = Address::default_route(&Address::private_route_table(ZONES[0]));
    assert_eq!(withheld(&held), [nat.to_string(), route.to_string()]);
    assert!(held.steps.is_empty() && held.withheld[0].reason.to_string().contains("--allow-replace"));
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert!(matches!(step(&plan, &nat).change, Change::Replace(_)));
    assert_eq!((plan.steps.len(), plan.disruption()), (2, Disruption::None), "it carries nothing");
    converge(&mut cloud, &spec, &Limits::SWEEP);
}

#[test]
fn an_opened_default_security_group_is_emptied_of_just_what_is_in_it() {
    let peer = RulePeer::Cidr("0.0.0.0/0".parse().unwrap());
    let ssh = Rule { protocol: "tcp".into(), ports: Some((22, 22)), peer };
    let itself = Rule { protocol: "-1".into(), ports: None, peer: RulePeer::Itself };
    let rules = vec![itself, ssh];
    for ingress in [true, false] {
        let step = mended(|world| {
            let group = world.security_groups.iter_mut().find(|it| it.name == "default").unwrap();
            if ingress { group.ingress.clone_from(&rules) } else { group.egress.clone_from(&rules) }
        });
        assert_eq!(step.disruption, Disruption::ResetsConnections);
        let Action::RevokeRules { rules: revoked, .. } = step.action else { panic!("{step:?}") };
        assert_eq!(revoked.len(), 2);
    }
}

fn acl(world: &mut Inventory) -> &mut Vec<AclEntry> {
    &mut world.network_acls[0].entries
}

#[test]
fn entries_of_the_network_acl_that_are_missing_or_changed_are_put_right() {
    let step = mended(|world| acl(world).retain(|it| it.number != 10));
    assert!(matches!(step.action, Action::CreateAclEntry { .. }));
    assert_eq!(step.disruption, Disruption::None, "it lets in what was let in before");
    let step = mended(|world| acl(world).retain(|it| it.number != 21));
    assert_eq!(step.disruption, Disruption::ResetsConnections);
    let step = mended(|world| {
        acl(world).iter_mut().filter(|it| it.number == 20).for_each(|it| it.allow = true);
    });
    assert!(matches!(step.action, Action::ReplaceAclEntry { .. }));
}

#[test]
fn private_addresses_are_never_shut_out_on_the_way() {
    let spec = usual();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| acl(world).retain(|it| it.number >= 100));
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!(plan.steps.len(), 5);
    let address = Address::default_network_acl();
    let letting_in = [10, 11, 12].map(|number| Address::acl_entry(&address, number));
    for number in [20, 21] {
        assert_eq!(step(&plan, &Address::acl_entry(&address, number)).after, letting_in);
    }
}

#[test]
fn entries_that_open_administration_before_it_is_closed_go_in_a_sweep_and_ipv6_ones_too() {
    let spec = usual();
    let mut cloud = made(&spec);
    let before = shape(&all(&mut cloud, &spec));
    edit(&mut cloud, &spec, |world| {
        acl(world).push(open_entry(5));
        acl(world).push(AclEntry { cidr: None, ..open_entry(6) });
    });
    for limits in [Limits::ADOPTED, Limits { closings: 0, ..Limits::SWEEP }] {
        let plan = planned(&mut cloud, &spec, &limits);
        assert!(plan.steps.is_empty(), "{:?}", addresses(&plan));
        assert_eq!(withheld(&plan), ["network-acl/default/5", "network-acl/default/6"]);
        assert!(plan.withheld[0].reason.to_string().contains("--allow-delete"));
    }
    let plan = planned(&mut cloud, &spec, &Limits { closings: 1, ..Limits::SWEEP });
    assert_eq!((addresses(&plan).len(), withheld(&plan).len()), (1, 1));
    converge(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!(shape(&all(&mut cloud, &spec)), before);
}

#[test]
fn entries_that_open_nothing_closed_are_somebody_elses() {
    let spec = usual();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| {
        let private = Some("10.0.0.0/8".parse().unwrap());
        acl(world).push(AclEntry { cidr: private, ..open_entry(5) });
        acl(world).push(AclEntry { protocol: "6".into(), ports: Some((443, 443)), ..open_entry(6) });
        acl(world).push(AclEntry { egress: true, ..open_entry(7) });
        acl(world).push(open_entry(50));
    });
    let plan = planned(&mut cloud, &spec, &ALL);
    assert!(plan.is_converged() && plan.withheld.is_empty(), "{plan:?}");
}

#[test]
fn a_subnet_that_gives_public_addresses_stops_doing_so() {
    let step = mended(|world| world.subnets[0].public_ip_on_launch = true);
    assert!(matches!(step.action, Action::DisablePublicIpOnLaunch { .. }));
}

#[test]
fn dns_that_was_switched_off_is_switched_on() {
    let step = mended(|world| world.vpcs[0].dns_support = Some(false));
    assert!(matches!(step.action, Action::EnableDnsSupport { .. }));
    let step = mended(|world| world.vpcs[0].dns_host_names = Some(false));
    assert!(matches!(step.action, Action::EnableDnsHostNames { .. }));
}

fn two_at_once() -> (StackSpec, FakeCloud) {
    let spec = usual();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| {
        world.subnets[0].public_ip_on_launch = true;
        world.vpcs[0].dns_support = Some(false);
    });
    (spec, cloud)
}

#[test]
fn several_things_at_once_are_put_right_by_one_plan() {
    let (spec, mut cloud) = two_at_once();
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!(plan.steps.len(), 2);
    apply(&mut cloud, &spec, &plan);
    assert!(planned(&mut cloud, &spec, &Limits::SWEEP).is_converged());
}
