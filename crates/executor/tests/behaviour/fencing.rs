//! Two executors for one account: the older one stops.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use phonehome_executor::{Executor, Fence, Stale, StepOutcome};
use phonehome_planner::Plan;

use crate::support::{Script, outcome, plan, row, step, waits_for};

const STALE: Stale = Stale { generation: 7, newest: Some(8) };

/// Allows so many calls; the generation after this one begins then.
struct Allows(AtomicUsize);

impl Allows {
    fn calls(count: usize) -> Self {
        Self(AtomicUsize::new(count))
    }
}

impl Fence for Allows {
    async fn check(&self) -> Result<(), Stale> {
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        left.map(|_| ()).map_err(|_| STALE)
    }
}

fn chain(count: usize) -> Plan {
    let mut steps = row(count, "ec2:CreateSubnet");
    for n in 1..steps.len() {
        steps[n].after = vec![steps[n - 1].address.clone()];
    }
    plan(steps)
}

#[tokio::test(start_paused = true)]
async fn an_older_generation_stops_in_the_middle_of_its_plan() {
    let script = Script::new();
    let applied = Executor::new().apply(&script, &chain(5), &Allows::calls(2)).await;
    assert_eq!((applied.done(), script.calls().len()), (2, 2));
    for (_, outcome) in &applied.outcomes[2..] {
        assert_eq!(outcome, &StepOutcome::Refused(STALE));
    }
    assert_eq!((applied.outcomes.len(), applied.stale()), (5, Some(STALE)));
}

#[tokio::test(start_paused = true)]
async fn calls_under_way_come_to_their_end_and_count() {
    let script = Script::new().all_take(100);
    let applied = Executor::new().apply(&script, &plan(row(20, "ec2:CreateSubnet")), &Allows::calls(3)).await;
    assert_eq!((applied.done(), script.calls().len()), (3, 3));
    assert_eq!(
        applied.outcomes.iter().filter(|(_, outcome)| *outcome == StepOutcome::Refused(STALE)).count(),
        17
    );
}

/// Allows two checks at once, refuses the third, and allows the others a while after that, as a fence
/// does that reads an old copy.
struct Wavers(AtomicUsize);

impl Fence for Wavers {
    async fn check(&self) -> Result<(), Stale> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            2 => Err(STALE),
            number => {
                let ms = if number < 2 { 0 } else { 50 };
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok(())
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn once_refused_no_call_is_started_even_if_the_fence_wavers() {
    let script = Script::new().all_take(10);
    let fence = Wavers(AtomicUsize::new(0));
    let applied = Executor::new().apply(&script, &plan(row(20, "ec2:CreateSubnet")), &fence).await;
    assert_eq!((applied.done(), script.calls().len()), (2, 2));
    assert_eq!(applied.outcomes.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn what_aws_has_answered_is_reported_even_when_the_fence_closes_before_the_next_attempt() {
    let script = Script::new().answers("late", &[Err("InvalidVpcID.NotFound"); 2]).takes("a", 10);
    let steps = [
        step("late", "ec2:CreateSubnet", &[]),
        step("a", "ec2:CreateSubnet", &[]),
        step("b", "ec2:CreateSubnet", &["a"]),
    ];
    // The third check, before the second attempt, is refused.
    let applied = Executor::new().apply(&script, &plan(steps), &Allows::calls(2)).await;
    assert_eq!(waits_for(&applied, "late").code(), Some("InvalidVpcID.NotFound"));
    assert_eq!(outcome(&applied, "b"), &StepOutcome::Refused(STALE));
}

#[test]
fn a_refusal_says_which_generation_has_taken_over() {
    assert_eq!(
        STALE.to_string(),
        "generation 7 may no longer change this stack: generation 8 has begun and does what is left"
    );
    let over = Stale { newest: None, ..STALE };
    assert!(over.to_string().starts_with("generation 7 may no longer change this stack: its lease is over"));
}
