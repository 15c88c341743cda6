//! What people expect to hear, each once.

use std::time::Duration;

use phonehome_network::Kind;
use serde_json::json;

use super::world::{FLEET, FOREIGN, REGION, SHOP_DEV, SHOP_PROD, World, error};

async fn converged() -> World {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    world.wait().await;
    world
}

#[tokio::test]
async fn a_network_that_is_ready_is_reported_once_with_its_addresses_and_its_way_out_in_the_same_message() {
    let mut world = converged().await;
    let notified = world.notified_of("network/").await;
    assert!((1..=2).contains(&notified.len()), "{notified:?}");
    let last = notified.last().unwrap();
    let nat_ip = world.truth(SHOP_DEV).elastic_ips[0].public_ip.clone();
    for part in ["shop-dev", SHOP_DEV, REGION, "10.0.0.0/18", "use1-az1", "#net-dev", "works", &nat_ip] {
        assert!(last.contains(part), "{part}: {last}");
    }
    let ids = world.incident_ids_of("network/").await;
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    for _ in 0..3 {
        world.converge(SHOP_DEV).await;
    }
    assert_eq!(world.notified_of("network/").await.len(), notified.len());
    assert_eq!(world.notified_of("").await.len(), notified.len(), "and nothing else");
}

#[tokio::test]
async fn an_account_that_is_not_in_the_fleet_file_is_reported_once_in_the_last_route() {
    let mut world = World::new().await;
    world.reconcile(FOREIGN).await;
    world.send(json!({"sweep": {}})).await;
    world.reconcile(FOREIGN).await;
    let notified = world.notified_of("unlisted/").await;
    assert!(
        notified.len() == 1 && notified[0].contains("somebody-elses") && notified[0].contains(FOREIGN),
        "{notified:?}"
    );
    // Messages of one millisecond have no order among them.
    tokio::time::sleep(Duration::from_millis(2)).await;
    // Another one of the same day is added to the message, and named in its thread.
    world.account("101010101010", "one <!here>", true, None);
    world.account("202020202020", "two", true, None);
    world.send(json!({"sweep": {}})).await;
    let notified = world.notified_of("unlisted/").await;
    assert!(
        notified.len() == 2 && notified[1].contains("3 accounts") && notified[1].contains("101010101010"),
        "{notified:?}"
    );
    assert!(!notified[1].contains('<'), "{notified:?}");
    let ids = world.incident_ids_of("unlisted/").await;
    assert_eq!(ids[0], ids[1]);
    world.account("101010101010", "one", false, None);
    world.send(json!({"sweep": {}})).await;
    assert_eq!(world.notified_of("unlisted/").await.len(), 2);
    tokio::time::sleep(Duration::from_millis(2)).await;
    for number in 0..5 {
        world.account(&format!("30303030303{number}"), &format!("more-{number}"), true, None);
    }
    world.send(json!({"sweep": {}})).await;
    let notified = world.notified_of("unlisted/").await;
    assert!(notified.len() == 3 && notified[2].contains("and 2 more"), "three are named: {notified:?}");
}

#[tokio::test]
async fn an_account_that_is_closed_or_has_left_is_reported_once_with_what_becomes_of_its_addresses() {
    for (is_closed, says) in [(true, "is closed"), (false, "has left the organization")] {
        let mut world = converged().await;
        world.account(SHOP_DEV, "shop-dev", false, None);
        if !is_closed {
            world.provisioner.organization.accounts.retain(|account| account.id != SHOP_DEV);
        }
        for _ in 0..3 {
            world.reconcile(SHOP_DEV).await;
        }
        let notified = world.notified_of("closed/").await;
        assert_eq!(notified.len(), 1, "{notified:?}");
        let in_its_place =
            ["shop/dev is still in the fleet file, and no account is made in its place", "account_name"];
        for part in [says, "shop-dev", "10.0.0.0/18", "phonehome decommission", "#net-dev"]
            .iter()
            .chain(&in_its_place)
        {
            assert!(notified[0].contains(part), "{part}: {notified:?}");
        }
        assert_eq!(
            notified[0].contains("90 days"),
            is_closed,
            "nobody brings back what has left: {notified:?}"
        );
    }
}

#[tokio::test]
async fn of_a_closed_account_whose_line_left_nothing_is_said_of_another_one() {
    let mut world = converged().await;
    world.publish(&super::decommission::without("dev")).await;
    world.account(SHOP_DEV, "shop-dev", false, None);
    world.reconcile(SHOP_DEV).await;
    let notified = world.notified_of("closed/").await;
    assert!(notified.len() == 1 && !notified[0].contains("in its place"), "{notified:?}");
}

#[tokio::test]
async fn a_stack_that_fails_before_it_exists_is_reported_once_and_that_it_works_too() {
    let mut world = World::new().await;
    let small = FLEET.replace("cidr: 10.0.0.0/12, block: 18", "cidr: 10.0.0.0/17, block: 18");
    assert_ne!(small, FLEET);
    world.publish(&small).await;
    let fleet = phonehome_fleet::parse(&small).unwrap();
    let pools: Vec<_> = fleet.pools_for("dev", REGION).collect();
    for other in ["101010101010/us-east-1", "202020202020/us-east-1"] {
        phonehome_state::claim(world.table(), &pools, &[], &other.parse().unwrap(), 0).await.unwrap();
    }
    for _ in 0..3 {
        world.reconcile(SHOP_DEV).await;
    }
    let notified = world.notified_of("failed/").await;
    assert!(notified.len() == 1 && notified[0].contains("shop-dev"), "{notified:?}");
    world.publish(FLEET).await;
    world.converge(SHOP_DEV).await;
    let notified = world.notified_of("failed/").await;
    assert!(notified.len() == 2 && notified[1].contains("Works again"), "{notified:?}");
    let ids = world.incident_ids_of("failed/").await;
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_role_that_lost_a_right_is_reported_once_with_the_call_and_that_it_is_allowed_again() {
    let mut world = converged().await;
    let refusal = error("ec2:DescribeVpcs", "UnauthorizedOperation", "You are not authorized");
    world.conditions().refusals.insert(SHOP_DEV.into(), refusal);
    for _ in 0..3 {
        world.wait().await;
        world.reconcile(SHOP_DEV).await;
    }
    let notified = world.notified_of("denied/").await;
    assert_eq!(notified.len(), 1, "{notified:?}");
    for part in ["phonehome-member", "ec2:DescribeVpcs", "You are not authorized", "StackSet", "#net-dev"] {
        assert!(notified[0].contains(part), "{part}: {notified:?}");
    }
    world.conditions().refusals.clear();
    world.converge(SHOP_DEV).await;
    let notified = world.notified_of("denied/").await;
    assert!(notified.len() == 2 && notified[1].contains("Allowed again"), "{notified:?}");
}

#[tokio::test]
async fn a_role_that_may_not_see_a_kind_is_reported_with_the_call_that_its_policy_has_to_name() {
    for (kind, call) in [
        (Kind::Function, "lambda:GetFunctionConfiguration"),
        (Kind::Schedule, "scheduler:GetSchedule"),
        (Kind::NatGateway, "ec2:DescribeNatGateways"),
    ] {
        let world = converged().await;
        world.conditions().hidden = Some(kind);
        for _ in 0..3 {
            world.wait().await;
            world.reconcile(SHOP_DEV).await;
        }
        let notified = world.notified_of("denied/").await;
        assert_eq!(notified.len(), 1, "{notified:?}");
        assert!(notified[0].contains(call) && notified[0].contains(kind.plural()), "{call}: {notified:?}");
    }
}

#[tokio::test]
async fn a_new_account_whose_role_is_late_is_no_news() {
    let mut world = World::new().await;
    world.conditions().refusals.insert(SHOP_PROD.into(), super::world::no_role());
    for _ in 0..3 {
        world.reconcile(SHOP_PROD).await;
    }
    assert_eq!(world.notified().await, Vec::<String>::new());
    world.conditions().refusals.clear();
    world.converge(SHOP_PROD).await;
    assert!(world.notified_of("denied/").await.is_empty());
}

#[tokio::test]
async fn what_newly_waits_for_permission_is_reported_once_with_what_would_allow_it() {
    let mut world = World::new().await;
    world.converge(SHOP_PROD).await;
    world.publish(&FLEET.replace("nat: single", "nat: none")).await;
    for _ in 0..3 {
        world.converge(SHOP_PROD).await;
    }
    let prefix = format!("withheld/{SHOP_PROD}/{REGION}");
    let notified = world.notified_of(&prefix).await;
    assert!(
        notified.len() == 1 && notified[0].contains("permission") && notified[0].contains("--allow"),
        "{notified:?}"
    );
    world.publish(FLEET).await;
    world.converge(SHOP_PROD).await;
    let notified = world.notified_of(&prefix).await;
    assert!(notified.len() == 2 && notified[1].contains("Nothing waits"), "{notified:?}");
    assert!(world.notified_of("drift/").await.is_empty());
}
