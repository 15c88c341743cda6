//! What is judged, and the judgement.

use phonehome_executor::StackApi;
use phonehome_planner::StackSpec;

/// What is wrong, for the person who reads it; `Ok` when nothing is.
pub type Judgement = Result<(), String>;

/// Where the cases get their accounts from.
pub trait Accounts: Send + Sync + 'static {
    /// The way into an account.
    type Api: StackApi;

    /// Opens an account that no case has used before. It may have a default VPC and nothing else. What
    /// is in it beside EC2 must be there: the bucket of the spec's flow logs and the roles of its probes.
    fn open(&self, account: &str, region: &str, spec: StackSpec) -> impl Future<Output = Self::Api> + Send;
}
