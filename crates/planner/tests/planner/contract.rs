//! What of a plan was agreed to, and what is beyond that.

use phonehome_fleet::Nat;
use phonehome_network::{Address, NatState};
use phonehome_planner::{Agreed, Limits, Plan, StackSpec, beyond, plan};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::support::{
    ALL, Damage, ZONES, all, apply, changes, damage, damages, edit, fresh, full, linked, made, permitted,
    planned, spec, usual,
};

fn addresses(steps: &[&phonehome_planner::Step]) -> Vec<String> {
    steps.iter().map(|step| step.address.to_string()).collect()
}

fn is_agreed(plan: &Plan, agreed: &Plan) -> bool {
    beyond(plan, &Agreed::to(agreed), None).is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, rng_seed: RngSeed::Fixed(8), ..ProptestConfig::default() })]

    /// Somebody else did the half of it, or whoever did it died.
    #[test]
    fn what_is_left_of_a_plan_after_any_part_of_it_is_agreed(
        (old, new) in changes(), done in 0..60usize, may_all in any::<bool>()
    ) {
        let limits = if may_all { ALL } else { Limits::SWEEP };
        let mut cloud = made(&old);
        let Ok(whole) = plan(&new, &all(&mut cloud, &new), &limits) else { return Ok(()) };
        let part = Plan { steps: whole.steps.iter().take(done).cloned().collect(), ..Plan::default() };
        apply(&mut cloud, &new, &part);
        let Ok(rest) = plan(&new, &all(&mut cloud, &new), &limits) else { return Ok(()) };
        let moved = beyond(&rest, &Agreed::to(&whole), None);
        prop_assert!(moved.is_empty(), "{:?}\n{}", addresses(&moved), phonehome_planner::render::text(&whole));
    }

    /// What somebody changed meanwhile is beyond the plan, unless the version before would mend it as well.
    #[test]
    fn what_was_added_is_not_agreed_unless_the_version_before_would_do_it(
        (old, new) in changes(), harm in damages()
    ) {
        let mut cloud = made(&old);
        let Ok(whole) = plan(&new, &all(&mut cloud, &new), &Limits::SWEEP) else { return Ok(()) };
        harm.iter().for_each(|harm: &Damage| edit(&mut cloud, &old, |world| damage(world, *harm)));
        let world = all(&mut cloud, &new);
        let (Ok(now), Ok(before)) = (plan(&new, &world, &Limits::SWEEP), plan(&old, &world, &Limits::SWEEP)) else {
            return Ok(());
        };
        let agreed = Agreed::to(&whole);
        let moved = addresses(&beyond(&now, &agreed, None));
        let known: Vec<&Address> = whole.steps.iter().map(|it| &it.address)
            .chain(whole.withheld.iter().map(|it| &it.address))
            .chain(whole.waits.iter().map(|it| &it.address)).chain(&whole.postponed).collect();
        let added = now.steps.iter().filter(|step| step.asks.is_empty() && !known.contains(&&step.address));
        for step in added {
            prop_assert!(moved.contains(&step.address.to_string()), "{} was added", step.address);
        }
        for step in beyond(&now, &agreed, Some(&before)) {
            prop_assert!(!before.steps.contains(step), "{} is a repair", step.address);
        }
    }
}

#[test]
fn a_plan_is_what_was_agreed_to_whatever_ids_there_are_and_none_of_another_mode() {
    assert!(is_agreed(&fresh(&usual()), &fresh(&usual())));
    let single = fresh(&full(&ZONES[..3], Nat::Single));
    let moved =
        beyond(&single, &Agreed::to(&fresh(&usual())), None).into_iter().map(|it| it.address.to_string());
    let wanted = ["route-table/private/use1-az2/default-route", "route-table/private/use1-az3/default-route"];
    assert_eq!(moved.collect::<Vec<_>>(), wanted, "they lead to another zone's gateway");
}

#[test]
fn what_was_to_be_taken_away_is_agreed_with_permission_only_and_then_all_of_it() {
    let (old, new) = (usual(), full(&ZONES[..2], Nat::Single));
    let mut cloud = made(&old);
    let shown = planned(&mut cloud, &new, &Limits::SWEEP);
    let accepted = shown.asks().into_iter().collect();
    let at_its_turn = permitted(&mut cloud, &new, &accepted);
    assert!(at_its_turn.steps.len() > 5 && is_agreed(&at_its_turn, &shown));
    // Somebody who agreed to nothing of the kind.
    let nothing = planned(&mut cloud, &old, &Limits::SWEEP);
    let removals = plan(&new, &all(&mut cloud, &new), &ALL).unwrap();
    let removals = Plan {
        steps: removals
            .steps
            .into_iter()
            .map(|step| phonehome_planner::Step { asks: vec![], ..step })
            .collect(),
        ..removals
    };
    assert_eq!(beyond(&removals, &Agreed::to(&nothing), None).len(), removals.steps.len());
}

#[test]
fn a_connection_that_was_waited_for_is_agreed_and_one_that_was_not_declared_is_none() {
    let (mut cloud, shop, pay) = linked();
    edit(&mut cloud, &shop, |world| world.peerings.clear());
    edit(&mut cloud, &pay, |world| world.peerings.clear());
    edit(&mut cloud, &pay, |world| world.security_groups.retain(|it| it.name != "phonehome-inbound"));
    let waiting = planned(&mut cloud, &pay, &Limits::SWEEP);
    assert!(
        waiting.waits.iter().any(|wait| wait.address.to_string().starts_with("peering/")),
        "{waiting:#?}"
    );
    let asked = planned(&mut cloud, &shop, &Limits::SWEEP);
    apply(&mut cloud, &shop, &asked);
    let asked_for = planned(&mut cloud, &pay, &Limits::SWEEP);
    assert!(asked_for.steps.len() > 3 && is_agreed(&asked_for, &waiting), "{asked_for:#?}");
    let alone = StackSpec { links: vec![], ..pay.clone() };
    let undeclared = planned(&mut cloud, &alone, &Limits::SWEEP);
    assert!(!is_agreed(&asked_for, &undeclared));
}

#[test]
fn probes_are_held_against_what_was_agreed_only_where_their_code_was_at_hand() {
    let (with, without) = (usual(), StackSpec { probe: None, ..usual() });
    assert!(is_agreed(&fresh(&with), &fresh(&without)));
    let network_only = Plan { steps: fresh(&with).steps, ..fresh(&with) };
    let mut fewer = network_only.clone();
    fewer.steps.retain(|step| !step.address.to_string().starts_with("probe/use1-az1"));
    assert!(!is_agreed(&network_only, &fewer), "their code was there, and they were not planned");
}

#[test]
fn a_repair_that_the_version_before_would_make_needs_no_agreement() {
    let (old, new) = (spec(&ZONES[..2], Nat::PerAz), spec(&ZONES[..3], Nat::PerAz));
    let mut cloud = made(&old);
    let whole = planned(&mut cloud, &new, &Limits::SWEEP);
    edit(&mut cloud, &old, |world| {
        world.nat_gateways[0].state = NatState::Gone;
        world.elastic_ips[0].association_id = None;
    });
    let now = planned(&mut cloud, &new, &Limits::SWEEP);
    let moved = beyond(&now, &Agreed::to(&whole), None);
    assert!(addresses(&moved).contains(&"nat-gateway/use1-az1".to_owned()), "{moved:?}");
    let before = planned(&mut cloud, &old, &Limits::SWEEP);
    assert_eq!(beyond(&now, &Agreed::to(&whole), Some(&before)), Vec::<&phonehome_planner::Step>::new());
}

#[test]
fn what_was_agreed_is_stored_and_read_again() {
    let plan = fresh(&usual());
    let digests = Agreed::to(&plan).digests();
    assert!(digests.len() > plan.steps.len(), "a digest for each call, and for each item of its lists");
    assert!(beyond(&plan, &Agreed::from(digests), None).is_empty());
    assert_eq!(
        beyond(&plan, &Agreed::default(), None).len(),
        plan.steps.iter().filter(|step| !is_of_probes(step)).count()
    );
}

fn is_of_probes(step: &phonehome_planner::Step) -> bool {
    let address = step.address.to_string();
    address.starts_with("probe/") || address == "security-group/probe"
}
