//! The loop: start what can be started, take what comes back, until nothing is under way.

use std::sync::OnceLock;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use phonehome_planner::{Plan, Step};

use crate::run::Run;
use crate::{Applied, Buckets, Clock, Fence, Ids, StackApi, Stale, StepError, Uptime};

/// How many calls are under way at once. EC2's bucket of mutating calls holds 50 and refills with
/// 5 a second (per API, account and Region), so a stack of some 40 creates fits.
pub const CALLS_MAX: usize = 16;

/// Applies plans to one account and Region. Keep it between two plans for the same one: it remembers
/// how many calls are left.
#[derive(Debug, Default)]
pub struct Executor<C = Uptime> {
    buckets: Buckets,
    clock: C,
}

impl Executor {
    /// By real time, with full buckets.
    pub fn new() -> Self {
        Self::default()
    }
}

impl<C: Clock> Executor<C> {
    /// The same with another clock.
    pub fn with_clock<D: Clock>(self, clock: D) -> Executor<D> {
        // Full again: the old levels are by the old clock.
        Executor { buckets: Buckets::default(), clock }
    }

    /// Applies every step of `plan` that can be applied now, up to [`CALLS_MAX`] at once, and returns
    /// when no call is under way. It never sleeps. A step that is not done takes down only what comes
    /// after it, but an account or role that refuses calls is not asked again.
    pub async fn apply<A: StackApi, F: Fence>(&mut self, api: &A, plan: &Plan, fence: &F) -> Applied {
        let stale = OnceLock::new();
        let mut run = Run::new(plan);
        let mut running = FuturesUnordered::new();
        loop {
            let now_ms = self.clock.now_ms();
            for step in run.start(CALLS_MAX - running.len(), api, &mut self.buckets, now_ms) {
                running.push(attempt(api, fence, &stale, step, run.ids().clone()));
            }
            let Some((step, answer)) = running.next().await else { break };
            match answer {
                CallOutcome::Stale(stale) => run.stop(step, stale),
                CallOutcome::Api(result) => {
                    run.end(
                        step,
                        api.operation(&step.action),
                        result,
                        &mut self.buckets,
                        self.clock.now_ms(),
                    );
                }
            }
        }
        run.finish()
    }
}

enum CallOutcome {
    Stale(Stale),
    Api(Result<Option<String>, StepError>),
}

/// Asks the fence, then makes the call. Once the fence has refused one step, it has refused all,
/// whatever it would say to the others.
async fn attempt<'a, A: StackApi, F: Fence>(
    api: &A,
    fence: &F,
    refused: &OnceLock<Stale>,
    step: &'a Step,
    ids: Ids,
) -> (&'a Step, CallOutcome) {
    if let Err(stale) = fence.check().await {
        return (step, CallOutcome::Stale(*refused.get_or_init(|| stale)));
    }
    if let Some(stale) = refused.get() {
        return (step, CallOutcome::Stale(*stale));
    }
    (step, CallOutcome::Api(api.perform(&step.address, &step.action, &ids).await))
}
