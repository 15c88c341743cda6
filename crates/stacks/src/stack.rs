//! A stack as CloudFormation shows it.

use crate::status::PackStatus;

/// What `DescribeStacks` says of a stack. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackStack {
    /// Its ARN: another stack of the same name has another one.
    pub id: String,
    /// Its status.
    pub status: PackStatus,
    /// Why it has that status, as far as is said.
    pub reason: Option<String>,
    /// The role that CloudFormation works with; it keeps the last one for every later caller.
    pub role_arn: Option<String>,
    /// Whether it bears phonehome's tag.
    pub is_tagged: bool,
    /// The hash of the template that was deployed, from the stack's outputs ([`crate::MARK`]).
    pub mark: Option<String>,
    /// When it was last updated, or else made.
    pub changed_at_ms: u64,
    /// What the last drift detection came to.
    pub drift: DriftStatus,
    /// When that was.
    pub drift_checked_at_ms: Option<u64>,
}

/// What a drift detection came to: `StackDriftStatus` of the API's model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriftStatus {
    /// A resource is otherwise than the template says, or gone.
    Drifted,
    /// All is as the template says.
    InSync,
    /// It was never looked at.
    NotChecked,
    /// CloudFormation does not know.
    Unknown,
}

/// Something that is to be said of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceNote {
    /// Its name in the template.
    pub logical_id: String,
    /// Its id, where it has one.
    pub physical_id: Option<String>,
    /// `AWS::S3::Bucket`
    pub resource_type: String,
    /// AWS's reason, or what differs.
    pub says: String,
}
