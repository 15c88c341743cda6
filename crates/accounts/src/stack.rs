//! One account and Region on AWS.

mod again;
mod call;
mod change;
mod clients;
mod create;
mod describe;
mod fields;
mod observe;
#[macro_use]
mod observe_probes;
mod perform;
mod probe;
mod read;
mod remove;
mod rules;
mod start;
mod template;
#[cfg(test)]
mod test_cloud;
#[cfg(test)]
mod test_removals;
#[cfg(test)]
mod tests;

use phonehome_cloud::CloudError;
use phonehome_executor::{Ids, StackApi, StepError};
use phonehome_network::{Address, Inventory, Kind, KnownProbes, Lists};
use phonehome_planner::Action;
use tracing::Instrument as _;

pub use clients::{AwsStack, ProbeCode};

impl StackApi for AwsStack {
    async fn observe(&self, kinds: &[Kind]) -> Result<Inventory, CloudError> {
        let (account, region) = (self.spec.account.as_str(), self.spec.region.as_str());
        let span = tracing::info_span!("observe", account, region);
        observe::observe(self, kinds).instrument(span).await
    }

    async fn observe_again(
        &self,
        kinds: &[Kind],
        known: &KnownProbes,
    ) -> Result<(Inventory, Lists), CloudError> {
        let (account, region) = (self.spec.account.as_str(), self.spec.region.as_str());
        let span = tracing::info_span!("observe", account, region);
        again::observe(self, kinds, known).instrument(span).await
    }

    async fn perform(
        &self,
        address: &Address,
        action: &Action,
        ids: &Ids,
    ) -> Result<Option<String>, StepError> {
        let (account, region) = (self.spec.account.as_str(), self.spec.region.as_str());
        let operation = action.operation();
        let call = async {
            tracing::debug!(?action, "call");
            let made = perform::perform(self, address, action, ids).await;
            made.inspect_err(|error| tracing::debug!(%error, "call failed"))
        };
        call.instrument(tracing::info_span!("step", account, region, %address, operation)).await
    }

    async fn has_template(&self, version: u32) -> Result<bool, CloudError> {
        template::has_template(self, version).await
    }

    fn operation(&self, action: &Action) -> &'static str {
        action.operation()
    }
}
