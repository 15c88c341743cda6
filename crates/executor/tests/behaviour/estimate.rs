//! How long a plan is said to take.

use phonehome_executor::estimate_ms;
use phonehome_network::Address;
use phonehome_planner::{Action, Plan, Ref};

use crate::support::{plan, row, step};

/// A step whose operation counts against AWS's limits as it is.
fn made(name: &str, action: Action) -> phonehome_planner::Step {
    phonehome_planner::Step { action, ..step(name, "", &[]) }
}

fn endpoints(number: usize) -> Plan {
    let action = |_| Action::CreateGatewayEndpoint {
        vpc: Ref::Output(Address::vpc()),
        service: "com.amazonaws.us-east-1.s3".into(),
        tables: vec![],
    };
    plan((0..number).map(|at| made(&format!("endpoint/{at}"), action(at))))
}

#[test]
fn a_plan_takes_as_long_as_its_rounds_of_calls() {
    assert_eq!(estimate_ms(&Plan::default()), 0);
    assert_eq!(estimate_ms(&plan(row(16, "ec2:CreateSubnet"))), 500, "side by side");
    assert_eq!(estimate_ms(&plan(row(17, "ec2:CreateSubnet"))), 1_000, "but no more than so many");
    let chain = [step("a", "", &[]), step("b", "", &["a"]), step("c", "", &["b"])];
    assert_eq!(estimate_ms(&plan(chain)), 1_500, "one after the other");
}

#[test]
fn a_plan_waits_for_aws_limits() {
    // 4 at once, then 0.3 a second: the fifth waits 3.4 s, and so does the sixth.
    assert_eq!(estimate_ms(&endpoints(4)), 500);
    assert_eq!(estimate_ms(&endpoints(5)), 3_334 + 500);
    assert!((6_667 + 500..6_900 + 500).contains(&estimate_ms(&endpoints(6))));
}

#[test]
fn a_nat_gateway_takes_two_minutes_more() {
    let nat = |_| Action::CreateNatGateway {
        subnet: Ref::Id("subnet-1".into()),
        allocation: Ref::Id("eipalloc-1".into()),
    };
    let three = plan((0..3).map(|at| made(&format!("nat-gateway/{at}"), nat(at))));
    assert_eq!(estimate_ms(&three), 120_500);
}

#[test]
fn a_step_that_comes_after_what_is_not_there_ends_nothing() {
    assert_eq!(estimate_ms(&plan([step("b", "", &["a"])])), 0);
}
