//! The planner against the fake, without faults.

use phonehome_fakecloud::{FakeCloud, sample};
use phonehome_network::Kind;
use phonehome_planner::{Limits, StackSpec, plan, plan_default_vpc_removal};

fn converge(cloud: &mut FakeCloud, spec: &StackSpec) -> usize {
    let mut stack = cloud.stack(&spec.account, &spec.region);
    for observations in 0..8 {
        let seen = stack.inventory(&spec.kinds());
        let plan = plan(spec, &seen, &Limits::SWEEP).expect("a plan");
        if plan.is_converged() {
            return observations;
        }
        stack.apply(spec, &plan).unwrap_or_else(|(address, refused)| panic!("{address}: {refused}"));
    }
    panic!("not settled after 8 looks");
}

#[test]
fn a_plain_stack_takes_29_calls_and_is_converged_at_the_second_observation() {
    let mut cloud = FakeCloud::new();
    let spec = sample::plain("111111111111", "shop-prod", "10.0.0.0/18".parse().unwrap()).unwrap();
    assert_eq!(converge(&mut cloud, &spec), 1);
    assert_eq!(cloud.stack(&spec.account, &spec.region).calls().len(), 29);
}

#[test]
fn a_full_stack_converges_next_to_the_default_vpc() {
    let mut cloud = FakeCloud::new();
    let spec = sample::full("111111111111", "shop-prod", "10.0.0.0/18".parse().unwrap()).unwrap();
    cloud.stack(&spec.account, &spec.region).with_default_vpc();
    assert_eq!(converge(&mut cloud, &spec), 1);
    let truth = cloud.stack(&spec.account, &spec.region).truth();
    assert_eq!((truth.vpcs.len(), truth.endpoints.len(), truth.functions.len()), (2, 2, 3));
}

#[test]
fn two_linked_stacks_converge_when_both_have_had_their_turn() {
    let mut cloud = FakeCloud::new();
    let mut left = sample::full("111111111111", "shop-prod", "10.0.0.0/18".parse().unwrap()).unwrap();
    let mut right = sample::full("222222222222", "ledger-prod", "10.0.64.0/18".parse().unwrap()).unwrap();
    converge(&mut cloud, &left);
    converge(&mut cloud, &right);
    let vpc = |cloud: &mut FakeCloud, spec: &StackSpec| {
        Some(cloud.stack(&spec.account, &spec.region).truth().vpcs[0].id.clone())
    };
    let (left_vpc, right_vpc) = (vpc(&mut cloud, &left), vpc(&mut cloud, &right));
    left.links = vec![sample::link(&right, right_vpc, true)];
    right.links = vec![sample::link(&left, left_vpc, false)];
    for spec in [&left, &right, &left] {
        let mut stack = cloud.stack(&spec.account, &spec.region);
        let plan = plan(spec, &stack.inventory(&spec.kinds()), &Limits::SWEEP).unwrap();
        stack.apply(spec, &plan).unwrap();
    }
    assert_eq!((converge(&mut cloud, &left), converge(&mut cloud, &right)), (0, 0));
}

#[test]
fn a_new_accounts_default_vpc_is_removed_in_the_order_that_aws_needs() {
    let mut cloud = FakeCloud::new();
    let spec = sample::full("111111111111", "shop-prod", "10.0.0.0/18".parse().unwrap()).unwrap();
    let mut stack = cloud.stack(&spec.account, &spec.region);
    stack.with_default_vpc();
    let plan = plan_default_vpc_removal(&spec, &stack.inventory(&Kind::ALL), &Limits::DECOMMISSION).unwrap();
    stack.apply(&spec, &plan).unwrap_or_else(|(address, refused)| panic!("{address}: {refused}"));
    let truth = stack.truth();
    assert!(truth.vpcs.is_empty() && truth.internet_gateways.is_empty() && truth.network_acls.is_empty());
}
