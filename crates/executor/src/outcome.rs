//! What came of a plan.

use phonehome_network::Address;

use crate::{Stale, StepError};
use phonehome_cloud::CloudError;

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepOutcome {
    /// Done; the new resource's id, where there is one. What AWS says was so already counts as
    /// done too, without an id: the next observation decides what is true.
    Done(Option<String>),
    /// Not possible yet: observe again later. The error is AWS's answer to this step; or that another call
    /// now would exceed AWS's limit; or AWS's refusal of another step, which this step would have met too.
    Waiting(CloudError),
    /// Not tried, because this earlier step is not done.
    Skipped(Address),
    /// Not tried, because this executor may no longer change the stack.
    Refused(Stale),
    /// Failed in a way that trying again does not mend.
    Failed(StepError),
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
    pub fn failure(&self) -> Option<(&Address, &StepError)> {
        self.outcomes.iter().find_map(|(address, outcome)| match outcome {
            StepOutcome::Failed(error) => Some((address, error)),
            _ => None,
        })
    }

    /// The first step that has to wait, in the plan's order.
    pub fn waiting(&self) -> Option<(&Address, &CloudError)> {
        self.outcomes.iter().find_map(|(address, outcome)| match outcome {
            StepOutcome::Waiting(error) => Some((address, error)),
            _ => None,
        })
    }

    /// Why the executor was stopped on the way, if it was.
    pub fn stale(&self) -> Option<Stale> {
        self.outcomes.iter().find_map(|(_, outcome)| match outcome {
            StepOutcome::Refused(stale) => Some(*stale),
            _ => None,
        })
    }
}
