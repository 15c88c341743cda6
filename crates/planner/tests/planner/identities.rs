//! What stands is known by ids: names of accounts change, and peers come and go.

use phonehome_fleet::Nat;
use phonehome_network::{PeeringState, Route, RouteTarget, Tags, Vpc};
use phonehome_planner::Disruption;
use phonehome_planner::{Action, Limits, PlanError, plan};

use crate::support::{
    ALL, ZONES, addresses, all, converge, edit, full, link, linked, made, peer, planned, removals, seen,
    spec, usual, withheld,
};

#[test]
fn a_peering_stays_what_the_other_account_is_called_and_whoever_would_ask_now() {
    let (mut cloud, shop, pay) = linked();
    let before = [&shop, &pay].map(|spec| all(&mut cloud, spec));
    for flipped in [false, true] {
        let (mut shop, mut pay) = (shop.clone(), pay.clone());
        for (spec, name) in [(&mut shop, "pay-production"), (&mut pay, "a-shop")] {
            spec.links[0].peer_name = name.to_owned();
            spec.links[0].requester ^= flipped;
        }
        for spec in [&shop, &pay] {
            let plan = planned(&mut cloud, spec, &ALL);
            assert!(plan.is_converged() && plan.connections_ready(), "{:?}", addresses(&plan));
        }
    }
    assert_eq!([&shop, &pay].map(|spec| all(&mut cloud, spec)), before);
}

#[test]
fn a_request_under_way_is_accepted_by_whom_it_was_made_to() {
    let (mut cloud, mut shop, mut pay) = linked();
    for spec in [&shop, &pay] {
        edit(&mut cloud, spec, |world| world.peerings[0].state = PeeringState::PendingAcceptance);
    }
    (shop.links[0].requester, pay.links[0].requester) = (false, true);
    let accepts = |it: &Action| matches!(it, Action::AcceptPeering { .. });
    let asked = planned(&mut cloud, &shop, &ALL);
    assert!(!asked.steps.iter().any(|it| accepts(&it.action)) && !asked.waits.is_empty(), "its own request");
    let accepted = planned(&mut cloud, &pay, &ALL);
    assert!(accepted.steps.iter().any(|it| accepts(&it.action)), "{:?}", addresses(&accepted));
}

#[test]
fn a_peer_of_which_nothing_is_known_loses_nothing() {
    let (mut cloud, shop, pay) = linked();
    for spec in [shop, pay] {
        for account in [None, spec.links[0].peer_account.clone()] {
            let mut spec = spec.clone();
            let link = &mut spec.links[0];
            if account.is_some() {
                link.peer_name = "renamed".to_owned();
            }
            (link.peer_account, link.peer_vpc) = (account.clone(), None);
            (link.peer_cidrs, link.peer_subnets) = (vec![], vec![]);
            let plan = planned(&mut cloud, &spec, &ALL);
            assert!(plan.steps.is_empty() && removals(&plan).is_empty(), "{:?}", addresses(&plan));
        }
    }
}

#[test]
fn what_has_the_same_addresses_is_not_connected_and_nothing_else_stops() {
    let mut shop = usual();
    let mut cloud = made(&shop);
    let pay = peer();
    converge(&mut cloud, &pay, &Limits::SWEEP);
    let vpc = all(&mut cloud, &pay).vpcs[0].id.clone();
    let twin = |name: &str, account: &str| {
        let mut link = link(&pay, Some(&vpc), true, &[443]);
        (link.peer_name, link.peer_account) = (name.to_owned(), Some(account.parse().unwrap()));
        link
    };
    // Its own addresses.
    let mut same = twin("same", "100000000001");
    same.peer_cidrs = vec!["10.0.0.0/16".parse().unwrap()];
    shop.links = vec![same];
    let plan = planned(&mut cloud, &shop, &Limits::SWEEP);
    assert!(plan.steps.is_empty() && !plan.connections_ready(), "{:?}", addresses(&plan));
    let reason = &plan.withheld[0].reason;
    assert!(
        reason.to_string().contains("10.0.0.0/16") && reason.to_string().contains("10.0.64.0/18"),
        "{reason}"
    );
    assert!(
        reason.to_string().contains("100000000001") && reason.to_string().contains(shop.account.as_str()),
        "{reason}"
    );
    // Those of another peer: the first is connected, both are named.
    shop.links = vec![twin("b", "100000000002"), twin("a", "100000000003")];
    let plan = planned(&mut cloud, &shop, &Limits::SWEEP);
    assert_eq!(withheld(&plan), ["peering/a"]);
    let reason = &plan.withheld[0].reason;
    assert!(
        reason.to_string().contains("100000000002") && reason.to_string().contains("100000000003"),
        "{reason}"
    );
    let asked = plan.steps.iter().filter(|it| matches!(it.action, Action::CreatePeering { .. })).count();
    assert_eq!(asked, 1, "{:?}", addresses(&plan));
}

#[test]
fn what_another_account_shares_is_neither_used_nor_touched() {
    let shop = usual();
    let mut cloud = made(&shop);
    let theirs = phonehome_planner::StackSpec { account: peer().account, ..usual() };
    converge(&mut cloud, &theirs, &Limits::SWEEP);
    let shared = all(&mut cloud, &theirs);
    let before = seen(&mut cloud, &shop);
    let mut with_shared = before.clone();
    with_shared.vpcs.extend(shared.vpcs.into_iter().map(|it| Vpc { tags: Tags::new(), ..it }));
    for subnet in shared.subnets {
        with_shared.subnets.push(phonehome_network::Subnet { tags: Tags::new(), ..subnet });
    }
    for table in shared.route_tables {
        with_shared.route_tables.push(phonehome_network::RouteTable { tags: Tags::new(), ..table });
    }
    let expected = plan(&shop, &before, &ALL).unwrap();
    assert_eq!(plan(&shop, &with_shared, &ALL).unwrap(), expected);
    // Nobody adopts another account's VPC.
    let id = with_shared.vpcs.last().unwrap().id.clone();
    with_shared.vpcs.retain(|vpc| vpc.id == id);
    with_shared.subnets.retain(|it| it.vpc_id == id);
    with_shared.route_tables.retain(|it| it.vpc_id == id);
    let adopting = phonehome_planner::StackSpec { adopt: Some(id), ..spec(&ZONES[..3], Nat::PerAz) };
    let refused = plan(&adopting, &with_shared, &ALL).expect_err("it is not there");
    assert!(matches!(&refused, PlanError::NothingToAdopt { there, .. } if there.is_empty()), "{refused}");
}

#[test]
fn in_an_adopted_network_nothing_behaves_otherwise_unasked() {
    let mut spec = full(&ZONES[..2], Nat::PerAz);
    let mut cloud = made(&spec);
    spec.adopt = Some(all(&mut cloud, &spec).vpcs[0].id.clone());
    converge(&mut cloud, &spec, &Limits::SWEEP);
    assert!(planned(&mut cloud, &spec, &Limits::ADOPTED).is_converged());
    edit(&mut cloud, &spec, |world| {
        (world.vpcs[0].dns_support, world.vpcs[0].dns_host_names) = (Some(false), Some(false));
        world.subnets.iter_mut().for_each(|it| it.public_ip_on_launch = true);
        for table in world.route_tables.iter_mut().filter(|it| !it.main) {
            table.routes.clear();
        }
    });
    let plan = planned(&mut cloud, &spec, &Limits::ADOPTED);
    assert!(plan.steps.is_empty(), "{:?}", addresses(&plan));
    assert_eq!(plan.withheld.len(), 2 + 4 + 3, "{:?}", withheld(&plan));
    assert!(plan.withheld.iter().all(|it| it.reason.to_string().contains("--allow-disruption")));
    let asked = Limits { disruption: Disruption::ChangesBehaviour, ..Limits::ADOPTED };
    assert_eq!(planned(&mut cloud, &spec, &asked).steps.len(), 9);
    // In a network of phonehome's own it is a repair.
    spec.adopt = None;
    assert_eq!(planned(&mut cloud, &spec, &Limits { disruption: Disruption::None, ..ALL }).withheld, vec![]);
}

#[test]
fn a_way_that_traffic_takes_today_is_not_cut_short_in_an_adopted_network_unasked() {
    let mut shop = spec(&ZONES[..3], Nat::PerAz);
    let mut cloud = made(&shop);
    shop.adopt = Some(all(&mut cloud, &shop).vpcs[0].id.clone());
    converge(&mut cloud, &shop, &Limits::SWEEP);
    let pay = peer();
    converge(&mut cloud, &pay, &Limits::SWEEP);
    let vpc = all(&mut cloud, &pay).vpcs[0].id.clone();
    shop.links = vec![link(&pay, Some(&vpc), true, &[])];
    edit(&mut cloud, &shop, |world| {
        let target = RouteTarget::Other("tgw-0123456789abcdef0".to_owned());
        for table in &mut world.route_tables {
            table.routes.push(Route { destination: "10.0.0.0/8".parse().unwrap(), target: target.clone() });
        }
    });
    let plan = planned(&mut cloud, &shop, &Limits::ADOPTED);
    let routes = plan.withheld.iter().filter(|it| it.address.to_string().contains("/route/")).count();
    assert_eq!(routes, 9, "{:?} {:?}", withheld(&plan), addresses(&plan));
}
