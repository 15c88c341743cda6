//! Why a stack cannot be planned.

use phonehome_cloud::table::TableError;
use phonehome_cloud::{Class, CloudError};
use phonehome_planner::{PlanError, SpecError};

use crate::progress::{StackProgress, judge};

/// Why a stack cannot be planned now.
#[derive(Debug, thiserror::Error)]
pub enum CannotPlan {
    /// The stored state could not be read or written.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The account could not be entered or observed.
    #[error(transparent)]
    Account(#[from] CloudError),
    /// It has no addresses, and gets none now. For people: why.
    #[error("{0}")]
    NoAddresses(String),
    /// What is declared makes no stack.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// What is declared and what is there cannot be brought together.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Its addresses are those of another VPC of the account. For people: which, and what to do.
    #[error("{0}")]
    Collision(String),
    /// The probe's code cannot be made. For people: why.
    #[error("{0}")]
    ProbeCode(String),
    /// It would not be what was agreed to. For people: what differs.
    #[error("{0}")]
    WorldMoved(String),
    /// Others reserve removals at the same moment.
    #[error("others reserve removals at the same moment")]
    Contended,
}

impl CannotPlan {
    /// What it means for the stack.
    ///
    /// # Errors
    /// The table's error, which says nothing of the stack.
    pub(crate) fn progress(self) -> Result<StackProgress, TableError> {
        match self {
            Self::Table(error) => Err(error),
            Self::Account(error) => Ok(judge(&error)),
            Self::Contended => Ok(StackProgress::later(self, Class::Conflict)),
            other => Ok(StackProgress::Failed(other.to_string())),
        }
    }
}
