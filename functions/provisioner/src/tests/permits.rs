//! What a fleet file that is published by mistake can do, and what one that was accepted may.

use phonehome_cloud::table::{Doc, Table};
use phonehome_network::{Ask, Inventory};
use phonehome_state::Phase;
use phonehome_state::{AcceptedStack, Hour, Keys, all};
use serde_json::json;

use super::links::{CONNECTIONS, admitted, joined, routes_to_peerings};
use super::world::{FLEET, PAYMENTS_DEV, SHOP_DEV, World};

fn cut_short() -> String {
    FLEET.replace(CONNECTIONS, "")
}

/// What works in an account's network.
fn working(seen: &Inventory) -> (usize, usize, usize, usize, usize) {
    let live = seen.peerings.iter().filter(|it| it.state == phonehome_network::PeeringState::Active).count();
    (live, routes_to_peerings(seen), admitted(seen).len(), seen.subnets.len(), seen.nat_gateways.len())
}

async fn sweep(world: &mut World) {
    world.wait().await;
    world.send(json!({"sweep": {}})).await;
    world.drain().await;
}

#[tokio::test]
async fn a_fleet_file_that_was_cut_short_takes_nothing_away_however_often_is_swept() {
    let mut world = joined().await;
    let before = [SHOP_DEV, PAYMENTS_DEV].map(|account| working(&world.truth(account)));
    // Half of the zones and all connections are gone, and NAT is another.
    let cut = cut_short()
        .replace(", use1-az2]", "]")
        .replace("pools: [nonprod] }", "pools: [nonprod], nat: none }");
    assert!(cut.contains("[use1-az1]") && cut.contains("nat: none"), "{cut}");
    world.publish(&cut).await;
    for _ in 0..3 {
        sweep(&mut world).await;
    }
    for (account, before) in [SHOP_DEV, PAYMENTS_DEV].into_iter().zip(before) {
        assert_eq!(working(&world.truth(account)), before, "{account}");
        let status = world.status(account).await;
        assert_eq!(status.phase, Phase::Ready, "{}", status.message);
        assert!(!status.withheld.is_empty());
    }
    assert!(all::<Hour>(world.table(), "removals").await.unwrap().is_empty());
}

#[tokio::test]
async fn what_was_accepted_for_one_account_serves_no_other_and_only_once() {
    let mut world = joined().await;
    let text = cut_short();
    let shown = world.shown(&text, &[SHOP_DEV]).await;
    let asks: Vec<&Ask> = shown[0].permission.asks().collect();
    assert!(matches!(asks.as_slice(), [Ask::Unpeer { .. }]), "{asks:?}");
    let misplaced = AcceptedStack {
        account: PAYMENTS_DEV.parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        ..shown[0].clone()
    };
    world.publish_accepting(&text, vec![misplaced]).await;
    sweep(&mut world).await;
    assert_eq!(working(&world.truth(SHOP_DEV)).0, 1, "it was accepted for somewhere else");
    world.publish_accepting(&text, shown).await;
    sweep(&mut world).await;
    for account in [SHOP_DEV, PAYMENTS_DEV] {
        let (live, routes, open, ..) = working(&world.truth(account));
        assert_eq!((live, routes, open), (0, 0, 0), "{account}");
    }
    // Somebody makes it again by hand, with a new id.
    let again = |seen: &mut Inventory| {
        seen.peerings[0].state = phonehome_network::PeeringState::Active;
        seen.peerings[0].id = "pcx-0000000000000beef".into();
    };
    world.edit(SHOP_DEV, again);
    sweep(&mut world).await;
    assert_eq!(working(&world.truth(SHOP_DEV)).0, 1, "nobody has accepted that");
    let hours = all::<Hour>(world.table(), "removals").await.unwrap();
    assert_eq!(hours.iter().map(|(_, hour)| hour.reserved).sum::<u32>(), 1);
}

#[tokio::test]
async fn a_roll_back_withdraws_what_was_accepted() {
    let mut world = joined().await;
    let shown = world.shown(&cut_short(), &[SHOP_DEV, PAYMENTS_DEV]).await;
    world.publish_accepting(&cut_short(), shown).await;
    world.publish(FLEET).await;
    sweep(&mut world).await;
    world.publish(&cut_short()).await;
    sweep(&mut world).await;
    assert_eq!(working(&world.truth(SHOP_DEV)).0, 1);
}

#[tokio::test]
async fn what_was_accepted_too_long_ago_is_not_done() {
    let mut world = joined().await;
    let shown = world.shown(&cut_short(), &[SHOP_DEV, PAYMENTS_DEV]).await;
    world.publish_accepting(&cut_short(), shown).await;
    let doc = world.table().get(&Keys::fleet()).await.unwrap().unwrap();
    let mut old: phonehome_state::PublishedFleet = doc.read().unwrap();
    old.accepted.until_ms = 1;
    let expect = phonehome_cloud::table::Expect::Version(doc.version);
    let write = phonehome_cloud::table::Write::put(Keys::fleet(), expect, &old);
    world.table().write(vec![write]).await.unwrap();
    sweep(&mut world).await;
    assert_eq!(working(&world.truth(SHOP_DEV)).0, 1);
}

#[tokio::test]
async fn beyond_the_hours_limit_nothing_goes_even_when_accepted_and_that_is_reported_once() {
    let mut world = joined().await;
    let text = cut_short().replace("quarantine_days: 7", "quarantine_days: 7, removals_per_hour: 0");
    let shown = world.shown(&text, &[SHOP_DEV, PAYMENTS_DEV]).await;
    world.publish_accepting(&text, shown).await;
    for _ in 0..2 {
        sweep(&mut world).await;
    }
    for account in [SHOP_DEV, PAYMENTS_DEV] {
        assert_eq!(working(&world.truth(account)).0, 1);
        let withheld = world.status(account).await.withheld;
        assert!(withheld.iter().any(|it| it.contains("removals_per_hour")), "{withheld:?}");
        assert_eq!(world.status(account).await.next_hour_ms, 0, "no hour will come that has any");
    }
    let notified =
        world.notified().await.into_iter().filter(|it| it.contains("removals in this hour")).count();
    let hours = all::<Hour>(world.table(), "removals").await.unwrap().len();
    assert_eq!(notified, hours, "once an hour");
    // With room for it the same permission is still there.
    let shown = world.shown(&cut_short(), &[SHOP_DEV, PAYMENTS_DEV]).await;
    world.publish_accepting(&cut_short(), shown).await;
    sweep(&mut world).await;
    assert_eq!(working(&world.truth(SHOP_DEV)).0, 0);
}

#[tokio::test]
async fn what_a_person_asks_for_over_the_queue_counts_in_the_hour_as_well() {
    let mut world = joined().await;
    world.publish(&cut_short()).await;
    world.wait().await;
    world.send(json!({"reconcile": {"account": SHOP_DEV, "limits": {"peerings": 1}}})).await;
    let queued = world.queued();
    let again = queued.iter().rfind(|it| it["reconcile"]["account"] == SHOP_DEV).unwrap();
    assert_eq!(again["reconcile"]["limits"]["peerings"], 0, "what was allowed was allowed once");
    world.drain().await;
    assert_eq!(working(&world.truth(SHOP_DEV)).0, 0);
    let hours: Vec<(Doc, Hour)> = all(world.table(), "removals").await.unwrap();
    assert_eq!(hours.iter().map(|(_, hour)| hour.reserved).sum::<u32>(), 1);
}

#[tokio::test]
async fn beyond_the_hours_limit_nothing_goes_that_a_person_asks_for_over_the_queue() {
    let no_more = ("quarantine_days: 7", "quarantine_days: 7, removals_per_hour: 0");
    let fewer = cut_short().replace(", use1-az2]", "]").replace(no_more.0, no_more.1);
    let one_way_out = FLEET.replace("pools: [nonprod] }", "pools: [nonprod], nat: single }");
    let one_way_out = one_way_out.replace(no_more.0, no_more.1);
    for (text, limits) in [
        (&fewer, json!({"peerings": 1})),
        (&fewer, json!({"deletions": 50})),
        (&one_way_out, json!({"disruption": "replaces"})),
    ] {
        let mut world = joined().await;
        let before = world.truth(SHOP_DEV);
        world.publish(text).await;
        world.wait().await;
        world.send(json!({"reconcile": {"account": SHOP_DEV, "limits": limits}})).await;
        world.drain().await;
        let after = world.truth(SHOP_DEV);
        assert_eq!(working(&after), working(&before), "{limits}");
        assert_eq!(after.route_tables, before.route_tables, "{limits}");
        let withheld = world.status(SHOP_DEV).await.withheld;
        assert!(withheld.iter().any(|it| it.contains("removals_per_hour")), "{limits}: {withheld:?}");
    }
}

#[tokio::test]
async fn a_fleet_file_that_cannot_be_read_is_the_last_one_that_can() {
    let mut world = joined().await;
    let doc = world.table().get(&Keys::fleet()).await.unwrap().unwrap();
    let expect = phonehome_cloud::table::Expect::Version(doc.version);
    let write = phonehome_cloud::table::Write::put(Keys::fleet(), expect, &json!({"text": 7}));
    world.table().write(vec![write]).await.unwrap();
    world.edit(SHOP_DEV, |seen| seen.subnets[0].public_ip_on_launch = true);
    sweep(&mut world).await;
    assert!(!world.truth(SHOP_DEV).subnets[0].public_ip_on_launch, "it goes on looking after the accounts");
    assert_eq!(world.letters(), Vec::<String>::new());
}
