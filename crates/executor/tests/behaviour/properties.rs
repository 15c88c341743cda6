//! What holds for every plan, whatever the account answers.

use phonehome_cloud::Cause;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use phonehome_executor::{Applied, CALLS_MAX, Executor, Fence, Stale, StepOutcome};
use phonehome_planner::Plan;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{Event, Script, ScriptedOutcome, plan, step};

const OPERATIONS: [&str; 4] =
    ["ec2:CreateSubnet", "ec2:CreateNatGateway", "ec2:CreateRoute", "lambda:CreateFunction"];

/// Mostly good, and each class of failure.
const ANSWERS: [ScriptedOutcome; 12] = [
    Ok(()),
    Ok(()),
    Ok(()),
    Ok(()),
    Ok(()),
    Err("RequestLimitExceeded"),
    Err("InvalidVpcID.NotFound"),
    Err("InvalidVpcID.NotFound"),
    Err("OptInRequired"),
    Err("UnauthorizedOperation"),
    Err("timeout"),
    Err("InvalidParameterValue"),
];

/// A step: what it comes after (of the steps before it), its operation, how long a call takes, and
/// what the calls are answered with.
type Drawn = (Vec<Index>, usize, u64, Vec<ScriptedOutcome>);

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let answers = prop_oneof![
        3 => Just(vec![]),
        1 => prop::collection::vec(prop::sample::select(&ANSWERS[..]), 1..6),
    ];
    let after = prop::collection::vec(any::<Index>(), 0..3);
    prop::collection::vec((after, 0..OPERATIONS.len(), 0_u64..300, answers), 1..60)
}

fn name(number: usize) -> String {
    format!("step/{number:02}")
}

fn build(drawn: &[Drawn]) -> (Plan, Script) {
    let mut script = Script::new();
    let mut steps = Vec::new();
    for (number, (after, operation, ms, answers)) in drawn.iter().enumerate() {
        let after: BTreeSet<String> =
            after.iter().filter(|_| number > 0).map(|index| name(index.index(number))).collect();
        let after: Vec<&str> = after.iter().map(String::as_str).collect();
        steps.push(step(&name(number), OPERATIONS[*operation], &after));
        script = script.takes(&name(number), *ms).answers(&name(number), answers);
    }
    (plan(steps), script)
}

/// Closes after so many checks.
struct Closes(AtomicUsize);

impl Fence for Closes {
    async fn check(&self) -> Result<(), Stale> {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map(|_| ()).map_err(|_| Stale { generation: 1, newest: Some(2) })
    }
}

fn run(plan: &Plan, script: &Script, checks: usize) -> Applied {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let fence = Closes(AtomicUsize::new(checks));
    // Made within the runtime, so that the executor's clock is the stopped one.
    runtime.block_on(async { Executor::new().apply(script, plan, &fence).await })
}

/// For each call, the steps that were done when it started.
fn check_order(plan: &Plan, script: &Script, applied: &Applied) -> Result<(), TestCaseError> {
    let outcomes: BTreeMap<_, _> = applied.outcomes.iter().cloned().collect();
    let after: BTreeMap<_, _> =
        plan.steps.iter().map(|step| (step.address.to_string(), &step.after)).collect();
    let mut ended = BTreeSet::new();
    for event in script.events() {
        match event {
            Event::Started(name) => {
                for address in after[&name] {
                    prop_assert!(
                        ended.contains(&address.to_string()),
                        "{name} started before {address} ended"
                    );
                    prop_assert!(matches!(outcomes[address], StepOutcome::Done(_)), "{name} after {address}");
                }
            }
            Event::Ended(name) => {
                ended.insert(name);
            }
        }
    }
    Ok(())
}

fn check_outcome(
    script: &Script,
    name: &str,
    outcome: &StepOutcome,
    answers: &[ScriptedOutcome],
) -> Result<(), TestCaseError> {
    let attempts = script.attempts(name);
    let given: Vec<ScriptedOutcome> =
        (0..attempts).map(|attempt| answers.get(attempt).copied().unwrap_or(Ok(()))).collect();
    // Every answer but the last was one that is tried again.
    for answer in given.iter().rev().skip(1) {
        prop_assert_eq!(*answer, Err("InvalidVpcID.NotFound"), "{} was called again", name);
    }
    prop_assert!(attempts <= 4, "{} was called {} times", name, attempts);
    match (outcome, given.last()) {
        (StepOutcome::Done(Some(_)), last) => prop_assert_eq!(last, Some(&Ok(()))),
        (StepOutcome::Failed(_), last) => prop_assert_eq!(last, Some(&Err("InvalidParameterValue"))),
        (StepOutcome::Waiting(error), Some(last)) => {
            let answered = last.is_err_and(|code| match code {
                "timeout" => error.cause == Cause::Timeout,
                code => error.code() == Some(code),
            });
            prop_assert!(answered || error.to_string().contains("same reason"));
        }
        (StepOutcome::Waiting(error), None) => {
            let throttled = matches!(error.cause, Cause::LocalThrottle { .. });
            prop_assert!(throttled || error.to_string().contains("same reason"), "{}", error);
        }
        (StepOutcome::Skipped(_) | StepOutcome::Refused(_), last) => prop_assert_eq!(last, None),
        (StepOutcome::Done(None), _) => prop_assert!(false, "{name} has no id"),
    }
    Ok(())
}

proptest! {
    #[test]
    fn order_limits_and_outcomes_hold_for_every_plan(
        drawn in drawn(),
        checks in prop_oneof![2 => Just(usize::MAX), 1 => 0_usize..60],
    ) {
        let (plan, script) = build(&drawn);
        let applied = run(&plan, &script, checks);

        let expected: Vec<_> = plan.steps.iter().map(|step| &step.address).collect();
        let got: Vec<_> = applied.outcomes.iter().map(|(address, _)| address).collect();
        prop_assert_eq!(got, expected, "each step has one outcome, in the plan's order");
        prop_assert!(script.most_at_once() <= CALLS_MAX);
        prop_assert!(script.calls().len() <= checks);
        check_order(&plan, &script, &applied)?;
        for (number, (_, outcome)) in applied.outcomes.iter().enumerate() {
            check_outcome(&script, &name(number), outcome, &drawn[number].3)?;
        }
    }

    #[test]
    fn a_skipped_step_names_one_before_it_that_is_not_done(drawn in drawn()) {
        let (plan, script) = build(&drawn);
        let outcomes: BTreeMap<_, _> = run(&plan, &script, usize::MAX).outcomes.into_iter().collect();
        for step in &plan.steps {
            let all_done = step.after.iter().all(|address| matches!(outcomes[address], StepOutcome::Done(_)));
            match &outcomes[&step.address] {
                StepOutcome::Skipped(blocker) => {
                    prop_assert!(step.after.contains(blocker));
                    prop_assert!(!matches!(outcomes[blocker], StepOutcome::Done(_)));
                }
                _ => prop_assert!(all_done),
            }
        }
    }

    #[test]
    fn the_same_answers_give_the_same_outcomes(drawn in drawn()) {
        let once = || {
            let (plan, script) = build(&drawn);
            (run(&plan, &script, usize::MAX), script.events())
        };
        prop_assert_eq!(once(), once());
    }
}
