use phonehome_rollout::{Begin, Happened};
use phonehome_rollout::{
    Event, KNOWN_KEPT, NotNow, Phase, Progress, Unproven, WaveState, abort, decide, in_force_at_once, resume,
    roll_back, superseded, supersedes,
};

use crate::world::{BASE, MINUTE, PACE, TARGET, World, account, path};

fn halted() -> World {
    let mut world = World::of(&[1, 1]);
    world.minutes(2);
    world.fails(0, "a");
    assert!(world.halts());
    world
}

fn resumed(world: &mut World, accepts: bool) {
    world.roll_out = resume(&world.roll_out, "me".to_owned(), accepts, world.now_ms).unwrap();
}

#[test]
fn what_is_resumed_goes_on_when_it_was_mended_and_halts_again_when_it_was_not() {
    let mut world = halted();
    resumed(&mut world, false);
    assert!(world.halts(), "it fails still");
    resumed(&mut world, false);
    world.is_mended(0, "a");
    world.minutes(20);
    assert_eq!(world.roll_out.phase, Phase::Finished);
}

#[test]
fn what_an_operator_accepts_counts_as_known_and_nothing_else_does() {
    let mut world = halted();
    world.is_unproven(0, Unproven::Silent);
    resumed(&mut world, true);
    world.minutes(8);
    assert_eq!(world.turned(), [0, 1]);
    world.fails(0, "b");
    assert!(world.halts());
}

#[test]
fn an_aborted_roll_out_stays_as_it_is_until_somebody_resumes_it_or_takes_it_back() {
    let mut world = World::of(&[1, 1]);
    world.minutes(2);
    world.roll_out = abort(&world.roll_out, "me".into(), "lunch".into(), world.now_ms).unwrap();
    world.minutes(600);
    assert_eq!((world.has_halted(), world.turned()), (true, vec![0]));
    let version = TARGET;
    let again = abort(&world.roll_out, "me".into(), "lunch".into(), world.now_ms);
    assert_eq!(again.unwrap_err(), NotNow::Halted { version });
    resumed(&mut world, false);
    world.minutes(20);
    assert_eq!(world.roll_out.phase, Phase::Finished);
}

#[test]
fn a_roll_out_is_taken_back_newest_wave_first_and_ends_with_everybody_as_before() {
    let mut world = World::of(&[1, 4]);
    world.minutes(10);
    assert_eq!(world.turned().len(), 5);
    world.roll_out = roll_back(&world.roll_out, "me".into(), world.now_ms).unwrap();
    assert_eq!(world.minute().reconcile, [account(1), account(2), account(3)]);
    assert_eq!(world.turned(), [0, 4]);
    world.minute();
    assert!(world.turned().is_empty());
    world.minute();
    assert_eq!(world.roll_out.phase, Phase::RolledBack);
    assert!(world.observed.accounts.keys().all(|id| world.roll_out.versions.of(id) == BASE));
    let last = world.roll_out.events.last().map(|it| it.event.clone());
    assert_eq!(last, Some(Event::RolledBack { left: vec![] }));
}

#[test]
fn who_waits_to_go_back_is_not_asked_for_before() {
    let mut world = World::of(&[5]);
    world.minutes(4);
    for number in 0..5 {
        world.stack(number).progress = Progress::Underway;
        world.stuck.push(account(number));
    }
    world.roll_out = abort(&world.roll_out, "me".into(), "lunch".into(), world.now_ms).unwrap();
    resumed(&mut world, false);
    world.roll_out = roll_back(&world.roll_out, "me".into(), world.now_ms).unwrap();
    assert_eq!(world.minute().reconcile, [account(0), account(1), account(2)]);
}

#[test]
fn what_does_not_go_back_keeps_nobody_else_from_it_and_is_named() {
    let mut world = World::of(&[5]);
    world.minutes(5);
    world.stuck = vec![account(0), account(1), account(2)];
    world.roll_out = roll_back(&world.roll_out, "me".into(), world.now_ms).unwrap();
    world.minutes(10);
    assert_eq!(world.turned(), [3, 4]);
    world.minutes(4);
    assert_eq!(world.roll_out.phase, Phase::RolledBack);
    let left = (0..3).map(|number| format!("account-{number}")).collect();
    assert_eq!(world.roll_out.events.last().map(|it| &it.event), Some(&Event::RolledBack { left }));
}

#[test]
fn what_is_over_is_neither_resumed_nor_taken_back() {
    let mut world = World::of(&[1]);
    world.minutes(10);
    let over = &world.roll_out;
    let how = "is finished, and the version in force";
    let not_now = NotNow::Over { version: TARGET, how };
    assert_eq!(resume(over, "me".into(), false, 0).unwrap_err(), not_now);
    assert_eq!(roll_back(over, "me".into(), 0).unwrap_err(), not_now);
    assert_eq!(abort(over, "me".into(), "why".into(), 0).unwrap_err(), not_now);
    assert_eq!((superseded(over, 0), supersedes(over)), (over.clone(), None));
}

#[test]
fn a_superseded_roll_out_turns_nobody_any_more() {
    let mut world = World::of(&[1, 1]);
    world.minutes(2);
    assert_eq!(supersedes(&world.roll_out).map(|it| it.version), Some(TARGET));
    world.roll_out = superseded(&world.roll_out, world.now_ms);
    world.minutes(60);
    assert_eq!((&world.roll_out.phase, world.turned()), (&Phase::Superseded, vec![0]));
}

#[test]
fn what_is_put_in_force_at_once_asks_for_every_account_once_and_is_over() {
    let world = World::of(&[1, 2]);
    let begun = Begin {
        base: BASE,
        target: TARGET,
        by: "me".into(),
        at_ms: 1,
        mends: false,
        pace: PACE,
        waves: vec![],
        supersedes: None,
    };
    let roll_out = in_force_at_once(begun, "it burns".into());
    assert!(roll_out.is_over());
    assert!(world.observed.accounts.keys().all(|id| roll_out.versions.of(id) == TARGET));
    let first = decide(&roll_out, &world.observed, 1);
    assert_eq!(first.reconcile.len(), 3);
    assert!(decide(&first.roll_out, &world.observed, 2).reconcile.is_empty());
}

#[test]
fn what_happened_is_told_once_and_of_very_much_the_newest() {
    let mut world = halted();
    let untold =
        |world: &World| world.roll_out.untold().iter().map(|it| it.event.clone()).collect::<Vec<_>>();
    assert_eq!(untold(&world), [Event::WaveBegan { wave: 0 }, Event::Halted]);
    world.roll_out = world.roll_out.told("it halted".into());
    assert_eq!(untold(&world), []);
    for _ in 0..200 {
        resumed(&mut world, false);
        assert!(world.halts());
    }
    let kept: Vec<Happened> = world.roll_out.untold().to_vec();
    assert_eq!((kept.len(), kept.last().map(|it| &it.event)), (100, Some(&Event::Halted)));
    world.roll_out = world.roll_out.told("it halted".into());
    assert_eq!((untold(&world).len(), world.roll_out.told.sequence), (0, 2));
}

#[test]
fn who_resumes_gives_every_account_its_time_again_and_it_is_asked_for_at_once() {
    let mut world = World::of(&[1, 1]);
    world.stuck = vec![account(0)];
    world.minutes(12);
    assert!(world.has_halted());
    resumed(&mut world, false);
    assert_eq!(world.minute().reconcile, [account(0)]);
    world.minutes(9);
    assert!(!world.has_halted());
    assert!(world.halts());
}

#[test]
fn what_a_wave_had_proven_before_it_halted_it_proves_anew() {
    let mut world = World::of(&[1, 1]);
    world.minutes(5);
    world.roll_out = abort(&world.roll_out, "me".into(), "lunch".into(), world.now_ms).unwrap();
    resumed(&mut world, false);
    world.minutes(5);
    assert_eq!(world.turned(), [0]);
    world.minute();
    assert_eq!(world.turned(), [0, 1]);
}

#[test]
fn what_is_accepted_as_not_proven_counts_however_much_it_is_and_what_fails_does_not() {
    let mut world = World::of(&[1, 1]);
    let unproven = |number: usize| (path(&format!("{number:04}")), Unproven::Inconclusive);
    world.account(0).unproven.extend((0..KNOWN_KEPT + 20).map(unproven));
    world.minutes(30);
    assert!(world.has_halted());
    resumed(&mut world, true);
    world.minutes(8);
    assert_eq!(world.turned(), [0, 1]);
    world.fails(0, "a");
    assert!(world.halts(), "what fails is not what was accepted as not proven");
}

#[test]
fn after_a_rollback_no_wave_is_under_way() {
    let mut world = World::of(&[1, 1]);
    let states = |world: &World| -> Vec<WaveState> {
        world.roll_out.waves.iter().map(|wave| world.roll_out.state_of(wave)).collect()
    };
    world.minutes(2);
    assert_eq!(states(&world), [WaveState::UnderWay { since_ms: 2 * MINUTE }, WaveState::ToCome]);
    world.fails(0, "a");
    assert!(world.halts());
    assert_eq!(states(&world), [WaveState::Halted, WaveState::ToCome]);
    world.roll_out = roll_back(&world.roll_out, "me".into(), world.now_ms).unwrap();
    world.minute();
    assert_eq!(states(&world), [WaveState::GoesBack, WaveState::Over]);
    world.minutes(2);
    assert_eq!(states(&world), [WaveState::Over, WaveState::Over]);
}
