//! The plan for an account that has nothing yet.

use phonehome_fleet::Nat;
use phonehome_network::{Address, Kind, Tier};
use phonehome_planner::{Action, Change, Plan, StackSpec};

use crate::support::{ZONES, apply, cloud, count, fresh, full, plain, planned, rounds, spec, step, usual};

fn operations(plan: &Plan, address: impl Fn(&str) -> bool) -> usize {
    plan.steps.iter().filter(|step| address(&step.address.to_string())).count()
}

#[test]
fn a_network_is_29_creates() {
    let plan = fresh(&plain());
    assert_eq!(plan.steps.len(), 29);
    assert!(plan.steps.iter().all(|step| step.change == Change::Create));
    let kinds = [
        (1, count(&plan, |action| matches!(action, Action::CreateVpc { .. }))),
        (6, count(&plan, |action| matches!(action, Action::CreateSubnet { .. }))),
        (1, count(&plan, |action| matches!(action, Action::CreateInternetGateway))),
        (1, count(&plan, |action| matches!(action, Action::AttachInternetGateway { .. }))),
        (3, count(&plan, |action| matches!(action, Action::AllocateElasticIp))),
        (3, count(&plan, |action| matches!(action, Action::CreateNatGateway { .. }))),
        (4, count(&plan, |action| matches!(action, Action::CreateRouteTable { .. }))),
        (4, count(&plan, |action| matches!(action, Action::CreateRoute { .. }))),
        (6, count(&plan, |action| matches!(action, Action::AssociateRouteTable { .. }))),
    ];
    for (expected, found) in kinds {
        assert_eq!(found, expected);
    }
}

#[test]
fn six_describe_calls_show_all_that_a_network_needs() {
    let six =
        [Kind::Vpc, Kind::Subnet, Kind::InternetGateway, Kind::ElasticIp, Kind::NatGateway, Kind::RouteTable];
    assert_eq!(plain().kinds(), six);
}

#[test]
fn four_rounds_of_calls_make_everything() {
    for spec in [plain(), usual()] {
        let plan = fresh(&spec);
        let rounds = rounds(&plan);
        assert_eq!(rounds.values().max(), Some(&4));
        let round_of = |address: Address| rounds[&address];
        assert_eq!(round_of(Address::elastic_ip("use1-az2")), 1);
        assert_eq!(round_of(Address::subnet(Tier::Public, "use1-az2")), 2);
        assert_eq!(round_of(Address::nat_gateway("use1-az2")), 3);
        assert_eq!(round_of(Address::default_route(&Address::private_route_table("use1-az2"))), 4);
    }
}

/// How many more calls a stack costs with something than without it.
fn costs(add: impl Fn(&mut StackSpec)) -> usize {
    let mut more = plain();
    add(&mut more);
    fresh(&more).steps.len() - fresh(&plain()).steps.len()
}

#[test]
fn each_further_thing_costs_its_own_calls_and_no_more() {
    assert_eq!(costs(|spec| spec.features.dns = true), 1, "host names; AWS resolves names anyway");
    assert_eq!(costs(|spec| spec.features.endpoints = vec!["s3".into()]), 1);
    assert_eq!(costs(|spec| spec.features.endpoints = vec!["s3".into(), "dynamodb".into()]), 2);
    assert_eq!(costs(|spec| spec.features.flow_logs_to = Some("arn:aws:s3:::logs".into())), 1);
    // Three are found and tagged; the group loses two rules, the ACL gets five entries.
    assert_eq!(costs(|spec| spec.features.hardening = true), 3 * 2 + 2 + 5);
    // One group; a function, a destination and a schedule in each zone.
    assert_eq!(costs(|spec| spec.probe = usual().probe), 1 + 3 * 3);
    assert_eq!(fresh(&usual()).steps.len(), 29 + 1 + 2 + 1 + 13 + 10);
}

#[test]
fn what_a_fresh_stack_does_disturbs_nobody() {
    let plan = fresh(&usual());
    assert_eq!(plan.disruption(), phonehome_planner::Disruption::None);
    assert!(plan.withheld.is_empty());
    assert_eq!(
        planned(&mut cloud(), &usual(), &phonehome_planner::Limits::NONE).steps,
        plan.steps,
        "so it needs no permission"
    );
}

#[test]
fn a_nat_gateway_waits_for_the_way_out_of_its_own_subnet() {
    let plan = fresh(&plain());
    let after = &step(&plan, &Address::nat_gateway("use1-az1")).after;
    assert!(after.contains(&Address::internet_gateway_attachment()), "AWS refuses it otherwise");
}

#[test]
fn what_aws_makes_with_the_vpc_is_found_and_tagged_before_it_is_closed() {
    let plan = fresh(&usual());
    assert_eq!(operations(&plan, |address| address.starts_with("network-acl/default")), 1 + 1 + 5);
    let acl = Address::default_network_acl();
    let deny = step(&plan, &Address::acl_entry(&acl, 20));
    assert_eq!(deny.after, [acl.clone(), Address::tags(&acl)], "the role may change only what is tagged");
    let tags = step(&plan, &Address::tags(&Address::main_route_table()));
    assert_eq!(tags.after, [Address::main_route_table()]);
}

#[test]
fn after_it_nothing_is_left_to_do_in_any_mode_and_number_of_zones() {
    for nat in [Nat::PerAz, Nat::Single, Nat::Regional, Nat::None] {
        for zones in 1..=ZONES.len() {
            for spec in [spec(&ZONES[..zones], nat), full(&ZONES[..zones], nat)] {
                let mut cloud = cloud();
                let plan = planned(&mut cloud, &spec, &phonehome_planner::Limits::NONE);
                apply(&mut cloud, &spec, &plan);
                let rest = planned(&mut cloud, &spec, &phonehome_planner::Limits::NONE);
                assert!(
                    rest.is_converged() && rest.withheld.is_empty(),
                    "{nat:?} in {zones} zones: {rest:#?}"
                );
            }
        }
    }
}
