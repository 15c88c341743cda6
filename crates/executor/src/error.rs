//! Why a step failed.

use phonehome_cloud::{Class, CloudError};
use phonehome_network::Address;

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// Its call did.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// The plan is wrong; no call was made.
    #[error(transparent)]
    Plan(#[from] PlanBug),
}

impl StepError {
    /// What can be done about it: about a plan that is wrong, nothing.
    pub fn class(&self) -> Class {
        match self {
            Self::Cloud(error) => error.class(),
            Self::Plan(_) => Class::Invalid,
        }
    }

    /// AWS's error code, where AWS answered with one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Cloud(error) => error.code(),
            Self::Plan(_) => None,
        }
    }
}

/// A plan that cannot be applied: a bug in the planner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanBug {
    /// A step needs the id of this before it is made.
    #[error("a step needs {0} before it is made: a bug in the planner")]
    NotMadeYet(Address),
    /// A step comes after what no step of the plan makes, or after what in turn comes after it.
    #[error(
        "{address} comes after {}, which no step of this plan makes or which in turn comes after this: a bug in \
         the planner", .after.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    OutOfOrder {
        /// The step.
        address: Address,
        /// What it comes after.
        after: Vec<Address>,
    },
    /// An action that the spec gives no reason for: a probe's, say, where none is declared.
    #[error("{address}: {problem}: a bug in the planner")]
    Unfounded {
        /// The step.
        address: Address,
        /// What is missing.
        problem: String,
    },
}
