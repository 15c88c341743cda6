//! A stack that is given up, with executors that die on the way: nothing is left, nothing of anybody
//! else's is touched.

use phonehome_executor::{Executor, NoFence, StackApi as _};
use phonehome_fakecloud::{FakeStack, Fault, Options, SharedCloud};
use phonehome_network::Kind;
use phonehome_planner::{Decommission, Limits, plan_decommission};

use crate::driver::Pair;
use crate::shape::{assert_same, shape};

const PAUSE_MS: u64 = 15_000;
const OBSERVATIONS_MAX: usize = 30;

struct Decommissioned {
    calls: usize,
    effects: Vec<String>,
    left: Vec<String>,
}

/// Our account as declared, with a NAT gateway that takes a minute to go.
async fn converged() -> Pair {
    let fresh = Pair::fresh(Options { nat_deleting_ms: 60_000, ..Options::default() }).await;
    let cloud = SharedCloud::new(fresh.cloud.clone());
    fresh.converge(&cloud, vec![], PAUSE_MS).await.expect("settled");
    Pair { cloud: cloud.with(|cloud| cloud.clone()), ..fresh }
}

async fn decommission(pair: &Pair, faults: Vec<Fault>) -> Decommissioned {
    let (cloud, spec) = (SharedCloud::new(pair.cloud.clone()), &pair.ours);
    let before = cloud.with(|cloud| cloud.stack(&spec.account, &spec.region).calls().len());
    let what = format!("{faults:?}");
    let mut handles = vec![FakeStack::open(&cloud, spec.clone()).with_faults(faults)];
    let mut last = String::new();
    for _ in 0..OBSERVATIONS_MAX {
        let handle = handles.last().cloned().expect("a handle");
        if let Ok(seen) = handle.observe(&Kind::ALL).await {
            let plan =
                plan_decommission(spec, &seen, &Limits::DECOMMISSION, Decommission::Remove).expect("a plan");
            assert!(plan.withheld.is_empty(), "{what}: {:#?}", plan.withheld);
            if plan.is_converged() {
                return cloud.with(|cloud| {
                    let mut stack = cloud.stack(&spec.account, &spec.region);
                    let calls = stack.calls().into_iter().skip(before).filter(|it| it.had_effect());
                    let mut effects: Vec<_> =
                        calls.map(|it| format!("{} {}", it.operation, it.address)).collect();
                    effects.sort();
                    let calls = handles.iter().map(FakeStack::calls).sum();
                    Decommissioned { calls, effects, left: shape(&stack.truth()) }
                });
            }
            let mut executor = Executor::new().with_clock(cloud.clone());
            let applied = executor.apply(&handle, &plan, &NoFence).await;
            last = format!("{:?} {:?}", applied.failure(), applied.waiting());
        }
        if handle.is_dead() {
            handles.push(FakeStack::open(&cloud, spec.clone()));
        }
        cloud.with(|cloud| cloud.advance(PAUSE_MS));
    }
    panic!("{what}: not released after {OBSERVATIONS_MAX} looks: {last}");
}

#[tokio::test]
async fn a_decommission_ends_the_same_whichever_call_the_executor_dies_at_or_loses() {
    let pair = converged().await;
    let undisturbed = decommission(&pair, vec![]).await;
    assert!(undisturbed.effects.len() > 20, "{:#?}", undisturbed.effects);
    let ours: Vec<_> = undisturbed.left.iter().filter(|line| line.contains("phonehome:address")).collect();
    assert!(ours.is_empty(), "{ours:#?}");
    assert!(undisturbed.left.iter().any(|line| line.contains("172.31.0.0/16")), "the default VPC is gone");
    for n in 1..=undisturbed.calls {
        for fault in [Fault::DieBefore(n), Fault::DieAfter(n), Fault::LoseResponse(n)] {
            let run = decommission(&pair, vec![fault.clone()]).await;
            assert_same(&run.left, &undisturbed.left, &format!("{fault:?}: what is left"));
            assert_same(&run.effects, &undisturbed.effects, &format!("{fault:?}: what changed something"));
        }
    }
    println!("{} calls ({} changes) x 3 faults", undisturbed.calls, undisturbed.effects.len());
}
