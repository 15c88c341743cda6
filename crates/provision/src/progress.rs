//! How far a stack has come, and what an error or an outcome means for that.

use phonehome_cloud::{Class, CloudError};
use phonehome_executor::Applied;
use phonehome_planner::{Limits, Plan};
use phonehome_text::count;
use phonehome_wire::AccountId;

/// How far a stack has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StackProgress {
    /// As declared.
    Converged,
    /// Observe again later.
    Later {
        /// Why, for people.
        reason: String,
        /// What kind of thing it waits for: it says how soon to observe again, and for how long.
        class: Class,
    },
    /// Nothing is left to do but what waits for a newer `infra/member-role.yaml`, and has for longer than one is on its
    /// way: the next sweep observes it again. For people: which.
    Outdated(String),
    /// Trying again does not help; for people.
    Failed(String),
}

impl StackProgress {
    pub(crate) fn later(reason: impl ToString, class: Class) -> Self {
        Self::Later { reason: reason.to_string(), class }
    }
}

/// What came of one observation of a stack.
#[derive(Debug)]
pub struct Reconciled {
    /// How far it is.
    pub progress: StackProgress,
    /// What was planned, when it came to that.
    pub plan: Option<Plan>,
    /// What became of the plan's steps, when it came to that.
    pub applied: Option<Applied>,
    /// The ids of accounts that should be observed because of this: the other ends of peerings.
    pub requeue_peers: Vec<AccountId>,
    /// Nothing was observed, as another executor has the stack.
    pub busy: bool,
    /// What the job's limits still allow in a further observation: what was allowed was allowed once.
    pub limits_left: Limits,
}

impl Reconciled {
    pub(crate) fn only(progress: StackProgress) -> Self {
        Self {
            progress,
            plan: None,
            applied: None,
            requeue_peers: vec![],
            busy: false,
            limits_left: Limits::NONE,
        }
    }

    /// Another executor has the stack, or it is left alone after a change.
    pub(crate) fn busy() -> Self {
        let progress =
            StackProgress::later("another executor works on this stack", Class::EventuallyConsistent);
        Self { busy: true, ..Self::only(progress) }
    }
}

/// What an error of looking means.
pub(crate) fn judge(error: &CloudError) -> StackProgress {
    match error.class() {
        // A role's policies reach AWS's services minutes after the role itself, so denied is not ready
        // until it has lasted.
        class @ (Class::AccountNotReady | Class::Denied) => StackProgress::later(
            format!(
                "the account is not ready: {error}. If this lasts, check that the StackSet of \
                 infra/member-role.yaml covers it"
            ),
            class,
        ),
        Class::Invalid => StackProgress::Failed(error.to_string()),
        class => StackProgress::later(error, class),
    }
}

/// How far a stack is after a plan was applied. Done is not converged: the next observation decides that.
pub(crate) fn after(plan: &Plan, applied: &Applied) -> StackProgress {
    if let Some((address, error)) = applied.failure() {
        return StackProgress::Failed(format!("{address}: {error}"));
    }
    if let Some(stale) = applied.stale() {
        return StackProgress::later(stale, Class::Conflict);
    }
    if let Some((address, error)) = applied.waiting() {
        return StackProgress::later(format!("{address}: {error}"), error.class());
    }
    match plan.waits.first() {
        Some(wait) => StackProgress::later(
            format!("{} {}: {}", wait.address, wait.id, wait.what),
            Class::EventuallyConsistent,
        ),
        None => StackProgress::later(
            format!("{} done, to be looked at again", count(applied.done(), "step")),
            Class::EventuallyConsistent,
        ),
    }
}
