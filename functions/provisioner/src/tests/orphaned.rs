//! Accounts whose line left the fleet file.

use phonehome_cloud::table::{Expect, Table as _, Write};
use phonehome_fleet::Line;
use phonehome_rollout::{Pace, Wave};
use phonehome_state::{Keys, Orphaned, PublishedFleet, Way, base, publish_by};
use phonehome_vending::{Order, OrderState, order_key};
use serde_json::json;

use super::decommission::{asked, left_behind, without};
use super::world::{FLEET, FOREIGN, SHOP_DEV, World};

const WEEK_MS: u64 = 7 * 24 * 60 * 60_000;

async fn sweep(world: &mut World) {
    // Messages of one millisecond have no order among them.
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    world.send(json!({"sweep": {}})).await;
    world.drain().await;
}

async fn known(world: &World) -> Option<Orphaned> {
    let doc = world.table().get(&Keys::orphaned()).await.unwrap()?;
    Some(doc.read().unwrap())
}

/// What is stored becomes older by this.
async fn told_before(world: &World, ms: u64) {
    let doc = world.table().get(&Keys::orphaned()).await.unwrap().unwrap();
    let mut known: Orphaned = doc.read().unwrap();
    known.told_at_ms -= ms;
    world.table().write(vec![Write::over(Some(&doc), Keys::orphaned(), &known)]).await.unwrap();
}

#[tokio::test]
async fn an_account_whose_line_left_is_told_once_as_orphaned_with_what_to_do_and_never_as_unlisted() {
    let mut world = left_behind().await;
    let before = world.status(SHOP_DEV).await;
    let changes = world.changes(SHOP_DEV, super::world::REGION);
    for _ in 0..3 {
        sweep(&mut world).await;
    }
    world.reconcile(SHOP_DEV).await;
    let notified = world.notified_of("orphaned/").await;
    assert_eq!(notified.len(), 1, "{notified:?}");
    for part in [
        "1 account is orphaned",
        "shop-dev",
        SHOP_DEV,
        "was shop/dev",
        "phonehome decommission ID",
        "--close-account",
    ] {
        assert!(notified[0].contains(part), "{part}: {}", notified[0]);
    }
    let unlisted = world.notified_of("unlisted/").await;
    assert!(unlisted.iter().all(|it| !it.contains(SHOP_DEV) && it.contains(FOREIGN)), "{unlisted:?}");
    assert_eq!(world.changes(SHOP_DEV, super::world::REGION), changes, "nothing is taken away");
    assert_eq!(world.status(SHOP_DEV).await.phase, before.phase);
    assert_eq!(known(&world).await.unwrap().accounts.len(), 1);
}

#[tokio::test]
async fn it_is_said_again_each_week_in_a_message_of_its_own_and_since_when_stays() {
    let mut world = left_behind().await;
    sweep(&mut world).await;
    let since = known(&world).await.unwrap().accounts;
    told_before(&world, WEEK_MS - 60_000).await;
    sweep(&mut world).await;
    assert_eq!(world.notified_of("orphaned/").await.len(), 1);
    told_before(&world, 60_000).await;
    for _ in 0..2 {
        sweep(&mut world).await;
    }
    let ids = world.incident_ids_of("orphaned/").await;
    assert!(ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
    assert_eq!(known(&world).await.unwrap().accounts, since);
}

#[tokio::test]
async fn it_ends_when_the_line_comes_back_or_the_account_is_given_up() {
    for comes_back in [true, false] {
        let mut world = left_behind().await;
        sweep(&mut world).await;
        if comes_back {
            world.publish(FLEET).await;
        } else {
            world.send(asked(SHOP_DEV, "remove")).await;
            world.drain().await;
        }
        sweep(&mut world).await;
        let notified = world.notified_of("orphaned/").await;
        assert!(
            notified.len() == 2 && notified[1].contains("no account is orphaned any more"),
            "{notified:?}"
        );
        assert_eq!(known(&world).await, None);
        sweep(&mut world).await;
        assert_eq!(world.notified_of("orphaned/").await.len(), 2);
        assert_eq!(world.letters(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_account_that_was_made_for_a_line_that_left_is_orphaned_although_it_was_never_bound() {
    let mut world = World::new().await;
    world.publish(&without("dev")).await;
    let line = Line::new("shop", "dev");
    let order = Order {
        line: line.clone(),
        email: "aws+shop-dev@example.com".into(),
        account_name: "shop-dev".into(),
        placed_at_ms: 0,
        asks: 1,
        permitted_at_ms: 0,
        state: OrderState::Made { account: SHOP_DEV.parse().unwrap(), at_ms: 0 },
    };
    world.table().write(vec![Write::put(order_key(&line), Expect::Absent, &order)]).await.unwrap();
    sweep(&mut world).await;
    let notified = world.notified_of("orphaned/").await;
    assert!(notified.len() == 1 && notified[0].contains("was shop/dev"), "{notified:?}");
    assert!(world.notified_of("unlisted/").await.iter().all(|it| !it.contains(SHOP_DEV)));
}

#[tokio::test]
async fn while_what_is_in_force_cannot_be_read_nobody_is_told_that_anybody_is_orphaned_or_is_no_more() {
    let mut world = left_behind().await;
    sweep(&mut world).await;
    world.publish("version: 1\nnonsense: true\n").await;
    sweep(&mut world).await;
    assert_eq!(world.notified_of("orphaned/").await.len(), 1);
    assert_eq!(known(&world).await.unwrap().accounts.len(), 1);
    assert!(world.notified_of("unlisted/").await.iter().all(|it| !it.contains(SHOP_DEV)));
}

#[tokio::test]
async fn while_its_line_is_taken_away_by_a_roll_out_it_is_not_orphaned_and_afterwards_it_is() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    let waves = vec![Wave::new("all".into(), [Line::new("shop", "prod")].into())];
    let pace = Pace { bake_ms: 1, converge_ms: 1, at_once: 1 };
    let way = Way::InWaves { waves, pace, mends: false };
    let next = PublishedFleet { text: without("dev"), ..PublishedFleet::default() };
    publish_by(world.table(), &base(world.table()).await.unwrap(), next.clone(), &way, false).await.unwrap();
    sweep(&mut world).await;
    assert_eq!(world.notified_of("orphaned/").await, Vec::<String>::new());
    assert_eq!(known(&world).await, None);
    let at_once = Way::AtOnce;
    publish_by(world.table(), &base(world.table()).await.unwrap(), next, &at_once, true).await.unwrap();
    sweep(&mut world).await;
    assert_eq!(world.notified_of("orphaned/").await.len(), 1);
}
