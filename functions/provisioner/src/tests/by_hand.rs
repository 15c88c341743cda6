//! Every change by hand is reported once, with who made it, whenever it and its event come.

use phonehome_cloud::{SystemClock, WallClock as _};
use std::collections::BTreeMap;

use phonehome_alerting::OutgoingBody;
use phonehome_network::{Inventory, Tagged as _};
use phonehome_state::{Keys, Outboxed, all};
use serde_json::{Value, json};

use super::world::{SHOP_DEV, World, sample};

pub(super) const TABLES: [&str; 2] = ["route-table/private/use1-az1", "route-table/private/use1-az2"];

pub(super) async fn converged() -> World {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    world.wait().await;
    world
}

/// Deletes the default route of a table, if it has one; returns the table's id.
pub(super) fn delete_route(world: &World, address: &str) -> Option<String> {
    let mut id = None;
    world.edit(SHOP_DEV, |seen: &mut Inventory| {
        let table =
            seen.route_tables.iter_mut().find(|it| it.address().is_some_and(|it| it.to_string() == address));
        let table = table.unwrap();
        if !table.routes.is_empty() {
            table.routes.clear();
            id = Some(table.id.clone());
        }
    });
    id
}

/// CloudTrail's event of a route that `who` deleted at this time.
pub(super) fn event(table: &str, who: &str, at_ms: u64) -> Value {
    let mut event = sample("ec2-delete-route");
    event["detail"]["requestParameters"]["routeTableId"] = json!(table);
    let at = jiff::Timestamp::from_millisecond(i64::try_from(at_ms).unwrap()).unwrap();
    event["detail"]["eventTime"] = json!(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let arn = format!("arn:aws:sts::{SHOP_DEV}:assumed-role/Admin/{who}");
    event["detail"]["userIdentity"]["arn"] = json!(arn);
    event
}

/// The newest message of each incident of drift, and how often each was posted anew.
async fn messages(world: &World) -> BTreeMap<String, (String, usize)> {
    let mut messages: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for (_, it) in all::<Outboxed>(world.table(), Keys::OUTBOX).await.unwrap() {
        let OutgoingBody::Slack { blocks, thread_text, .. } = &it.outgoing.body else { continue };
        if it.outgoing.incident_id.starts_with("drift/") {
            let message = messages.entry(it.outgoing.incident_id.clone()).or_default();
            message.0 = blocks.to_string();
            message.1 += usize::from(thread_text.is_none());
        }
    }
    messages
}

/// How often something stands in the newest messages.
async fn times(world: &World, part: &str) -> usize {
    messages(world).await.values().map(|(text, _)| text.matches(part).count()).sum()
}

#[tokio::test]
async fn a_second_change_while_the_first_one_converges_is_reported_too_with_its_own_name() {
    for second in TABLES {
        let mut world = converged().await;
        let table = delete_route(&world, TABLES[0]).unwrap();
        world.send(event(&table, "alice", SystemClock.now_ms())).await;
        // The stack is left alone now, and somebody changes it again; perhaps the very same.
        let table = delete_route(&world, second).unwrap();
        world.send(event(&table, "bob", SystemClock.now_ms() + 1000)).await;
        world.drain().await;
        world.converge(SHOP_DEV).await;
        assert_eq!(messages(&world).await.len(), 2, "{second}");
        assert_eq!(
            (times(&world, "Admin/alice").await, times(&world, "Admin/bob").await),
            (1, 1),
            "{second}"
        );
        assert_eq!(times(&world, "not repaired yet").await, 0);
    }
}

#[tokio::test]
async fn of_two_peoples_changes_to_one_thing_both_are_named() {
    let mut world = converged().await;
    let table = delete_route(&world, TABLES[0]).unwrap();
    world.table_leased(SHOP_DEV).await;
    world.send(event(&table, "alice", SystemClock.now_ms())).await;
    world.send(event(&table, "bob", SystemClock.now_ms())).await;
    world.wait().await;
    world.drain().await;
    let messages = messages(&world).await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!((times(&world, "Admin/alice").await, times(&world, "Admin/bob").await), (1, 1));
}

#[tokio::test]
async fn an_event_that_comes_after_the_repair_completes_the_message() {
    let mut world = converged().await;
    let table = delete_route(&world, TABLES[0]).unwrap();
    let late = event(&table, "alice", SystemClock.now_ms());
    world.converge(SHOP_DEV).await;
    assert_eq!((messages(&world).await.len(), times(&world, "Admin/alice").await), (1, 0));
    for _ in 0..2 {
        world.send(late.clone()).await;
        world.drain().await;
    }
    assert_eq!((messages(&world).await.len(), times(&world, "Admin/alice").await), (1, 1));
    let notified = world.notified_of("drift/").await;
    assert!(
        notified.len() == 2 && notified[1].contains("thread_text"),
        "edited, with a line in its thread: {notified:?}"
    );
}

#[tokio::test]
async fn a_repair_that_takes_several_observations_is_reported_once() {
    let mut world = converged().await;
    let nat = world.truth(SHOP_DEV).nat_gateways[0].id.clone();
    // AWS takes a while to give its elastic IP free.
    world.edit(SHOP_DEV, |seen| {
        seen.nat_gateways.iter_mut().filter(|it| it.id == nat).for_each(|it| {
            it.state = phonehome_network::NatState::Deleting;
        });
    });
    world.reconcile(SHOP_DEV).await;
    world.wait().await;
    world.reconcile(SHOP_DEV).await;
    world.edit(SHOP_DEV, |seen| {
        seen.nat_gateways.retain(|it| it.id != nat);
        seen.elastic_ips.iter_mut().for_each(|ip| ip.association_id = None);
        seen.network_interfaces.retain(|it| !it.description.contains(&nat));
    });
    world.converge(SHOP_DEV).await;
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    let messages = messages(&world).await;
    assert_eq!(messages.len(), 1, "{messages:#?}");
    assert!(messages.values().all(|(text, posted)| *posted == 1 && !text.contains("not repaired yet")));
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[tokio::test]
async fn whenever_changes_and_their_events_come_each_is_reported_once_with_who_made_it() {
    for seed in 0..40 {
        let mut dice = Dice(seed);
        let mut world = converged().await;
        let mut changes: Vec<(String, Value)> = vec![];
        for _ in 0..10 {
            match dice.roll(5) {
                0 | 1 => {
                    let address = TABLES[usize::try_from(dice.roll(2)).unwrap()];
                    let who = format!("person-{}-", changes.len());
                    if let Some(table) = delete_route(&world, address) {
                        changes.push((who.clone(), event(&table, &who, SystemClock.now_ms())));
                    }
                }
                2 if !changes.is_empty() => {
                    let at = usize::try_from(dice.roll(changes.len() as u64)).unwrap();
                    world.send(changes[at].1.clone()).await;
                }
                3 => world.reconcile(SHOP_DEV).await,
                _ => {
                    world.wait().await;
                    world.reconcile(SHOP_DEV).await;
                }
            }
        }
        world.converge(SHOP_DEV).await;
        // Each event comes at least once, and some twice.
        for (_, event) in &changes {
            world.send(event.clone()).await;
            world.send(event.clone()).await;
        }
        world.converge(SHOP_DEV).await;
        for (who, _) in &changes {
            let named = times(&world, &format!("Admin/{who}")).await;
            assert_eq!(named, 1, "seed {seed}: {who}: {:#?}", messages(&world).await);
        }
        let repaired = times(&world, ", repaired").await;
        assert_eq!(repaired, changes.len(), "seed {seed}: {:#?}", messages(&world).await);
        assert!(messages(&world).await.values().all(|(_, posted)| *posted == 1), "seed {seed}");
    }
}
