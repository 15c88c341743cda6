//! What is left where a peering ends, and what comes of one that AWS does not make.

use phonehome_fakecloud::FakeCloud;
use phonehome_network::{Address, PeeringState, RemovalTarget, Route, RouteTarget, Rule, RulePeer};
use phonehome_planner::Disruption;
use phonehome_planner::{Action, Limits, StackSpec};

use crate::support::{
    ALL, addresses, all, apply, converge, edit, link, linked, made, peer, planned, removals, step, usual,
    withheld,
};

fn routes_to_peerings(cloud: &mut FakeCloud, spec: &StackSpec) -> usize {
    let tables = all(cloud, spec).route_tables;
    let routes = tables.iter().flat_map(|it| &it.routes);
    routes.filter(|it| matches!(it.target, RouteTarget::Peering(_))).count()
}

#[test]
fn the_side_that_looks_second_removes_the_routes_that_lead_nowhere() {
    for is_listed in [true, false] {
        let (mut cloud, mut shop, mut pay) = linked();
        (shop.links, pay.links) = (vec![], vec![]);
        let plan = planned(&mut cloud, &pay, &ALL);
        apply(&mut cloud, &pay, &plan);
        assert_eq!(routes_to_peerings(&mut cloud, &shop), 9, "dead ones");
        if !is_listed {
            edit(&mut cloud, &shop, |world| world.peerings.clear());
        }
        let plan = planned(&mut cloud, &shop, &Limits { peerings: 0, ..Limits::SWEEP });
        assert_eq!(removals(&plan).len(), 9, "{:?}", addresses(&plan));
        assert_eq!(plan.disruption(), Disruption::None, "they carry nothing");
        apply(&mut cloud, &shop, &plan);
        assert_eq!(routes_to_peerings(&mut cloud, &shop), 0);
        assert!(planned(&mut cloud, &shop, &Limits::SWEEP).is_converged());
    }
}

#[test]
fn no_more_dead_routes_go_in_one_plan_than_are_allowed_and_none_of_an_unseen_peering() {
    let (mut cloud, mut shop, _) = linked();
    shop.links.clear();
    edit(&mut cloud, &shop, |world| world.peerings.clear());
    let plan = planned(&mut cloud, &shop, &Limits { dead_routes: 4, ..Limits::SWEEP });
    assert_eq!((removals(&plan).len(), withheld(&plan).len()), (4, 5));
    assert!(plan.withheld.iter().all(|it| it.reason.to_string().contains("--allow-delete")));
    assert!(removals(&planned(&mut cloud, &shop, &Limits::ADOPTED)).is_empty());
    let mut world = all(&mut cloud, &shop);
    world.unseen.insert(phonehome_network::Kind::Peering);
    let plan = phonehome_planner::plan(&shop, &world, &ALL).unwrap();
    assert!(plan.steps.is_empty() && plan.withheld.is_empty(), "{:?}", addresses(&plan));
}

#[test]
fn somebody_elses_live_peering_keeps_its_routes() {
    let (mut cloud, mut shop, _) = linked();
    shop.links.clear();
    edit(&mut cloud, &shop, |world| world.peerings[0].tags.clear());
    let plan = planned(&mut cloud, &shop, &ALL);
    assert!(removals(&plan).is_empty(), "{:?}", addresses(&plan));
}

#[test]
fn a_route_to_a_subnet_that_the_peer_no_longer_has_carries_nothing_and_goes() {
    let (mut cloud, mut shop, _) = linked();
    let gone = shop.links[0].peer_subnets.pop().unwrap();
    let plan = planned(&mut cloud, &shop, &Limits::SWEEP);
    let to_gone =
        |it: &&RemovalTarget| matches!(it, RemovalTarget::Route { destination, .. } if *destination == gone);
    assert_eq!(removals(&plan).iter().filter(|it| to_gone(it)).count(), 3);
    assert_eq!(plan.steps.len(), 3, "{:?}", addresses(&plan));
    assert!(plan.disruption() == Disruption::None && plan.uses().is_empty());
    let held = planned(&mut cloud, &shop, &Limits { dead_routes: 0, ..Limits::SWEEP });
    assert!(held.steps.is_empty() && held.withheld.len() == 3);
    assert!(held.withheld.iter().all(|it| it.reason.to_string().contains("--allow-delete")));
    // A peer whose subnets are not known has not lost them.
    shop.links[0].peer_subnets.clear();
    assert!(removals(&planned(&mut cloud, &shop, &ALL)).is_empty());
}

#[test]
fn the_inbound_group_lets_nothing_out_when_it_is_made_and_after_somebody_opened_it() {
    let (mut cloud, _, pay) = linked();
    let egress = |cloud: &mut FakeCloud| {
        let groups = all(cloud, &pay).security_groups;
        groups.into_iter().find(|it| it.name == "phonehome-inbound").unwrap().egress
    };
    assert!(egress(&mut cloud).is_empty());
    let out = Rule { protocol: "-1".into(), ports: None, peer: RulePeer::Cidr("0.0.0.0/0".parse().unwrap()) };
    edit(&mut cloud, &pay, |world| {
        let group = world.security_groups.iter_mut().find(|it| it.name == "phonehome-inbound").unwrap();
        group.egress.push(out);
    });
    let plan = planned(&mut cloud, &pay, &Limits::SWEEP);
    let at = Address::outbound_rules(&Address::inbound_security_group());
    assert_eq!(step(&plan, &at).disruption, Disruption::ResetsConnections);
    apply(&mut cloud, &pay, &plan);
    assert!(egress(&mut cloud).is_empty());
}

#[test]
fn a_peering_that_came_to_nothing_is_not_asked_for_again_while_aws_lists_it() {
    for state in [PeeringState::Failed, PeeringState::Rejected, PeeringState::Expired] {
        let mut shop = usual();
        let mut cloud = made(&shop);
        converge(&mut cloud, &peer(), &Limits::SWEEP);
        let vpc = all(&mut cloud, &peer()).vpcs[0].id.clone();
        shop.links = vec![link(&peer(), Some(&vpc), true, &[])];
        let plan = planned(&mut cloud, &shop, &Limits::SWEEP);
        apply(&mut cloud, &shop, &plan);
        edit(&mut cloud, &shop, |world| world.peerings[0].state = state);
        let plan = planned(&mut cloud, &shop, &Limits::SWEEP);
        assert!(!plan.steps.iter().any(|it| matches!(it.action, Action::CreatePeering { .. })), "{plan:#?}");
        assert!(plan.waits[0].what.contains("asked for again"), "{state:?}: {}", plan.waits[0].what);
        assert!(!plan.connections_ready());
        // Another VPC of the peer is another matter.
        let mut moved = shop.clone();
        moved.links[0].peer_vpc = Some("vpc-0000000000000beef".into());
        let plan = planned(&mut cloud, &moved, &Limits::SWEEP);
        assert!(matches!(step(&plan, &Address::peering("pay-prod")).action, Action::CreatePeering { .. }));
        edit(&mut cloud, &shop, |world| world.peerings.clear());
        let plan = planned(&mut cloud, &shop, &Limits::SWEEP);
        assert!(matches!(step(&plan, &Address::peering("pay-prod")).action, Action::CreatePeering { .. }));
    }
}

#[test]
fn rules_beyond_the_quota_are_withheld_and_the_others_are_made() {
    let (mut cloud, _, mut pay) = linked();
    pay.links[0].inbound = (1..=30).collect();
    pay.links[0].inbound.push(443);
    let plan = planned(&mut cloud, &pay, &Limits::SWEEP);
    let rules = |cloud: &mut FakeCloud| {
        let groups = all(cloud, &pay).security_groups;
        groups.into_iter().find(|it| it.name == "phonehome-inbound").unwrap().ingress.len()
    };
    assert_eq!(withheld(&plan), ["security-group/inbound/inbound-rules/beyond-quota"]);
    assert!(plan.withheld[0].reason.to_string().contains("60 inbound rules per security group"));
    assert!(!plan.connections_ready());
    apply(&mut cloud, &pay, &plan);
    assert_eq!(rules(&mut cloud), 60);
    let rest = planned(&mut cloud, &pay, &Limits::SWEEP);
    assert!(rest.steps.is_empty() && !rest.connections_ready(), "{:?}", addresses(&rest));
}

#[test]
fn routes_beyond_the_quota_of_a_table_are_withheld() {
    let (mut cloud, mut shop, _) = linked();
    edit(&mut cloud, &shop, |world| {
        let tables = world.route_tables.iter_mut();
        let mut private =
            tables.filter(|it| it.routes.iter().any(|it| matches!(it.target, RouteTarget::Peering(_))));
        let table = private.next().unwrap();
        for number in 0..=255u8 {
            for half in [0u8, 128] {
                let destination = format!("172.16.{number}.{half}/25").parse().unwrap();
                let target = RouteTarget::Other("tgw-theirs".into());
                table.routes.push(Route { destination, target });
            }
        }
        table.routes.truncate(498);
    });
    shop.links[0]
        .peer_subnets
        .extend(["10.9.0.0/24", "10.9.1.0/24"].map(|it| it.parse::<ipnet::Ipv4Net>().unwrap()));
    let plan = planned(&mut cloud, &shop, &Limits::SWEEP);
    assert_eq!(plan.steps.len(), 2 * 2 + 1, "{:?}", addresses(&plan));
    assert_eq!(plan.withheld.len(), 1);
    assert!(plan.withheld[0].reason.to_string().contains("500 routes per route table"));
    assert!(!plan.connections_ready());
    apply(&mut cloud, &shop, &plan);
    let full = all(&mut cloud, &shop).route_tables.iter().map(|it| it.routes.len()).max();
    assert_eq!(full, Some(499), "and the local one");
}
