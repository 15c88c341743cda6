//! What comes of each kind of failure.

use phonehome_cloud::Cause;
use phonehome_cloud::Class;
use phonehome_executor::StepOutcome;
use phonehome_planner::Step;

use crate::support::{Script, address, apply, error, is_done, needing, outcome, plan, row, step, waits_for};

#[tokio::test]
async fn each_class_of_error_has_its_outcome() {
    for (operation, code, class) in [
        ("ec2:CreateSubnet", "RequestLimitExceeded", Class::Throttled),
        ("ec2:CreateSubnet", "InvalidVpcID.NotFound", Class::EventuallyConsistent),
        ("ec2:CreateSubnet", "OptInRequired", Class::AccountNotReady),
        ("ec2:CreateSubnet", "UnauthorizedOperation", Class::Denied),
        ("ec2:CreateSubnet", "timeout", Class::Transient),
        ("ec2:CreateSubnet", "ConditionalCheckFailedException", Class::Conflict),
        ("ec2:CreateSubnet", "InvalidSubnet.Range", Class::Invalid),
        ("ec2:DeleteSubnet", "InvalidSubnetID.NotFound", Class::AlreadyDone),
    ] {
        let error = error(operation, "a", code);
        assert_eq!(error.class(), class);
        let script = Script::new().answers("a", &[Err(code)]);
        let applied = apply(&script, &plan([step("a", operation, &[])])).await;
        let expected = match class {
            Class::AlreadyDone => StepOutcome::Done(None),
            Class::Invalid => StepOutcome::Failed(error.into()),
            _ => StepOutcome::Waiting(error),
        };
        assert_eq!(outcome(&applied, "a"), &expected);
        assert_eq!(applied.waiting().is_some(), matches!(expected, StepOutcome::Waiting(_)), "{code}");
        assert_eq!(script.attempts("a"), 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_visible_yet_is_tried_again_after_another_step_is_done() {
    let not_yet = Err("InvalidVpcID.NotFound");
    let script = Script::new().answers("late", &[not_yet, not_yet]).takes("a", 10).takes("b", 20);
    let steps = ["late", "a", "b"].map(|name| step(name, "ec2:CreateSubnet", &[]));
    let applied = apply(&script, &plan(steps)).await;
    assert_eq!(applied.done(), 3);
    assert_eq!(script.calls(), ["late", "a", "b", "late", "late"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_visible_yet_is_tried_again_three_times_at_most() {
    let script = Script::new().all_take(1).answers("late", &[Err("InvalidVpcID.NotFound"); 9]);
    let mut steps = row(10, "ec2:CreateSubnet");
    for n in 1..steps.len() {
        steps[n].after = vec![steps[n - 1].address.clone()];
    }
    steps.push(step("late", "ec2:CreateSubnet", &[]));
    let applied = apply(&script, &plan(steps)).await;
    assert_eq!((script.attempts("late"), applied.done()), (4, 10));
    assert_eq!(waits_for(&applied, "late").code(), Some("InvalidVpcID.NotFound"));
}

#[tokio::test(start_paused = true)]
async fn two_steps_that_are_not_visible_yet_do_not_drive_each_other_on() {
    let not_yet = [Err("InvalidVpcID.NotFound"); 9];
    let script = Script::new().answers("a", &not_yet).answers("b", &not_yet).takes("b", 5);
    let applied = apply(&script, &plan(["a", "b"].map(|name| step(name, "ec2:CreateSubnet", &[])))).await;
    assert_eq!(script.calls(), ["a", "b"]);
    assert_eq!(waits_for(&applied, "a").code(), Some("InvalidVpcID.NotFound"));
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_answer_was_lost_is_never_made_again_in_the_same_run() {
    let script = Script::new().answers("vpc", &[Err("timeout")]).takes("other", 10);
    let steps = [
        step("vpc", "ec2:CreateVpc", &[]),
        needing("subnet", "ec2:CreateSubnet", "vpc"),
        step("other", "ec2:CreateSubnet", &[]),
    ];
    let applied = apply(&script, &plan(steps)).await;
    assert_eq!(script.calls(), ["vpc", "other"]);
    assert_eq!(waits_for(&applied, "vpc").cause, Cause::Timeout);
    assert_eq!(outcome(&applied, "subnet"), &StepOutcome::Skipped(address("vpc")));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_not_ready_is_not_asked_again() {
    let script = Script::new().all_take(10).answers("ec2:CreateSubnet/00", &[Err("OptInRequired")]);
    let mut steps = row(20, "ec2:CreateSubnet");
    steps.push(step("nat", "ec2:CreateNatGateway", &[]));
    steps.push(step("route", "ec2:CreateRoute", &["nat"]));
    let applied = apply(&script, &plan(steps)).await;
    // Those under way when it refused came to their end.
    assert_eq!((script.calls().len(), applied.done()), (16, 15));
    for name in ["ec2:CreateSubnet/16", "nat"] {
        let StepOutcome::Waiting(error) = outcome(&applied, name) else { panic!("{applied:?}") };
        assert_eq!(error.class(), Class::AccountNotReady);
        assert!(error.to_string().ends_with("(for the same reason this step was not tried)"), "{error}");
        assert_eq!(error.subject, "ec2:CreateSubnet/00");
    }
    assert_eq!(outcome(&applied, "route"), &StepOutcome::Skipped(address("nat")));
}

#[tokio::test(start_paused = true)]
async fn a_denied_operation_is_not_tried_again_but_others_are() {
    let script = Script::new().answers("ec2:CreateFlowLogs/00", &[Err("UnauthorizedOperation")]);
    let mut steps = vec![step("vpc", "ec2:CreateVpc", &[])];
    let after_first = |step: Step| Step { after: vec![address("vpc")], ..step };
    steps.extend(row(1, "ec2:CreateFlowLogs"));
    steps.push(after_first(step("second", "ec2:CreateFlowLogs", &[])));
    steps.push(after_first(step("subnet", "ec2:CreateSubnet", &[])));
    let script = script.takes("vpc", 10);
    let applied = apply(&script, &plan(steps)).await;
    assert_eq!(script.calls(), ["vpc", "ec2:CreateFlowLogs/00", "subnet"]);
    assert_eq!(waits_for(&applied, "second").code(), Some("UnauthorizedOperation"));
    assert!(is_done(&applied, "subnet"));
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_denied_three_operations_is_not_asked_again() {
    let denied = &[Err("UnauthorizedOperation")];
    let script =
        Script::new().answers("a", denied).answers("b", denied).answers("c", denied).takes("vpc", 10);
    let steps = [
        step("vpc", "ec2:CreateVpc", &[]),
        step("a", "ec2:CreateFlowLogs", &[]),
        step("b", "ec2:CreateSubnet", &[]),
        step("c", "ec2:CreateRoute", &[]),
        step("nat", "ec2:CreateNatGateway", &["vpc"]),
    ];
    let applied = apply(&script, &plan(steps)).await;
    assert_eq!(script.calls(), ["vpc", "a", "b", "c"]);
    assert_eq!(waits_for(&applied, "nat").code(), Some("UnauthorizedOperation"));
}

#[tokio::test(start_paused = true)]
async fn many_denied_calls_of_one_operation_hold_up_no_other() {
    let mut script = Script::new().takes("vpc", 10);
    let mut steps = row(9, "ec2:CreateFlowLogs");
    for step in &steps {
        script = script.answers(&step.address.to_string(), &[Err("UnauthorizedOperation")]);
    }
    steps.push(step("vpc", "ec2:CreateVpc", &[]));
    steps.push(step("subnet", "ec2:CreateSubnet", &["vpc"]));
    assert_eq!(apply(&script, &plan(steps)).await.done(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_so_already_counts_as_done() {
    let script = Script::new().answers("route", &[Err("RouteAlreadyExists")]);
    let steps = [step("route", "ec2:CreateRoute", &[]), step("next", "ec2:CreateSubnet", &["route"])];
    let applied = apply(&script, &plan(steps)).await;
    assert_eq!(outcome(&applied, "route"), &StepOutcome::Done(None));
    assert!(is_done(&applied, "next"));
}

#[tokio::test(start_paused = true)]
async fn a_step_that_needs_the_id_of_what_was_there_already_waits_for_the_next_observation() {
    let script = Script::new().answers("logs", &[Err("FlowLogAlreadyExists")]);
    let steps = [step("logs", "ec2:CreateFlowLogs", &[]), needing("next", "ec2:CreateSubnet", "logs")];
    let applied = apply(&script, &plan(steps)).await;
    let StepOutcome::Waiting(error) = outcome(&applied, "next") else { panic!("{applied:?}") };
    assert_eq!(error.class(), Class::EventuallyConsistent);
    assert!(matches!(error.cause, Cause::NotSeenYet(_)), "{error}");
    assert_eq!(script.calls(), ["logs"]);
}
