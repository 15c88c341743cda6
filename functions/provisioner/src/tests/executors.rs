//! Two executors and one stack.

use std::time::Duration;

use phonehome_cloud::endpoint::Cloud;
use phonehome_fakecloud::Fault;
use phonehome_provision::COOLDOWN_MS;
use serde_json::json;

use super::world::{REGION, SHOP_DEV, World, no_role};
use crate::handler::cooldown_ms;

#[test]
fn on_aws_no_setting_shortens_the_time_for_which_a_changed_stack_is_left_alone() {
    let local = Cloud::Local("http://127.0.0.1:4566".into());
    for (delay_s, on_aws, locally) in
        [(1, COOLDOWN_MS, 2_000), (20, COOLDOWN_MS, COOLDOWN_MS), (900, COOLDOWN_MS, 1_800_000)]
    {
        assert_eq!((cooldown_ms(&Cloud::Aws, delay_s), cooldown_ms(&local, delay_s)), (on_aws, locally));
    }
}

#[tokio::test]
async fn a_stack_that_another_invocation_works_on_is_left_alone() {
    let world = World::new().await;
    world.reconcile(SHOP_DEV).await;
    world.table_leased(SHOP_DEV).await;
    let (before, queued) = (world.changes(SHOP_DEV, REGION), world.queued().len());
    world.reconcile(SHOP_DEV).await;
    assert_eq!(world.changes(SHOP_DEV, REGION), before);
    assert_eq!(world.queued().len(), queued + 1, "it is looked at again later");
}

#[tokio::test(start_paused = true)]
async fn an_executor_whose_lease_is_over_makes_no_further_call() {
    let world = World::new().await;
    world.conditions().refusals.insert(SHOP_DEV.into(), no_role());
    world.reconcile(SHOP_DEV).await;
    world.wait().await;
    // It has its addresses, and is opened once, for so long that no time is left to work.
    world.conditions().refusals.clear();
    world.conditions().slow = Duration::from_secs(51);
    world.reconcile(SHOP_DEV).await;
    assert_eq!(world.changes(SHOP_DEV, REGION), 0);
    let status = world.status(SHOP_DEV).await;
    assert!(status.message.contains("lease is over"), "{}", status.message);
    assert_eq!(world.queued().len(), 2);
}

#[tokio::test]
async fn an_executor_that_lost_its_stack_to_a_newer_one_writes_and_reports_nothing() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    world.edit(SHOP_DEV, |seen| seen.route_tables.iter_mut().for_each(|table| table.routes.clear()));
    let generation = world.status(SHOP_DEV).await.generation;
    let table = world.table().clone();
    world.conditions().taken_over = Some(table);
    assert_eq!(world.batch(&[json!({"reconcile": {"account": SHOP_DEV}})]).await, 1, "it comes again");
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.message.as_str(), status.generation), ("the newer one", generation + 2));
    assert_eq!(world.notified_of("drift/").await, Vec::<String>::new());
}

#[tokio::test]
async fn what_a_crashed_executor_had_made_is_found_and_not_made_twice() {
    let mut world = World::new().await;
    world.conditions().faults.insert(REGION.into(), vec![Fault::DieAfter(30)]);
    world.reconcile(SHOP_DEV).await;
    let half = world.truth(SHOP_DEV);
    assert!(half.vpcs.len() == 1 && half.functions.is_empty());
    world.drain().await;
    world.assert_ready(SHOP_DEV).await;
    let whole = world.truth(SHOP_DEV);
    assert_eq!((whole.vpcs.len(), whole.subnets.len(), whole.elastic_ips.len()), (1, 4, 2));
}
