//! Accounts whose `infra/member-role.yaml` is older than what a plan needs.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fleet::Nat;
use phonehome_planner::{
    Action, FIRST_TEMPLATE, Limits, NeededTemplate, Plan, Readiness, StackSpec, Step, WithheldReason, plan,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::support::{
    ALL, UNPEER, ZONES, addresses, all, apply, changes, cloud, converge, damage, damages, edit, fresh, full,
    linked, made, planned, seen, shape,
};

/// A table of needs as it may be one day: some calls need the third version, some the second.
fn needs(seed: u64) -> impl Fn(&Action) -> u32 + Copy {
    move |action: &Action| {
        let name = action.operation().bytes().fold(seed, |hash, byte| hash.rotate_left(7) ^ u64::from(byte));
        match name.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60 {
            0..=1 => 3,
            2..=3 => 2,
            _ => 1,
        }
    }
}

/// With a NAT gateway in each zone, which is all that needs more here.
fn zonal() -> StackSpec {
    full(&ZONES[..2], Nat::PerAz)
}

fn nat_needs_three(action: &Action) -> u32 {
    if matches!(action, Action::CreateNatGateway { .. }) { 3 } else { 1 }
}

fn steps(plan: &Plan) -> BTreeMap<String, &Step> {
    plan.steps.iter().map(|step| (step.address.to_string(), step)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: ProptestConfig::default().cases / 2, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn an_older_template_takes_steps_out_with_all_that_comes_after_them_and_adds_none(
        (old, new) in changes(), damages in damages(), seed in any::<u64>(), there in 1..=3u32,
    ) {
        let mut damaged = made(&old);
        edit(&mut damaged, &old, |world| damages.iter().for_each(|it| damage(world, *it)));
        for mut cloud in [cloud(), damaged] {
            let Ok(full) = plan(&new, &seen(&mut cloud, &new), &ALL) else { continue };
            let narrow = full.clone().within_template(there, needs(seed));
            let (all, left) = (steps(&full), steps(&narrow));
            for (address, step) in &left {
                prop_assert_eq!(all.get(address), Some(step), "a step that is as it was");
                prop_assert!(needs(seed)(&step.action) <= there, "{:?}", step.action);
                prop_assert!(step.after.iter().all(|it| left.contains_key(&it.to_string())), "{:?}", step);
            }
            let held: BTreeSet<String> = narrow.withheld.iter().map(|it| it.address.to_string()).collect();
            let gone: BTreeSet<String> = all.keys().filter(|it| !left.contains_key(*it)).cloned().collect();
            prop_assert!(gone.is_subset(&held), "what is not done is told: {:?}", gone.difference(&held));
            prop_assert_eq!(narrow.withheld.len(), full.withheld.len() + gone.len());
            prop_assert_eq!(&narrow.clone().within_template(there, needs(seed)), &narrow, "once is enough");
            prop_assert_eq!(narrow.needed_template().is_some(), full.needs_template(needs(seed)) > there);
            apply(&mut cloud, &new, &narrow);
        }
    }

    #[test]
    fn what_an_older_template_held_back_is_made_when_a_newer_one_is_there(
        (old, new) in changes(), seed in any::<u64>(), there in 1..=2u32,
    ) {
        let mut cloud = made(&old);
        let mut at_once = made(&old);
        for _ in 0..4 {
            let Ok(plan) = plan(&new, &seen(&mut cloud, &new), &ALL) else { return Ok(()) };
            apply(&mut cloud, &new, &plan.within_template(there, needs(seed)));
            cloud.advance(200_000);
        }
        converge(&mut cloud, &new, &ALL);
        converge(&mut at_once, &new, &ALL);
        prop_assert_eq!(shape(&all(&mut cloud, &new)), shape(&all(&mut at_once, &new)));
    }
}

#[test]
fn a_template_that_is_new_enough_changes_nothing() {
    let plan = fresh(&zonal());
    assert_eq!(plan.clone().within_template(FIRST_TEMPLATE, Action::needs_template), plan);
    assert_eq!(plan.clone().within_template(3, nat_needs_three), plan);
    assert_eq!((plan.needs_template(nat_needs_three), plan.needed_template()), (3, None));
}

#[test]
fn what_only_a_withheld_step_would_use_is_not_made_and_the_reasons_are_told_apart() {
    let plan = fresh(&zonal()).within_template(1, nat_needs_three);
    let made = addresses(&plan);
    assert!(made.iter().any(|it| it.starts_with("subnet/private/")), "{made:?}");
    assert!(
        !made.iter().any(|it| it.starts_with("elastic-ip/") || it.starts_with("nat-gateway/")),
        "{made:?}"
    );
    let is_because = |address: &str, is: fn(&WithheldReason) -> bool| {
        let mut held = plan.withheld.iter().filter(|it| it.address.to_string().starts_with(address));
        assert!(held.any(|it| is(&it.reason)), "{address}: {:?}", plan.withheld);
    };
    is_because("nat-gateway/", |reason| {
        *reason
            == WithheldReason::NeedsTemplate { needed: NeededTemplate { needed: 3, there: 1 }, through: None }
    });
    let goes_with = |reason: &WithheldReason| match reason {
        WithheldReason::NeedsTemplate { through: Some(it), .. } => it.to_string().starts_with("nat-gateway/"),
        _ => false,
    };
    is_because("route-table/private/", goes_with);
    is_because("elastic-ip/", goes_with);
    assert!(plan.asks().is_empty(), "no permission helps");
    assert_eq!(plan.needed_template(), Some(NeededTemplate { needed: 3, there: 1 }));
}

#[test]
fn what_waits_for_a_newer_template_is_not_ready_and_the_rest_is() {
    let spec = zonal();
    let mut cloud = cloud();
    for _ in 0..3 {
        let plan = plan(&spec, &seen(&mut cloud, &spec), &Limits::SWEEP).unwrap();
        apply(&mut cloud, &spec, &plan.within_template(1, nat_needs_three));
        cloud.advance(200_000);
    }
    let left =
        plan(&spec, &seen(&mut cloud, &spec), &Limits::SWEEP).unwrap().within_template(1, nat_needs_three);
    assert!(left.steps.is_empty(), "{:?}", left.steps);
    assert!(left.waits.iter().all(|wait| wait.holds_up == Readiness::Connections), "{:?}", left.waits);
    assert_eq!((left.network_ready(), left.egress_ready()), (true, false));
}

#[test]
fn a_peering_goes_with_all_its_routes_or_not_at_all() {
    let (mut cloud, _, mut pay) = linked();
    pay.links.clear();
    let full = planned(&mut cloud, &pay, &UNPEER);
    let is_route = |step: &Step| step.action.operation() == "ec2:DeleteRoute";
    assert!(full.steps.iter().any(is_route), "{:?}", full.steps);
    let needs = |action: &Action| if action.operation() == "ec2:DeleteVpcPeeringConnection" { 3 } else { 1 };
    let narrow = full.within_template(2, needs);
    assert!(!narrow.steps.iter().any(is_route), "{:?}", narrow.steps);
}
