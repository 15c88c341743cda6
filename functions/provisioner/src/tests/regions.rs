//! An account with several Regions, and several accounts in a batch: side by side, each with its own fate.

use std::time::Duration;

use phonehome_cloud::CloudError;
use phonehome_state::{Keys, Phase};
use serde_json::json;
use tokio::time::Instant;

use super::world::{EUROPE, PAYMENTS_DEV, REGION, SHOP_DEV, SHOP_PROD, World};

fn asked_too_often() -> CloudError {
    CloudError::service("organizations:DescribeAccount", "x", "TooManyRequestsException", "slow down")
}

/// For how long one observation of an account takes.
async fn observing(world: &World, account: &str) -> Duration {
    world.wait().await;
    let began = Instant::now();
    world.reconcile(account).await;
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn an_account_with_two_regions_takes_no_longer_than_one_with_one() {
    let world = World::new().await;
    world.conditions().slow = Duration::from_secs(4);
    let (one, two) = (observing(&world, SHOP_DEV).await, observing(&world, SHOP_PROD).await);
    assert!(world.status_in(SHOP_PROD, EUROPE).await.unwrap().network_ready);
    assert!(world.status_in(SHOP_PROD, REGION).await.unwrap().network_ready);
    assert_eq!((one, two), (Duration::from_secs(8), Duration::from_secs(8)));
}

#[tokio::test(start_paused = true)]
async fn what_a_person_allowed_is_used_up_in_one_region_after_the_other() {
    let mut world = World::new().await;
    world.converge(SHOP_PROD).await;
    world.wait().await;
    world.conditions().slow = Duration::from_secs(4);
    let began = Instant::now();
    world.send(json!({"reconcile": {"account": SHOP_PROD, "limits": {"deletions": 1}}})).await;
    assert_eq!(began.elapsed(), Duration::from_secs(8), "4 s for each");
}

#[tokio::test]
async fn a_region_of_which_nothing_can_be_read_stops_no_other_and_is_told_with_its_name() {
    for (unreadable, other) in [(REGION, EUROPE), (EUROPE, REGION)] {
        let mut world = World::new().await;
        world.converge(SHOP_PROD).await;
        let key = Keys::stack(&format!("{SHOP_PROD}/{unreadable}").parse().unwrap());
        world.table().put_raw(key, "nonsense");
        let before = world.status_in(SHOP_PROD, other).await.unwrap();
        world.wait().await;
        world.reconcile(SHOP_PROD).await;
        let after = world.status_in(SHOP_PROD, other).await.unwrap();
        assert_eq!((after.generation, after.phase), (before.generation + 1, Phase::Ready), "{other}");
        let letters = world.letters();
        let says = format!("shop-prod ({SHOP_PROD}) in {unreadable}: the stored document stacks/");
        assert!(letters.len() == 1 && letters[0].starts_with(&says), "{letters:?}");
    }
}

#[tokio::test]
async fn a_region_that_another_executor_took_over_comes_again_and_the_others_are_done() {
    let mut world = World::new().await;
    world.converge(SHOP_PROD).await;
    world.wait().await;
    let generations = async |world: &World| {
        let of = async |region| world.status_in(SHOP_PROD, region).await.unwrap().generation;
        (of(REGION).await, of(EUROPE).await)
    };
    let before = generations(&world).await;
    // Whichever Region is opened first is the one.
    world.conditions().taken_over = Some(world.table().clone());
    assert_eq!(world.batch(&[json!({"reconcile": {"account": SHOP_PROD}})]).await, 1, "it comes again");
    let after = generations(&world).await;
    assert_eq!((after.0 + after.1) - (before.0 + before.1), 3, "two observations, and somebody else's");
    assert_eq!(world.letters(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn accounts_of_a_batch_are_worked_on_side_by_side_and_each_has_its_own_fate() {
    let mut world = World::new().await;
    world.account(PAYMENTS_DEV, "payments-dev", true, None);
    let slow = Duration::from_secs(4);
    world.conditions().slow = slow;
    world.conditions().refusals.insert(
        PAYMENTS_DEV.into(),
        CloudError::service("ec2:DescribeVpcs", "x", "InvalidParameterValue", "no such thing"),
    );
    let bodies = [SHOP_DEV, PAYMENTS_DEV, SHOP_PROD].map(|it| json!({"reconcile": {"account": it}}));
    let began = Instant::now();
    assert_eq!(world.batch(&bodies).await, 0);
    assert_eq!(
        began.elapsed(),
        2 * slow,
        "as long as one: it is opened for its addresses, and for its stack"
    );
    assert!(world.status(SHOP_DEV).await.network_ready && world.status(SHOP_PROD).await.network_ready);
    let letters = world.letters();
    assert!(letters.len() == 1 && letters[0].contains("payments-dev"), "{letters:?}");
}

#[tokio::test]
async fn when_organizations_is_asked_too_often_an_account_is_put_back_with_the_queues_delay() {
    let mut world = World::new().await;
    world.provisioner.organization.refusals.lock().unwrap().push_back(asked_too_often());
    world.reconcile(SHOP_DEV).await;
    let (queued, messages) = (world.queued(), world.messages());
    assert_eq!((queued.len(), &queued[0]["reconcile"]["attempt"]), (1, &json!(1)));
    assert!((5..=60).contains(&messages[0].delay_s), "{messages:?}");
    world.drain().await;
    world.assert_ready(SHOP_DEV).await;
}
