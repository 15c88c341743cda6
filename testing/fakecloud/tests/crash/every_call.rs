//! Each single call of a run, with each way to go wrong.

use phonehome_fakecloud::{Fault, Options, SharedCloud};

use crate::driver::{Outcome, Pair};
use crate::shape::assert_same;

const PAUSE_MS: u64 = 15_000;

async fn run(pair: &Pair, faults: Vec<Fault>) -> Outcome {
    let cloud = SharedCloud::new(pair.cloud.clone());
    let faulty = format!("{faults:?}");
    pair.converge(&cloud, faults, PAUSE_MS).await.unwrap_or_else(|stuck| panic!("{faulty}: {stuck:#?}"))
}

/// A run without faults, then one for each call and each way it can go wrong. `at_least` guards
/// against a scenario that became trivial.
async fn every_call_may_go_wrong(pair: &Pair, at_least: usize) {
    let undisturbed = run(pair, vec![]).await;
    assert!(undisturbed.effects.len() >= at_least, "{undisturbed:#?}");
    let kinds = pair.ours.kinds().len();
    for n in 1..=undisturbed.calls {
        for fault in [Fault::DieBefore(n), Fault::DieAfter(n), Fault::LoseResponse(n)] {
            let loses = matches!(fault, Fault::LoseResponse(_));
            let run = run(pair, vec![fault.clone()]).await;
            assert_same(&run.ours, &undisturbed.ours, &format!("{fault:?}: our account"));
            assert_same(&run.theirs, &undisturbed.theirs, &format!("{fault:?}: their account"));
            // Also those calls whose answer was lost: each change was made once.
            assert_same(&run.effects, &undisturbed.effects, &format!("{fault:?}: what changed something"));
            assert_eq!(run.restarts, usize::from(!loses), "{fault:?}");
            let extra = run.describes.saturating_sub(undisturbed.describes);
            assert!(extra <= kinds, "{fault:?}: {extra} more describe calls, {} looks", run.observations);
        }
    }
    println!(
        "{} calls ({} describes, {} changes) x 3 faults: all end the same",
        undisturbed.calls,
        undisturbed.describes,
        undisturbed.effects.len()
    );
}

#[tokio::test]
async fn a_fresh_stack_ends_the_same_whichever_call_the_executor_dies_at_or_loses() {
    every_call_may_go_wrong(&Pair::fresh(Options::default()).await, 60).await;
}

#[tokio::test]
async fn a_repair_ends_the_same_whichever_call_the_executor_dies_at_or_loses() {
    every_call_may_go_wrong(&Pair::drifted().await, 15).await;
}

#[tokio::test]
async fn functions_that_stay_pending_for_a_while_change_nothing_about_that() {
    let options = Options { function_pending_observations: 2, ..Options::default() };
    every_call_may_go_wrong(&Pair::fresh(options).await, 60).await;
}
