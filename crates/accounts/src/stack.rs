//! One account and Region on AWS.

mod call;
mod change;
mod clients;
mod create;
mod describe;
mod fields;
mod observe;
mod perform;
mod probe;
mod read;
mod remove;
mod rules;
#[cfg(test)]
mod test_cloud;
#[cfg(test)]
mod test_removals;

use phonehome_cloud::CloudError;
use phonehome_executor::StepError;
use phonehome_executor::{Ids, StackApi};
use phonehome_network::{Address, Inventory, Kind};
use phonehome_planner::Action;

pub use clients::{AwsStack, ProbeCode};

impl StackApi for AwsStack {
    async fn observe(&self, kinds: &[Kind]) -> Result<Inventory, CloudError> {
        observe::observe(self, kinds).await
    }

    async fn perform(
        &self,
        address: &Address,
        action: &Action,
        ids: &Ids,
    ) -> Result<Option<String>, StepError> {
        tracing::debug!(account = self.spec.account, %address, ?action, "step");
        perform::perform(self, address, action, ids).await
    }

    fn operation(&self, action: &Action) -> &'static str {
        action.operation()
    }
}
