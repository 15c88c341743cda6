//! What somebody else changed in a converged stack.

use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_network::{Inventory, Tagged as _};
use phonehome_state::Phase;
use serde_json::{Value, json};

use super::world::{FLEET, REGION, SHOP_DEV, SHOP_PROD, World, error, sample};

const TABLE: &str = "route-table/private/use1-az1";

/// Deletes the default route of a table; returns the table's id.
fn delete_route(world: &World, address: &str) -> String {
    let mut id = String::new();
    world.edit(SHOP_DEV, |seen: &mut Inventory| {
        let table =
            seen.route_tables.iter_mut().find(|it| it.address().is_some_and(|it| it.to_string() == address));
        let table = table.unwrap();
        assert!(!table.routes.is_empty());
        table.routes.clear();
        id.clone_from(&table.id);
    });
    id
}

fn has_route(world: &World, address: &str) -> bool {
    let truth = world.truth(SHOP_DEV);
    let table = truth.route_tables.iter().find(|it| it.address().is_some_and(|it| it.to_string() == address));
    !table.unwrap().routes.is_empty()
}

/// CloudTrail's event of a deleted route.
pub(super) fn deleted(table: &str) -> Value {
    let mut event = sample("ec2-delete-route");
    event["detail"]["requestParameters"]["routeTableId"] = json!(table);
    event
}

pub(super) async fn converged() -> World {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    world.wait().await;
    world
}

#[tokio::test]
async fn a_deleted_route_is_put_back_and_reported_once_without_a_name() {
    let mut world = converged().await;
    delete_route(&world, TABLE);
    world.converge(SHOP_DEV).await;
    assert!(has_route(&world, TABLE));
    world.converge(SHOP_DEV).await;
    let notified = world.notified_of("drift/").await;
    assert_eq!(notified.len(), 1, "{notified:?}");
    assert!(
        notified[0].contains("shop-dev") && notified[0].contains(TABLE) && notified[0].contains("repaired"),
        "{notified:?}"
    );
    assert!(notified[0].contains("#net-dev") && !notified[0].contains(" by "), "{notified:?}");
    delete_route(&world, TABLE);
    world.converge(SHOP_DEV).await;
    assert_eq!(world.notified_of("drift/").await.len(), 2, "what drifts anew is told anew");
}

#[tokio::test]
async fn a_deleted_route_is_put_back_at_once_and_reported_with_who_did_it_when_cloudtrail_says_so() {
    let mut world = converged().await;
    let table = delete_route(&world, TABLE);
    world.send(deleted(&table)).await;
    assert!(has_route(&world, TABLE), "nobody has to wait for a sweep");
    world.wait().await;
    world.send(deleted(&table)).await;
    world.drain().await;
    let notified = world.notified_of("drift/").await;
    assert_eq!(notified.len(), 1, "{notified:?}");
    for part in ["DeleteRoute by ", "alice@example.com", "2026-11-22T23:04:05Z"] {
        assert!(notified[0].contains(part), "{part}: {notified:?}");
    }
    world.assert_ready(SHOP_DEV).await;
}

#[tokio::test]
async fn nobody_is_named_for_what_he_did_elsewhere() {
    let mut world = converged().await;
    delete_route(&world, TABLE);
    world.send(deleted("rtb-0fffffffffffffff0")).await;
    world.drain().await;
    let notified = world.notified_of("drift/").await;
    assert!(notified.len() == 1 && !notified[0].contains("alice"), "{notified:?}");
}

#[tokio::test]
async fn whoever_deleted_a_nat_gateway_is_named_though_it_is_gone() {
    let mut world = converged().await;
    let nat = world.truth(SHOP_DEV).nat_gateways[0].id.clone();
    world.edit(SHOP_DEV, |seen| {
        seen.nat_gateways.retain(|it| it.id != nat);
        seen.elastic_ips.iter_mut().for_each(|ip| ip.association_id = None);
        seen.network_interfaces.retain(|it| !it.description.contains(&nat));
    });
    let mut event = sample("ec2-delete-route");
    event["detail"]["eventName"] = json!("DeleteNatGateway");
    event["detail"]["requestParameters"] = json!({"DeleteNatGatewayRequest": {"NatGatewayId": nat}});
    world.send(event).await;
    world.drain().await;
    let notified = world.notified_of("drift/").await;
    assert!(notified.len() == 1 && notified[0].contains("DeleteNatGateway by "), "{notified:?}");
    world.assert_ready(SHOP_DEV).await;
}

#[tokio::test]
async fn drift_is_reported_though_an_observation_in_between_failed() {
    let mut world = converged().await;
    let refusal = error("ec2:DescribeVpcs", "InternalError", "an internal error has occurred");
    world.conditions().refusals.insert(SHOP_DEV.into(), refusal);
    world.reconcile(SHOP_DEV).await;
    assert_eq!(world.status(SHOP_DEV).await.phase, Phase::Waiting);
    world.conditions().refusals.clear();
    delete_route(&world, TABLE);
    world.converge(SHOP_DEV).await;
    assert_eq!(world.notified_of("drift/").await.len(), 1);
}

#[tokio::test]
async fn a_change_of_the_fleet_file_is_no_drift() {
    let mut world = converged().await;
    world.converge(SHOP_PROD).await;
    let changes = world.changes(SHOP_DEV, REGION);
    for (before, after) in [
        ("host: example.com, port: 443", "host: example.org, port: 443"),
        ("nat: single", "nat: regional"),
        ("nat: single", "nat: none"),
    ] {
        world.publish(&FLEET.replace(before, after)).await;
        world.converge(SHOP_DEV).await;
        world.converge(SHOP_PROD).await;
        assert_eq!(world.notified_of("drift/").await, Vec::<String>::new(), "{after}");
    }
    assert!(world.changes(SHOP_DEV, REGION) > changes, "the probes got other checks");
    assert_eq!(world.status(SHOP_PROD).await.phase, Phase::Ready);
}

#[tokio::test]
async fn what_phonehome_did_itself_and_what_failed_are_not_even_observed() {
    let world = converged().await;
    let generation = world.status(SHOP_DEV).await.generation;
    for name in ["ec2-own-change", "ec2-failed-call"] {
        world.send(sample(name)).await;
    }
    assert_eq!(world.status(SHOP_DEV).await.generation, generation);
    let mut impostor = sample("ec2-own-change");
    let arn = "arn:aws:sts::444455556666:assumed-role/Admin/phonehome";
    impostor["detail"]["userIdentity"]["arn"] = json!(arn);
    world.wait().await;
    world.send(impostor).await;
    assert_eq!(world.status(SHOP_DEV).await.generation, generation + 1, "anybody may name a session so");
}

#[tokio::test]
async fn of_many_changes_at_once_the_first_is_observed_and_the_others_together() {
    let mut world = converged().await;
    let (generation, queued) = (world.status(SHOP_DEV).await.generation, world.queued().len());
    for number in 0..20 {
        let mut event = deleted("rtb-0fffffffffffffff0");
        event["detail"]["eventTime"] = json!(format!("2026-11-22T23:04:{number:02}Z"));
        world.send(event).await;
    }
    assert_eq!(world.status(SHOP_DEV).await.generation, generation + 1);
    let later = &world.messages()[queued..];
    assert_eq!(later.len(), 1, "{later:?}");
    assert_eq!(later[0].delay_s, 41, "when what the first look changed has settled");
    let table = delete_route(&world, TABLE);
    world.send(deleted(&table)).await;
    world.drain().await;
    let notified = world.notified_of("drift/").await;
    assert!(notified.len() == 1 && notified[0].contains("alice@example.com"), "{notified:?}");
}

#[tokio::test]
async fn a_plain_observation_is_left_to_the_executor_that_works_on_the_stack() {
    let mut world = converged().await;
    world.table_leased(SHOP_DEV).await;
    let since_ms = SystemClock.now_ms() - 16 * 60_000;
    world.send(json!({"reconcile": {"account": SHOP_DEV, "attempt": 30, "since_ms": since_ms}})).await;
    assert_eq!(world.letters(), Vec::<String>::new());
    let decommission =
        json!({"account": SHOP_DEV, "attempt": 30, "since_ms": since_ms, "limits": {"deletions": 1}});
    world.send(json!({"reconcile": decommission})).await;
    assert_eq!(world.letters().len(), 1, "what somebody asked for and did not get is said");
    world.drain().await;
}
