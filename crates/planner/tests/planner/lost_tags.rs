//! A resource whose tags somebody removed is known again, and nothing is made in its place.

use phonehome_network::{Inventory, TAG_ADDRESS, TAG_MANAGED_BY, Tags};
use phonehome_planner::{Action, Change, Limits};

use crate::support::{all, apply, edit, linked, made, planned, shape, usual};

/// The tags of everything of phonehome's.
fn tags(world: &mut Inventory) -> Vec<&mut Tags> {
    let mut all: Vec<&mut Tags> = Vec::new();
    all.extend(world.vpcs.iter_mut().map(|it| &mut it.tags));
    all.extend(world.subnets.iter_mut().map(|it| &mut it.tags));
    all.extend(world.internet_gateways.iter_mut().map(|it| &mut it.tags));
    all.extend(world.elastic_ips.iter_mut().map(|it| &mut it.tags));
    all.extend(world.nat_gateways.iter_mut().map(|it| &mut it.tags));
    all.extend(world.route_tables.iter_mut().map(|it| &mut it.tags));
    all.extend(world.security_groups.iter_mut().map(|it| &mut it.tags));
    all.extend(world.network_acls.iter_mut().map(|it| &mut it.tags));
    all.extend(world.endpoints.iter_mut().map(|it| &mut it.tags));
    all.extend(world.flow_logs.iter_mut().map(|it| &mut it.tags));
    all.extend(world.peerings.iter_mut().map(|it| &mut it.tags));
    all
}

/// Every resource loses these tags, one at a time.
fn one_by_one(lost: &[&str], is_update: bool) {
    let spec = usual();
    let mut world = all(&mut made(&spec), &spec);
    let count = tags(&mut world).len();
    assert!(count > 20, "{count}");
    for number in 0..count {
        let mut cloud = made(&spec);
        let before = shape(&all(&mut cloud, &spec));
        edit(&mut cloud, &spec, |world| {
            let mut all = tags(world);
            lost.iter().for_each(|key| drop(all[number].remove(*key)));
        });
        let plan = planned(&mut cloud, &spec, &Limits::NONE);
        assert_eq!(plan.steps.len(), 1, "{number}: {plan:#?}");
        let step = &plan.steps[0];
        assert!(matches!(&step.action, Action::Tag { tags, .. } if tags.len() == lost.len()), "{step:?}");
        assert_eq!(matches!(step.change, Change::Update { .. }), is_update, "{step:?}");
        apply(&mut cloud, &spec, &plan);
        assert_eq!(shape(&all(&mut cloud, &spec)), before);
    }
}

#[test]
fn all_tags_of_any_one_resource_come_back() {
    one_by_one(&[TAG_ADDRESS, TAG_MANAGED_BY], true);
}

#[test]
fn one_tag_of_any_one_resource_comes_back() {
    one_by_one(&[TAG_ADDRESS], true);
    one_by_one(&[TAG_MANAGED_BY], true);
    one_by_one(&["phonehome:domain"], true);
}

#[test]
fn the_tags_of_a_peering_come_back() {
    let (mut cloud, shop, pay) = linked();
    for spec in [&shop, &pay] {
        edit(&mut cloud, spec, |world| world.peerings[0].tags.clear());
        let plan = planned(&mut cloud, spec, &Limits::NONE);
        assert_eq!(plan.steps.len(), 1, "{plan:#?}");
        assert!(matches!(plan.steps[0].action, Action::Tag { .. }));
        apply(&mut cloud, spec, &plan);
        assert!(planned(&mut cloud, spec, &Limits::NONE).is_converged());
    }
}

#[test]
fn a_name_that_somebody_changed_is_theirs_to_choose() {
    let spec = usual();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| {
        tags(world).into_iter().for_each(|tags| drop(tags.insert("Name".into(), "ours".into())));
    });
    assert!(planned(&mut cloud, &spec, &Limits::SWEEP).is_converged());
}

#[test]
fn what_else_is_done_to_something_comes_after_its_tags() {
    let spec = usual();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| {
        let table = world.route_tables.iter_mut().find(|it| it.routes.len() == 1).unwrap();
        table.tags.clear();
        table.routes.clear();
    });
    let plan = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!(plan.steps.len(), 2);
    assert_eq!(
        plan.steps[1].after,
        [plan.steps[0].address.clone()],
        "the role may change only what is tagged"
    );
}
