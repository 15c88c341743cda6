//! Starter packs: what of a turn is stored and told, whoever else works on the stack.

use phonehome_cloud::Class;
use phonehome_cloud::table::{Table, Write};
use phonehome_stacks::{Outcome, PackPhase, PackRecord, Problem, pack_key};
use serde_json::Value;

use super::packs::{record, refused, world};
use super::versions::{roll_out, turn};
use super::world::{FLEET, REGION, SHOP_DEV, World};

/// How often shop-dev is in the queue.
fn queued(world: &World) -> usize {
    world.queued().iter().filter(|it| it["reconcile"]["account"] == SHOP_DEV).count()
}

#[tokio::test]
async fn who_is_overtaken_in_a_packs_turn_changes_and_tells_nothing_and_looks_again_soon() {
    for after in [false, true] {
        let mut world = world(REGION).await;
        world.conditions().packs.insert(REGION.into(), refused("it would be replaced"));
        world.converge(SHOP_DEV).await;
        world.conditions().packs.clear();
        let table = world.table().clone();
        world.conditions().overtakes_packs = Some((table, after));
        world.wait().await;
        let before = queued(&world);
        world.reconcile(SHOP_DEV).await;
        assert_eq!(queued(&world) - before, 1, "{after}: somebody looks again");
        assert_eq!(world.conditions().pack_changes, usize::from(after));
        assert_eq!(record(&world, SHOP_DEV, REGION).await.unwrap().attempts, 99, "{after}");
        assert_eq!(world.notified_of("pack/").await.len(), 1);
        world.conditions().overtakes_packs = None;
        world.converge(SHOP_DEV).await;
        assert_eq!(record(&world, SHOP_DEV, REGION).await.unwrap().attempts, 100);
    }
}

#[tokio::test]
async fn what_is_under_way_is_looked_at_again_soon_and_what_people_were_told_of_is_not() {
    let mut world = world(REGION).await;
    let waits = Outcome::Later { reason: "it is made".into(), class: Class::EventuallyConsistent };
    for (outcome, again) in [(refused("it would be replaced"), 0), (waits, 1)] {
        world.converge(SHOP_DEV).await;
        world.conditions().packs.insert(REGION.into(), outcome);
        world.wait().await;
        let before = queued(&world);
        world.reconcile(SHOP_DEV).await;
        assert_eq!(queued(&world) - before, again);
        world.conditions().packs.clear();
    }
}

#[tokio::test]
async fn what_is_wrong_is_one_message_whatever_version_comes_edited_when_it_changes_and_another_one_later() {
    let mut world = world(REGION).await;
    let long = "x".repeat(2_000);
    for (why, messages) in [("first", 1), ("first", 1), (long.as_str(), 2)] {
        world.conditions().packs.insert(REGION.into(), refused(why));
        world.publish(&format!("{FLEET}starter_pack: {{ key: true, log_bucket: true }}\n")).await;
        world.converge(SHOP_DEV).await;
        assert_eq!(world.notified_of("pack/").await.len(), messages, "{why}");
    }
    assert_eq!(record(&world, SHOP_DEV, REGION).await.unwrap().message.chars().count(), 900);
    let told = world.notified_of("pack/").await;
    let kinds: Vec<Value> = told.iter().map(|it| serde_json::from_str::<Value>(it).unwrap()).collect();
    assert_ne!(kind(&kinds[0]), kind(&kinds[1]), "the second one edits the first");
    world.conditions().packs.clear();
    world.converge(SHOP_DEV).await;
    world.conditions().packs.insert(REGION.into(), refused("another"));
    world.converge(SHOP_DEV).await;
    let ids = world.incident_ids_of("pack/").await;
    assert_eq!(ids.len(), 4, "{ids:?}");
    assert!(ids[2] == ids[0] && ids[3] != ids[0], "{ids:?}");
}

/// What becomes of the message in Slack.
fn kind(body: &Value) -> String {
    body["kind"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
}

#[tokio::test]
async fn drift_that_was_told_stays_so_until_it_is_over_or_the_pack_is_declared_no_longer() {
    let mut world = world(REGION).await;
    world.converge(SHOP_DEV).await;
    for outcome in [Outcome::Told(Problem::Drifted(vec![])), Outcome::StillDrifted] {
        world.conditions().packs.insert(REGION.into(), outcome);
        world.converge(SHOP_DEV).await;
        let kept = record(&world, SHOP_DEV, REGION).await.unwrap();
        assert_eq!((kept.phase, kept.message.is_empty()), (PackPhase::Drifted, false));
    }
    assert_eq!(world.notified_of("pack/").await.len(), 1);
    let key = pack_key(&format!("{SHOP_DEV}/{REGION}").parse().unwrap());
    let doc = world.table().get(&key).await.unwrap().unwrap();
    let drifted = PackRecord { drift_told_ms: Some(5), ..doc.read().unwrap() };
    world.table().write(vec![Write::over(Some(&doc), key, &drifted)]).await.unwrap();
    world.publish(FLEET).await;
    world.converge(SHOP_DEV).await;
    let ended = record(&world, SHOP_DEV, REGION).await.unwrap();
    assert_eq!((ended.phase, ended.drift_told_ms), (PackPhase::Undeclared, None));
}

#[tokio::test]
async fn while_a_version_is_rolled_out_a_packs_turn_gives_nothing_up_for_good() {
    let mut world = world(REGION).await;
    world.converge(SHOP_DEV).await;
    let turns = std::mem::take(&mut world.conditions().pack_turns);
    assert!(turns.iter().all(|(_, permits)| permits.is_in_force && permits.version == 2), "{turns:?}");
    roll_out(&world, &format!("{FLEET}starter_pack: {{ key: true }}\n"), vec![]).await;
    turn(&world, &[SHOP_DEV]).await;
    world.wait().await;
    world.reconcile(SHOP_DEV).await;
    let turns = std::mem::take(&mut world.conditions().pack_turns);
    assert!(!turns.is_empty(), "it had a turn");
    assert!(turns.iter().all(|(_, permits)| !permits.is_in_force && permits.version == 3), "{turns:?}");
}
