//! Two accounts that a declared connection joins.

use ipnet::Ipv4Net;
use phonehome_network::{Address, Inventory, PeeringState, RouteTarget, RulePeer, Tagged as _};
use serde_json::json;

use super::world::{FLEET, PAYMENTS_DEV, SHOP_DEV, World};

pub(super) const CONNECTIONS: &str =
    "connections:\n  - { from: shop, to: payments, ports: [443], check: { host: api.payments.internal } }\n";

pub(super) async fn joined() -> World {
    let mut world = World::new().await;
    world.account(PAYMENTS_DEV, "payments-dev", true, None);
    world.reconcile(SHOP_DEV).await;
    world.reconcile(PAYMENTS_DEV).await;
    world.drain().await;
    world
}

/// The destinations that the private tables lead to by way of a live peering.
pub(super) fn peered(seen: &Inventory) -> Vec<Ipv4Net> {
    let live = |id: &String| seen.peerings.iter().any(|it| it.id == *id && it.state == PeeringState::Active);
    let routes = seen.route_tables.iter().flat_map(|table| &table.routes);
    let mut found: Vec<Ipv4Net> = routes
        .filter(|route| matches!(&route.target, RouteTarget::Peering(id) if live(id)))
        .map(|route| route.destination)
        .collect();
    found.sort();
    found.dedup();
    found
}

pub(super) fn routes_to_peerings(seen: &Inventory) -> usize {
    let routes = seen.route_tables.iter().flat_map(|table| &table.routes);
    routes.filter(|route| matches!(route.target, RouteTarget::Peering(_))).count()
}

/// Who may open port 443 in the security group for declared connections.
pub(super) fn admitted(seen: &Inventory) -> Vec<Ipv4Net> {
    let group =
        seen.security_groups.iter().find(|it| it.address() == Some(Address::inbound_security_group()));
    let rules = group.iter().flat_map(|group| &group.ingress);
    let mut admitted: Vec<Ipv4Net> = rules
        .filter_map(|rule| match rule.peer {
            RulePeer::Cidr(cidr) if rule.ports == Some((443, 443)) => Some(cidr),
            _ => None,
        })
        .collect();
    admitted.sort();
    admitted
}

#[tokio::test]
async fn a_peer_that_does_not_exist_yet_keeps_nobody_from_being_ready() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    let status = world.status(SHOP_DEV).await;
    assert!(status.egress_ready && !status.connections_ready);
    assert!(status.message.contains("waits for the account at its other end"), "{}", status.message);
}

#[tokio::test]
async fn one_side_asks_the_other_accepts_and_both_lead_there() {
    let world = joined().await;
    let (shop, payments) = (world.truth(SHOP_DEV), world.truth(PAYMENTS_DEV));
    for account in [SHOP_DEV, PAYMENTS_DEV] {
        world.assert_ready(account).await;
        let status = world.status(account).await;
        assert!(status.connections_ready, "{account}: {}", status.message);
    }
    assert_eq!(peered(&shop), world.status(PAYMENTS_DEV).await.private_subnets);
    assert_eq!(peered(&payments), world.status(SHOP_DEV).await.private_subnets);
    assert_eq!(peered(&shop).len(), 2);
    assert_eq!(admitted(&payments), world.status(SHOP_DEV).await.private_subnets);
    assert!(admitted(&shop).is_empty(), "nobody may open a connection the other way");
    assert_eq!(shop.peerings.len(), 1, "asked for once");
    assert_eq!(world.notified_of("drift/").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_peer_that_comes_later_requeues_the_one_that_waits() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    world.account(PAYMENTS_DEV, "payments-dev", true, None);
    world.converge(PAYMENTS_DEV).await;
    for account in [SHOP_DEV, PAYMENTS_DEV] {
        world.assert_ready(account).await;
        assert!(world.status(account).await.connections_ready, "{account}");
    }
    assert_eq!(world.notified_of("drift/").await, Vec::<String>::new(), "nothing has drifted");
}

#[tokio::test]
async fn a_request_that_the_peer_did_not_see_when_it_was_woken_is_brought_to_mind_again() {
    let mut world = joined().await;
    let still_asked = |seen: &mut Inventory| seen.peerings[0].state = PeeringState::PendingAcceptance;
    world.edit(SHOP_DEV, still_asked);
    world.edit(PAYMENTS_DEV, still_asked);
    let before = world.queued().len();
    world.converge(SHOP_DEV).await;
    let woken: Vec<_> =
        world.queued()[before..].iter().map(|it| it["reconcile"]["account"].clone()).collect();
    assert!(woken.contains(&json!(PAYMENTS_DEV)), "{woken:?}");
    assert!(world.status(SHOP_DEV).await.connections_ready);
    assert_eq!(world.truth(SHOP_DEV).peerings[0].state, PeeringState::Active);
}

#[tokio::test]
async fn a_connection_that_leaves_the_fleet_file_is_gone_on_both_sides() {
    for first in [SHOP_DEV, PAYMENTS_DEV] {
        let mut world = joined().await;
        assert!(FLEET.contains(CONNECTIONS));
        let text = FLEET.replace(CONNECTIONS, "");
        let shown = world.shown(&text, &[SHOP_DEV, PAYMENTS_DEV]).await;
        world.publish_accepting(&text, shown).await;
        world.converge(first).await;
        world.send(json!({"sweep": {}})).await;
        world.drain().await;
        for account in [SHOP_DEV, PAYMENTS_DEV] {
            let seen = world.truth(account);
            world.assert_ready(account).await;
            assert_eq!(routes_to_peerings(&seen), 0, "{account} after {first}");
            assert_eq!(admitted(&seen), Vec::<Ipv4Net>::new(), "{account} after {first}");
            assert!(seen.peerings.iter().all(|it| it.state == PeeringState::Gone), "{account} after {first}");
        }
        assert_eq!(world.notified_of("drift/").await, Vec::<String>::new(), "{first} first");
    }
}
