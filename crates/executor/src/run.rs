//! The state of one run: which steps are done, under way, held back, refused.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_network::Address;
use phonehome_planner::{Plan, Step};

use crate::refusals::Refusals;
use crate::retry::{RetryDecision, retry_decision};
use crate::{Applied, Buckets, Ids, PlanBug, RetryAt, StackApi, Stale, StepError, StepOutcome};
use phonehome_cloud::{Cause, Class, CloudError};

/// A plan on its way. Synchronous: it decides which calls are made, and makes none.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    plan: &'a Plan,
    ids: Ids,
    outcomes: BTreeMap<&'a Address, StepOutcome>,
    running: BTreeSet<&'a Address>,
    attempts: BTreeMap<&'a Address, u32>,
    held: BTreeMap<&'a Address, Held>,
    /// Done by AWS's word only, so their ids are not known.
    already: BTreeSet<&'a Address>,
    refusals: Refusals,
    stale: bool,
    /// How many calls have succeeded.
    succeeded: usize,
}

/// Why a step was held back; kept until its outcome is known.
#[derive(Debug)]
struct Held {
    why: CloudError,
    /// Not to be tried before more calls than this have succeeded.
    until_succeeded: Option<usize>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            ids: Ids::default(),
            outcomes: BTreeMap::new(),
            running: BTreeSet::new(),
            attempts: BTreeMap::new(),
            held: BTreeMap::new(),
            already: BTreeSet::new(),
            refusals: Refusals::default(),
            stale: false,
            succeeded: 0,
        }
    }

    pub(crate) fn ids(&self) -> &Ids {
        &self.ids
    }

    /// The steps to make a call for now, at most `room`, each with its token taken.
    pub(crate) fn start<A: StackApi>(
        &mut self,
        room: usize,
        api: &A,
        buckets: &mut Buckets,
        now_ms: u64,
    ) -> Vec<&'a Step> {
        self.skip_blocked();
        let mut starting = Vec::new();
        for step in &self.plan.steps {
            if starting.len() == room {
                break;
            }
            if !self.is_ready(step) {
                continue;
            }
            let operation = api.operation(&step.action);
            if let Some(why) = self.refusals.reason(operation).or_else(|| self.unseen(step)) {
                self.conclude(step, StepOutcome::Waiting(why));
                continue;
            }
            match buckets.take(operation, now_ms) {
                Ok(()) => starting.push(step),
                Err(empty) => self.starve(step, operation, empty),
            }
        }
        for step in &starting {
            self.running.insert(&step.address);
        }
        starting
    }

    /// Takes the answer to a step's call.
    pub(crate) fn end(
        &mut self,
        step: &'a Step,
        operation: &'static str,
        answer: Result<Option<String>, StepError>,
        buckets: &mut Buckets,
        now_ms: u64,
    ) {
        self.running.remove(&step.address);
        let error = match answer {
            Ok(id) => {
                self.succeeded += 1;
                if let Some(id) = &id {
                    self.ids.insert(step.address.clone(), id.clone());
                }
                return self.conclude(step, StepOutcome::Done(id));
            }
            Err(StepError::Cloud(error)) => error,
            Err(bug) => return self.conclude(step, StepOutcome::Failed(bug)),
        };
        self.refusals.note(operation, &error);
        match error.class() {
            Class::AlreadyDone => {
                tracing::info!(address = %step.address, %error, "is so already");
                self.succeeded += 1;
                self.already.insert(&step.address);
                return self.conclude(step, StepOutcome::Done(None));
            }
            Class::Throttled => buckets.drain(operation, now_ms),
            _ => {}
        }
        let attempts = self.attempts.entry(&step.address).or_default();
        *attempts += 1;
        match retry_decision(error.class(), *attempts) {
            RetryDecision::AgainNow if !self.stale => {
                let held = Held { why: error, until_succeeded: Some(self.succeeded) };
                self.held.insert(&step.address, held);
            }
            RetryDecision::AgainNow | RetryDecision::Later => {
                self.conclude(step, StepOutcome::Waiting(error))
            }
            RetryDecision::GiveUp => self.conclude(step, StepOutcome::Failed(error.into())),
        }
    }

    /// The fence refused this step: no further call is made. Those under way come to their end.
    pub(crate) fn stop(&mut self, step: &'a Step, stale: Stale) {
        if !self.stale {
            tracing::warn!(address = %step.address, %stale, "stopped before this step");
        }
        self.stale = true;
        self.running.remove(&step.address);
        for step in &self.plan.steps {
            if self.outcomes.contains_key(&step.address) || self.running.contains(&step.address) {
                continue;
            }
            // What AWS answered already says more than that nobody asks again.
            let outcome = match self.held.remove(&step.address) {
                Some(held) if held.until_succeeded.is_some() => StepOutcome::Waiting(held.why),
                _ => StepOutcome::Refused(stale),
            };
            self.conclude(step, outcome);
        }
    }

    /// Nothing is under way and nothing can be started: every other step gets its outcome.
    pub(crate) fn finish(mut self) -> Applied {
        for step in &self.plan.steps {
            if let Some(held) = self.held.remove(&step.address) {
                self.conclude(step, StepOutcome::Waiting(held.why));
            }
        }
        while self.skip_blocked() {}
        for step in &self.plan.steps {
            if !self.outcomes.contains_key(&step.address) {
                self.conclude(step, StepOutcome::Failed(out_of_order(step).into()));
            }
        }
        let mut outcomes = self.outcomes;
        let in_order = self.plan.steps.iter().filter_map(|step| outcomes.remove_entry(&step.address));
        Applied { outcomes: in_order.map(|(address, outcome)| (address.clone(), outcome)).collect() }
    }

    fn is_ready(&self, step: &Step) -> bool {
        let done = |address| matches!(self.outcomes.get(address), Some(StepOutcome::Done(_)));
        let held = self.held.get(&step.address).and_then(|held| held.until_succeeded);
        !self.running.contains(&step.address)
            && !self.outcomes.contains_key(&step.address)
            && step.after.iter().all(done)
            && held.is_none_or(|succeeded| self.succeeded > succeeded)
    }

    /// What this step needs was made before, so AWS named no id in this run.
    fn unseen(&self, step: &Step) -> Option<CloudError> {
        let needed = step.action.outputs().into_iter().find(|address| self.already.contains(address))?;
        let what = format!(
            "needs {needed}, which was there already and was not seen; the next observation finds it"
        );
        let operation = step.action.operation();
        Some(CloudError::of_cause(operation, step.address.to_string(), Cause::NotSeenYet(what)))
    }

    fn starve(&mut self, step: &'a Step, operation: &'static str, empty: RetryAt) {
        if self.held.get(&step.address).is_some_and(|held| held.until_succeeded.is_some()) {
            // AWS's own answer is the better reason.
            return;
        }
        let cause = Cause::LocalThrottle { wait_ms: empty.wait_ms, limit: empty.to_string() };
        let why = CloudError::of_cause(operation, step.address.to_string(), cause);
        self.held.insert(&step.address, Held { why, until_succeeded: None });
    }

    /// Marks the steps that can never run because one before them did not get done. The plan lists a
    /// step later than what it comes after, so one pass is enough for it. Returns whether any was.
    fn skip_blocked(&mut self) -> bool {
        let mut any = false;
        for step in &self.plan.steps {
            let blocker = step.after.iter().find(|address| {
                self.outcomes.get(address).is_some_and(|outcome| !matches!(outcome, StepOutcome::Done(_)))
            });
            if let (Some(blocker), false) = (blocker, self.outcomes.contains_key(&step.address)) {
                self.conclude(step, StepOutcome::Skipped(blocker.clone()));
                any = true;
            }
        }
        any
    }

    fn conclude(&mut self, step: &'a Step, outcome: StepOutcome) {
        self.held.remove(&step.address);
        self.outcomes.insert(&step.address, outcome);
    }
}

fn out_of_order(step: &Step) -> PlanBug {
    PlanBug::OutOfOrder { address: step.address.clone(), after: step.after.clone() }
}
