//! A change set as CloudFormation shows it.

/// What `DescribeChangeSet` says, all its pages together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeSet {
    /// How far it is.
    pub state: ChangeSetState,
    /// Why, as far as is said.
    pub reason: Option<String>,
    /// What it would do.
    pub changes: Vec<ResourceChange>,
}

/// How far a change set is: `Status` and `ExecutionStatus` of the API's model together
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeSetState {
    /// It is worked out.
    Pending,
    /// It can be executed.
    Available,
    /// It could not be worked out.
    Failed,
    /// It is executed, or was.
    Executed,
    /// Its execution failed.
    ExecutionFailed,
    /// The stack changed since, or it is deleted: it can never be executed.
    Obsolete,
    /// One that came to the API since.
    Unknown(String),
}

impl ChangeSetState {
    /// From the two statuses of the API.
    #[must_use]
    pub fn of(status: &str, execution: &str) -> Self {
        match (status, execution) {
            ("CREATE_PENDING" | "CREATE_IN_PROGRESS", _) | ("CREATE_COMPLETE", "UNAVAILABLE") => {
                Self::Pending
            }
            ("CREATE_COMPLETE", "AVAILABLE") => Self::Available,
            ("CREATE_COMPLETE", "EXECUTE_IN_PROGRESS" | "EXECUTE_COMPLETE") => Self::Executed,
            ("CREATE_COMPLETE", "EXECUTE_FAILED") => Self::ExecutionFailed,
            ("CREATE_COMPLETE", "OBSOLETE")
            | ("DELETE_PENDING" | "DELETE_IN_PROGRESS" | "DELETE_COMPLETE" | "DELETE_FAILED", _) => {
                Self::Obsolete
            }
            ("FAILED", _) => Self::Failed,
            _ => Self::Unknown(format!("{status}, {execution}")),
        }
    }
}

/// What a change set would do to one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceChange {
    /// Its name in the template.
    pub logical_id: String,
    /// `AWS::S3::Bucket`
    pub resource_type: String,
    /// What would be done.
    pub changed: Changed,
    /// Whether another resource would take its place.
    pub replacement: Replacement,
    /// What would become of the one that is there.
    pub policy: Option<PolicyAction>,
    /// What of it would change, of a [`Changed::Modify`].
    pub attributes: Vec<Attribute>,
}

/// `ChangeAction` of the API's model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It is made.
    Add,
    /// It is changed.
    Modify,
    /// It leaves the stack.
    Remove,
    /// `Import`, `Dynamic`, `SyncWithActual`, or one that came since: nothing that phonehome asks for.
    Other,
}

/// `Replacement` of the API's model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// Not, or it is not said because it makes no sense.
    No,
    /// Yes.
    Yes,
    /// CloudFormation does not know before it does it (`Conditional`), or says what nobody here knows: counts as yes.
    Possible,
}

/// `PolicyAction` of the API's model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyAction {
    /// It stays, and is of no stack any more.
    Retain,
    /// It, or the one that is replaced, is deleted, with a snapshot or without.
    Delete,
    /// It is replaced, and the one that is there stays.
    ReplaceAndRetain,
}

/// One attribute that would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// `Properties.BucketName`, `Tags`, `DeletionPolicy`
    pub name: String,
    /// Whether it would change only because what it refers to is changed, and perhaps not even then (`Evaluation` is
    /// `Dynamic`).
    pub is_dynamic: bool,
}
