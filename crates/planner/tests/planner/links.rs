//! Declared connections to other accounts: peerings, routes, and what they may open.

use phonehome_fakecloud::FakeCloud;
use phonehome_network::{Address, PeeringState, RemovalTarget, RouteTarget, Rule, RulePeer};
use phonehome_planner::Disruption;
use phonehome_planner::{Action, Change, Limits, StackSpec};

use crate::support::{
    ALL, UNPEER, addresses, all, apply, converge, edit, link, linked, made, peer, planned, removals, step,
    usual, withheld,
};

fn vpc(cloud: &mut FakeCloud, spec: &StackSpec) -> String {
    all(cloud, spec).vpcs[0].id.clone()
}

fn peering_id(cloud: &mut FakeCloud, spec: &StackSpec) -> String {
    all(cloud, spec).peerings[0].id.clone()
}

#[test]
fn who_asks_waits_for_the_others_vpc_then_asks_and_waits_for_the_answer() {
    let mut shop = usual();
    let mut cloud = made(&shop);
    shop.links = vec![link(&peer(), None, true, &[])];
    let plan = planned(&mut cloud, &shop, &Limits::SWEEP);
    assert!(plan.steps.is_empty() && plan.waits[0].what.contains("pay-prod has no VPC yet"), "{plan:?}");
    assert!(plan.egress_ready() && !plan.connections_ready());

    let pay = peer();
    converge(&mut cloud, &pay, &Limits::SWEEP);
    shop.links = vec![link(&pay, Some(&vpc(&mut cloud, &pay)), true, &[])];
    let plan = planned(&mut cloud, &shop, &Limits::SWEEP);
    assert!(matches!(step(&plan, &Address::peering("pay-prod")).action, Action::CreatePeering { .. }));
    apply(&mut cloud, &shop, &plan);
    let plan = planned(&mut cloud, &shop, &Limits::SWEEP);
    assert!(plan.steps.is_empty() && plan.waits[0].what.contains("waits for pay-prod"), "{plan:?}");
}

#[test]
fn who_is_asked_waits_until_the_other_asks_and_accepts_in_the_same_plan_as_all_the_rest() {
    let (shop, mut pay) = (usual(), peer());
    let mut cloud = made(&pay);
    converge(&mut cloud, &shop, &Limits::SWEEP);
    let shop_vpc = vpc(&mut cloud, &shop);
    pay.links = vec![link(&shop, Some(&shop_vpc), false, &[443])];
    converge_but_waits(&mut cloud, &pay);
    let plan = planned(&mut cloud, &pay, &Limits::SWEEP);
    assert!(plan.waits[0].what.contains("shop-prod has not asked for the peering yet"), "{plan:?}");

    let mut asking = shop.clone();
    asking.links = vec![link(&pay, Some(&vpc(&mut cloud, &pay)), true, &[])];
    converge_but_waits(&mut cloud, &asking);
    let plan = planned(&mut cloud, &pay, &Limits::SWEEP);
    assert!(matches!(step(&plan, &Address::peering("shop-prod")).action, Action::AcceptPeering { .. }));
    let tags = step(&plan, &Address::tags(&Address::peering("shop-prod")));
    assert!(matches!(tags.change, Change::Adopt { .. }), "its tags are each account's own");
    apply(&mut cloud, &pay, &plan);
    for spec in [&asking, &pay] {
        let rest = planned(&mut cloud, spec, &Limits::SWEEP);
        assert!(rest.is_converged() && rest.connections_ready(), "{rest:?}");
    }
}

fn converge_but_waits(cloud: &mut FakeCloud, spec: &StackSpec) {
    let plan = planned(cloud, spec, &Limits::SWEEP);
    apply(cloud, spec, &plan);
    assert!(planned(cloud, spec, &Limits::SWEEP).steps.is_empty());
}

#[test]
fn a_request_from_another_account_or_another_vpc_is_not_accepted() {
    type Forge = fn(&mut phonehome_network::Peering);
    let forgeries: [Forge; 2] = [
        |it| it.requester.account = "999999999999".into(),
        |it| it.requester.vpc_id = "vpc-0000000000000dead".into(),
    ];
    for forge in forgeries {
        let (mut cloud, _, pay) = linked();
        edit(&mut cloud, &pay, |world| {
            world.peerings[0].state = PeeringState::PendingAcceptance;
            world.peerings[0].tags.clear();
            forge(&mut world.peerings[0]);
            world.route_tables.iter_mut().for_each(|it| {
                it.routes.retain(|route| !matches!(route.target, RouteTarget::Peering(_)));
            });
        });
        let plan = planned(&mut cloud, &pay, &Limits::SWEEP);
        assert!(plan.steps.is_empty(), "{:?}", addresses(&plan));
        assert!(plan.waits[0].what.contains("has not asked"));
        assert_eq!(plan.unmanaged.len(), 1, "it is named");
    }
}

#[test]
fn routes_are_in_private_tables_only_and_lead_to_private_subnets_only() {
    let (mut cloud, shop, pay) = linked();
    let world = all(&mut cloud, &shop);
    let id = RouteTarget::Peering(peering_id(&mut cloud, &shop));
    for table in &world.route_tables {
        let is_private = table.tags["phonehome:address"].starts_with("route-table/private/");
        let destinations: Vec<_> =
            table.routes.iter().filter(|it| it.target == id).map(|it| it.destination).collect();
        let wanted: Vec<_> = pay.zones.iter().map(|zone| zone.private).filter(|_| is_private).collect();
        assert_eq!(destinations, wanted, "{:?}", table.tags);
    }
}

fn inbound(cloud: &mut FakeCloud, spec: &StackSpec) -> Vec<Rule> {
    let groups = all(cloud, spec).security_groups;
    groups.into_iter().find(|it| it.name == "phonehome-inbound").unwrap().ingress
}

#[test]
fn the_inbound_group_opens_the_declared_ports_to_the_declared_subnets_and_nothing_else() {
    let (mut cloud, shop, pay) = linked();
    let rule = |zone: &phonehome_planner::ZoneSpec| Rule {
        protocol: "tcp".into(),
        ports: Some((443, 443)),
        peer: RulePeer::Cidr(zone.private),
    };
    let exact: Vec<Rule> = shop.zones.iter().map(rule).collect();
    assert_eq!(inbound(&mut cloud, &pay), exact);
    let ssh = Rule { ports: Some((22, 22)), ..exact[0].clone() };
    edit(&mut cloud, &pay, |world| {
        let group = world.security_groups.iter_mut().find(|it| it.name == "phonehome-inbound").unwrap();
        group.ingress = vec![ssh.clone(), exact[1].clone()];
    });
    let plan = planned(&mut cloud, &pay, &Limits::SWEEP);
    assert_eq!(plan.steps.len(), 2, "{:?}", addresses(&plan));
    apply(&mut cloud, &pay, &plan);
    let mut rules = inbound(&mut cloud, &pay);
    rules.sort();
    assert_eq!(rules, exact);
}

#[test]
fn somebody_elses_route_to_the_same_place_is_left_and_named() {
    let (mut cloud, shop, _) = linked();
    edit(&mut cloud, &shop, |world| {
        let routes = world.route_tables.iter_mut().flat_map(|it| &mut it.routes);
        let mut ours = routes.filter(|it| matches!(it.target, RouteTarget::Peering(_)));
        ours.next().unwrap().target = RouteTarget::Other("tgw-theirs".into());
    });
    let plan = planned(&mut cloud, &shop, &ALL);
    assert!(plan.steps.is_empty(), "{:?}", addresses(&plan));
    assert_eq!(plan.withheld.len(), 1);
    assert!(plan.withheld[0].reason.to_string().contains("tgw-theirs"), "{}", plan.withheld[0].reason);
    assert!(!plan.connections_ready());
}

#[test]
fn a_connection_that_is_no_longer_declared_loses_routes_then_rules_then_its_peering() {
    let (mut cloud, _, mut pay) = linked();
    pay.links.clear();
    let plan = planned(&mut cloud, &pay, &UNPEER);
    let peering = plan.steps.last().unwrap();
    assert_eq!(peering.address, Address::peering("shop-prod"));
    let kinds: Vec<_> =
        removals(&plan).into_iter().map(|it| matches!(it, RemovalTarget::Route { .. })).collect();
    assert_eq!(kinds, [vec![true; 9], vec![false]].concat());
    let rules = Address::undeclared_inbound_rules(&Address::inbound_security_group());
    assert_eq!(step(&plan, &rules).after.len(), 9, "after all routes");
    assert!(peering.after.contains(&rules) && peering.after.len() == 10, "{:?}", peering.after);
    apply(&mut cloud, &pay, &plan);
    assert!(inbound(&mut cloud, &pay).is_empty());
    assert!(planned(&mut cloud, &pay, &UNPEER).is_converged());
}

#[test]
fn a_peering_that_may_not_go_keeps_its_routes_and_rules() {
    let (mut cloud, _, mut pay) = linked();
    pay.links.clear();
    let before = inbound(&mut cloud, &pay);
    let plan = planned(&mut cloud, &pay, &Limits { peerings: 0, ..Limits::SWEEP });
    assert!(plan.steps.is_empty(), "{:?}", addresses(&plan));
    assert_eq!(plan.withheld.len(), 10);
    assert!(plan.withheld.iter().all(|it| it.reason.to_string().contains("--allow-unpeer")));
    assert_eq!(inbound(&mut cloud, &pay), before);
    assert!(plan.connections_ready(), "what is declared is there");
}

#[test]
fn no_more_peerings_go_in_one_plan_than_are_allowed_each_with_all_of_its_own() {
    let (mut cloud, _, mut pay) = linked();
    pay.links.clear();
    edit(&mut cloud, &pay, |world| {
        for number in 2..=5u8 {
            let mut further = world.peerings[0].clone();
            further.id = format!("pcx-0000000000000000{number}");
            further.tags.insert("phonehome:address".into(), format!("peering/other-{number}"));
            world.peerings.push(further);
        }
    });
    let plan = planned(&mut cloud, &pay, &UNPEER);
    let peerings = removals(&plan).into_iter().filter(|it| matches!(it, RemovalTarget::Peering { .. }));
    assert_eq!(peerings.count(), 3);
    assert_eq!(withheld(&plan).iter().filter(|it| !it.contains("route")).count(), 2);
    assert!(plan.withheld.iter().all(|it| it.reason.to_string().contains('3')), "{:?}", plan.withheld);
}

#[test]
fn routes_of_a_peering_that_is_gone_lead_to_the_new_one() {
    let (mut cloud, shop, pay) = linked();
    edit(&mut cloud, &shop, |world| world.peerings[0].state = PeeringState::Gone);
    edit(&mut cloud, &pay, |world| world.peerings[0].state = PeeringState::Gone);
    let plan = planned(&mut cloud, &shop, &Limits::SWEEP);
    assert!(matches!(plan.steps[0].action, Action::CreatePeering { .. }));
    assert_eq!(plan.steps.len(), 1 + 9);
    for route in &plan.steps[1..] {
        assert!(matches!(route.action, Action::ReplaceRoute { .. }));
        assert_eq!(route.disruption, Disruption::None, "nothing goes there any more");
        assert_eq!(route.after, [Address::peering("pay-prod")]);
    }
    apply(&mut cloud, &shop, &plan);
    for spec in [&pay, &shop] {
        let plan = planned(&mut cloud, spec, &Limits::SWEEP);
        apply(&mut cloud, spec, &plan);
        assert!(planned(&mut cloud, spec, &Limits::SWEEP).is_converged());
    }
}

#[test]
fn a_peer_that_got_another_vpc_gets_another_peering_and_the_old_one_goes_last() {
    let (mut cloud, mut shop, _) = linked();
    let old = peering_id(&mut cloud, &shop);
    let mut new = peer();
    new.cidr = "10.2.0.0/18".parse().unwrap();
    let subnet = |number: u8| format!("10.2.{number}.0/24").parse().unwrap();
    for (number, zone) in (0..).zip(&mut new.zones) {
        (zone.public, zone.private) = (subnet(2 * number), subnet(2 * number + 1));
    }
    edit(&mut cloud, &new, |world| *world = Default::default());
    converge(&mut cloud, &new, &Limits::SWEEP);
    let vpc = vpc(&mut cloud, &new);
    shop.links = vec![link(&peer(), Some(&vpc), true, &[])];
    let plan = planned(&mut cloud, &shop, &UNPEER);
    assert!(matches!(plan.steps[0].action, Action::CreatePeering { .. }));
    let replaced: Vec<_> =
        plan.steps.iter().filter(|it| matches!(it.action, Action::ReplaceRoute { .. })).collect();
    assert_eq!(replaced.len(), 9);
    assert!(replaced.iter().all(|it| it.disruption == Disruption::ResetsConnections));
    assert_eq!(removals(&plan), [&RemovalTarget::Peering { id: old }]);
    assert_eq!(plan.steps.last().unwrap().after.len(), 9, "after every route has left it");
}
