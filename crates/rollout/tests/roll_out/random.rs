//! Whatever happens, and in whatever order it is heard of.

use phonehome_rollout::{
    Decision, Failing, Observed, Phase, Progress, RollOut, Unproven, abort, decide, resume, roll_back,
};
use proptest::prelude::*;

use crate::world::{MINUTE, World, account, path};

/// Something that happens, in the account of a number where it is about one.
#[derive(Debug, Clone, Copy)]
enum Happens {
    Minutes(u64),
    /// The provisioner brings an account to where it is to be.
    Converges(usize),
    Fails(usize),
    Underway(usize),
    PathFails(usize, bool),
    PathMended(usize),
    Silent(usize),
    Heard(usize),
    IncidentOpens(usize),
    IncidentEnds(usize),
    Leaves(usize),
    Resume(bool),
    Abort,
    RollBack,
    /// Whoever decides saw what was so some steps ago, and its clock is behind.
    DecidesLate(usize),
    /// Whoever decides dies before it stores.
    Lost,
}

fn happens() -> impl Strategy<Value = Happens> {
    let number = 0..8usize;
    prop_oneof![
        6 => (1..4u64).prop_map(Happens::Minutes),
        8 => number.clone().prop_map(Happens::Converges),
        1 => number.clone().prop_map(Happens::Fails),
        1 => number.clone().prop_map(Happens::Underway),
        1 => (number.clone(), any::<bool>()).prop_map(|(it, worked)| Happens::PathFails(it, worked)),
        2 => number.clone().prop_map(Happens::PathMended),
        1 => number.clone().prop_map(Happens::Silent),
        2 => number.clone().prop_map(Happens::Heard),
        1 => number.clone().prop_map(Happens::IncidentOpens),
        2 => number.clone().prop_map(Happens::IncidentEnds),
        1 => number.prop_map(Happens::Leaves),
        2 => any::<bool>().prop_map(Happens::Resume),
        1 => Just(Happens::Abort),
        1 => Just(Happens::RollBack),
        2 => (1..6usize).prop_map(Happens::DecidesLate),
        1 => Just(Happens::Lost),
    ]
}

/// What must hold of each decision, whatever it was made of.
fn holds(before: &RollOut, observed: &Observed, after: &Decision) {
    let (old, new) = (&before.versions, &after.roll_out.versions);
    assert_eq!((old.base, old.target), (new.base, new.target));
    let given: Vec<_> = new.turned.difference(&old.turned).collect();
    let taken: Vec<_> = old.turned.difference(&new.turned).collect();
    assert!(given.is_empty() || before.phase == Phase::Rolling, "a turn in {:?}", before.phase);
    assert!(taken.is_empty() || before.phase == Phase::GoingBack, "taken back in {:?}", before.phase);
    if matches!(after.roll_out.phase, Phase::Halted { .. }) {
        assert!(given.is_empty(), "a turn beside a halt");
    }
    for id in &given {
        let wave = observed.accounts[*id].wave;
        let earlier = &after.roll_out.waves[..wave];
        assert!(
            earlier.iter().all(|it| it.done_at_ms.is_some()),
            "a turn before the wave before it was done"
        );
    }
    if !given.is_empty() {
        let turns = after.roll_out.turns.iter().filter(|(id, _)| new.turned.contains(*id));
        let underway = turns.filter(|(id, turn)| !turn.converged && observed.accounts.contains_key(*id));
        assert!(underway.count() <= before.pace.at_once, "more at once than allowed");
    }
    for (number, (wave, was)) in after.roll_out.waves.iter().zip(&before.waves).enumerate() {
        let is_news = wave.done_at_ms.is_some() && was.done_at_ms.is_none();
        let turns = after.roll_out.turns.iter().filter(|(_, turn)| turn.wave == number);
        let has_accounts = turns.filter(|(id, _)| observed.accounts.contains_key(*id)).count() > 0;
        assert!(!is_news || !has_accounts || wave.green_ms >= before.pace.bake_ms, "{wave:?}");
    }
    if after.completes {
        assert!(observed.accounts.keys().all(|id| new.turned.contains(id)), "in force before all have it");
    }
    let again = decide(&after.roll_out, observed, after.roll_out.decided_at_ms);
    assert_eq!((&again.roll_out, again.reconcile.len()), (&after.roll_out, 0), "the same twice is another");
    let stored = serde_json::to_string(&after.roll_out).unwrap();
    assert_eq!(serde_json::from_str::<RollOut>(&stored).unwrap(), after.roll_out);
}

fn happen(world: &mut World, earlier: &[Observed], what: Happens) {
    let there = |number: usize| world.observed.accounts.contains_key(&account(number));
    let now_ms = world.now_ms;
    match what {
        Happens::Minutes(minutes) => world.now_ms += minutes * MINUTE,
        Happens::Converges(it) if there(it) => {
            let version = world.roll_out.versions.of(&account(it));
            let stack = world.stack(it);
            (stack.version, stack.progress, stack.updated_at_ms) = (version, Progress::Converged, now_ms);
        }
        Happens::Fails(it) if there(it) => {
            let stack = world.stack(it);
            (stack.progress, stack.updated_at_ms) = (Progress::Failed, now_ms);
        }
        Happens::Underway(it) if there(it) => world.stack(it).progress = Progress::Underway,
        Happens::PathFails(it, worked_once) if there(it) => {
            let failing = Failing { since_ms: now_ms, worked_once };
            world.account(it).failing.insert(path("a"), failing);
        }
        Happens::PathMended(it) if there(it) => world.account(it).failing.clear(),
        Happens::Silent(it) if there(it) => world.is_unproven(it, Unproven::Silent),
        Happens::Heard(it) if there(it) => world.account(it).unproven.clear(),
        Happens::IncidentOpens(it) if there(it) => {
            world.account(it).incidents.insert("incident".to_owned());
        }
        Happens::IncidentEnds(it) if there(it) => world.account(it).incidents.clear(),
        Happens::Leaves(it) => drop(world.observed.accounts.remove(&account(it))),
        Happens::Resume(accepts) => command(world, |it, at_ms| resume(it, "me".into(), accepts, at_ms).ok()),
        Happens::Abort => command(world, |it, at_ms| abort(it, "me".into(), "so".into(), at_ms).ok()),
        Happens::RollBack => command(world, |it, at_ms| roll_back(it, "me".into(), at_ms).ok()),
        Happens::DecidesLate(steps) => {
            let seen = &earlier[earlier.len().saturating_sub(steps)];
            let decision = decide(&world.roll_out, seen, now_ms.saturating_sub(steps as u64 * MINUTE));
            holds(&world.roll_out, seen, &decision);
            world.roll_out = decision.roll_out;
        }
        Happens::Lost => {
            let decision = decide(&world.roll_out, &world.observed, now_ms);
            holds(&world.roll_out, &world.observed, &decision);
        }
        _ => {}
    }
}

fn command(world: &mut World, command: impl Fn(&RollOut, u64) -> Option<RollOut>) {
    if let Some(after) = command(&world.roll_out, world.now_ms) {
        assert_eq!(after.versions, world.roll_out.versions, "an operator turns nobody by hand");
        world.roll_out = after;
    }
}

fn decided(world: &mut World) {
    let decision = decide(&world.roll_out, &world.observed, world.now_ms);
    holds(&world.roll_out, &world.observed, &decision);
    world.roll_out = decision.roll_out;
}

/// How many minutes a roll-out of these waves may take in a fleet in which everything goes well from now on, or
/// nothing does: each account by itself, each wave with its bake time.
const ENDS_WITHIN: u64 = 8 * 12 + 4 * 60;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_in_whatever_order_no_wave_comes_early_and_none_during_a_halt(
        waves in prop::collection::vec(0..4usize, 1..4),
        steps in prop::collection::vec((happens(), any::<bool>()), 0..120),
    ) {
        let mut world = World::of(&waves);
        let mut earlier = vec![world.observed.clone()];
        for (what, decides) in steps {
            happen(&mut world, &earlier, what);
            earlier.push(world.observed.clone());
            if decides {
                decided(&mut world);
            }
        }
    }

    #[test]
    fn whatever_happened_it_ends_or_halts_once_nothing_changes_any_more(
        waves in prop::collection::vec(0..4usize, 1..4),
        steps in prop::collection::vec(happens(), 0..80),
        goes_well in any::<bool>(),
    ) {
        let mut world = World::of(&waves);
        let mut earlier = vec![world.observed.clone()];
        for what in steps {
            happen(&mut world, &earlier, what);
            earlier.push(world.observed.clone());
            decided(&mut world);
        }
        world.observed.accounts.values_mut().for_each(|account| account.incidents.clear());
        for _ in 0..ENDS_WITHIN {
            world.now_ms += MINUTE;
            decided(&mut world);
            if goes_well {
                world.converge();
            }
        }
        prop_assert!(world.has_halted() || world.roll_out.is_over(), "{:?}", world.roll_out);
    }

    #[test]
    fn where_everything_goes_well_it_is_in_force_in_all_accounts(
        staging in 1..4usize,
        others in prop::collection::vec(0..4usize, 0..3),
    ) {
        let waves = [vec![staging], others].concat();
        let mut world = World::of(&waves);
        world.minutes(waves.len() as u64 * 10);
        prop_assert_eq!(&world.roll_out.phase, &Phase::Finished);
        prop_assert_eq!(world.turned().len(), world.observed.accounts.len());
    }
}
