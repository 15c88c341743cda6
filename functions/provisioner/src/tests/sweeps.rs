//! A sweep goes on where it was, whatever dies, and is not begun twice over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use phonehome_aws::Metrics;
use phonehome_cloud::table::{Doc, Table as _, Write};
use phonehome_cloud::{Account, CloudError};
use phonehome_state::{Keys, Sweep, SweepStage, written_by};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::mortal::{Life, Mortal};
use super::world::{FLEET, SHOP_DEV, SHOP_PROD, World};
use crate::handler::Provisioner;

/// More than are queued at once, twice over.
const ACCOUNTS: usize = 220;

fn id(number: usize) -> String {
    format!("{:012}", 100_000_000_000 + number)
}

/// A fleet of so many accounts, of which nothing is stored yet.
async fn fleet_of(accounts: usize) -> World {
    let mut world = World::new().await;
    let domains: String = (0..accounts)
        .map(|it| format!("  - {{ name: d{it}, owner: team, environments: [{{ name: dev }}] }}\n"))
        .collect();
    let (before, rest) = FLEET.split_once("domains:\n").unwrap();
    let after = rest.split_once("network:").unwrap().1;
    world.publish(&format!("{before}domains:\n{domains}network:{after}")).await;
    let account = |it| Account {
        id: id(it).parse().unwrap(),
        name: format!("d{it}-dev"),
        active: true,
        created_at_ms: None,
    };
    world.provisioner.organization.accounts = (0..accounts).map(account).collect();
    world
}

impl World {
    async fn sweep(&self) -> Option<Sweep> {
        let doc = self.table().get(&Keys::sweep()).await.unwrap();
        doc.as_ref().map(Doc::read).transpose().unwrap()
    }

    async fn edit_sweep(&self, change: impl Fn(&mut Sweep)) {
        let doc = self.table().get(&Keys::sweep()).await.unwrap();
        let mut sweep: Sweep = doc.as_ref().unwrap().read().unwrap();
        change(&mut sweep);
        self.table().write(vec![Write::over(doc.as_ref(), Keys::sweep(), &sweep)]).await.unwrap();
    }

    /// How often each account was queued.
    fn swept(&self) -> BTreeMap<String, usize> {
        let mut swept = BTreeMap::new();
        for body in self.queued() {
            if let Some(account) = body["reconcile"]["account"].as_str() {
                *swept.entry(account.to_owned()).or_default() += 1;
            }
        }
        swept
    }

    /// The last thing in the queue.
    fn newest(&self) -> Value {
        self.queued().last().cloned().unwrap_or_default()
    }
}

async fn is_finished(world: &World) -> bool {
    world.sweep().await.is_some_and(|sweep| sweep.is_finished())
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_write_or_send_a_sweep_goes_on_where_it_was_and_every_account_is_queued() {
    let mut deaths = 0;
    for after_effect in [false, true] {
        for death in 1.. {
            let world = fleet_of(ACCOUNTS).await;
            // Bound already, so that every write is the sweep's own.
            world.send(json!({"sweep": {}})).await;
            let before = world.swept();
            let life = Life::of(death, after_effect);
            let mortal = Provisioner {
                provision: phonehome_provision::Provision {
                    table: Mortal::of(world.table().writing_only(written_by("provisioner")), &life),
                    members: world.provisioner.provision.members.clone(),
                    cooldown_ms: 0,
                    clock: phonehome_cloud::SystemClock,
                },
                queue: Mortal::of(world.provisioner.queue.clone(), &life),
                dead_letters: Mortal::of(world.provisioner.dead_letters.clone(), &life),
                organization: world.provisioner.organization.clone(),
                metrics: Metrics::void("provisioner"),
                requeue_delay_s: 20,
                management_account: world.provisioner.management_account.clone(),
            };
            let event = json!({"Records": [{"messageId": "1", "body": "{\"sweep\":{}}"}]});
            let failed = mortal.handle(&event).await.unwrap().batch_item_failures.len();
            if !life.is_over() {
                assert!(is_finished(&world).await && failed == 0);
                break;
            }
            deaths += 1;
            assert_eq!(failed, 1, "death {death}: the message comes again");
            // Whoever died at its first write began nothing, and who died after its last one left nothing to do.
            let number = world.sweep().await.unwrap().number;
            let again = if number == 1 { json!({"sweep": {}}) } else { json!({"sweep": {"number": 2}}) };
            world.send(again).await;
            assert!(is_finished(&world).await, "death {death}: {:?}", world.sweep().await);
            assert_eq!(world.sweep().await.unwrap().number, 2, "death {death}");
            let swept = world.swept();
            let times = |it: usize| swept[&id(it)] - before[&id(it)];
            assert!((0..ACCOUNTS).all(|it| (1..=2).contains(&times(it))), "death {death}: {swept:?}");
            let twice = (0..ACCOUNTS).filter(|it| times(*it) == 2).count();
            assert!(twice <= 100, "death {death}: {twice} are queued twice");
        }
    }
    // Begun, listed, identified; three times queued and stored.
    assert_eq!(deaths, 2 * (3 + 3 * 2));
}

#[tokio::test]
async fn a_sweep_that_is_under_way_is_not_begun_again_and_who_asked_meanwhile_gets_one_after_it() {
    let world = fleet_of(20).await;
    world.send(json!({"sweep": {}})).await;
    let at_work = |sweep: &mut Sweep| {
        sweep.stage = SweepStage::Queueing { after: Some(id(14).parse().unwrap()) };
        sweep.moved_at_ms -= 65_000;
    };
    world.edit_sweep(at_work).await;
    let before = world.queued().len();
    for _ in 0..3 {
        world.send(json!({"sweep": {}})).await;
    }
    assert_eq!(world.queued().len(), before, "somebody is at work on it");
    assert!(world.sweep().await.unwrap().again);
    world.send(json!({"sweep": {"number": 1}})).await;
    let swept = world.swept();
    assert_eq!((0..20).map(|it| swept[&id(it)]).collect::<Vec<_>>(), [vec![2; 15], vec![3; 5]].concat());
    let sweep = world.sweep().await.unwrap();
    assert_eq!((sweep.number, sweep.is_finished(), sweep.again), (2, true, false));
}

#[tokio::test]
async fn who_only_asks_for_another_one_does_not_make_the_one_at_work_lose_its_way() {
    let world = fleet_of(ACCOUNTS).await;
    world.send(json!({"sweep": {}})).await;
    world.edit_sweep(|sweep| sweep.stage = SweepStage::Queueing { after: None }).await;
    let before = world.queued().len();
    let asked = json!({"sweep": {}});
    // Both at once, in one batch.
    assert_eq!(world.batch(&[json!({"sweep": {"number": 1}}), asked]).await, 0);
    assert_eq!(world.queued().len(), before + 2 * ACCOUNTS);
    assert!(is_finished(&world).await);
}

#[tokio::test]
async fn a_sweep_on_which_nobody_is_at_work_is_gone_on_with_by_the_next_ones_message() {
    let world = fleet_of(20).await;
    world.send(json!({"sweep": {}})).await;
    let died = |sweep: &mut Sweep| {
        sweep.stage = SweepStage::Queueing { after: Some(id(14).parse().unwrap()) };
        sweep.moved_at_ms -= 71_000;
    };
    world.edit_sweep(died).await;
    world.send(json!({"sweep": {}})).await;
    let swept = world.swept();
    assert_eq!((0..20).map(|it| swept[&id(it)]).collect::<Vec<_>>(), [vec![2; 15], vec![3; 5]].concat());
    assert!(is_finished(&world).await);
}

#[tokio::test]
async fn what_continues_a_sweep_that_is_over_or_another_one_does_nothing() {
    let world = fleet_of(20).await;
    for number in [1, 7] {
        world.send(json!({"sweep": {"number": number}})).await;
    }
    assert_eq!((world.queued(), world.sweep().await), (vec![], None));
    world.send(json!({"sweep": {}})).await;
    world.send(json!({"sweep": {"number": 1}})).await;
    assert_eq!(world.queued().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn an_organization_that_takes_longer_to_list_than_a_step_is_listed_in_steps_at_its_pace() {
    let mut world = fleet_of(300).await;
    world.provisioner.organization.page_accounts = 1;
    let (began, mut steps) = (Instant::now(), 1);
    world.send(json!({"sweep": {}})).await;
    while !is_finished(&world).await {
        assert!(Instant::now() - began <= steps * Duration::from_secs(30), "a step ends in time");
        assert_eq!(world.newest(), json!({"sweep": {"number": 1}}));
        steps += 1;
        world.send(world.newest()).await;
    }
    assert_eq!((steps, world.swept().len()), (3, 300));
    // 300 calls at 8 a second and 12 at once are what Organizations allows at the most.
    assert!(began.elapsed() > Duration::from_secs((300 - 12) / 8), "{:?}", began.elapsed());
}

#[tokio::test]
async fn while_organizations_is_asked_too_often_the_sweep_waits_where_it_is() {
    let mut world = fleet_of(30).await;
    world.provisioner.organization.page_accounts = 20;
    let often =
        CloudError::service("organizations:ListAccounts", "all", "TooManyRequestsException", "slow down");
    world.provisioner.organization.refusals.lock().unwrap().push_back(often);
    world.send(json!({"sweep": {}})).await;
    let messages = world.messages();
    assert_eq!((messages.len(), messages[0].delay_s), (1, 30));
    world.send(world.newest()).await;
    assert_eq!((world.swept().len(), world.letters().len()), (30, 0));
}

#[tokio::test]
async fn a_listing_that_can_no_longer_be_continued_begins_anew() {
    let mut world = fleet_of(30).await;
    world.send(json!({"sweep": {}})).await;
    world.provisioner.organization.page_accounts = 20;
    for stage in [
        SweepStage::Listing { next: Some("a token of yesterday".into()), parts: 1 },
        SweepStage::Identifying { parts: 3 },
    ] {
        let before = world.queued().len();
        world.edit_sweep(|sweep| sweep.stage = stage.clone()).await;
        world.send(json!({"sweep": {"number": 1}})).await;
        assert_eq!(world.queued().len(), before + 30, "{stage:?}");
        assert!(is_finished(&world).await);
    }
    // What was listed two hours ago says nothing of who is who now.
    world
        .edit_sweep(|sweep| {
            sweep.stage = SweepStage::Identifying { parts: 1 };
            sweep.listing_since_ms -= 2 * 3_600_000;
        })
        .await;
    world.provisioner.organization.accounts.truncate(29);
    world.send(json!({"sweep": {"number": 1}})).await;
    let listed = world.table().query("sweeps/accounts").await.unwrap();
    assert!(is_finished(&world).await && !listed.iter().any(|doc| doc.body.contains(&id(29))));
}

#[tokio::test]
async fn an_account_that_still_waits_in_the_queue_is_not_queued_again_and_counts_as_late() {
    for (waiting, queued, late) in [(1, vec![SHOP_PROD], 1), (0, vec![SHOP_DEV, SHOP_PROD], 0)] {
        let mut world = World::new().await;
        world.converge(SHOP_DEV).await;
        world.wait().await;
        world.send(json!({"sweep": {}})).await;
        let before = world.queued().len();
        world.provisioner.queue.set_waiting(waiting);
        world.send(json!({"sweep": {}})).await;
        let swept: Vec<Value> = world.queued().split_off(before);
        let swept: Vec<&str> = swept.iter().filter_map(|it| it["reconcile"]["account"].as_str()).collect();
        assert_eq!(
            (swept, world.provisioner.metrics.counts()["SweepLate"]),
            (queued, late),
            "{waiting} wait"
        );
    }
}

#[tokio::test]
async fn an_account_that_waits_for_two_hours_is_queued_again_whatever_became_of_its_message() {
    let mut world = World::new().await;
    world.converge(SHOP_DEV).await;
    world.send(json!({"sweep": {}})).await;
    for _ in 0..(2 * 3600 / 200) {
        world.wait().await;
    }
    world.provisioner.queue.set_waiting(1_000);
    let before = world.queued().len();
    world.send(json!({"sweep": {}})).await;
    assert_eq!(world.queued().len(), before + 2);
}

#[tokio::test]
async fn a_sweep_of_which_nothing_can_be_read_begins_anew_and_a_copy_is_kept() {
    let world = fleet_of(20).await;
    world.table().put_raw(Keys::sweep(), "nonsense");
    world.send(json!({"sweep": {}})).await;
    assert!(is_finished(&world).await);
    let copies = world.table().query(Keys::UNREADABLE).await.unwrap();
    assert_eq!((copies.len(), world.swept().len(), world.letters().len()), (1, 20, 0));
    let queued: BTreeSet<String> = world.swept().into_keys().collect();
    assert_eq!(queued, (0..20).map(id).collect());
}
