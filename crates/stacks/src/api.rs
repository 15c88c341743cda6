//! What is asked of CloudFormation.

use std::future::Future;

use phonehome_cloud::CloudError;
use serde_json::Value;

use crate::change_set::ChangeSet;
use crate::stack::{PackStack, ResourceNote};
use crate::step::Kind;
use crate::wanted::Wanted;

/// A change set that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewChangeSet<'a> {
    /// Of a stack that is there, or of one that is to be made.
    pub kind: Kind,
    /// Its name, and its token.
    pub name: &'a str,
    /// What the stack is to be.
    pub wanted: &'a Wanted,
}

/// The calls of CloudFormation about one stack, in one account and Region. Whoever implements it bounds what it reads, keeps
/// AWS's limits, and tries no call again that changes something and has no token.
pub trait PackApi: Send + Sync {
    /// `DescribeStacks`, by the stack's name; `None`: there is none.
    fn stack(&self) -> impl Future<Output = Result<Option<PackStack>, CloudError>> + Send;
    /// `DescribeChangeSet`, all pages; `None`: there is none of that name.
    fn change_set(&self, name: &str) -> impl Future<Output = Result<Option<ChangeSet>, CloudError>> + Send;
    /// `GetTemplate`, as it was sent.
    fn template(&self) -> impl Future<Output = Result<Value, CloudError>> + Send;
    /// `ListStackResources`: those that were not deleted.
    fn remains(&self) -> impl Future<Output = Result<Vec<ResourceNote>, CloudError>> + Send;
    /// `DescribeStackEvents`: what failed in the newest operation, the first first.
    fn failures(&self) -> impl Future<Output = Result<Vec<ResourceNote>, CloudError>> + Send;
    /// `DescribeStackResourceDrifts`: what is otherwise, or gone.
    fn drifts(&self) -> impl Future<Output = Result<Vec<ResourceNote>, CloudError>> + Send;
    /// `CreateChangeSet`. One of that name that is there already is no error.
    fn create_change_set(
        &self,
        new: &NewChangeSet<'_>,
    ) -> impl Future<Output = Result<(), CloudError>> + Send;
    /// `ExecuteChangeSet`, with its name as the token.
    fn execute(&self, name: &str) -> impl Future<Output = Result<(), CloudError>> + Send;
    /// `DeleteStack`, by the stack's ARN.
    fn delete(&self, id: &str) -> impl Future<Output = Result<(), CloudError>> + Send;
    /// `ContinueUpdateRollback`, with the role of what is wanted.
    fn continue_rollback(
        &self,
        wanted: &Wanted,
        token: &str,
    ) -> impl Future<Output = Result<(), CloudError>> + Send;
    /// `DetectStackDrift`. What came of it `DescribeStacks` shows.
    fn detect_drift(&self) -> impl Future<Output = Result<(), CloudError>> + Send;
}
