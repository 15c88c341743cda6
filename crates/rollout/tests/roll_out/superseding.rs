//! One version takes the place of another that is being rolled out.

use phonehome_rollout::{
    Begin, Failing, Halt, KNOWN_KEPT, Phase, Superseded, begin, roll_back, superseded, supersedes, take_over,
};

use crate::world::{BASE, MINUTE, PACE, TARGET, World, account, path};

/// Another version takes the place of the one that is rolled out.
fn supersede(world: &mut World) {
    let before = &world.roll_out;
    let begun = begin(Begin {
        base: BASE,
        target: before.versions.target + 1,
        by: "me".to_owned(),
        at_ms: world.now_ms,
        mends: true,
        pace: PACE,
        waves: world.waves(),
        supersedes: supersedes(before),
    });
    world.roll_out = take_over(begun, before);
}

/// What was rolled out broke a path of the staging set, and halted.
fn broken_in_staging() -> World {
    let mut world = World::of(&[1, 2]);
    world.fails(0, "before");
    world.minutes(2);
    world.fails(0, "a");
    assert!(world.halts());
    world
}

#[test]
fn what_the_version_before_broke_is_not_known_to_the_one_that_takes_its_place() {
    let mut world = broken_in_staging();
    supersede(&mut world);
    world.minutes(10);
    assert_eq!((world.has_halted(), world.turned()), (false, vec![0]), "there is time to mend it");
    world.minutes(2);
    let Phase::Halted { why } = &world.roll_out.phase else { panic!("{:?}", world.roll_out.phase) };
    let (name, paths) = ("account-0".to_owned(), vec![path("a")]);
    assert_eq!(why[..], [Halt::NewlyFailing { account: account(0), name, paths, count: 1 }]);
    assert_eq!(world.turned(), [0]);
}

#[test]
fn a_version_that_mends_what_the_one_before_broke_goes_on() {
    let mut world = broken_in_staging();
    supersede(&mut world);
    world.minutes(4);
    world.is_mended(0, "a");
    world.minutes(20);
    assert_eq!((&world.roll_out.phase, world.turned().len()), (&Phase::Finished, 3));
}

#[test]
fn what_failed_before_the_first_of_several_superseded_ones_stays_known() {
    let mut world = broken_in_staging();
    for _ in 0..3 {
        supersede(&mut world);
        world.minutes(2);
    }
    world.is_mended(0, "a");
    world.minutes(20);
    assert_eq!(world.roll_out.phase, Phase::Finished);
}

#[test]
fn what_nobody_knew_by_name_stays_known_by_its_number() {
    let mut world = World::of(&[1, 1]);
    for number in 0..150 {
        world.fails(0, &format!("{number:04}"));
    }
    world.minutes(2);
    supersede(&mut world);
    world.minutes(8);
    assert_eq!(world.turned(), [0, 1], "nothing of it is to be mended");
    world.fails(0, "a");
    assert!(world.halts());
}

#[test]
fn right_after_a_rollback_nothing_else_is_known_either() {
    let mut world = broken_in_staging();
    world.roll_out = roll_back(&world.roll_out, "me".into(), world.now_ms).unwrap();
    world.minutes(3);
    assert_eq!(world.roll_out.phase, Phase::RolledBack);
    supersede(&mut world);
    world.minutes(13);
    assert!(world.has_halted(), "{:?}", world.roll_out);
}

#[test]
fn what_fails_long_after_a_rollback_is_known() {
    for waits_in_the_next in [true, false] {
        let mut world = broken_in_staging();
        world.roll_out = roll_back(&world.roll_out, "me".into(), world.now_ms).unwrap();
        world.minutes(3);
        if waits_in_the_next {
            supersede(&mut world);
            world.roll_out.mends = false;
            world.account(0).incidents.insert("incident-1".to_owned());
        }
        world.minutes(60);
        if !waits_in_the_next {
            // A sweep has looked at it since.
            world.stack(0).updated_at_ms = world.now_ms;
            supersede(&mut world);
        }
        world.roll_out.mends = true;
        world.minutes(20);
        assert_eq!(world.roll_out.phase, Phase::Finished, "{waits_in_the_next}");
    }
}

#[test]
fn accounts_that_have_the_one_before_are_asked_to_go_back_and_a_rollback_waits_for_them() {
    let mut world = World::of(&[1, 2]);
    world.minutes(10);
    assert_eq!(world.turned(), [0, 1, 2]);
    supersede(&mut world);
    world.stuck = vec![account(1)];
    assert_eq!(world.minute().reconcile, [account(0), account(1), account(2)]);
    assert_eq!(world.turned(), [0]);
    world.roll_out = roll_back(&world.roll_out, "me".into(), world.now_ms).unwrap();
    world.minutes(5);
    assert_eq!(world.roll_out.phase, Phase::GoingBack, "one has the version before still");
    world.stuck.clear();
    world.minutes(2);
    assert_eq!(world.roll_out.phase, Phase::RolledBack);
    assert!(world.observed.accounts.values().all(|it| it.stacks.values().all(|it| it.version == BASE)));
}

#[test]
fn what_is_rolled_out_over_another_version_or_after_one_in_force_begins_with_nothing() {
    let mut world = broken_in_staging();
    let before = world.roll_out.clone();
    for (base, phase) in
        [(BASE + 1, before.phase.clone()), (BASE, Phase::Finished), (BASE, Phase::Superseded)]
    {
        world.roll_out.phase = phase;
        let mut begun = before.clone();
        (begun.versions.base, begun.turns) = (base, [].into());
        assert_eq!(take_over(begun.clone(), &world.roll_out), begun);
    }
}

#[test]
fn where_nobody_was_told_of_the_one_in_between_the_end_of_the_first_is_still_to_be_told() {
    let mut world = World::of(&[1]);
    world.roll_out = world.roll_out.told("it is rolled out".into());
    let first = Some(Superseded { version: TARGET, sequence: 1 });
    supersede(&mut world);
    assert_eq!((world.roll_out.supersedes, supersedes(&world.roll_out)), (first, first));
    assert_eq!(supersedes(&superseded(&world.roll_out, world.now_ms)), first);
    world.roll_out = world.roll_out.told("it is rolled out".into());
    assert_eq!(supersedes(&world.roll_out), Some(Superseded { version: TARGET + 1, sequence: 1 }));
}

#[test]
fn a_path_that_never_worked_is_not_mended_by_taking_another_versions_place() {
    let mut world = World::of(&[1, 1]);
    world.minutes(2);
    let failing = Failing { since_ms: world.now_ms, worked_once: false };
    world.account(0).failing.insert(path("new"), failing);
    world.minutes(12);
    assert!(world.has_halted());
    supersede(&mut world);
    world.now_ms += MINUTE;
    world.minutes(12);
    assert_eq!((world.has_halted(), world.turned()), (true, vec![0]));
}

#[test]
fn however_much_the_version_before_broke_there_is_time_to_mend_it() {
    let mut world = World::of(&[1, 1]);
    world.minutes(2);
    let broken: Vec<String> = (0..2 * KNOWN_KEPT).map(|number| format!("{number:04}")).collect();
    broken.iter().for_each(|check| world.fails(0, check));
    assert!(world.halts());
    supersede(&mut world);
    world.minutes(5);
    assert!(!world.has_halted());
    broken.iter().for_each(|check| world.is_mended(0, check));
    world.minutes(20);
    assert_eq!(world.roll_out.phase, Phase::Finished);
}

#[test]
fn names_that_there_was_room_for_have_room_with_the_next_version_too() {
    let mut world = World::of(&[100]);
    world.roll_out.pace.at_once = 100;
    for (number, check) in (0..100).flat_map(|number| (0..KNOWN_KEPT).map(move |check| (number, check))) {
        world.fails(number, &format!("{check:040}"));
    }
    world.minute();
    supersede(&mut world);
    world.minute();
    assert_eq!(world.roll_out.turns[&account(0)].before.known.len(), KNOWN_KEPT);
    assert_eq!(world.roll_out.turns[&account(99)].before.more_than_known, Some(KNOWN_KEPT));
}
