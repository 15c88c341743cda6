//! Order, parallelism, and what is reported on the way.

use phonehome_executor::PlanBug;
use phonehome_network::Address;
use std::time::Duration;

use phonehome_executor::{CALLS_MAX, Executor, NoFence, StepOutcome};
use phonehome_planner::{Plan, Step};
use tokio::time::Instant;

use crate::support::{Script, address, apply, is_done, needing, outcome, plan, row, step};

#[tokio::test(start_paused = true)]
async fn what_does_not_depend_on_each_other_is_called_side_by_side() {
    let (script, start) = (Script::new().all_take(100), Instant::now());
    let mut steps = vec![step("vpc", "ec2:CreateVpc", &[])];
    steps.extend(
        row(40, "ec2:CreateSubnet").into_iter().map(|step| Step { after: vec![address("vpc")], ..step }),
    );
    let applied = apply(&script, &plan(steps)).await;
    assert_eq!(applied.done(), 41);
    assert_eq!(script.most_at_once(), CALLS_MAX);
    // One round for the VPC, then 16, 16 and 8.
    assert_eq!(start.elapsed(), Duration::from_millis(400));
}

#[tokio::test(start_paused = true)]
async fn a_step_starts_as_soon_as_what_it_comes_after_is_done_and_not_with_its_round() {
    let (script, start) = (Script::new().all_take(100).takes("slow", 1_000), Instant::now());
    let steps = [
        step("slow", "ec2:CreateSubnet", &[]),
        step("a", "ec2:CreateSubnet", &[]),
        step("b", "ec2:CreateSubnet", &["a"]),
        step("c", "ec2:CreateSubnet", &["b"]),
    ];
    assert_eq!(apply(&script, &plan(steps)).await.done(), 4);
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}

#[tokio::test]
async fn a_step_is_given_the_ids_of_what_it_comes_after() {
    let steps = [step("vpc", "ec2:CreateVpc", &[]), needing("subnet", "ec2:CreateSubnet", "vpc")];
    let applied = apply(&Script::new(), &plan(steps)).await;
    assert_eq!(outcome(&applied, "subnet"), &StepOutcome::Done(Some("subnet in vpc in vpc-1".into())));
}

#[tokio::test(start_paused = true)]
async fn a_failed_step_takes_down_only_what_comes_after_it() {
    let script = Script::new().answers("a", &[Err("InvalidParameterValue")]);
    let steps = [
        step("a", "ec2:CreateSubnet", &[]),
        step("a/1", "ec2:CreateSubnet", &["a"]),
        step("a/1/2", "ec2:CreateSubnet", &["b", "a/1"]),
        step("b", "ec2:CreateSubnet", &[]),
        step("b/1", "ec2:CreateSubnet", &["b"]),
    ];
    let applied = apply(&script, &plan(steps)).await;
    assert_eq!(
        applied.failure().map(|(address, error)| (address.to_string(), error.code())),
        Some(("a".to_owned(), Some("InvalidParameterValue")))
    );
    assert_eq!(outcome(&applied, "a/1"), &StepOutcome::Skipped(address("a")));
    assert_eq!(outcome(&applied, "a/1/2"), &StepOutcome::Skipped(address("a/1")));
    assert!(is_done(&applied, "b") && is_done(&applied, "b/1"));
    assert_eq!(script.calls(), ["a", "b", "b/1"]);
}

#[tokio::test(start_paused = true)]
async fn outcomes_come_in_the_plans_order_whatever_ends_first() {
    let script = Script::new().takes("first", 300).takes("second", 200).takes("third", 100);
    let steps = ["first", "second", "third"].map(|name| step(name, "ec2:CreateSubnet", &[]));
    let applied = apply(&script, &plan(steps)).await;
    let order: Vec<_> = applied.outcomes.iter().map(|(address, _)| address.to_string()).collect();
    assert_eq!(order, ["first", "second", "third"]);
}

#[tokio::test]
async fn an_empty_plan_calls_nothing() {
    let script = Script::new();
    assert_eq!(apply(&script, &Plan::default()).await.outcomes, []);
    assert_eq!(script.calls(), Vec::<String>::new());
}

#[tokio::test]
async fn a_step_after_one_that_no_plan_makes_fails_and_says_so() {
    let steps = [step("a", "ec2:CreateSubnet", &["nowhere"]), step("b", "ec2:CreateSubnet", &["a"])];
    let applied = apply(&Script::new(), &plan(steps)).await;
    let (address, error) = applied.failure().expect("a fails");
    let after = vec![Address::from("nowhere")];
    assert_eq!(*error, PlanBug::OutOfOrder { address: address.clone(), after }.into());
    assert!(
        error.to_string().starts_with("a comes after nowhere, which no step of this plan makes"),
        "{error}"
    );
    assert_eq!(applied.outcomes.len(), 2);
}

#[tokio::test]
async fn a_plan_in_the_wrong_order_is_applied_in_the_right_one() {
    let script = Script::new();
    let steps = [needing("subnet", "ec2:CreateSubnet", "vpc"), step("vpc", "ec2:CreateVpc", &[])];
    assert_eq!(apply(&script, &plan(steps)).await.done(), 2);
    assert_eq!(script.calls(), ["vpc", "subnet"]);
}

#[test]
fn a_run_can_be_moved_to_another_thread() {
    fn sendable(_: impl Send) {}
    let (script, nothing, mut executor) = (Script::new(), Plan::default(), Executor::new());
    sendable(executor.apply(&script, &nothing, &NoFence));
}
