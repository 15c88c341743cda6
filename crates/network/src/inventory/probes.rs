//! The probes: what a stack has on Lambda and EventBridge Scheduler.

use phonehome_wire::ProbeInput;
use serde::{Deserialize, Serialize};

/// A probe function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Lambda's hash of its code.
    pub code_sha256: String,
    /// The subnets it is attached to.
    pub subnet_ids: Vec<String>,
    /// Its security groups.
    pub security_group_ids: Vec<String>,
    /// Its role's ARN.
    pub role_arn: String,
    /// Memory in MB.
    pub memory_mb: i32,
    /// Time limit in seconds.
    pub timeout_s: i32,
    /// The names of its environment variables: phonehome sets none. Their values are nobody's business.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environment: Vec<String>,
    /// What Lambda calls this state of its code and configuration (`RevisionId`), where that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Where it is in its life.
    pub state: FunctionState,
    /// Where a successful asynchronous invocation's result goes, and how often a failed one is
    /// tried again.
    pub destination: Option<String>,
}

/// Where a function is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FunctionState {
    /// Being made, or being changed: refuses further changes.
    Pending,
    /// Works. An `Inactive` function counts as such: its next invocation wakes it.
    Active,
    /// Could not be made, or its last update failed.
    Failed,
}

/// A probe's schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// `rate(1 minute)`
    pub expression: String,
    /// Whether it fires.
    pub enabled: bool,
    /// The ARN it invokes.
    pub target_arn: String,
    /// The role it invokes with.
    pub role_arn: String,
    /// What it sends, when that can be read as a probe's input.
    pub input: Option<ProbeInput>,
    /// When it was changed last, by AWS's clock; milliseconds since the Unix epoch, where that was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_ms: Option<i64>,
}
