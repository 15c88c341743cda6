//! What is done next.

use phonehome_cloud::Class;

use crate::problem::Problem;
use crate::record::PackRecord;

/// What is done next, and what is stored before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What is known, with what is about to be done.
    pub record: PackRecord,
    /// What is done.
    pub step: Step,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Look at something else, and decide again.
    Look(Look),
    /// `CreateChangeSet`, of this name and with it as its token.
    CreateChangeSet {
        /// Of a stack that is there, or of one that is to be made.
        kind: Kind,
        /// The name.
        name: String,
    },
    /// `ExecuteChangeSet`, of this name.
    Execute {
        /// The name.
        name: String,
    },
    /// `DeleteStack`, of phonehome's own stack in which nothing is. By its ARN: a later one of its name has another.
    Delete {
        /// The ARN.
        id: String,
    },
    /// `ContinueUpdateRollback`.
    ContinueRollback {
        /// The token: asked twice, it goes on once.
        token: String,
    },
    /// `DetectStackDrift`.
    DetectDrift,
    /// Nothing now: look again soon.
    Wait {
        /// For people: what for.
        reason: String,
        /// How soon.
        class: Class,
    },
    /// Tell people, unless they were told.
    Tell(Problem),
    /// Nothing: it is as declared.
    Done,
    /// Nothing: it has the declared template, and what was told of changes by hand still holds.
    StillDrifted,
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// `DescribeChangeSet`, of the attempt that is under way.
    ChangeSet,
    /// `GetTemplate`.
    Template,
    /// `ListStackResources`.
    Remains,
    /// `DescribeStackEvents`.
    Failures,
    /// `DescribeStackResourceDrifts`.
    Drifts,
}

/// `ChangeSetType` of the API's model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Of a stack that is to be made.
    Create,
    /// Of one that is there.
    Update,
}

impl Decision {
    pub(crate) fn of(record: PackRecord, step: Step) -> Self {
        Self { record, step }
    }

    pub(crate) fn tell(record: PackRecord, problem: Problem) -> Self {
        Self::of(record, Step::Tell(problem))
    }

    pub(crate) fn look(record: PackRecord, look: Look) -> Self {
        Self::of(record, Step::Look(look))
    }

    pub(crate) fn wait(record: PackRecord, reason: impl Into<String>) -> Self {
        let step = Step::Wait { reason: reason.into(), class: Class::EventuallyConsistent };
        Self::of(record, step)
    }
}
