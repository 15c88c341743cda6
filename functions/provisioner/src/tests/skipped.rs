//! Accounts that are not worked on.

use phonehome_cloud::table::Table as _;
use phonehome_state::{Keys, all};
use phonehome_state::{Phase, StackStatus};
use serde_json::{Value, json};

use super::world::{EUROPE, FLEET, FOREIGN, LEDGER_PROD, SHOP_DEV, SHOP_PROD, World, sample};

#[tokio::test]
async fn closed_foreign_and_unknown_accounts_are_skipped_and_fail_nothing() {
    let world = World::new().await;
    for account in [LEDGER_PROD, FOREIGN, "222222222222", "999999999999"] {
        world.reconcile(account).await;
    }
    let metrics = &world.provisioner.metrics;
    assert_eq!((metrics.counts()["Skipped"], metrics.flushes()), (4, 4), "one line in the log for each");
    assert!(world.queued().is_empty() && world.letters().is_empty());
    assert!(all::<StackStatus>(world.table(), Keys::STACKS).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_account_that_is_closed_keeps_its_block_and_its_probes_are_no_longer_expected() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    assert!(!world.status(SHOP_DEV).await.ready_since_ms.is_empty());
    world.account(SHOP_DEV, "shop-dev", false, None);
    world.send(json!({"sweep": {}})).await;
    assert!(
        world.queued().contains(&json!({"reconcile": {"account": SHOP_DEV, "attempt": 0, "since_ms": 0}}))
    );
    world.reconcile(SHOP_DEV).await;
    let status = world.status(SHOP_DEV).await;
    assert!(status.phase == Phase::Gone && status.ready_since_ms.is_empty());
    assert_eq!(status.cidr.to_string(), "10.0.0.0/18");
    assert!(world.claims().await[0].is_held());
}

#[tokio::test]
async fn of_a_closed_account_also_a_stack_whose_region_left_the_fleet_file_is_noted() {
    let mut world = World::new().await;
    world.converge(SHOP_PROD).await;
    let text = FLEET
        .replace("  - name: eu-west-1\n    availability_zones: [euw1-az1]\n", "")
        .replace("  - { name: prod-eu, region: eu-west-1, cidr: 10.32.0.0/12, block: 18 }\n", "")
        .replace("[prod, prod-eu]", "[prod]");
    world.publish(&text).await;
    world.account(SHOP_PROD, "shop-prod", false, None);
    world.reconcile(SHOP_PROD).await;
    assert_eq!(world.status_in(SHOP_PROD, EUROPE).await.unwrap().phase, Phase::Gone);
    world.send(json!({"sweep": {}})).await;
    assert_eq!(world.queued().last().unwrap()["reconcile"]["account"], SHOP_DEV);
}

#[tokio::test]
async fn a_sweep_queues_every_active_account_of_the_fleet_and_no_other() {
    let world = World::new().await;
    world.send(json!({"sweep": {}})).await;
    let queued: Vec<Value> =
        world.queued().into_iter().map(|body| body["reconcile"]["account"].clone()).collect();
    assert_eq!(queued, [json!(SHOP_DEV), json!(SHOP_PROD)]);
}

#[tokio::test]
async fn a_change_in_an_account_without_a_stack_leads_to_nothing() {
    let world = World::new().await;
    world.send(sample("ec2-delete-route")).await;
    assert!(world.queued().is_empty() && world.letters().is_empty());
    assert!(all::<StackStatus>(world.table(), Keys::STACKS).await.unwrap().is_empty());
    assert!(
        world
            .table()
            .get(&Keys::change_log(&format!("{SHOP_DEV}/us-east-1").parse().unwrap()))
            .await
            .unwrap()
            .is_none()
    );
}
