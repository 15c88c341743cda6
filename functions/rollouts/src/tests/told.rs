//! What people are told: one message, edited in place.

use phonehome_alerting::{PathStatus, SlackKind};
use phonehome_rollout::{Phase, roll_back};
use phonehome_state::{Way, change_roll_out};

use super::world::{SHOP_DEV, World};

const HOUR_MS: u64 = 60 * 60_000;

fn headlines(told: &[(String, SlackKind, String, Option<String>)]) -> Vec<(&str, SlackKind, &str)> {
    let mut shown: Vec<(&str, SlackKind, &str)> =
        told.iter().map(|it| (it.0.as_str(), it.1, it.2.as_str())).collect();
    shown.dedup();
    shown
}

#[tokio::test]
async fn a_roll_out_is_one_message_that_is_edited_and_says_in_the_end_that_it_is_in_force() {
    let world = World::new().await;
    world.rolls_out().await;
    world.minutes(12).await;
    let told = world.told().await;
    let (it, updated) = ("rollout/2", SlackKind::Updated);
    let expected = [
        (it, SlackKind::Opened, ":arrow_forward: Version 2 is rolled out: wave 1 of 2, staging"),
        (it, updated, ":arrow_forward: Version 2 is rolled out: wave 1 of 2, staging"),
        (it, updated, ":arrow_forward: Version 2 is rolled out: wave 2 of 2, everyone"),
        (it, SlackKind::Resolved, ":white_check_mark: Version 2 is in force in all accounts"),
    ];
    assert_eq!(headlines(&told), expected);
    let threads: Vec<String> = told.into_iter().filter_map(|it| it.3).collect();
    assert_eq!(
        threads,
        [
            "wave 1 of 2, staging is done; wave 2 of 2, everyone began",
            "wave 2 of 2, everyone is done; in force"
        ]
    );
}

#[tokio::test]
async fn a_halt_says_what_and_where_and_its_end_is_told_in_the_same_message() {
    let world = World::new().await;
    world.rolls_out().await;
    world.minutes(2).await;
    world.passes(1);
    world.probe(SHOP_DEV, PathStatus::Down).await;
    world.function.handle().await.unwrap();
    let halted = world.told().await.pop().unwrap();
    assert_eq!(halted.2, ":octagonal_sign: The roll-out of version 2 has halted: wave 1 of 2, staging");
    assert_eq!(halted.3.as_deref(), Some("halted"));
    let table = world.function.table.unrestricted();
    change_roll_out(&table, |it| roll_back(it, "ada".into(), world.now_ms())).await.unwrap();
    world.minutes(4).await;
    let told = world.told().await;
    assert_eq!(told.iter().filter(|it| it.1 == SlackKind::Opened).count(), 1);
    let last = told.last().unwrap();
    assert_eq!(last.2, ":leftwards_arrow_with_hook: Version 2 was taken back: version 1 it is");
    assert!(told.iter().any(|it| it.3.as_deref() == Some("taken back by ada")), "{told:?}");
    let shown = world.shown().await;
    assert!(shown.contains("staging: over; 0 accounts have it"), "{shown}");
    assert!(!shown.contains("to come"), "nobody's turn comes any more: {shown}");
}

#[tokio::test]
async fn a_halt_names_the_difference_and_where_something_is_never_proven_how_to_go_on() {
    for status in [PathStatus::Down, PathStatus::Unknown] {
        let world = World::new().await;
        world.rolls_out().await;
        world.minutes(2).await;
        for _ in 0..30 {
            world.passes(1);
            world.probe(SHOP_DEV, status).await;
            world.function.handle().await.unwrap();
        }
        let shown = world.shown().await;
        assert!(shown.contains("has halted") && shown.contains("phonehome diff 1 2"), "{shown}");
        assert_eq!(shown.contains("--accept-failures"), status == PathStatus::Unknown, "{shown}");
    }
}

#[tokio::test]
async fn the_end_of_a_roll_out_is_told_also_when_nobody_heard_of_the_one_that_took_its_place() {
    let world = World::new().await;
    world.rolls_out().await;
    world.minutes(2).await;
    world.rolls_out().await;
    world.rolls_out().await;
    world.minutes(2).await;
    let told = world.told().await;
    let ended: Vec<_> = told.iter().filter(|it| it.0 == "rollout/2" && it.1 == SlackKind::Resolved).collect();
    assert_eq!(ended.len(), 1, "{told:?}");
    assert!(ended[0].2.starts_with("The roll-out of version 2 is over: version 4 took its place"));
    assert!(!told.iter().any(|it| it.0 == "rollout/3"), "nobody heard of it: {told:?}");
}

#[tokio::test]
async fn an_emergency_is_told_once_with_its_reason() {
    let world = World::new().await;
    world.published(Way::Emergency { reason: "it burns".into() }).await;
    world.minutes(3).await;
    let told = world.told().await;
    let headline = ":rotating_light: Version 2 was put in force in all accounts at once";
    assert_eq!(headlines(&told), [("rollout/2", SlackKind::Opened, headline)]);
    let bodies: Vec<String> = world.function.table.all().into_iter().map(|doc| doc.body).collect();
    assert!(bodies.iter().any(|body| body.contains("*Why* it burns")), "the reason is not told");
}

#[tokio::test]
async fn whose_place_another_one_took_is_told_in_its_own_message() {
    let world = World::new().await;
    world.rolls_out().await;
    world.minutes(2).await;
    world.rolls_out().await;
    world.minutes(2).await;
    let told = world.told().await;
    let ended: Vec<_> = told.iter().filter(|it| it.0 == "rollout/2" && it.1 == SlackKind::Resolved).collect();
    assert_eq!(ended.len(), 1, "{told:?}");
    assert!(
        ended[0].2.starts_with("The roll-out of version 2 is over: version 3 took its place"),
        "{ended:?}"
    );
    assert_eq!(told.iter().filter(|it| it.0 == "rollout/3" && it.1 == SlackKind::Opened).count(), 1);
}

#[tokio::test]
async fn what_waits_for_another_hours_removals_holds_the_next_wave_and_that_is_told() {
    let world = World::new().await;
    world.rolls_out().await;
    let next_ms = (world.now_ms() / HOUR_MS + 2) * HOUR_MS;
    world.minute().await;
    while world.now_ms() + 60_000 < next_ms {
        world.passes(1);
        world.probe(SHOP_DEV, PathStatus::Up).await;
        world.waits_for_hour(SHOP_DEV, 2, next_ms).await;
        world.function.handle().await.unwrap();
    }
    assert_eq!(world.roll_out().await.phase, Phase::Rolling, "its time to converge does not run");
    assert_eq!(world.turned().await, [SHOP_DEV]);
    let shown = world.shown().await;
    let minute = next_ms / 60_000 % (24 * 60);
    let expected = format!("1 account that may take away more from {:02}:00 UTC on", minute / 60);
    assert!(shown.contains(&expected), "{shown}");
    world.minutes(12).await;
    assert_eq!(world.roll_out().await.phase, Phase::Finished);
}
