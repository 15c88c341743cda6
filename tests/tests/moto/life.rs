//! Executors that observation, plan and apply until an account is as declared, and how they come to their
//! end.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use phonehome_accounts::AwsStack;
use phonehome_cloud::CloudError;
use phonehome_executor::{Clock, Executor, NoFence, StackApi as _};
use phonehome_localcloud::proxy::{Fault, Proxy};
use phonehome_network::{Inventory, Kind};
use phonehome_planner::{Limits, StackSpec, plan};

use crate::place;
use crate::shape::shape;

/// The looks after which an executor gives up.
const OBSERVATIONS_MAX: usize = 60;
/// What passes between two observations by the executor's clock: enough for AWS's limits to fill again.
const PAUSE_MS: u64 = 15_000;
/// A call that each observation makes once.
const OBSERVE: &str = "ec2:DescribeVpcs";

/// What happens to the executor at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It is killed before it makes the call.
    KilledBefore,
    /// It is killed before the call is answered.
    KilledAfter,
    /// It lives, but the answer is lost.
    AnswerLost,
}

/// How an account came to be as declared.
#[derive(Debug)]
pub(crate) struct Run {
    /// How often the executors looked.
    pub(crate) observations: usize,
    /// The calls of the last executor.
    pub(crate) calls: usize,
    /// Everything that is there now.
    pub(crate) shape: Vec<String>,
}

/// A clock that goes on between two observations.
#[derive(Debug, Default)]
struct Pauses(AtomicU64);

impl Clock for Pauses {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The life of one executor, until the account is as declared; answers with all that EC2 has there then,
/// whoever made it, without what tells one account from another.
///
/// # Errors
/// An observation failed, although the SDK tried more than once.
pub(crate) async fn life(
    api: &AwsStack,
    spec: &StackSpec,
    pause: Duration,
) -> Result<Vec<String>, CloudError> {
    let pauses = Pauses::default();
    let mut executor = Executor::new().with_clock(&pauses);
    let mut last = String::new();
    for _ in 0..OBSERVATIONS_MAX {
        let seen = api.observe(&spec.kinds()).await?;
        let plan = plan(spec, &seen, &Limits::SWEEP).unwrap_or_else(|error| panic!("{error}\n{seen:#?}"));
        if plan.is_converged() && plan.withheld.is_empty() && plan.unseen.is_empty() {
            return Ok(everything(spec, &seen));
        }
        let applied = executor.apply(api, &plan, &NoFence).await;
        assert_eq!(applied.failure(), None, "a call that can never succeed");
        last = format!("{plan:#?} {:?}", applied.waiting());
        pauses.0.fetch_add(PAUSE_MS, Ordering::Relaxed);
        tokio::time::sleep(pause).await;
    }
    panic!("not settled after {OBSERVATIONS_MAX} looks: {last}");
}

/// Nothing goes wrong.
pub(crate) async fn undisturbed(spec: &StackSpec) -> Run {
    let proxy = place::proxy(&spec.account).await;
    let shape = life(&place::open(&proxy, spec).await, spec, Duration::ZERO).await.unwrap();
    converged(&proxy, shape)
}

/// Call `number` goes wrong like this. When the executor is dead, another one takes over.
pub(crate) async fn disturbed(spec: &StackSpec, end: End, number: usize) -> Run {
    let proxy = place::proxy(&spec.account).await;
    match end {
        End::KilledBefore => proxy.cut_after(number),
        End::KilledAfter => proxy.cut_after_answer(number),
        End::AnswerLost => {
            proxy.set_faults(move |call| (call.number == number).then_some(Fault::DropResponse));
        }
    }
    let lived = life(&place::open(&proxy, spec).await, spec, Duration::ZERO).await;
    if end == End::AnswerLost {
        assert_eq!(proxy.calls()[number - 1].status, 0, "call {number} was answered");
        return converged(&proxy, lived.unwrap());
    }
    // From that call on it talked to nobody, which is how it got to know.
    assert!(lived.is_err(), "settled, although killed at call {number}");
    let begun = proxy.calls().iter().filter(|it| it.number <= number && it.operation == OBSERVE).count();
    let after = undisturbed(spec).await;
    Run { observations: begun + after.observations, ..after }
}

/// What came of the only executor, or the last one.
fn converged(proxy: &Proxy, shape: Vec<String>) -> Run {
    let calls = proxy.calls();
    let observations = calls.iter().filter(|it| it.status == 200 && it.operation == OBSERVE).count();
    Run { observations, calls: calls.len(), shape }
}

fn everything(spec: &StackSpec, seen: &Inventory) -> Vec<String> {
    // moto leaves the network interfaces of NAT gateways that are gone, and nothing else has any here.
    let unseen = BTreeSet::from([Kind::NetworkInterface, Kind::Function, Kind::Schedule]);
    assert_eq!(seen.unseen, unseen, "an observation that sees less cannot tell that there is nothing else");
    let mut seen = seen.clone();
    seen.endpoints.retain(|it| !it.is_gone);
    shape(&seen).into_iter().map(|line| line.replace(spec.account.as_str(), "ACCOUNT")).collect()
}
