//! EC2's token buckets. None of this takes any time but that of the calls.

use phonehome_cloud::Cause;
use phonehome_cloud::CloudError;
use std::time::Duration;

use phonehome_cloud::Class;
use phonehome_executor::{Executor, NoFence, StepOutcome};
use tokio::time::Instant;

use crate::support::{Script, apply, outcome, plan, row, step, waits_for};

#[tokio::test(start_paused = true)]
async fn a_step_without_a_token_waits_for_the_next_observation_and_nobody_sleeps() {
    let (script, start) = (Script::new(), Instant::now());
    let applied = apply(&script, &plan(row(14, "ec2:CreateNatGateway"))).await;
    assert_eq!((applied.done(), script.calls().len()), (10, 10));
    let StepOutcome::Waiting(error) = outcome(&applied, "ec2:CreateNatGateway/10") else {
        panic!("{applied:?}")
    };
    assert_eq!(error.class(), Class::Throttled);
    assert!(matches!(error.cause, Cause::LocalThrottle { wait_ms: 1_000, .. }), "{error:?}");
    assert_eq!(
        (error.operation, error.subject.as_str()),
        ("ec2:CreateNatGateway", "ec2:CreateNatGateway/10")
    );
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_step_without_a_token_is_tried_again_when_another_one_is_done() {
    let script = Script::new().takes("slow", 2_500);
    let mut steps = row(14, "ec2:CreateNatGateway");
    steps.push(step("slow", "ec2:CreateVpc", &[]));
    let applied = apply(&script, &plan(steps)).await;
    // Two and a half seconds later there are two more tokens.
    assert_eq!(applied.done(), 13);
    assert!(is_local_throttle(waits_for(&applied, "ec2:CreateNatGateway/12")));
    assert!(is_local_throttle(waits_for(&applied, "ec2:CreateNatGateway/13")));
}

#[tokio::test(start_paused = true)]
async fn an_empty_bucket_holds_up_no_other_operation() {
    let mut steps = row(14, "ec2:CreateNatGateway");
    steps.extend(row(30, "ec2:CreateSubnet"));
    assert_eq!(apply(&Script::new(), &plan(steps)).await.done(), 40);
}

#[tokio::test(start_paused = true)]
async fn an_executor_remembers_how_many_calls_are_left() {
    let (script, plan) = (Script::new(), plan(row(6, "ec2:CreateNatGateway")));
    let mut executor = Executor::new();
    assert_eq!(executor.apply(&script, &plan, &NoFence).await.done(), 6);
    assert_eq!(executor.apply(&script, &plan, &NoFence).await.done(), 4);
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(executor.apply(&script, &plan, &NoFence).await.done(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_calls_are_too_many_stops_further_calls_of_that_operation() {
    let script = Script::new().all_take(10).answers("ec2:CreateSubnet/00", &[Err("RequestLimitExceeded")]);
    let mut steps = row(20, "ec2:CreateSubnet");
    steps.extend(row(1, "ec2:CreateVpc"));
    let applied = apply(&script, &plan(steps)).await;
    assert_eq!(waits_for(&applied, "ec2:CreateSubnet/00").code(), Some("RequestLimitExceeded"));
    assert_eq!(script.attempts("ec2:CreateSubnet/00"), 1);
    for name in ["ec2:CreateSubnet/16", "ec2:CreateSubnet/19"] {
        assert!(is_local_throttle(waits_for(&applied, name)));
    }
    assert_eq!(applied.done(), 16);
}

fn is_local_throttle(error: &CloudError) -> bool {
    matches!(error.cause, Cause::LocalThrottle { .. })
}
