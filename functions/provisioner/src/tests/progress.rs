//! How an account comes to its network, and what it waits for.

use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_fakecloud::Options;
use phonehome_state::Phase;
use serde_json::json;

use super::world::{
    EUROPE, FLEET, LEDGER_PROD, PAYMENTS_DEV, REGION, SHOP_DEV, SHOP_PROD, World, error, no_role,
};

const MINUTE_MS: u64 = 60_000;

#[tokio::test]
async fn a_new_account_gets_a_block_and_every_step_and_is_observed_again() {
    let world = World::new().await;
    world.reconcile(SHOP_DEV).await;
    let status = world.status(SHOP_DEV).await;
    assert_eq!((status.phase, status.pool.as_str()), (Phase::Waiting, "nonprod"));
    assert!(status.leased_until_ms > SystemClock.now_ms(), "what was made is left to settle");
    assert_eq!(status.cidr.to_string(), "10.0.0.0/18");
    let made = world.truth(SHOP_DEV);
    assert_eq!((made.subnets.len(), made.nat_gateways.len(), made.functions.len()), (4, 2, 2));
    assert_eq!(world.queued()[0]["reconcile"]["attempt"], 1);
}

#[tokio::test]
async fn the_network_is_ready_when_every_step_is_done_and_the_way_out_with_its_nat_gateways() {
    let mut world = World::with(Options { nat_pending_ms: 100_000, ..Options::default() }).await;
    world.reconcile(SHOP_DEV).await;
    let status = world.status(SHOP_DEV).await;
    assert!(status.network_ready && !status.egress_ready, "{status:?}");
    world.drain().await;
    world.assert_ready(SHOP_DEV).await;
    let status = world.status(SHOP_DEV).await;
    assert!(status.network_ready && status.egress_ready);
    assert_eq!(status.ready_since_ms.len(), 2, "both zones' probes are expected");
}

#[tokio::test]
async fn a_converged_stack_is_only_observed_and_reports_nothing() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    let (changes, queued) = (world.changes(SHOP_DEV, REGION), world.queued().len());
    let generation = world.status(SHOP_DEV).await.generation;
    for _ in 0..3 {
        world.reconcile(SHOP_DEV).await;
    }
    assert_eq!((world.changes(SHOP_DEV, REGION), world.queued().len()), (changes, queued));
    assert_eq!(world.status(SHOP_DEV).await.generation, generation + 3);
    assert_eq!(world.notified_of("drift/").await, Vec::<String>::new());
    world.assert_ready(SHOP_DEV).await;
}

#[tokio::test]
async fn an_account_without_its_role_yet_is_requeued_and_not_failed() {
    let world = World::new().await;
    world.conditions().refusals.insert(SHOP_DEV.into(), no_role());
    world.reconcile(SHOP_DEV).await;
    let status = world.status(SHOP_DEV).await;
    assert_eq!(status.phase, Phase::Waiting);
    assert!(status.message.contains("not ready"), "{}", status.message);
    assert_eq!(world.queued()[0]["reconcile"]["account"], SHOP_DEV);
    assert!(world.letters().is_empty());
}

#[tokio::test]
async fn an_account_that_stays_unready_ends_in_the_dead_letter_queue_with_the_reason() {
    let world = World::new().await;
    world.conditions().refusals.insert(SHOP_DEV.into(), no_role());
    world.send(json!({"reconcile": {"account": SHOP_DEV, "attempt": 99, "since_ms": 1}})).await;
    assert!(world.queued().is_empty());
    assert!(world.letters()[0].contains("not ready after 45 minutes"), "{:?}", world.letters());
}

#[tokio::test]
async fn a_role_that_is_missing_and_a_closed_account_disturb_no_healthy_one_in_the_batch() {
    let mut world = World::new().await;
    world.account(PAYMENTS_DEV, "payments-dev", true, None);
    world.conditions().refusals.insert(PAYMENTS_DEV.into(), no_role());
    let since_ms = SystemClock.now_ms() - 15 * MINUTE_MS;
    let bodies = [
        json!({"reconcile": {"account": LEDGER_PROD}}),
        json!({"reconcile": {"account": PAYMENTS_DEV, "attempt": 9, "since_ms": since_ms}}),
        json!({"reconcile": {"account": SHOP_DEV}}),
    ];
    assert_eq!(world.batch(&bodies).await, 0);
    assert!(world.status(SHOP_DEV).await.network_ready);
    assert!(world.status(PAYMENTS_DEV).await.message.contains("not ready"));
    assert!(world.status_in(LEDGER_PROD, REGION).await.is_none());
    assert!(world.letters().is_empty());
    assert_eq!(world.queued()[0]["reconcile"]["attempt"], 10);
}

#[tokio::test]
async fn an_account_whose_role_came_late_is_still_given_the_time_its_network_needs() {
    let mut world = World::with(Options { nat_pending_ms: 300_000, ..Options::default() }).await;
    let since_ms = SystemClock.now_ms() - 40 * MINUTE_MS;
    world.send(json!({"reconcile": {"account": SHOP_DEV, "attempt": 20, "since_ms": since_ms}})).await;
    let next = &world.queued()[0]["reconcile"];
    assert!(next["since_ms"].as_u64().unwrap() > since_ms && next["first_ms"] == since_ms, "{next}");
    world.drain().await;
    world.assert_ready(SHOP_DEV).await;
}

#[tokio::test]
async fn an_account_that_goes_round_in_circles_is_given_up_after_two_hours() {
    let world = World::new().await;
    let (first_ms, since_ms) = (SystemClock.now_ms() - 120 * MINUTE_MS, SystemClock.now_ms() - MINUTE_MS);
    let request = json!({"account": SHOP_DEV, "attempt": 2, "since_ms": since_ms, "first_ms": first_ms});
    world.send(json!({"reconcile": request})).await;
    assert!(world.queued().is_empty());
    assert!(world.letters()[0].contains("not ready after 120 minutes"), "{:?}", world.letters());
}

#[tokio::test]
async fn the_delay_grows_with_each_attempt_and_stays_below_the_queues_limit() {
    let world = World::new().await;
    let refusal = error("ec2:DescribeVpcs", "OptInRequired", "You are not subscribed to this service");
    world.conditions().refusals.insert(SHOP_DEV.into(), refusal);
    let since_ms = SystemClock.now_ms();
    for attempt in [0, 3, 50] {
        world
            .send(json!({"reconcile": {"account": SHOP_DEV, "attempt": attempt, "since_ms": since_ms}}))
            .await;
    }
    let delays: Vec<u32> = world.messages().iter().map(|message| message.delay_s).collect();
    assert!((36..=60).contains(&delays[0]), "never before a change has settled: {delays:?}");
    assert!((90..=180).contains(&delays[1]) && (90..=180).contains(&delays[2]), "{delays:?}");
}

#[tokio::test]
async fn a_record_is_requeued_or_refused_and_never_both() {
    let mut world = World::new().await;
    let broken = error("ec2:DescribeVpcs", "ValidationError", "no such thing");
    world.conditions().refusals.insert(EUROPE.into(), broken);
    world.reconcile(SHOP_PROD).await;
    assert_eq!((world.queued().len(), world.letters().len()), (1, 0), "one Region is on its way");
    world.drain().await;
    let letters = world.letters();
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert!(letters[0].contains("eu-west-1") && letters[0].contains("no such thing"), "{letters:?}");
    assert_eq!(world.status(SHOP_PROD).await.phase, Phase::Ready);
    assert_eq!(world.status_in(SHOP_PROD, EUROPE).await.unwrap().phase, Phase::Failed);
}

#[tokio::test]
async fn what_is_no_longer_declared_goes_only_as_far_as_the_request_allows() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    world.publish(&FLEET.replace("gateway_endpoints: [s3, dynamodb]", "gateway_endpoints: []")).await;
    let live = |world: &World| world.truth(SHOP_DEV).endpoints.iter().filter(|it| !it.is_gone).count();
    world.converge(SHOP_DEV).await;
    assert_eq!(live(&world), 2, "a sweep takes nothing away");
    assert_eq!(world.status(SHOP_DEV).await.withheld.len(), 2);
    for (deletions, rest, left) in [(1, 0, 1), (3, 2, 0)] {
        world.wait().await;
        world.send(json!({"reconcile": {"account": SHOP_DEV, "limits": {"deletions": deletions}}})).await;
        assert_eq!(live(&world), left);
        assert_eq!(world.queued().last().unwrap()["reconcile"]["limits"]["deletions"], rest);
        world.drain().await;
        assert_eq!(live(&world), left, "what was allowed was allowed once");
    }
    world.drain().await;
    world.assert_ready(SHOP_DEV).await;
    assert_eq!(
        world.notified_of("drift/").await,
        Vec::<String>::new(),
        "what was known and allowed is no drift"
    );
}
