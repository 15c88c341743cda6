//! Versions that were published with their plan: just that is done.

use phonehome_fakecloud::Fault;
use phonehome_planner::{Agreed, CONTRACT_FORM};
use phonehome_state::{Accepted, Contract, Phase, base};
use phonehome_wire::StackId;
use serde_json::json;

use super::links::{CONNECTIONS, admitted, joined, routes_to_peerings};
use super::world::{FLEET, PAYMENTS_DEV, REGION, SHOP_DEV, World};

/// What `phonehome publish --plan` stores of these accounts, as they are now.
async fn agreed(world: &World, text: &str, accounts: &[&str]) -> Accepted {
    let (mut stacks, mut permissions) = (vec![], vec![]);
    for (plan, permission) in world.planned(text, accounts).await {
        stacks.push((StackId::new(&permission.account, &permission.region), Agreed::to(&plan).digests()));
        permissions.push(permission);
    }
    let over = base(world.table()).await.unwrap().current().map_or(0, |current| current.number);
    let contract = Contract { form: CONTRACT_FORM, over, ..Contract::default() }.with(stacks);
    Accepted { until_ms: u64::MAX, stacks: permissions, contract: Some(contract), ..Accepted::default() }
}

/// Publishes a text with the plan of these accounts.
pub(super) async fn publish_agreed(world: &World, text: &str, accounts: &[&str]) {
    let accepted = agreed(world, text, accounts).await;
    world.publish_with(text, accepted).await;
}

/// The fleet file without the account that these tests are about.
fn without_shop() -> String {
    let without = FLEET.replace(CONNECTIONS, "").replace("name: shop", "name: books");
    assert!(!without.contains("from: shop") && without.contains("name: books"));
    without
}

/// The same with it, and with no connection that would be waited for.
fn with_shop() -> String {
    FLEET.replace(CONNECTIONS, "")
}

/// An account whose network is there, and which no version in force declares.
async fn left_out() -> World {
    let mut world = World::new().await;
    world.publish(&with_shop()).await;
    world.converge(SHOP_DEV).await;
    world.publish(&without_shop()).await;
    world.wait().await;
    world
}

fn delete_a_route(world: &World) {
    world.edit(SHOP_DEV, |seen| {
        let table = seen.route_tables.iter_mut().find(|it| !it.main && it.routes.len() == 1).unwrap();
        table.routes.clear();
    });
}

#[tokio::test]
async fn what_was_agreed_is_done_and_what_drifts_afterwards_is_repaired() {
    let mut world = World::new().await;
    publish_agreed(&world, FLEET, &[SHOP_DEV]).await;
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    assert_eq!(world.status(SHOP_DEV).await.agreed_version, 2);
    delete_a_route(&world);
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
}

#[tokio::test]
async fn where_the_world_moved_nothing_is_done_that_is_told_once_and_publishing_again_goes_on() {
    let mut world = left_out().await;
    publish_agreed(&world, &with_shop(), &[SHOP_DEV]).await;
    delete_a_route(&world);
    let before = world.changes(SHOP_DEV, REGION);
    for _ in 0..3 {
        world.wait().await;
        world.reconcile(SHOP_DEV).await;
    }
    assert_eq!(world.changes(SHOP_DEV, REGION), before, "nothing was changed");
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.phase, status.agreed_version), (Phase::Failed, 0));
    for part in ["the world moved since version 4 was planned", "create route-table/", "publish again"] {
        assert!(status.message.contains(part), "{part}: {}", status.message);
    }
    let told = world.notified_of("failed/").await;
    assert!(told.len() == 1 && told[0].contains("the world moved"), "{told:?}");
    // What is there now is looked at, and agreed to.
    publish_agreed(&world, &with_shop(), &[SHOP_DEV]).await;
    world.wait().await;
    world.reconcile(SHOP_DEV).await;
    world.drain().await;
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.phase, status.agreed_version), (Phase::Ready, 5), "{}", status.message);
    let told = world.notified_of("failed/").await;
    assert!(told.len() == 2 && told[1].contains("Works again"), "{told:?}");
}

#[tokio::test]
async fn what_the_version_before_would_mend_is_mended_although_nobody_agreed_to_it() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    publish_agreed(&world, FLEET, &[SHOP_DEV]).await;
    delete_a_route(&world);
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    assert_eq!(world.status(SHOP_DEV).await.agreed_version, 2);
}

#[tokio::test]
async fn that_a_plan_is_held_to_is_noted_before_the_first_call_and_what_is_left_is_done_whatever_else_there_is()
 {
    let mut world = World::new().await;
    world.publish(&without_shop()).await;
    publish_agreed(&world, &with_shop(), &[SHOP_DEV]).await;
    let table = world.table().clone();
    world.conditions().agreed = Some((table, 3));
    world.conditions().faults.insert(REGION.into(), vec![Fault::DieAfter(30)]);
    world.reconcile(SHOP_DEV).await;
    assert!(world.changes(SHOP_DEV, REGION) > 5 && world.truth(SHOP_DEV).functions.is_empty(), "half of it");
    // Something that nobody agreed to.
    world.edit(SHOP_DEV, |seen| seen.vpcs[0].tags.clear());
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
}

#[tokio::test]
async fn a_removal_that_was_agreed_to_is_done_at_both_ends_with_all_that_goes_with_it() {
    let mut world = joined().await;
    world.wait().await;
    publish_agreed(&world, &FLEET.replace(CONNECTIONS, ""), &[SHOP_DEV, PAYMENTS_DEV]).await;
    world.send(json!({"sweep": {}})).await;
    world.drain().await;
    for account in [SHOP_DEV, PAYMENTS_DEV] {
        let seen = world.truth(account);
        assert_eq!((routes_to_peerings(&seen), admitted(&seen).len()), (0, 0), "{account}");
        world.assert_ready(account).await;
    }
}

#[tokio::test]
async fn an_account_that_was_not_planned_is_not_bound() {
    let mut world = left_out().await;
    publish_agreed(&world, &with_shop(), &[]).await;
    delete_a_route(&world);
    world.converge(SHOP_DEV).await;
    world.assert_ready(SHOP_DEV).await;
    assert_eq!(world.status(SHOP_DEV).await.agreed_version, 0);
}
