//! What a plan says about a stack: what of it works already, where it is, and what is distinguished.

use phonehome_fleet::Nat;
use phonehome_network::{
    Inventory, NatState, RouteTarget, Rule, RulePeer, TAG_ADDRESS, TAG_MANAGED_BY, Tagged as _,
};
use phonehome_planner::{Limits, Located, Plan, StackSpec};

use crate::support::{
    ALL, ZONES, addresses, all, apply, converge, edit, fresh, linked, made, planned, spec, usual, withheld,
};

/// Whether network, egress and connections are ready after a change.
fn ready(change: impl Fn(&mut Inventory)) -> (bool, bool, bool) {
    let (mut cloud, _, pay) = linked();
    edit(&mut cloud, &pay, change);
    let plan = planned(&mut cloud, &pay, &Limits::SWEEP);
    assert!(!plan.is_converged(), "something is to be done");
    (plan.network_ready(), plan.egress_ready(), plan.connections_ready())
}

#[test]
fn what_is_lost_holds_up_only_what_needs_it() {
    assert_eq!(
        ready(|world| drop(world.subnets[0].tags.remove("phonehome:domain"))),
        (true, true, true),
        "a tag"
    );
    assert_eq!(ready(|world| world.network_acls[0].entries.clear()), (true, true, true), "a network ACL");
    assert_eq!(
        ready(|world| {
            let rule = Rule { protocol: "-1".into(), ports: None, peer: RulePeer::Itself };
            let group = world.security_groups.iter_mut().find(|it| it.name == "default").unwrap();
            group.ingress.push(rule);
        }),
        (true, true, true),
        "the default security group"
    );
    assert_eq!(
        ready(|world| {
            for table in &mut world.route_tables {
                table.routes.retain(|it| !matches!(it.target, RouteTarget::NatGateway(_)));
            }
        }),
        (true, false, true),
        "private default routes"
    );
    assert_eq!(ready(|world| world.nat_gateways[0].state = NatState::Failed), (true, false, true));
    assert_eq!(
        ready(|world| {
            for table in &mut world.route_tables {
                table.routes.retain(|it| !matches!(it.target, RouteTarget::Peering(_)));
            }
        }),
        (true, true, false),
        "routes to the peer"
    );
    assert_eq!(
        ready(|world| {
            let group = world.security_groups.iter_mut().find(|it| it.name == "phonehome-inbound").unwrap();
            group.ingress.clear();
        }),
        (true, true, false),
        "inbound rules"
    );
    assert_eq!(
        ready(|world| world.route_tables.iter_mut().for_each(|it| it.associations.clear())),
        (false, false, true),
        "associations"
    );
}

#[test]
fn of_a_stack_that_is_not_there_nothing_is_ready_and_what_is_only_to_go_holds_up_nothing() {
    let new = usual();
    let plan = fresh(&new);
    assert!(!plan.network_ready() && !plan.egress_ready());
    let mut cloud = made(&new);
    let smaller = crate::support::full(&ZONES[..2], Nat::PerAz);
    let plan = planned(&mut cloud, &smaller, &ALL);
    assert!(!plan.steps.is_empty() && plan.network_ready() && plan.egress_ready(), "{:?}", addresses(&plan));
}

fn located(spec: &StackSpec, plan: &Plan, vpc_id: &str) {
    let private_subnets = spec.zones.iter().map(|zone| zone.private).collect();
    assert_eq!(plan.located, Located { vpc_id: Some(vpc_id.to_owned()), private_subnets, opened: vec![] });
}

#[test]
fn a_stack_is_located_with_and_without_its_tags_and_not_before_it_is_there() {
    let spec = usual();
    assert_eq!(fresh(&spec).located, Located::default());
    let mut cloud = made(&spec);
    let vpc_id = all(&mut cloud, &spec).vpcs[0].id.clone();
    located(&spec, &planned(&mut cloud, &spec, &Limits::SWEEP), &vpc_id);
    edit(&mut cloud, &spec, |world| {
        let tags = world.subnets.iter_mut().map(|it| &mut it.tags);
        for tags in tags.chain(world.vpcs.iter_mut().map(|it| &mut it.tags)) {
            tags.remove(TAG_ADDRESS);
            tags.remove(TAG_MANAGED_BY);
        }
    });
    assert!(all(&mut cloud, &spec).vpcs[0].address().is_none());
    located(&spec, &planned(&mut cloud, &spec, &Limits::SWEEP), &vpc_id);
}

#[test]
fn a_flow_log_to_another_bucket_is_made_and_the_old_one_goes_under_another_address() {
    let mut spec = usual();
    let mut cloud = made(&spec);
    let old = all(&mut cloud, &spec).flow_logs[0].id.clone();
    spec.features.flow_logs_to = Some("arn:aws:s3:::another".into());
    let other = format!("flow-log/{old}");
    let plan = planned(&mut cloud, &spec, &ALL);
    assert_eq!(addresses(&plan), ["flow-log", other.as_str()]);
    let swept = planned(&mut cloud, &spec, &Limits::SWEEP);
    assert_eq!((addresses(&swept), withheld(&swept)), (vec!["flow-log".to_owned()], vec![other.clone()]));
    apply(&mut cloud, &spec, &plan);
    converge(&mut cloud, &spec, &ALL);
    assert_eq!(all(&mut cloud, &spec).flow_logs[0].destination, "arn:aws:s3:::another");
}

#[test]
fn the_price_tells_what_is_paid_for_what_is_no_longer_declared() {
    let mut cloud = made(&spec(&ZONES[..3], Nat::PerAz));
    let single = spec(&ZONES[..3], Nat::Single);
    let price = planned(&mut cloud, &single, &Limits::SWEEP).price.unwrap();
    assert_eq!((price.after_cents, price.undeclared_cents), (10_800, 7_200));
    assert!(
        price.to_string().starts_with(
            "NAT single costs $36.00 a month without data, and $72.00 for what is no longer declared and stays;"
        ),
        "{price}"
    );
    let price = planned(&mut cloud, &single, &ALL).price.unwrap();
    assert_eq!((price.after_cents, price.undeclared_cents), (3_600, 0));
}
