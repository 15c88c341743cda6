//! How often drift is reported, and for how long its message is completed.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use phonehome_provision::{COOLDOWN_MS, record_api_call};

use crate::support::{ACCOUNT, REGION, World};

const MINUTE_MS: u64 = 60_000;
const WEEK_MS: u64 = 7 * 24 * 60 * MINUTE_MS;

#[tokio::test]
async fn what_is_not_repaired_is_reported_once_and_its_message_completed_within_a_week() {
    for (then_ms, is_completed) in [(WEEK_MS - MINUTE_MS, true), (WEEK_MS + MINUTE_MS, false)] {
        let world = World::converged().await;
        world.delete_route();
        world.conditions.refuses.store(true, Ordering::Relaxed);
        world.reconcile().await;
        world.advance(then_ms);
        world.reconcile().await;
        let messages = world.messages_of("drift/").await;
        assert_eq!(messages.len(), 1, "nothing has become of it, {then_ms} ms later: {messages:?}");
        assert!(messages[0].text.contains("not repaired yet"), "{messages:?}");
        world.conditions.refuses.store(false, Ordering::Relaxed);
        world.converge().await;
        let messages = world.messages_of("drift/").await;
        let completed = messages.iter().skip(1).filter(|it| it.incident_id == messages[0].incident_id);
        let threads: Vec<_> = completed.filter_map(|it| it.thread.clone()).collect();
        assert_eq!(threads.len(), usize::from(is_completed), "{then_ms} ms later: {messages:?}");
        assert!(threads.iter().all(|thread| thread.ends_with(" repaired")), "{threads:?}");
        assert_eq!(messages.len(), 1 + threads.len(), "no other message: {messages:?}");
    }
}

#[tokio::test]
async fn a_message_about_drift_says_where_it_is_and_whom_to_ask() {
    let world = World::converged().await;
    world.delete_route();
    world.reconcile().await;
    let text = world.messages_of("drift/").await.remove(0).text;
    for part in ["shop-dev", REGION, "*Ask* team-shop about"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn whoever_made_a_difference_is_named_if_that_is_known_75_minutes_after_its_repair() {
    for (minutes, is_named) in [(74, true), (76, false)] {
        let world = World::converged().await;
        let (table, deleted_ms) = (world.delete_route(), world.now_ms());
        world.reconcile().await;
        world.advance(minutes * MINUTE_MS - COOLDOWN_MS);
        world.reconcile().await;
        world.advance(COOLDOWN_MS);
        let when = jiff::Timestamp::from_millisecond(i64::try_from(deleted_ms).unwrap()).unwrap();
        let api_call = phonehome_state::ApiCall {
            account: ACCOUNT.parse().unwrap(),
            region: REGION.parse().unwrap(),
            event_name: "DeleteRoute".into(),
            who: "user alice".into(),
            role: None,
            session: None,
            when: when.to_string(),
            resource_ids: BTreeSet::from([table]),
        };
        assert!(record_api_call(&world.provision.table, &api_call, world.now_ms()).await.unwrap());
        world.reconcile().await;
        let named = world.messages_of("drift/").await.iter().filter(|it| it.text.contains("alice")).count();
        assert_eq!(named, usize::from(is_named), "{minutes} minutes later");
    }
}

#[tokio::test]
async fn what_was_reported_of_a_probe_is_no_news_after_an_observation_without_probes() {
    let world = World::converged().await;
    world.edit(|seen| {
        seen.schedules.remove(0);
    });
    world.conditions.refuses.store(true, Ordering::Relaxed);
    world.reconcile().await;
    assert_eq!(world.messages_of("drift/").await.len(), 1);
    world.conditions.refuses.store(false, Ordering::Relaxed);
    world.conditions.no_probes.store(true, Ordering::Relaxed);
    world.converge().await;
    world.conditions.no_probes.store(false, Ordering::Relaxed);
    world.converge().await;
    let messages = world.messages_of("drift/").await;
    let incidents: BTreeSet<_> = messages.iter().map(|it| &it.incident_id).collect();
    assert_eq!(incidents.len(), 1, "{messages:?}");
    assert!(messages.last().unwrap().text.contains(", repaired"), "{messages:?}");
}

#[tokio::test]
async fn what_drifts_after_an_observation_without_probes_is_reported() {
    let world = World::converged().await;
    world.conditions.no_probes.store(true, Ordering::Relaxed);
    world.converge().await;
    world.conditions.no_probes.store(false, Ordering::Relaxed);
    world.delete_route();
    world.advance(COOLDOWN_MS);
    world.reconcile().await;
    assert_eq!(world.messages_of("drift/").await.len(), 1);
}

#[tokio::test]
async fn nothing_is_drift_before_the_stack_was_once_as_is_declared_now() {
    let mut world = World::converged().await;
    world.publish("egress: [", "egress: [{ host: example.org, port: 443 }, ");
    world.conditions.refuses.store(true, Ordering::Relaxed);
    world.reconcile().await;
    world.delete_route();
    world.advance(COOLDOWN_MS);
    world.conditions.refuses.store(false, Ordering::Relaxed);
    world.converge().await;
    assert_eq!(world.messages_of("drift/").await.len(), 0, "nobody is known to have changed anything");
    world.delete_route();
    world.converge().await;
    assert_eq!(world.messages_of("drift/").await.len(), 1);
}
