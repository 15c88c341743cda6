//! One account and Region: the calls that arrive there, and what is seen there.

use std::collections::BTreeMap;

use phonehome_network::{Address, Inventory, Kind};
use phonehome_planner::{Action, Plan, StackSpec};

use crate::call::{Call, Recorded, Refused, Resolve};
use crate::cloud::FakeCloud;
use crate::peering;
use crate::region::Region;
use crate::shared::Shared;

impl FakeCloud {
    /// One account's resources in one Region.
    pub fn stack(&mut self, account: &str, region: &str) -> FakeAccountRegion<'_> {
        let home = (account.to_owned(), region.to_owned());
        self.regions.entry(home.clone()).or_insert_with(|| Region::new(&home));
        FakeAccountRegion { cloud: self, home }
    }
}

/// One account and Region of a [`FakeCloud`].
#[derive(Debug)]
pub struct FakeAccountRegion<'a> {
    cloud: &'a mut FakeCloud,
    home: (String, String),
}

impl FakeAccountRegion<'_> {
    /// Makes one call. `ids` knows the outcomes of earlier steps.
    ///
    /// # Errors
    /// [`Refused`] as AWS would; nothing was changed then.
    pub fn call(
        &mut self,
        spec: &StackSpec,
        address: &Address,
        action: &Action,
        ids: &dyn Resolve,
    ) -> Result<Option<String>, Refused> {
        let call = Call { spec, address, ids };
        let result = match action {
            Action::CreatePeering { .. } | Action::AcceptPeering { .. } => {
                peering::call(self.cloud, &self.home, &call, action)
            }
            Action::Remove(removal) => match removal.what() {
                phonehome_network::RemovalTarget::Peering { id } => {
                    peering::delete(self.cloud, &self.home, id)
                }
                _ => self.in_region(|region, shared| region.call(shared, &call, action)),
            },
            _ => self.in_region(|region, shared| region.call(shared, &call, action)),
        };
        let recorded = Recorded {
            at_ms: self.cloud.shared.now_ms,
            operation: action.operation(),
            address: address.clone(),
            result: result.clone().map_err(|refused| refused.code.clone()),
        };
        self.in_region(|region, _| region.calls.push(recorded));
        result
    }

    /// Applies a whole plan, one step after the other, in the plan's order. Returns the ids it gave.
    ///
    /// # Errors
    /// The first step that AWS would refuse, and why. The steps before it are done then.
    pub fn apply(
        &mut self,
        spec: &StackSpec,
        plan: &Plan,
    ) -> Result<BTreeMap<Address, String>, (Address, Refused)> {
        let mut ids = BTreeMap::new();
        for step in &plan.steps {
            let result = self.call(spec, &step.address, &step.action, &ids);
            if let Some(id) = result.map_err(|refused| (step.address.clone(), refused))? {
                ids.insert(step.address.clone(), id);
            }
        }
        Ok(ids)
    }

    /// What describe calls for these kinds answer now; the other kinds are unseen. Writes may not be
    /// visible yet: see [`crate::Options::staleness`].
    pub fn inventory(&mut self, kinds: &[Kind]) -> Inventory {
        self.in_region(|region, shared| region.inventory(shared, kinds))
    }

    /// Whether the account has this version of `infra/member-role.yaml`, or a later one.
    pub fn has_template(&self, version: u32) -> bool {
        self.cloud.templates.get(&self.home.0).is_none_or(|there| version <= *there)
    }

    /// What is there, whether or not it is visible yet.
    pub fn truth(&mut self) -> Inventory {
        self.in_region(|region, shared| {
            region.converge(shared);
            region.world.clone()
        })
    }

    /// Somebody else changes something, past all rules: drift.
    pub fn edit(&mut self, change: impl FnOnce(&mut Inventory)) {
        self.in_region(|region, shared| {
            region.write(shared, |region, _| {
                change(&mut region.world);
                Ok(None)
            })
        })
        .ok();
    }

    /// A new account's default VPC: 172.31.0.0/16 with an internet gateway, a route to it, and a public
    /// subnet in each Availability Zone. Returns its id.
    pub fn with_default_vpc(&mut self) -> String {
        self.in_region(|region, shared| {
            region.write(shared, |region, shared| region.default_vpc(shared).map(Some))
        })
        .ok()
        .flatten()
        .unwrap_or_default()
    }

    /// Every call of this account and Region, in order, also those that were refused.
    pub fn calls(&mut self) -> Vec<Recorded> {
        self.in_region(|region, _| region.calls.clone())
    }

    fn in_region<T>(&mut self, work: impl FnOnce(&mut Region, &mut Shared) -> T) -> T {
        let FakeCloud { shared, regions, .. } = &mut *self.cloud;
        work(regions.entry(self.home.clone()).or_insert_with(|| Region::new(&self.home)), shared)
    }
}
