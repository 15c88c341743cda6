use phonehome_rollout::{Failing, Halt, KNOWN_KEPT, Phase, Progress, Stack, Unproven, decide, resume};

use phonehome_wire::Region;

use crate::world::{MINUTE, World, account, path, region};

fn why(world: &World) -> &[Halt] {
    match &world.roll_out.phase {
        Phase::Halted { why } => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_path_that_fails_since_the_turn_halts_and_nobody_elses_turn_comes() {
    let mut world = World::of(&[1, 2]);
    world.minutes(2);
    world.fails(0, "egress/example.com/443");
    assert!(world.halts());
    let paths = vec![path("egress/example.com/443")];
    let (name, count) = ("account-0".to_owned(), 1);
    assert_eq!(why(&world), [Halt::NewlyFailing { account: account(0), name, paths, count }]);
    world.is_mended(0, "egress/example.com/443");
    world.minutes(60);
    assert_eq!(world.turned(), [0], "it goes on only when somebody says so");
}

#[test]
fn what_failed_before_the_turn_does_not_stop_the_change_that_mends_it() {
    let mut world = World::of(&[1, 1]);
    world.fails(0, "a");
    world.minutes(8);
    assert_eq!(world.turned(), [0, 1]);
    world.is_mended(0, "a");
    world.minutes(6);
    assert_eq!(world.roll_out.phase, Phase::Finished);
}

#[test]
fn one_path_mended_and_another_one_failing_is_no_better_than_before() {
    let mut world = World::of(&[1, 1]);
    world.fails(0, "a");
    world.minutes(2);
    world.is_mended(0, "a");
    world.fails(0, "b");
    assert!(world.halts());
}

#[test]
fn a_path_that_fails_in_an_earlier_wave_halts_too() {
    let mut world = World::of(&[1, 1]);
    world.minutes(8);
    world.fails(0, "a");
    assert!(world.halts());
}

#[test]
fn a_path_that_never_worked_has_as_long_as_an_account_to_converge_and_is_not_green_meanwhile() {
    let mut world = World::of(&[1, 1]);
    world.minutes(2);
    let failing = Failing { since_ms: world.now_ms, worked_once: false };
    world.account(0).failing.insert(path("new"), failing);
    world.minutes(10);
    assert_eq!((world.has_halted(), world.turned()), (false, vec![0]));
    assert!(world.halts());
}

#[test]
fn where_more_fail_than_are_known_by_name_their_number_decides() {
    let mut world = World::of(&[1, 1]);
    for number in 0..=KNOWN_KEPT {
        world.fails(0, &format!("{number:04}"));
    }
    world.minutes(3);
    world.is_mended(0, "0000");
    world.fails(0, "9999");
    assert!(!world.halts());
    world.fails(0, "0000");
    assert!(world.halts());
    let known = world.roll_out.turns.values().map(|turn| turn.before.known.len()).max();
    assert_eq!(known, Some(KNOWN_KEPT), "what is kept is bounded");
}

#[test]
fn a_failed_stack_halts_with_what_it_says_and_one_that_failed_before_is_looked_at_first() {
    let mut world = World::of(&[1, 1]);
    world.stuck = vec![account(0)];
    world.stack(0).progress = Progress::Failed;
    world.minutes(2);
    assert!(!world.has_halted(), "that was before its turn");
    let now_ms = world.now_ms;
    (world.stack(0).updated_at_ms, world.stack(0).message) = (now_ms, "no".repeat(1000));
    assert!(world.halts());
    let (name, message) = ("account-0".to_owned(), "no".repeat(150));
    assert_eq!(why(&world), [Halt::Failed { account: account(0), name, region: region(), message }]);
}

#[test]
fn an_account_that_does_not_converge_in_its_time_halts() {
    let mut world = World::of(&[2, 1]);
    world.stuck = vec![account(1)];
    world.minutes(11);
    assert!(!world.has_halted());
    assert!(world.halts());
    assert!(matches!(why(&world), [Halt::NotConverged { account: id, .. }] if *id == account(1)));
}

#[test]
fn an_account_that_has_to_be_repaired_has_its_time_to_converge_anew() {
    let mut world = World::of(&[1]);
    world.roll_out.pace.bake_ms = 60 * MINUTE;
    world.minutes(30);
    world.stuck = vec![account(0)];
    world.stack(0).progress = Progress::Underway;
    world.minutes(10);
    assert!(!world.has_halted());
    world.minutes(2);
    assert!(world.has_halted());
}

#[test]
fn silence_halts_when_it_lasts_as_long_as_twice_the_time_to_converge() {
    let mut world = World::of(&[2, 1]);
    world.minute();
    world.is_unproven(1, Unproven::Silent);
    world.minutes(20);
    assert!(!world.has_halted());
    world.minutes(2);
    let paths = vec![(path("silent"), Some(Unproven::Silent))];
    let (name, count) = ("account-1".to_owned(), 1);
    assert_eq!(why(&world), [Halt::NotProven { account: account(1), name, paths, count }]);
}

#[test]
fn what_fails_and_is_no_reason_to_halt_yet_begins_the_bake_time_anew() {
    let mut world = World::of(&[1, 1]);
    world.minutes(5);
    let failing = Failing { since_ms: world.now_ms, worked_once: false };
    world.account(0).failing.insert(path("new"), failing);
    world.minute();
    world.is_mended(0, "new");
    world.minutes(5);
    assert_eq!(world.turned(), [0]);
    world.minute();
    assert_eq!(world.turned(), [0, 1]);
}

#[test]
fn where_all_of_the_staging_set_is_gone_production_is_not_the_first_to_try_it() {
    let mut world = World::of(&[1, 2]);
    world.minutes(3);
    world.observed.accounts.remove(&account(0));
    assert!(world.halts());
    assert_eq!(why(&world), [Halt::NothingProven { wave: "wave-0".to_owned() }]);
    let resumed =
        |world: &World, accepts| resume(&world.roll_out, "me".into(), accepts, world.now_ms).unwrap();
    world.roll_out = resumed(&world, false);
    assert!(world.halts(), "nothing is proven yet");
    assert!(world.turned().is_empty());
    world.roll_out = resumed(&world, true);
    world.minutes(10);
    assert_eq!((&world.roll_out.phase, world.turned().len()), (&Phase::Finished, 2));
}

#[test]
fn a_stack_that_the_new_version_does_not_declare_halts_nothing() {
    let mut world = World::of(&[1]);
    world.minutes(2);
    let failed = Stack { progress: Progress::Failed, updated_at_ms: world.now_ms, ..world.stack(0).clone() };
    world.account(0).stacks.insert("eu-west-1".parse().unwrap(), failed);
    world.minutes(10);
    assert_eq!(world.roll_out.phase, Phase::Finished);
}

#[test]
fn an_account_has_converged_when_it_has_in_each_of_its_regions() {
    let mut world = World::of(&[1, 1]);
    let elsewhere: Region = "eu-west-1".parse().unwrap();
    world.account(0).target_regions.insert(elsewhere.clone());
    let stack = Stack { progress: Progress::Underway, ..world.stack(0).clone() };
    world.account(0).stacks.insert(elsewhere, stack);
    world.stuck = vec![account(0)];
    world.minute();
    world.stack(0).version = world.roll_out.versions.target;
    world.minutes(10);
    assert_eq!((world.has_halted(), world.turned()), (false, vec![0]));
    assert!(world.halts());
    assert!(matches!(why(&world), [Halt::NotConverged { .. }]), "{:?}", why(&world));
}

#[test]
fn where_all_accounts_are_gone_nobody_waits_for_what_they_prove() {
    let mut world = World::of(&[1]);
    world.minutes(3);
    world.observed.accounts.clear();
    world.minute();
    assert_eq!(world.roll_out.phase, Phase::Finished);
}

/// What failed before its turn failed by a clock that is ahead of the one of whoever gives the turn.
#[test]
fn what_failed_before_the_turn_halts_nothing_although_the_clock_of_who_decides_is_behind() {
    let mut world = World::of(&[1]);
    let stack = world.stack(0);
    (stack.progress, stack.updated_at_ms) = (Progress::Failed, 3 * MINUTE);
    for behind_ms in [MINUTE, 2 * MINUTE] {
        world.roll_out = decide(&world.roll_out, &world.observed, behind_ms).roll_out;
        assert_eq!((&world.roll_out.phase, world.roll_out.versions.turned.len()), (&Phase::Rolling, 1));
    }
    world.stack(0).updated_at_ms = 4 * MINUTE;
    world.roll_out = decide(&world.roll_out, &world.observed, 5 * MINUTE).roll_out;
    assert!(matches!(world.roll_out.phase, Phase::Halted { .. }), "since its turn it does");
}
