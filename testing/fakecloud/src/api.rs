//! A [`StackApi`] over a fake cloud.

use futures_util::future::try_join_all;
use phonehome_cloud::CloudError;
use phonehome_executor::{Ids, StackApi, StepError};
use phonehome_network::{Address, Inventory, Kind, KnownProbes, Lists};
use phonehome_planner::{Action, template_mark};

use crate::again;
use crate::stack::merge;
use crate::{FakeAccountRegion, FakeStack};

impl StackApi for FakeStack {
    /// One call for each kind, all at once; the VPCs' attributes when the VPCs are known.
    async fn observe(&self, kinds: &[Kind]) -> Result<Inventory, CloudError> {
        let first = kinds.iter().filter(|kind| **kind != Kind::VpcAttribute);
        let answers = try_join_all(first.map(|kind| self.describe(*kind))).await?;
        let mut seen = Inventory { unseen: Kind::ALL.into_iter().collect(), ..Inventory::default() };
        for kind in kinds {
            seen.unseen.remove(kind);
        }
        for answer in answers {
            merge(&mut seen, answer);
        }
        if kinds.contains(&Kind::VpcAttribute) {
            let observe =
                |stack: &mut FakeAccountRegion<'_>| Ok(stack.inventory(&[Kind::Vpc, Kind::VpcAttribute]));
            let answer =
                self.call(Kind::VpcAttribute.operation(), Kind::VpcAttribute.plural(), observe).await?;
            for vpc in &mut seen.vpcs {
                let found = answer.vpcs.iter().find(|it| it.id == vpc.id);
                vpc.dns_support = found.and_then(|it| it.dns_support);
                vpc.dns_host_names = found.and_then(|it| it.dns_host_names);
            }
        }
        again::mark(&mut seen);
        Ok(seen)
    }

    async fn observe_again(
        &self,
        kinds: &[Kind],
        known: &KnownProbes,
    ) -> Result<(Inventory, Lists), CloudError> {
        again::observe(self, kinds, known).await
    }

    async fn has_template(&self, version: u32) -> Result<bool, CloudError> {
        let ask = |stack: &mut FakeAccountRegion<'_>| Ok(stack.has_template(version));
        self.call("scheduler:GetSchedule", &template_mark(version), ask).await
    }

    async fn perform(
        &self,
        address: &Address,
        action: &Action,
        ids: &Ids,
    ) -> Result<Option<String>, StepError> {
        // An id that is missing is a mistake of the plan, and no call.
        for output in action.outputs() {
            ids.resolve(&phonehome_planner::Ref::Output(output.clone()))?;
        }
        let effect = |stack: &mut FakeAccountRegion<'_>| stack.call(self.spec(), address, action, ids);
        Ok(self.call(action.operation(), &address.to_string(), effect).await?)
    }

    fn operation(&self, action: &Action) -> &'static str {
        action.operation()
    }
}
