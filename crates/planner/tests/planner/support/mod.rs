//! Specs, worlds and questions that the tests share.

mod chaos;
mod shape;
mod specs;
mod unmanaged;

pub(crate) use chaos::{Damage, damage, damages};
pub(crate) use shape::{shape, shuffled};
pub(crate) use specs::{ZONES, changes, check, fleet, full, link, peer, plain, spec, specs, usual};
pub(crate) use unmanaged::{add_lookalikes, add_unmanaged, group, open_entry, unmanaged_in};

use std::collections::BTreeMap;

use phonehome_fakecloud::{FakeCloud, Options};
use phonehome_network::{Address, Inventory, Kind, Permission, RemovalTarget};
use phonehome_planner::{Action, Limits, Plan, StackSpec, Step, plan, plan_permitted};

/// Everything is allowed.
pub(crate) const ALL: Limits = Limits {
    deletions: u32::MAX,
    replacements: u32::MAX,
    peerings: u32::MAX,
    disruption: phonehome_planner::Disruption::Detaches,
    ..Limits::SWEEP
};

/// What people allow who say how many peerings may go.
pub(crate) const UNPEER: Limits =
    Limits { peerings: 3, disruption: phonehome_planner::Disruption::Detaches, ..Limits::SWEEP };

/// An AWS without small quotas. With `nat_deleting_ms` a NAT gateway takes that long to go.
pub(crate) fn cloud() -> FakeCloud {
    FakeCloud::with_options(Options { elastic_ips_max: 100, ..Options::default() })
}

/// A cloud in which this stack was made.
pub(crate) fn made(spec: &StackSpec) -> FakeCloud {
    let mut cloud = cloud();
    converge(&mut cloud, spec, &Limits::SWEEP);
    cloud
}

/// What phonehome sees of the stack's account.
pub(crate) fn seen(cloud: &mut FakeCloud, spec: &StackSpec) -> Inventory {
    cloud.stack(&spec.account, &spec.region).inventory(&spec.kinds())
}

/// Everything in the stack's account.
pub(crate) fn all(cloud: &mut FakeCloud, spec: &StackSpec) -> Inventory {
    cloud.stack(&spec.account, &spec.region).inventory(&Kind::ALL)
}

pub(crate) fn edit(cloud: &mut FakeCloud, spec: &StackSpec, change: impl FnOnce(&mut Inventory)) {
    cloud.stack(&spec.account, &spec.region).edit(change);
}

pub(crate) fn planned(cloud: &mut FakeCloud, spec: &StackSpec, limits: &Limits) -> Plan {
    plan(spec, &seen(cloud, spec), limits).unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// A sweep's plan with what a person has accepted.
pub(crate) fn permitted(cloud: &mut FakeCloud, spec: &StackSpec, accepted: &Permission) -> Plan {
    plan_permitted(spec, &seen(cloud, spec), &Limits::SWEEP, accepted)
        .unwrap_or_else(|refusal| panic!("{refusal}"))
}

/// The plan for an empty account.
pub(crate) fn fresh(spec: &StackSpec) -> Plan {
    planned(&mut cloud(), spec, &Limits::SWEEP)
}

pub(crate) fn apply(cloud: &mut FakeCloud, spec: &StackSpec, plan: &Plan) {
    let done = cloud.stack(&spec.account, &spec.region).apply(spec, plan);
    if let Err((address, refused)) = done {
        panic!("AWS refuses {address}: {refused}\n{}", phonehome_planner::render::text(plan));
    }
}

/// Applies plans until nothing is left to do. An update of a function may hold back another one, and
/// something that is being deleted may hold up something else.
pub(crate) fn converge(cloud: &mut FakeCloud, spec: &StackSpec, limits: &Limits) {
    for _ in 0..6 {
        let plan = planned(cloud, spec, limits);
        if plan.is_converged() {
            return;
        }
        apply(cloud, spec, &plan);
        cloud.advance(200_000);
    }
    panic!("still not settled:\n{}", phonehome_planner::render::text(&planned(cloud, spec, limits)));
}

/// The only step of a sweep's plan, after which nothing is left to do.
pub(crate) fn only_step(cloud: &mut FakeCloud, spec: &StackSpec) -> Step {
    let plan = planned(cloud, spec, &Limits::SWEEP);
    assert_eq!((plan.steps.len(), plan.waits.len()), (1, 0), "{}", phonehome_planner::render::text(&plan));
    apply(cloud, spec, &plan);
    let rest = planned(cloud, spec, &Limits::SWEEP);
    assert!(rest.is_converged(), "{}", phonehome_planner::render::text(&rest));
    plan.steps[0].clone()
}

pub(crate) fn step<'a>(plan: &'a Plan, address: &Address) -> &'a Step {
    let found = plan.steps.iter().find(|step| step.address == *address);
    found.unwrap_or_else(|| panic!("{address} is not in {:?}", addresses(plan)))
}

pub(crate) fn addresses(plan: &Plan) -> Vec<String> {
    plan.steps.iter().map(|step| step.address.to_string()).collect()
}

pub(crate) fn withheld(plan: &Plan) -> Vec<String> {
    plan.withheld.iter().map(|held| held.address.to_string()).collect()
}

pub(crate) fn count(plan: &Plan, is: impl Fn(&Action) -> bool) -> usize {
    plan.steps.iter().filter(|step| is(&step.action)).count()
}

/// Everything that a plan takes away.
pub(crate) fn removals(plan: &Plan) -> Vec<&RemovalTarget> {
    let removal = |step| match step {
        &Step { action: Action::Remove(ref removal), .. } => Some(removal.what()),
        _ => None,
    };
    plan.steps.iter().filter_map(removal).collect()
}

/// In which round each step can be done when all of a round are done side by side.
pub(crate) fn rounds(plan: &Plan) -> BTreeMap<&Address, usize> {
    let mut rounds: BTreeMap<&Address, usize> = BTreeMap::new();
    for step in &plan.steps {
        let before = step.after.iter().map(|address| rounds[address]).max().unwrap_or_default();
        rounds.insert(&step.address, before + 1);
    }
    rounds
}

/// Two accounts with a working peering: the shop asked for it, and may open port 443 of the other's.
pub(crate) fn linked() -> (FakeCloud, StackSpec, StackSpec) {
    let (mut shop, mut pay) = (usual(), peer());
    let mut cloud = made(&shop);
    converge(&mut cloud, &pay, &Limits::SWEEP);
    let vpc = |cloud: &mut FakeCloud, spec: &StackSpec| all(cloud, spec).vpcs[0].id.clone();
    let (shop_vpc, pay_vpc) = (vpc(&mut cloud, &shop), vpc(&mut cloud, &pay));
    shop.links = vec![link(&pay, Some(&pay_vpc), true, &[])];
    pay.links = vec![link(&shop, Some(&shop_vpc), false, &[443])];
    for spec in [&shop, &pay] {
        let plan = planned(&mut cloud, spec, &Limits::SWEEP);
        apply(&mut cloud, spec, &plan);
    }
    for spec in [&shop, &pay] {
        let rest = planned(&mut cloud, spec, &Limits::SWEEP);
        assert!(rest.is_converged() && rest.withheld.is_empty(), "{rest:#?}");
    }
    (cloud, shop, pay)
}
