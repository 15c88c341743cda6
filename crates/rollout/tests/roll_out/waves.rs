use phonehome_rollout::{Event, Phase, Progress, Stack, Unproven, Wait, decide, roll_back};

use crate::world::{BASE, MINUTE, TARGET, World, account, path};

#[test]
fn a_wave_gets_its_turn_when_the_one_before_was_green_for_the_bake_time_and_then_it_is_in_force() {
    let mut world = World::of(&[2, 2]);
    world.minute();
    assert_eq!(world.turned(), [0, 1]);
    world.minutes(5);
    assert_eq!(world.turned(), [0, 1], "green for four minutes");
    world.minute();
    assert_eq!(world.turned(), [0, 1, 2, 3]);
    world.minutes(5);
    assert_eq!(world.roll_out.phase, Phase::Rolling);
    let last = world.minute();
    assert!(last.completes, "{last:?}");
    assert_eq!(world.roll_out.phase, Phase::Finished);
    let events: Vec<Event> = world.roll_out.events.iter().map(|it| it.event.clone()).collect();
    let (began, done) = (|wave| Event::WaveBegan { wave }, |wave| Event::WaveDone { wave });
    assert_eq!(events, [began(0), done(0), began(1), done(1), Event::Finished]);
    assert!(!world.minute().completes, "it is completed once");
}

#[test]
fn no_more_accounts_than_allowed_are_on_their_way_at_once() {
    let mut world = World::of(&[5]);
    world.stuck = vec![account(0)];
    world.minute();
    assert_eq!(world.turned(), [0, 1, 2]);
    world.minute();
    assert_eq!(world.turned(), [0, 1, 2, 3, 4], "two of three have converged");
}

#[test]
fn the_provisioner_is_asked_for_each_account_and_again_only_when_nobody_looked() {
    let mut world = World::of(&[2]);
    world.stuck = vec![account(1)];
    assert_eq!(world.minute().reconcile, [account(0), account(1)]);
    for _ in 0..4 {
        assert!(world.minute().reconcile.is_empty());
    }
    assert_eq!(world.minute().reconcile, [account(1)], "the message may have got lost");
    world.stack(1).updated_at_ms = world.now_ms;
    world.now_ms += 3 * MINUTE;
    assert!(world.decide().reconcile.is_empty(), "it is at work");
}

#[test]
fn at_its_end_those_are_asked_for_in_whom_something_waited_for_it_and_nobody_before() {
    let mut world = World::of(&[2, 1]);
    for number in [1, 2] {
        world.stack(number).until_in_force = true;
    }
    world.minute();
    for minute in 1..30 {
        let decision = world.minute();
        let asked = if decision.completes { vec![account(1), account(2)] } else { vec![] };
        // The second wave's turn comes once.
        let is_turn = decision.reconcile == [account(2)] && world.roll_out.versions.turned.len() == 3;
        assert!(decision.reconcile == asked || (is_turn && !decision.completes), "{minute}: {decision:?}");
    }
    assert_eq!(world.roll_out.phase, Phase::Finished);
}

#[test]
fn taken_back_nobody_is_asked_for_because_something_waited() {
    let mut world = World::of(&[1]);
    world.minute();
    world.stack(0).until_in_force = true;
    world.converge();
    world.roll_out = roll_back(&world.roll_out, "ada".to_owned(), world.now_ms).unwrap();
    let asked: Vec<_> = (0..10).flat_map(|_| world.minute().reconcile).collect();
    assert_eq!(asked, [account(0)], "only that it goes back");
    assert_eq!(world.roll_out.phase, Phase::RolledBack);
}

#[test]
fn while_something_is_not_proven_the_bake_time_does_not_run() {
    let why = [Unproven::Silent, Unproven::Untested, Unproven::Inconclusive];
    for why in why {
        let mut world = World::of(&[1, 1]);
        world.minutes(4);
        world.is_unproven(0, why);
        let waits = world.minute().waits;
        assert_eq!(waits, [Wait::Green { names: vec!["account-0".to_owned()], count: 1 }]);
        world.minutes(10);
        assert_eq!(world.turned(), [0], "{why:?}");
        world.account(0).unproven.clear();
        world.minutes(4);
        assert_eq!(world.turned(), [0, 1], "it goes on where it stopped");
    }
}

#[test]
fn time_in_which_nobody_looked_proves_nothing() {
    let mut world = World::of(&[1, 1]);
    world.minutes(3);
    world.now_ms += 600 * MINUTE;
    world.minute();
    assert_eq!(world.turned(), [0]);
}

#[test]
fn an_open_incident_in_its_accounts_keeps_a_wave_from_beginning_unless_the_version_mends_it() {
    let mut world = World::of(&[1, 2]);
    world.account(2).incidents.insert("incident-1".to_owned());
    world.minutes(10);
    assert_eq!(world.turned(), [0], "another wave's incident is no matter");
    let incidents = [("incident-1".to_owned(), "account-2".to_owned())].into();
    assert_eq!(world.minute().waits, [Wait::Incidents { wave: 1, incidents }]);
    let mut mends = World::of(&[1, 2]);
    mends.roll_out.mends = true;
    mends.account(2).incidents.insert("incident-1".to_owned());
    mends.minutes(10);
    assert_eq!(mends.turned(), [0, 1, 2]);
    world.account(2).incidents.clear();
    world.minute();
    assert_eq!(world.turned(), [0, 1, 2]);
}

#[test]
fn an_account_that_becomes_known_late_has_its_turn_with_the_wave_under_way_and_is_proven_with_it() {
    let mut world = World::of(&[2, 1]);
    let late = world.observed.accounts.remove(&account(1)).unwrap();
    world.minutes(11);
    assert_eq!(world.turned().len(), 2, "the first of each wave");
    world.observed.accounts.insert(account(1), late);
    world.minute();
    assert_eq!(world.turned(), [0, 1, 2]);
    world.minutes(4);
    assert_eq!(world.roll_out.phase, Phase::Rolling, "the bake time began anew with it");
    world.minutes(3);
    assert_eq!(world.roll_out.phase, Phase::Finished);
}

#[test]
fn a_wave_without_an_account_and_an_account_that_is_gone_are_not_waited_for() {
    let mut world = World::of(&[1, 0, 2]);
    world.stuck = vec![account(2)];
    world.minutes(12);
    assert_eq!(world.turned(), [0, 1, 2]);
    world.observed.accounts.remove(&account(2));
    world.minutes(6);
    assert_eq!(world.roll_out.phase, Phase::Finished);
}

#[test]
fn what_is_only_in_the_old_version_has_nothing_to_converge_to() {
    let mut world = World::of(&[1]);
    world.account(0).target_regions.clear();
    world.stuck = vec![account(0)];
    world.minutes(7);
    assert_eq!(world.roll_out.phase, Phase::Finished);
}

#[test]
fn the_same_once_more_decides_nothing_and_an_earlier_time_is_none() {
    let mut world = World::of(&[2, 2]);
    for _ in 0..20 {
        world.minute();
        for earlier in [0, MINUTE, world.now_ms] {
            let again = decide(&world.roll_out, &world.observed, world.now_ms - earlier);
            // What converged in this minute may be noted; nobody's turn comes by it that must not.
            assert!(again.roll_out.decided_at_ms >= world.roll_out.decided_at_ms);
            let twice = decide(&again.roll_out, &world.observed, world.now_ms - earlier);
            assert_eq!(twice.roll_out, again.roll_out);
            assert!(twice.reconcile.is_empty());
        }
    }
    assert_eq!((BASE, TARGET), (world.roll_out.versions.base, world.roll_out.versions.target));
}

#[test]
fn what_may_be_taken_away_in_the_next_hour_only_holds_the_wave_and_the_accounts_time_does_not_run() {
    let mut world = World::of(&[1, 1]);
    let next_ms = 90 * MINUTE;
    world.stuck = vec![account(0)];
    world.minute();
    let now_ms = world.now_ms;
    let stack = world.stack(0);
    (stack.version, stack.progress, stack.next_hour_ms) = (TARGET, Progress::Underway, next_ms);
    stack.updated_at_ms = now_ms + 1;
    while world.now_ms + MINUTE < next_ms {
        let decision = world.minute();
        let waits = Wait::Hour { names: vec!["account-0".to_owned()], count: 1, next_ms };
        assert_eq!(decision.waits, [waits]);
        assert!(decision.reconcile.is_empty());
    }
    assert_eq!(world.roll_out.phase, Phase::Rolling);
    assert_eq!(world.minute().reconcile, [account(0)], "its hour has come");
    for _ in 0..9 {
        world.minute();
        assert_eq!(world.roll_out.phase, Phase::Rolling);
    }
    world.minute();
    assert!(matches!(world.roll_out.phase, Phase::Halted { .. }), "it has ten minutes, as any");
    assert!(world.roll_out.waves[1].began_at_ms.is_none());
}

#[test]
fn the_hour_of_a_stack_that_the_version_does_not_declare_holds_nothing() {
    let mut world = World::of(&[1]);
    let elsewhere = Stack { next_hour_ms: 900 * MINUTE, ..world.stack(0).clone() };
    world.account(0).stacks.insert("eu-west-1".parse().unwrap(), elsewhere);
    world.stuck = vec![account(0)];
    for _ in 0..12 {
        world.minute();
    }
    assert!(matches!(world.roll_out.phase, Phase::Halted { .. }), "{:?}", world.roll_out.phase);
}

#[test]
fn after_its_hour_an_account_is_waited_for_until_the_next_one_and_then_it_is_done() {
    let mut world = World::of(&[1]);
    world.stuck = vec![account(0)];
    world.minute();
    for hour in [60, 120] {
        let now_ms = world.now_ms;
        let stack = world.stack(0);
        (stack.version, stack.progress, stack.next_hour_ms) = (TARGET, Progress::Underway, hour * MINUTE);
        stack.updated_at_ms = now_ms + 1;
        while world.now_ms < hour * MINUTE {
            world.minute();
        }
    }
    world.stack(0).next_hour_ms = 0;
    world.stuck = vec![];
    for _ in 0..10 {
        world.minute();
    }
    assert_eq!(world.roll_out.phase, Phase::Finished);
}

#[test]
fn what_was_heard_before_an_account_converged_proves_nothing() {
    let mut world = World::of(&[1, 1]);
    world.minutes(2);
    let now_ms = world.now_ms;
    world.account(0).heard_at_ms.insert(path("part-0"), now_ms - MINUTE);
    world.minutes(15);
    assert_eq!((world.has_halted(), world.turned()), (false, vec![0]), "it was not heard of since");
    world.account(0).heard_at_ms.insert(path("part-0"), now_ms + MINUTE);
    world.minutes(6);
    assert_eq!(world.turned(), [0, 1]);
}
