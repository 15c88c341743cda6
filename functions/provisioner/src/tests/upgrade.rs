//! What the provisioner leaves in the table and in its queue, for the release after it and the one before:
//! recorded by each release, and held against the newest recording.

mod names;
mod replay;
mod unknown;

use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_fakecloud::Options;
use phonehome_releases::{Clock, Scenario, Stored, exactly};
use phonehome_state::Keys;
use serde_json::{Value, json};

use super::decommission::{asked, left_behind};
use super::default_vpcs;
use super::drift::{converged, deleted};
use super::identity::IMPOSTOR;
use super::links::{CONNECTIONS, joined};
use super::world::{FLEET, PAYMENTS_DEV, REGION, SHOP_DEV, World, error, no_role};

impl World {
    /// The documents of these partitions.
    fn stored_in(&self, partitions: &[&str]) -> Vec<Stored> {
        phonehome_samples::stored_in(self.table(), partitions)
    }
}

async fn sweep(world: &mut World) {
    world.wait().await;
    world.send(json!({"sweep": {}})).await;
    world.drain().await;
}

#[tokio::test]
async fn what_is_stored_of_a_change_by_hand_is_read_by_the_release_before() {
    let scenario = Scenario::new("changed-by-hand", SystemClock.now_ms());
    let mut world = converged().await;
    let mut table = String::new();
    world.edit(SHOP_DEV, |seen| {
        let private = seen
            .route_tables
            .iter_mut()
            .find(|it| it.tags["Name"] == "shop-dev-route-table-private-use1-az1");
        let private = private.unwrap();
        private.routes.clear();
        table.clone_from(&private.id);
    });
    world.send(deleted(&table)).await;
    world.wait().await;
    world.send(deleted(&table)).await;
    world.drain().await;
    scenario.table(world.stored_in(&["deeds", Keys::NOTICES, Keys::STACKS]));
}

#[tokio::test]
async fn what_is_stored_of_a_permission_and_its_use_is_read_by_the_release_before() {
    let scenario = Scenario::new("permission-used", SystemClock.now_ms());
    let mut world = joined().await;
    let text = FLEET.replace(CONNECTIONS, "").replace("pools: [nonprod] }", "pools: [nonprod], nat: none }");
    let mut shown = world.shown(&text, &[SHOP_DEV, PAYMENTS_DEV]).await;
    shown.truncate(1);
    world.publish_accepting(&text, shown).await;
    sweep(&mut world).await;
    // The other account's changes wait.
    scenario.table(world.stored_in(&["fleet", "permissions", "removals", Keys::NOTICES, Keys::STACKS]));
}

#[tokio::test]
async fn what_is_stored_of_default_vpcs_is_read_by_the_release_before() {
    let scenario = Scenario::new("default-vpcs", SystemClock.now_ms());
    let mut world = default_vpcs::account(Some(SystemClock.now_ms())).await;
    world.conditions().refusals.insert("ap-south-1".into(), error("ec2:DescribeVpcs", "InvalidAction", "no"));
    world.converge(SHOP_DEV).await;
    scenario.table(world.stored_in(&["default-vpcs", Keys::SEEN]));
}

#[tokio::test]
async fn what_is_stored_while_a_stack_is_not_ready_is_read_by_the_release_before() {
    let began_ms = SystemClock.now_ms();
    let waiting = World::with(Options { nat_pending_ms: 100_000, ..Options::default() }).await;
    waiting.reconcile(SHOP_DEV).await;
    Scenario::new("waiting", began_ms).table(waiting.stored_in(&[Keys::STACKS, Keys::NOTICES]));

    let claimed = World::new().await;
    claimed.conditions().refusals.insert(SHOP_DEV.into(), no_role());
    claimed.reconcile(SHOP_DEV).await;
    Scenario::new("no-role-yet", began_ms).table(claimed.stored_in(&[Keys::STACKS, Keys::HOLDERS]));

    let failed = World::new().await;
    let invalid = error("ec2:DescribeVpcs", "InvalidParameterValue", "no such thing");
    failed.conditions().refusals.insert(SHOP_DEV.into(), invalid);
    failed.reconcile(SHOP_DEV).await;
    Scenario::new("failed", began_ms).table(failed.stored_in(&[Keys::STACKS, Keys::NOTICES, Keys::OUTBOX]));
}

#[tokio::test]
async fn what_is_stored_of_accounts_that_left_is_read_by_the_release_before() {
    let began_ms = SystemClock.now_ms();
    let mut world = left_behind().await;
    world.send(asked(SHOP_DEV, "remove")).await;
    world.drain().await;
    Scenario::new("decommissioned", began_ms).table(world.stored_in(&[
        Keys::LEDGER,
        Keys::SEEN,
        Keys::STACKS,
    ]));

    let mut closed = World::new().await;
    closed.converge(SHOP_DEV).await;
    closed.account(SHOP_DEV, "shop-dev", false, None);
    closed.reconcile(SHOP_DEV).await;
    Scenario::new("closed", began_ms).table(closed.stored_in(&[Keys::STACKS]));
}

#[tokio::test]
async fn what_is_stored_of_who_is_who_is_read_by_the_release_before() {
    let scenario = Scenario::new("two-of-one-name", SystemClock.now_ms());
    let mut world = joined().await;
    world.account(IMPOSTOR, "payments-dev", true, None);
    world.converge(IMPOSTOR).await;
    sweep(&mut world).await;
    scenario.table(world.stored_in(&[Keys::TOLD]));
}

#[tokio::test]
async fn a_copy_of_what_could_not_be_read_is_read_by_the_release_before() {
    let scenario = Scenario::new("set-aside", SystemClock.now_ms());
    let mut world = World::new().await;
    world.table().put_raw(Keys::seen(&format!("{SHOP_DEV}/{REGION}").parse().unwrap()), "nonsense");
    world.converge(SHOP_DEV).await;
    scenario.table(world.stored_in(&[Keys::UNREADABLE]));
}

#[tokio::test]
async fn every_message_in_the_queue_is_just_as_in_the_release_before() {
    let clock = Clock::new(SystemClock.now_ms());
    let mut world = World::with(Options { nat_pending_ms: 100_000, ..Options::default() }).await;
    world.account(PAYMENTS_DEV, "payments-dev", true, None);
    world.send(json!({"sweep": {}})).await;
    world.drain().await;
    let limits = json!({"deletions": 1, "replacements": 1, "peerings": 0, "disruption": "detaches"});
    world.table_leased(SHOP_DEV).await;
    world.send(json!({"reconcile": {"account": SHOP_DEV, "limits": limits}})).await;
    let left = left_behind().await;
    left.send(asked(SHOP_DEV, "remove")).await;
    let mut bodies: Vec<Value> =
        world.queued().iter().chain(&left.queued()).map(|body| clock.steady(body)).collect();
    bodies.sort_by_key(ToString::to_string);
    bodies.dedup();
    exactly("queue/reconcile.json", &Value::Array(bodies));
}
