//! An account's set-up over days, with what dies, gets lost, is late, and happens at once.

use std::collections::BTreeSet;

use crate::world::{BEHIND_MS, Fault, World, wanted};
use phonehome_observability::Problem;
use proptest::prelude::*;

/// One account, bound to it; in each Region one key, which the secret hands out; one link.
fn is_set_up(world: &World, case: &str) {
    assert_eq!(world.accounts().len(), 1, "{case}");
    assert_eq!(world.stored().bound, world.accounts().first().copied(), "{case}");
    let handed: BTreeSet<_> = world.handed_out().into_values().collect();
    assert_eq!(
        handed,
        world.keys().into_iter().collect(),
        "{case}: every key is handed out, and no other is there"
    );
    assert_eq!((handed.len(), world.keys().len()), (2, 2), "{case}");
    assert_eq!(world.links(), 1, "{case}");
}

/// What lasts: no refusal, which ends when it is asked for again.
fn lasting(world: &World) -> Vec<Problem> {
    world.told().into_iter().filter(|it| !matches!(it, Problem::Denied { .. })).collect()
}

#[test]
fn an_account_keys_and_the_link_are_made_in_one_turn_and_then_nothing_is_changed() {
    let world = World::new(wanted());
    world.pass(5);
    is_set_up(&world, "after one turn");
    let version = world.state().version;
    let calls = world.calls();
    world.hours(23);
    assert_eq!(world.calls(), calls, "it is looked at once a day");
    world.hours(2);
    assert_eq!(world.calls(), calls + 5, "accounts, keys, two secrets, links");
    assert_eq!(world.state().version, version + 1, "when it was looked at");
    is_set_up(&world, "a day later");
    assert_eq!(world.told(), []);
}

#[test]
fn whatever_dies_or_gets_lost_at_any_call_there_is_one_account_and_one_known_key_for_each_secret() {
    let calm = World::new(wanted());
    calm.hours(60);
    let calls = calm.calls();
    assert!(calls > 20, "{calls} calls");
    for behind_ms in [0, BEHIND_MS] {
        for at in 0..calls {
            for fault in Fault::ALL {
                let world = World::with_faults(&[(at, fault)]);
                world.state().behind_ms = behind_ms;
                world.hours(60);
                let case = format!("{fault:?} at call {at}, lists {behind_ms} ms behind");
                is_set_up(&world, &case);
                assert_eq!(lasting(&world), [], "{case}");
            }
        }
    }
}

#[test]
fn two_faults_one_after_the_other_come_to_the_same() {
    for first in 0..14 {
        for second in first + 1..first + 8 {
            for (a, b) in Fault::ALL.into_iter().flat_map(|a| Fault::ALL.map(|b| (a, b))) {
                let world = World::with_faults(&[(first, a), (second, b)]);
                world.state().behind_ms = BEHIND_MS;
                world.hours(30);
                let case = format!("{a:?} at call {first}, {b:?} at call {second}");
                is_set_up(&world, &case);
                assert_eq!(lasting(&world), [], "{case}");
            }
        }
    }
}

proptest! {
    /// Whoever goes on when: both began with the same record. What is lost then somebody finds later.
    #[test]
    fn two_at_once_make_nothing_twice(
        order in prop::collection::vec(any::<bool>(), 0..80),
        faults in prop::collection::vec((0_usize..50, prop::sample::select(Fault::ALL.to_vec())), 0..3),
        pause in 0_u64..3,
    ) {
        let world = World::with_faults(&faults);
        world.state().behind_ms = BEHIND_MS;
        let (mut one, mut other) = (Some(world.begin()), Some(world.begin()));
        for is_one in order {
            let run = if is_one { &mut one } else { &mut other };
            if run.as_mut().is_some_and(|run| run.goes_on(&world)) {
                *run = None;
            }
            // Nobody lives longer than fifteen minutes.
            if world.state().now_ms < 1_790_000_000_000 + 14 * 60_000 {
                world.state().pass(pause * 1_000);
            }
        }
        for mut run in [one, other].into_iter().flatten() {
            while !run.goes_on(&world) {}
        }
        world.hours(60);
        is_set_up(&world, "at the end");
        prop_assert_eq!(lasting(&world), vec![]);
    }
}
