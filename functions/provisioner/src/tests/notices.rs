//! What people expect to hear, each once.

use std::time::Duration;

use serde_json::json;

use super::world::{FLEET, FOREIGN, REGION, SHOP_DEV, SHOP_PROD, World, error};

async fn settled() -> World {
    let mut world = World::new().await;
    world.settle(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    world.wait().await;
    world
}

#[tokio::test]
async fn a_network_that_is_ready_is_told_once_with_its_addresses_and_its_way_out_in_the_same_message() {
    let mut world = settled().await;
    let told = world.told_of("network/").await;
    assert!((1..=2).contains(&told.len()), "{told:?}");
    let last = told.last().unwrap();
    let nat_ip = world.truth(SHOP_DEV).elastic_ips[0].public_ip.clone();
    for part in ["shop-dev", SHOP_DEV, REGION, "10.0.0.0/18", "use1-az1", "#net-dev", "works", &nat_ip] {
        assert!(last.contains(part), "{part}: {last}");
    }
    let ids = world.incident_ids_of("network/").await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    for _ in 0..3 {
        world.settle(SHOP_DEV).await;
    }
    assert_eq!(world.told_of("network/").await.len(), told.len());
    assert_eq!(world.told_of("").await.len(), told.len(), "and nothing else");
}

#[tokio::test]
async fn an_account_that_is_not_in_the_fleet_file_is_told_once_in_the_last_route() {
    let mut world = World::new().await;
    world.reconcile(FOREIGN).await;
    world.send(json!({"sweep": {}})).await;
    world.reconcile(FOREIGN).await;
    let told = world.told_of("unlisted/").await;
    assert!(told.len() == 1 && told[0].contains("somebody-elses") && told[0].contains(FOREIGN), "{told:?}");
    // Messages of one millisecond have no order among them.
    tokio::time::sleep(Duration::from_millis(2)).await;
    // Another one of the same day is added to the message, and named in its thread.
    world.account("101010101010", "one <!here>", true, None);
    world.account("202020202020", "two", true, None);
    world.send(json!({"sweep": {}})).await;
    let told = world.told_of("unlisted/").await;
    assert!(
        told.len() == 2 && told[1].contains("3 accounts") && told[1].contains("101010101010"),
        "{told:?}"
    );
    assert!(!told[1].contains('<'), "{told:?}");
    let ids = world.incident_ids_of("unlisted/").await;
    assert_eq!(ids[0], ids[1]);
    world.account("101010101010", "one", false, None);
    world.send(json!({"sweep": {}})).await;
    assert_eq!(world.told_of("unlisted/").await.len(), 2);
}

#[tokio::test]
async fn an_account_that_is_closed_or_has_left_is_told_once_with_what_becomes_of_its_addresses() {
    for (is_closed, says) in [(true, "is closed"), (false, "has left the organization")] {
        let mut world = settled().await;
        world.account(SHOP_DEV, "shop-dev", false, None);
        if !is_closed {
            world.provisioner.organization.accounts.retain(|account| account.id != SHOP_DEV);
        }
        for _ in 0..3 {
            world.reconcile(SHOP_DEV).await;
        }
        let told = world.told_of("closed/").await;
        assert_eq!(told.len(), 1, "{told:?}");
        for part in [says, "shop-dev", "10.0.0.0/18", "phonehome release", "#net-dev"] {
            assert!(told[0].contains(part), "{part}: {told:?}");
        }
    }
}

#[tokio::test]
async fn a_stack_that_fails_before_it_exists_is_told_once_and_that_it_works_too() {
    let mut world = World::new().await;
    let small = FLEET.replace("cidr: 10.0.0.0/12, block: 18", "cidr: 10.0.0.0/17, block: 18");
    assert_ne!(small, FLEET);
    world.publish(&small).await;
    let fleet = phonehome_fleet::parse(&small).unwrap();
    let pools: Vec<_> = fleet.pools_for("dev", REGION).collect();
    for other in ["101010101010", "202020202020"] {
        phonehome_state::claim(world.table(), &pools, other, REGION, 0).await.unwrap();
    }
    for _ in 0..3 {
        world.reconcile(SHOP_DEV).await;
    }
    let told = world.told_of("failed/").await;
    assert!(told.len() == 1 && told[0].contains("shop-dev"), "{told:?}");
    world.publish(FLEET).await;
    world.settle(SHOP_DEV).await;
    let told = world.told_of("failed/").await;
    assert!(told.len() == 2 && told[1].contains("Works again"), "{told:?}");
    let ids = world.incident_ids_of("failed/").await;
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_role_that_lost_a_right_is_told_once_with_the_call_and_that_it_is_allowed_again() {
    let mut world = settled().await;
    let refusal = error("ec2:DescribeVpcs", "UnauthorizedOperation", "You are not authorized");
    world.conditions().refusals.insert(SHOP_DEV.into(), refusal);
    for _ in 0..3 {
        world.wait().await;
        world.reconcile(SHOP_DEV).await;
    }
    let told = world.told_of("denied/").await;
    assert_eq!(told.len(), 1, "{told:?}");
    for part in ["phonehome-member", "ec2:DescribeVpcs", "You are not authorized", "StackSet", "#net-dev"] {
        assert!(told[0].contains(part), "{part}: {told:?}");
    }
    world.conditions().refusals.clear();
    world.settle(SHOP_DEV).await;
    let told = world.told_of("denied/").await;
    assert!(told.len() == 2 && told[1].contains("Allowed again"), "{told:?}");
}

#[tokio::test]
async fn a_new_account_whose_role_is_late_is_no_news() {
    let mut world = World::new().await;
    world.conditions().refusals.insert(SHOP_PROD.into(), super::world::no_role());
    for _ in 0..3 {
        world.reconcile(SHOP_PROD).await;
    }
    assert_eq!(world.told().await, Vec::<String>::new());
    world.conditions().refusals.clear();
    world.settle(SHOP_PROD).await;
    assert!(world.told_of("denied/").await.is_empty());
}

#[tokio::test]
async fn what_newly_waits_for_permission_is_told_once_with_what_would_allow_it() {
    let mut world = World::new().await;
    world.settle(SHOP_PROD).await;
    world.publish(&FLEET.replace("nat: single", "nat: none")).await;
    for _ in 0..3 {
        world.settle(SHOP_PROD).await;
    }
    let prefix = format!("withheld/{SHOP_PROD}/{REGION}");
    let told = world.told_of(&prefix).await;
    assert!(told.len() == 1 && told[0].contains("permission") && told[0].contains("--allow"), "{told:?}");
    world.publish(FLEET).await;
    world.settle(SHOP_PROD).await;
    let told = world.told_of(&prefix).await;
    assert!(told.len() == 2 && told[1].contains("Nothing waits"), "{told:?}");
    assert!(world.told_of("drift/").await.is_empty());
}
