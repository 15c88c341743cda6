//! What holds for every stack, whatever happened to it.

use std::collections::BTreeSet;

use phonehome_planner::Disruption;
use phonehome_planner::{Action, Change, Limits, Plan, REPAIR, StackSpec, plan};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::support::{
    ALL, addresses, all, apply, changes, cloud, converge, damage, damages, edit, made, planned, seen, shape,
    shuffled, specs,
};

/// What the executor relies on.
fn assert_in_order(plan: &Plan) {
    let mut earlier = BTreeSet::new();
    for step in &plan.steps {
        assert!(step.after.iter().all(|address| earlier.contains(address)), "{step:?} is too early");
        assert!(
            step.action.outputs().iter().all(|made| step.after.contains(made)),
            "{step:?} waits for too little"
        );
        assert!(earlier.insert(&step.address), "{} is there twice", step.address);
    }
    let held: BTreeSet<_> = plan.withheld.iter().map(|held| &held.address).collect();
    assert_eq!(held.len(), plan.withheld.len(), "{:?}", plan.withheld);
    assert!(held.is_disjoint(&earlier), "both done and withheld");
}

/// A creation disturbs nothing that runs unless it takes traffic over, and only a removal detaches.
fn assert_disruptions(plan: &Plan) {
    for step in &plan.steps {
        let removes = matches!(step.action, Action::Remove(_));
        assert_eq!(removes, matches!(step.change, Change::Delete { .. }), "{step:?}");
        assert!(removes || step.disruption != Disruption::Detaches, "{step:?}");
        assert_eq!(step.asks.is_empty(), step.disruption <= REPAIR, "what is no repair says so: {step:?}");
        let tags = matches!(step.action, Action::Tag { .. } | Action::Untag { .. });
        assert!(!tags || step.disruption == Disruption::None, "{step:?}");
        assert!(!step.reason.is_empty());
    }
}

fn damaged(spec: &StackSpec, damages: &[crate::support::Damage]) -> phonehome_fakecloud::FakeCloud {
    let mut cloud = made(spec);
    edit(&mut cloud, spec, |world| damages.iter().for_each(|it| damage(world, *it)));
    cloud
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: ProptestConfig::default().cases / 2, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn what_was_damaged_is_mended_and_then_nothing_is_left_to_do(
        spec in specs().prop_filter("all that can be damaged", |it| it.features.hardening), damages in damages(),
    ) {
        let mut cloud = damaged(&spec, &damages);
        converge(&mut cloud, &spec, &ALL);
        prop_assert_eq!(shape(&all(&mut cloud, &spec)), shape(&all(&mut made(&spec), &spec)));
    }

    #[test]
    fn a_step_names_all_that_it_comes_after_and_comes_after_it(
        (old, new) in changes(), damages in damages(), permitted in any::<bool>(),
    ) {
        let limits = if permitted { ALL } else { Limits::ADOPTED };
        for mut cloud in [cloud(), damaged(&old, &damages)] {
            if let Ok(plan) = plan(&new, &seen(&mut cloud, &new), &limits) {
                assert_in_order(&plan);
                assert_disruptions(&plan);
            }
        }
    }

    #[test]
    fn the_order_in_which_things_are_seen_does_not_matter(
        (old, new) in changes(), damages in damages(), seed in any::<u64>(), deletions in 0..6u32,
        confused in any::<bool>(),
    ) {
        let mut cloud = damaged(&old, &damages);
        let mut world = seen(&mut cloud, &new);
        if confused {
            // A refusal must not depend on the order either.
            let mut again = world.subnets.clone();
            again.iter_mut().for_each(|subnet| subnet.id.push('x'));
            world.subnets.extend(again);
        }
        let limits = Limits { deletions, ..Limits::SWEEP };
        prop_assert_eq!(plan(&new, &shuffled(&world, seed), &limits), plan(&new, &world, &limits));
    }

    #[test]
    fn every_stack_becomes_every_other_with_the_same_addresses((old, new) in changes()) {
        let mut cloud = made(&old);
        converge(&mut cloud, &new, &ALL);
        let plan = planned(&mut cloud, &new, &ALL);
        prop_assert!(plan.withheld.is_empty() && plan.is_converged(), "{:?}", addresses(&plan));
    }

    #[test]
    fn a_plan_that_stops_anywhere_is_gone_on_with(spec in specs(), done in 0..60usize) {
        let mut cloud = cloud();
        let mut plan = planned(&mut cloud, &spec, &Limits::SWEEP);
        plan.steps.truncate(done);
        apply(&mut cloud, &spec, &plan);
        converge(&mut cloud, &spec, &Limits::SWEEP);
        prop_assert_eq!(shape(&all(&mut cloud, &spec)), shape(&all(&mut made(&spec), &spec)));
    }
}
