//! How long a plan takes, before it is applied.

use std::collections::BTreeMap;

use phonehome_network::Address;
use phonehome_planner::{Action, Plan, Step};

use crate::executor::CALLS_MAX;
use crate::{Buckets, RetryAt};

/// What a call that makes something takes, in milliseconds: most of EC2's are answered within half a second.
const CALL_MS: u64 = 500;
/// What a NAT gateway takes until it is available, in milliseconds: AWS says a few minutes, two is usual.
const NAT_GATEWAY_MS: u64 = 120_000;

/// How long `plan` takes in an account of its own, in milliseconds: its calls as [`crate::Executor`] makes
/// them, with full token buckets at first and waiting where one is empty; then its NAT gateways.
pub fn estimate_ms(plan: &Plan) -> u64 {
    let makes_nat_gateway = plan.steps.iter().any(|step| {
        matches!(step.action, Action::CreateNatGateway { .. } | Action::CreateRegionalNatGateway { .. })
    });
    calls_ms(plan) + if makes_nat_gateway { NAT_GATEWAY_MS } else { 0 }
}

/// When the last call is answered.
fn calls_ms(plan: &Plan) -> u64 {
    let (mut buckets, mut now_ms) = (Buckets::default(), 0);
    // When the call of each step that was started is answered.
    let mut answered_ms: BTreeMap<&Address, u64> = BTreeMap::new();
    loop {
        let open = answered_ms.values().filter(|at_ms| **at_ms > now_ms).count();
        let ready = |step: &&Step| {
            let is_done = |at: &Address| answered_ms.get(at).is_some_and(|at_ms| *at_ms <= now_ms);
            !answered_ms.contains_key(&step.address) && step.after.iter().all(is_done)
        };
        let ready: Vec<&Step> = plan.steps.iter().filter(ready).collect();
        let mut next_ms: Option<u64> = None;
        for step in ready.into_iter().take(CALLS_MAX.saturating_sub(open)) {
            match buckets.take(step.action.operation(), now_ms) {
                Ok(()) => drop(answered_ms.insert(&step.address, now_ms + CALL_MS)),
                Err(RetryAt { at_ms, .. }) => next_ms = Some(next_ms.map_or(at_ms, |next| next.min(at_ms))),
            }
        }
        let next_answer_ms = answered_ms.values().filter(|at_ms| **at_ms > now_ms).min().copied();
        // Nothing is under way, and nothing can be started: the rest comes after what is not in the plan.
        let Some(then_ms) = next_answer_ms.into_iter().chain(next_ms).min() else { return now_ms };
        now_ms = then_ms;
    }
}
