//! What holds for every stack, whatever happened to it.

use std::collections::BTreeSet;

use phonehome_fleet::Nat;
use phonehome_network::{Action, Inventory, Plan, StackSpec, plan};
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::{
    Loss, ZONES, add_foreign, apply, foreign_in, lose, mend, perfect, planned, shape, shuffled, spec,
};

fn specs() -> impl Strategy<Value = StackSpec> {
    (1..=ZONES.len(), select(vec![Nat::PerAz, Nat::Single, Nat::None]), 0..5usize)
        .prop_map(|(zones, nat, checks)| spec(&ZONES[..zones], nat, checks))
}

fn losses() -> impl Strategy<Value = Vec<Loss>> {
    let number = 0..24usize;
    let loss = prop_oneof![
        number.clone().prop_map(Loss::Subnet),
        Just(Loss::InternetGateway),
        Just(Loss::Attachment),
        number.clone().prop_map(Loss::ElasticIp),
        number.clone().prop_map(Loss::NatGateway),
        number.clone().prop_map(Loss::FailedNatGateway),
        number.clone().prop_map(Loss::RouteTable),
        number.clone().prop_map(Loss::Route),
        number.clone().prop_map(Loss::Association),
        Just(Loss::ProbeGroup),
        number.clone().prop_map(Loss::Function),
        number.clone().prop_map(Loss::Destination),
        number.prop_map(Loss::Schedule),
    ];
    prop::collection::vec(loss, 0..12)
}

fn damaged(spec: &StackSpec, losses: &[Loss]) -> Inventory {
    let mut world = perfect(spec);
    losses.iter().for_each(|loss| lose(&mut world, *loss));
    world
}

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
}

fn updated_functions(plan: &Plan) -> Vec<&String> {
    let updated = |action| match action {
        &Action::UpdateFunctionCode { ref name } | &Action::UpdateFunctionConfiguration { ref name, .. } => {
            Some(name)
        }
        _ => None,
    };
    plan.steps.iter().filter_map(|step| updated(&step.action)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_for_an_empty_account_leaves_nothing_to_do(spec in specs()) {
        let mut world = Inventory::default();
        apply(&planned(&spec, &world), &spec, &mut world);
        prop_assert!(planned(&spec, &world).is_settled());
    }

    #[test]
    fn what_goes_missing_comes_back_once_and_only_that(spec in specs(), losses in losses()) {
        let mut world = damaged(&spec, &losses);
        apply(&planned(&spec, &world), &spec, &mut world);
        prop_assert!(planned(&spec, &world).is_settled());
        prop_assert_eq!(shape(&world), shape(&perfect(&spec)));
    }

    #[test]
    fn steps_name_what_they_come_after_and_come_after_it(spec in specs(), losses in losses()) {
        assert_in_order(&planned(&spec, &Inventory::default()));
        assert_in_order(&planned(&spec, &damaged(&spec, &losses)));
    }

    #[test]
    fn the_order_in_which_things_are_seen_does_not_matter(
        spec in specs(), losses in losses(), seed in any::<u64>(), confusion in 0..3,
    ) {
        let mut world = damaged(&spec, &losses);
        if confusion == 1 {
            // A refusal must not depend on the order either…
            let mut again = world.subnets.clone();
            again.iter_mut().for_each(|subnet| subnet.id.push('x'));
            world.subnets.extend(again);
        } else if confusion == 2 {
            // …nor the words for what is seen.
            world.functions.iter_mut().for_each(|function| function.subnet_ids.push("subnet-x".into()));
        }
        prop_assert_eq!(plan(&spec, &shuffled(&world, seed)), plan(&spec, &world));
    }

    #[test]
    fn what_others_made_stays_as_it_is(spec in specs(), losses in losses()) {
        let mut world = perfect(&spec);
        add_foreign(&mut world);
        prop_assert!(planned(&spec, &world).is_settled());
        losses.iter().for_each(|loss| lose(&mut world, *loss));
        let before = foreign_in(&world);
        mend(&spec, &mut world);
        prop_assert_eq!(foreign_in(&world), before);
    }

    #[test]
    fn a_function_is_updated_once_a_plan_until_all_is_as_declared(
        zones in 1..=ZONES.len(), old in 0..5usize, new in 0..5usize, code in "[a-z]{8}", memory_mb in 128..512i32,
    ) {
        let mut world = perfect(&spec(&ZONES[..zones], Nat::PerAz, old));
        let mut wanted = spec(&ZONES[..zones], Nat::PerAz, new);
        (wanted.probe.code_sha256, wanted.probe.memory_mb) = (code, memory_mb);
        let plan = planned(&wanted, &world);
        let updated: BTreeSet<_> = updated_functions(&plan).into_iter().collect();
        prop_assert_eq!(updated.len(), updated_functions(&plan).len());
        mend(&wanted, &mut world);
        prop_assert_eq!(world.functions[0].memory_mb, wanted.probe.memory_mb);
        prop_assert_eq!(&world.functions[0].code_sha256, &wanted.probe.code_sha256);
    }
}
