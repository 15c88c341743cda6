//! What the executor needs of an account.

use std::collections::BTreeMap;
use std::future::Future;

use phonehome_network::{Address, Inventory, Kind, KnownProbes, Lists};
use phonehome_planner::{Action, Ref};

use phonehome_cloud::CloudError;

use crate::{PlanBug, StepError};

/// One account and Region, observed and changed.
pub trait StackApi: Send + Sync {
    /// Sees everything of these kinds; the others are `unseen` in what it answers.
    fn observe(&self, kinds: &[Kind]) -> impl Future<Output = Result<Inventory, CloudError>> + Send;

    /// The same with fewer calls: what `known` says of the stack's probes is not read again where AWS says that nothing
    /// has changed it, and with it comes which lists are of use. A plan rests on that only where it is nothing
    /// (`Plan::is_nothing`).
    fn observe_again(
        &self,
        kinds: &[Kind],
        known: &KnownProbes,
    ) -> impl Future<Output = Result<(Inventory, Lists), CloudError>> + Send {
        async { Ok((self.observe(kinds).await?, known.lists)) }
    }

    /// Makes one call; answers with the new resource's id, where there is one.
    fn perform(
        &self,
        address: &Address,
        action: &Action,
        ids: &Ids,
    ) -> impl Future<Output = Result<Option<String>, StepError>> + Send;

    /// Whether the role that calls has the rights of this version of `infra/member-role.yaml`. Version 1 has no mark to
    /// ask for: nobody asks for it.
    fn has_template(&self, version: u32) -> impl Future<Output = Result<bool, CloudError>> + Send;

    /// The API operation behind an action, as in `ec2:CreateVpc`: it says which of AWS's limits the
    /// call counts against ([`crate::Buckets`]). An action that needs several calls names the one
    /// with the lowest limit.
    fn operation(&self, action: &Action) -> &'static str;
}

/// The ids that the steps done so far have given.
#[derive(Debug, Clone, Default)]
pub struct Ids(BTreeMap<Address, String>);

impl Ids {
    /// The id behind a reference.
    ///
    /// # Errors
    /// [`PlanBug`] when the step that makes it is not done: the plan's order is wrong.
    pub fn resolve(&self, reference: &Ref) -> Result<String, PlanBug> {
        match reference {
            Ref::Id(id) => Ok(id.clone()),
            Ref::Output(address) => {
                self.0.get(address).cloned().ok_or_else(|| PlanBug::NotMadeYet(address.clone()))
            }
        }
    }

    pub(crate) fn insert(&mut self, address: Address, id: String) {
        self.0.insert(address, id);
    }
}
