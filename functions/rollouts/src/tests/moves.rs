//! Who gets the version when, and what is stored with it.

use phonehome_alerting::PathStatus;
use phonehome_cloud::table::Table as _;
use phonehome_fleet::Line;
use phonehome_rollout::{Halt, Phase};
use phonehome_state::{Keys, Way, in_force, version};
use phonehome_wire::StackId;

use super::world::{SHOP_DEV, SHOP_PROD, World};

#[tokio::test]
async fn staging_gets_it_first_then_everyone_and_then_it_is_in_force() {
    let world = World::new().await;
    world.rolls_out().await;
    world.minute().await;
    assert_eq!((world.turned().await, world.asked()), (vec![SHOP_DEV.to_owned()], vec![SHOP_DEV.to_owned()]));
    world.minutes(3).await;
    assert_eq!(world.turned().await, [SHOP_DEV], "green for two minutes");
    world.minute().await;
    assert_eq!(world.turned().await, [SHOP_DEV, SHOP_PROD]);
    assert_eq!(in_force(&world.function.table).await.unwrap().number, 1);
    world.minutes(4).await;
    assert_eq!(world.roll_out().await.phase, Phase::Finished);
    assert_eq!(in_force(&world.function.table).await.unwrap().number, 2);
}

#[tokio::test]
async fn what_waited_for_it_is_asked_for_when_it_is_in_force_and_may_be_done_from_then_on() {
    let world = World::new().await;
    world.rolls_out().await;
    let mut asked = 0;
    while world.roll_out().await.phase == Phase::Rolling {
        asked = world.asked().len();
        world.passes(1);
        for account in [SHOP_DEV, SHOP_PROD] {
            world.probe(account, PathStatus::Up).await;
        }
        world.waits_for_force(SHOP_DEV, world.version_of(SHOP_DEV).await).await;
        world.has_converged(SHOP_PROD, world.version_of(SHOP_PROD).await).await;
        let before = in_force(&world.function.table).await.unwrap();
        assert_eq!((before.number, before.accepted.in_force_at_ms), (1, None));
        world.function.handle().await.unwrap();
    }
    assert_eq!(world.roll_out().await.phase, Phase::Finished);
    assert_eq!(world.asked()[asked..], [SHOP_DEV]);
    let now = in_force(&world.function.table).await.unwrap();
    assert_eq!((now.number, now.accepted.in_force_at_ms), (2, Some(world.now_ms())));
    let published = version(&world.function.table, Some(2)).await.unwrap().unwrap();
    assert_eq!(published.accepted.in_force_at_ms, None, "what was published stays as it was");
    world.minutes(3).await;
    assert_eq!(world.asked().len(), asked + 1, "once");
}

#[tokio::test]
async fn a_path_that_fails_in_staging_halts_it_and_production_never_gets_it() {
    let world = World::new().await;
    world.rolls_out().await;
    world.minutes(2).await;
    world.passes(1);
    world.probe(SHOP_DEV, PathStatus::Down).await;
    world.function.handle().await.unwrap();
    let Phase::Halted { why } = world.roll_out().await.phase else { panic!("not halted") };
    assert!(matches!(why.as_slice(), [Halt::NewlyFailing { count: 1, .. }]), "{why:?}");
    world.minutes(60).await;
    assert_eq!(world.turned().await, [SHOP_DEV]);
    assert_eq!(in_force(&world.function.table).await.unwrap().number, 1);
}

#[tokio::test]
async fn a_stack_that_fails_halts_it() {
    let world = World::new().await;
    world.rolls_out().await;
    world.minute().await;
    world.passes(1);
    world.has_failed(SHOP_DEV, "no address left").await;
    world.function.handle().await.unwrap();
    let Phase::Halted { why } = world.roll_out().await.phase else { panic!("not halted") };
    assert!(matches!(&why[..], [Halt::Failed { message, .. }] if message == "no address left"), "{why:?}");
}

#[tokio::test]
async fn an_account_that_converged_to_another_version_has_not_converged() {
    let world = World::new().await;
    world.rolls_out().await;
    world.minute().await;
    for _ in 0..8 {
        world.passes(1);
        world.has_converged(SHOP_DEV, 1).await;
        world.probe(SHOP_DEV, PathStatus::Up).await;
        world.function.handle().await.unwrap();
    }
    assert_eq!(world.turned().await, [SHOP_DEV]);
}

#[tokio::test]
async fn a_silent_probe_proves_nothing() {
    let world = World::new().await;
    world.rolls_out().await;
    world.minute().await;
    for _ in 0..12 {
        world.passes(1);
        world.function.handle().await.unwrap();
    }
    assert_eq!(world.turned().await, [SHOP_DEV]);
    assert_eq!(world.roll_out().await.phase, Phase::Rolling);
}

#[tokio::test]
async fn what_ran_before_the_new_code_came_proves_nothing_of_it_however_green_it_is() {
    // The input is the same: code alone is rolled out.
    let world = World::new().await;
    world.rolls_out().await;
    world.minute().await;
    let came_ms = world.now_ms();
    for _ in 0..6 {
        // Its last run before the code came was heard of, and nothing since.
        world.passes(1);
        world.has_converged_with_code(SHOP_DEV, 2, came_ms + 1).await;
        world.function.handle().await.unwrap();
    }
    assert_eq!((world.turned().await, world.roll_out().await.waves[0].green_ms), (vec![SHOP_DEV.into()], 0));
    // The first run of the new code counts, and those before it do not.
    for minute in 1..=4 {
        assert_eq!(world.turned().await, [SHOP_DEV], "{minute}");
        world.passes(1);
        world.probe(SHOP_DEV, PathStatus::Up).await;
        world.has_converged_with_code(SHOP_DEV, 2, came_ms + 1).await;
        world.function.handle().await.unwrap();
    }
    assert_eq!(world.turned().await, [SHOP_DEV, SHOP_PROD]);
}

#[tokio::test]
async fn new_code_that_never_reports_halts_it_and_production_never_gets_it() {
    let world = World::new().await;
    world.rolls_out().await;
    world.minute().await;
    let came_ms = world.now_ms() + 1;
    for _ in 0..30 {
        world.passes(1);
        world.has_converged_with_code(SHOP_DEV, 2, came_ms).await;
        world.function.handle().await.unwrap();
    }
    let Phase::Halted { why } = world.roll_out().await.phase else { panic!("not halted") };
    assert!(matches!(&why[..], [Halt::NotProven { count, .. }] if *count > 0), "{why:?}");
    assert_eq!(world.turned().await, [SHOP_DEV]);
}

#[tokio::test]
async fn while_an_incident_or_who_is_who_cannot_be_read_nothing_is_decided() {
    let nobody: StackId = "444455556699/us-east-1".parse().unwrap();
    let unreadable = [Keys::incident("i"), Keys::binding(&Line::new("shop", "dev")), Keys::stack(&nobody)];
    for key in unreadable {
        let world = World::new().await;
        world.rolls_out().await;
        world.function.table.put_raw(key.clone(), "{");
        world.passes(1);
        let before = world.function.table.all();
        assert!(world.function.handle().await.is_err(), "{key:?}");
        assert_eq!(world.function.table.all(), before);
    }
}

#[tokio::test]
async fn once_more_in_the_same_minute_changes_nothing_and_asks_for_nobody() {
    let world = World::new().await;
    world.rolls_out().await;
    for _ in 0..10 {
        world.minute().await;
        // What converged is noted once.
        world.function.handle().await.unwrap();
        let (before, asked) = (world.function.table.all(), world.asked().len());
        world.function.handle().await.unwrap();
        assert_eq!((world.function.table.all(), world.asked().len()), (before, asked));
    }
}

#[tokio::test]
async fn killed_after_any_write_every_account_is_asked_for_all_the_same_and_it_ends_as_ever() {
    for dies_at in 1..12 {
        let world = World::new().await;
        world.rolls_out().await;
        for minute in 1..30 {
            world.passes(1);
            for account in [SHOP_DEV, SHOP_PROD] {
                world.probe(account, PathStatus::Up).await;
            }
            match minute == dies_at {
                // It has stored its decision, and asks for nobody any more.
                true => drop(world.function.run(world.now_ms()).await.unwrap()),
                false => world.function.handle().await.unwrap(),
            }
            for account in world.asked() {
                world.has_converged(&account, 2).await;
            }
        }
        assert_eq!(world.roll_out().await.phase, Phase::Finished, "{dies_at}");
        assert_eq!(world.asked(), [SHOP_DEV, SHOP_PROD], "{dies_at}");
        assert_eq!(in_force(&world.function.table).await.unwrap().number, 2);
    }
}

#[tokio::test]
async fn what_another_version_overtook_is_over_and_puts_nothing_in_force() {
    let world = World::new().await;
    world.rolls_out().await;
    world.minutes(6).await;
    // A release that knows no roll-outs put another version in force.
    let mut fleet: serde_json::Value =
        world.function.table.get(&Keys::fleet()).await.unwrap().unwrap().read().unwrap();
    fleet["number"] = serde_json::json!(9);
    world.put(Keys::fleet(), &fleet).await;
    world.minutes(10).await;
    assert_eq!(world.roll_out().await.phase, Phase::Superseded);
    assert_eq!(in_force(&world.function.table).await.unwrap().number, 9);
}

#[tokio::test]
async fn an_emergency_is_in_force_at_once_and_every_account_is_asked_for_once() {
    let world = World::new().await;
    world.published(Way::Emergency { reason: "it burns".into() }).await;
    assert_eq!(in_force(&world.function.table).await.unwrap().number, 2);
    world.minutes(3).await;
    assert_eq!(world.asked(), [SHOP_DEV, SHOP_PROD]);
}

#[tokio::test]
async fn without_a_roll_out_there_is_nothing_to_do() {
    let world = World::new().await;
    let before = world.function.table.all();
    world.passes(1);
    world.function.handle().await.unwrap();
    assert_eq!(world.function.table.all(), before);
}

#[tokio::test]
async fn an_incident_in_production_keeps_its_wave_from_beginning_until_it_is_over() {
    let world = World::new().await;
    world.rolls_out().await;
    world.incident_opens(SHOP_PROD).await;
    world.minutes(10).await;
    assert_eq!(world.turned().await, [SHOP_DEV], "staging is not concerned");
    let told = world.told().await;
    assert!(!told.iter().any(|it| it.2.contains("has halted")), "{told:?}");
    world.incident_is_over().await;
    world.minute().await;
    assert_eq!(world.turned().await, [SHOP_DEV, SHOP_PROD]);
}

#[tokio::test]
async fn an_account_that_is_closed_is_not_waited_for() {
    let world = World::new().await;
    world.rolls_out().await;
    world.minutes(6).await;
    assert_eq!(world.turned().await, [SHOP_DEV, SHOP_PROD]);
    world.is_closed(SHOP_PROD).await;
    world.passes(1);
    world.probe(SHOP_DEV, PathStatus::Up).await;
    world.function.handle().await.unwrap();
    assert_eq!(world.roll_out().await.phase, Phase::Finished);
}

#[tokio::test]
async fn a_report_from_before_an_account_converged_proves_nothing() {
    let world = World::new().await;
    world.rolls_out_baking(1).await;
    world.minute().await;
    // The change cut off its probe: what was heard last is not overdue for a while.
    for _ in 0..3 {
        world.passes(1);
        world.function.handle().await.unwrap();
        assert_eq!(world.turned().await, [SHOP_DEV]);
    }
}

#[tokio::test]
async fn a_report_of_an_input_before_the_newest_proves_nothing() {
    let world = World::new().await;
    world.rolls_out().await;
    world.minute().await;
    for _ in 0..8 {
        world.passes(1);
        world.probe(SHOP_DEV, PathStatus::Up).await;
        world.is_asked_something_else(SHOP_DEV).await;
        world.function.handle().await.unwrap();
    }
    assert_eq!(
        (world.turned().await, world.roll_out().await.phase),
        (vec![SHOP_DEV.to_owned()], Phase::Rolling)
    );
}

#[tokio::test]
async fn a_probe_where_the_new_version_declares_no_network_is_not_waited_for() {
    let world = World::new().await;
    world.is_elsewhere(SHOP_DEV, "eu-west-1").await;
    world.rolls_out().await;
    world.minutes(12).await;
    assert_eq!(world.roll_out().await.phase, Phase::Finished);
}

#[tokio::test]
async fn where_the_staging_set_is_closed_production_does_not_get_it() {
    let world = World::new().await;
    world.rolls_out().await;
    world.minutes(2).await;
    world.is_closed(SHOP_DEV).await;
    for _ in 0..20 {
        world.passes(1);
        world.probe(SHOP_PROD, PathStatus::Up).await;
        world.function.handle().await.unwrap();
    }
    let Phase::Halted { why } = world.roll_out().await.phase else { panic!("not halted") };
    assert!(matches!(&why[..], [Halt::NothingProven { wave }] if wave == "staging"), "{why:?}");
    assert!(!world.asked().contains(&SHOP_PROD.to_owned()));
    assert!(world.shown().await.contains("no account of staging is there any more"));
}
