//! Applies a plan: every step as soon as what it comes after is done, side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use phonehome_network::{Action, Address, Inventory, Plan, Ref, Step};

use crate::{AwsError, Class};

/// How many calls are under way at once. EC2's bucket of mutating calls holds 50 and refills with
/// 5 a second (per API, account and Region), so a stack of some 40 creates fits.
const CALLS_MAX: usize = 16;

/// One account and Region, looked at and changed.
pub trait StackApi: Send + Sync {
    /// Sees what is there.
    fn observe(&self) -> impl Future<Output = Result<Inventory, AwsError>> + Send;
    /// Makes one call; answers with the new resource's id, where there is one.
    fn perform(
        &self,
        address: &Address,
        action: &Action,
        ids: &Ids,
    ) -> impl Future<Output = Result<Option<String>, AwsError>> + Send;
}

/// The ids that the steps done so far have given.
#[derive(Debug, Clone, Default)]
pub struct Ids(BTreeMap<Address, String>);

impl Ids {
    /// The id behind a reference.
    ///
    /// # Errors
    /// When the step that makes it is not done: the plan's order is wrong.
    pub fn resolve(&self, reference: &Ref) -> Result<String, AwsError> {
        match reference {
            Ref::Id(id) => Ok(id.clone()),
            Ref::Output(address) => self.0.get(address).cloned().ok_or_else(|| AwsError {
                operation: "plan",
                subject: address.to_string(),
                code: "order".into(),
                message: "a step needs this before it is made: a bug in the planner".into(),
            }),
        }
    }
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepOutcome {
    /// Done; the new resource's id, where there is one.
    Done(Option<String>),
    /// Not possible yet: look again later.
    Waiting(AwsError),
    /// Not tried, because this earlier step is not done.
    Skipped(Address),
    /// Failed in a way that trying again does not mend.
    Failed(AwsError),
}

/// What came of a plan: one outcome for each step, in the plan's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The outcomes.
    pub outcomes: Vec<(Address, StepOutcome)>,
}

impl Applied {
    /// How many steps are done.
    pub fn done(&self) -> usize {
        self.outcomes.iter().filter(|(_, outcome)| matches!(outcome, StepOutcome::Done(_))).count()
    }

    /// The first failure, in the plan's order.
    pub fn failure(&self) -> Option<(&Address, &AwsError)> {
        self.outcomes.iter().find_map(|(address, outcome)| match outcome {
            StepOutcome::Failed(error) => Some((address, error)),
            _ => None,
        })
    }

    /// The first step that has to wait, in the plan's order.
    pub fn waiting(&self) -> Option<(&Address, &AwsError)> {
        self.outcomes.iter().find_map(|(address, outcome)| match outcome {
            StepOutcome::Waiting(error) => Some((address, error)),
            _ => None,
        })
    }
}

/// Applies every step of `plan` that can be applied. One attempt each (the SDK retries throttles
/// and lost connections within it); a step that fails takes down only what comes after it.
pub async fn apply<A: StackApi>(api: &A, plan: &Plan) -> Applied {
    let mut ids = Ids::default();
    let mut outcomes: BTreeMap<Address, StepOutcome> = BTreeMap::new();
    let mut started: BTreeSet<Address> = BTreeSet::new();
    let mut running = FuturesUnordered::new();
    loop {
        skip_blocked(plan, &mut outcomes);
        for step in ready(plan, &outcomes, &started, CALLS_MAX - running.len()) {
            started.insert(step.address.clone());
            let known = ids.clone();
            running.push(async move { (step, api.perform(&step.address, &step.action, &known).await) });
        }
        let Some((step, result)) = running.next().await else { break };
        if let Ok(Some(id)) = &result {
            ids.0.insert(step.address.clone(), id.clone());
        }
        outcomes.insert(step.address.clone(), outcome(result));
    }
    let in_order = plan.steps.iter().filter_map(|step| outcomes.remove_entry(&step.address));
    Applied { outcomes: in_order.collect() }
}

fn ready<'a>(
    plan: &'a Plan,
    outcomes: &BTreeMap<Address, StepOutcome>,
    started: &BTreeSet<Address>,
    room: usize,
) -> Vec<&'a Step> {
    let done = |address: &Address| matches!(outcomes.get(address), Some(StepOutcome::Done(_)));
    plan.steps
        .iter()
        .filter(|step| !started.contains(&step.address) && !outcomes.contains_key(&step.address))
        .filter(|step| step.after.iter().all(done))
        .take(room)
        .collect()
}

/// Marks the steps that can never run because one before them did not get done. The plan lists a
/// step later than what it comes after, so one pass is enough.
fn skip_blocked(plan: &Plan, outcomes: &mut BTreeMap<Address, StepOutcome>) {
    for step in &plan.steps {
        let blocked = step.after.iter().find(|address| {
            outcomes.get(address).is_some_and(|outcome| !matches!(outcome, StepOutcome::Done(_)))
        });
        if let (Some(blocker), false) = (blocked, outcomes.contains_key(&step.address)) {
            let blocker = blocker.clone();
            outcomes.insert(step.address.clone(), StepOutcome::Skipped(blocker));
        }
    }
}

fn outcome(result: Result<Option<String>, AwsError>) -> StepOutcome {
    match result {
        Ok(id) => StepOutcome::Done(id),
        Err(error) => match error.class() {
            // Denied too: the role's policies reach AWS's services minutes after the role itself.
            Class::Throttled
            | Class::NotYet
            | Class::NotReady
            | Class::Denied
            | Class::Transient
            | Class::Conflict => StepOutcome::Waiting(error),
            Class::Invalid => StepOutcome::Failed(error),
        },
    }
}
