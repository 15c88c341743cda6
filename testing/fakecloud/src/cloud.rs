//! The whole cloud: accounts and Regions, one time for all of them, and what was called.

use std::collections::BTreeMap;

use phonehome_cloud::CloudError;
use phonehome_executor::Ids;
use phonehome_network::{Address, Inventory, Kind};
use phonehome_planner::{Action, Plan, Ref, StackSpec};

use crate::peering;
use crate::region::Region;
use crate::stale::Staleness;

/// How the fake behaves where AWS leaves room, and its quotas.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How long a new NAT gateway is pending, in milliseconds. AWS: 84 to 124 s.
    pub nat_pending_ms: u64,
    /// How long a NAT gateway is being deleted, in milliseconds. AWS: about a minute.
    pub nat_deleting_ms: u64,
    /// How many observations find a new or changed function pending.
    pub function_pending_observations: u32,
    /// How late writes become visible to observations.
    pub staleness: Staleness,
    /// VPCs in a Region. AWS's default is 5. It is the quota of internet gateways, too.
    pub vpcs_max: usize,
    /// Elastic IPs in a Region. AWS's default is 5.
    pub elastic_ips_max: usize,
    /// Zonal NAT gateways in one Availability Zone. AWS's default is 5.
    pub nat_gateways_per_zone_max: usize,
}

impl Default for Options {
    /// AWS's quotas; everything is ready and visible at once.
    fn default() -> Self {
        Self {
            nat_pending_ms: 0,
            nat_deleting_ms: 0,
            function_pending_observations: 0,
            staleness: Staleness::None,
            vpcs_max: 5,
            elastic_ips_max: 5,
            nat_gateways_per_zone_max: 5,
        }
    }
}

/// AWS's answer to a call that it does not make. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// AWS's error code.
    pub code: String,
    /// A message in the manner of AWS's.
    pub message: String,
}

impl Refused {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// Knows the ids that earlier steps gave.
pub trait Resolve {
    /// The id behind a reference; `None`: the step that makes it is not done.
    fn id(&self, reference: &Ref) -> Option<String>;
}

impl Resolve for Ids {
    fn id(&self, reference: &Ref) -> Option<String> {
        self.resolve(reference).ok()
    }
}

impl Resolve for BTreeMap<Address, String> {
    fn id(&self, reference: &Ref) -> Option<String> {
        match reference {
            Ref::Id(id) => Some(id.clone()),
            Ref::Output(address) => self.get(address).cloned(),
        }
    }
}

/// One call that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// When, in the fake's milliseconds.
    pub at_ms: u64,
    /// `ec2:CreateVpc`
    pub operation: &'static str,
    /// For which address of the stack.
    pub address: Address,
    /// The id it gave, or the code it was refused with.
    pub result: Result<Option<String>, String>,
}

impl Recorded {
    /// Whether it changed something.
    pub fn had_effect(&self) -> bool {
        self.result.is_ok() && !self.operation.starts_with("ec2:Describe")
    }
}

/// What all accounts share: time, ids, settings.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) now_ms: u64,
    /// How many of the NAT gateways made next will fail.
    pub(crate) failing_nats: u32,
    minted: BTreeMap<&'static str, u64>,
}

impl Shared {
    /// The next id with this prefix, `vpc-00000000000000001`: 17 digits, as AWS's have.
    pub(crate) fn mint(&mut self, prefix: &'static str) -> String {
        format!("{prefix}-{:017x}", self.count(prefix))
    }

    /// The next public address: of the range for benchmarks (RFC 2544), so never anybody's.
    pub(crate) fn public_ip(&mut self) -> String {
        let number = self.count("public-ip");
        format!("198.{}.{}.{}", 18 + (number >> 16) % 2, (number >> 8) % 256, number % 256)
    }

    fn count(&mut self, of: &'static str) -> u64 {
        let count = self.minted.entry(of).or_default();
        *count += 1;
        *count
    }
}

/// What a call is about.
pub(crate) struct Call<'a> {
    pub(crate) spec: &'a StackSpec,
    pub(crate) address: &'a Address,
    pub(crate) ids: &'a dyn Resolve,
}

impl Call<'_> {
    pub(crate) fn id(&self, reference: &Ref) -> Result<String, Refused> {
        self.ids
            .id(reference)
            .ok_or_else(|| Refused::new("order", format!("{}: {reference:?} is not made yet", self.address)))
    }
}

/// An AWS in memory: accounts, each with Regions, that are empty until something is made in them.
///
/// It is as strict as AWS: it refuses what AWS refuses, with AWS's codes. It has its own time, which
/// only [`FakeCloud::advance`] moves, and ids that only depend on what was called. A clone is another
/// cloud, the same until now.
#[derive(Debug, Clone, Default)]
pub struct FakeCloud {
    pub(crate) shared: Shared,
    pub(crate) regions: BTreeMap<(String, String), Region>,
}

impl FakeCloud {
    /// With AWS's quotas; everything is ready and visible at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// With other settings.
    pub fn with_options(options: Options) -> Self {
        Self { shared: Shared { options, ..Shared::default() }, ..Self::default() }
    }

    /// The settings, to be changed.
    pub fn options_mut(&mut self) -> &mut Options {
        &mut self.shared.options
    }

    /// Milliseconds since the beginning.
    pub fn now_ms(&self) -> u64 {
        self.shared.now_ms
    }

    /// Lets time pass.
    pub fn advance(&mut self, ms: u64) {
        self.advance_to(self.shared.now_ms.saturating_add(ms));
    }

    /// Lets time pass until then; a moment that is over changes nothing.
    pub fn advance_to(&mut self, now_ms: u64) {
        self.shared.now_ms = self.shared.now_ms.max(now_ms);
    }

    /// The next `count` NAT gateways will fail after their time pending.
    pub fn fail_next_nat_gateways(&mut self, count: u32) {
        self.shared.failing_nats = count;
    }

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
    /// visible yet: see [`Options::staleness`].
    pub fn inventory(&mut self, kinds: &[Kind]) -> Inventory {
        self.in_region(|region, shared| region.inventory(shared, kinds))
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
    /// subnet in each Availability Zone. Answers its id.
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
        let FakeCloud { shared, regions } = &mut *self.cloud;
        work(regions.entry(self.home.clone()).or_insert_with(|| Region::new(&self.home)), shared)
    }
}

/// A refusal as whoever called sees it.
pub(crate) fn as_error(operation: &'static str, subject: &str, refused: Refused) -> CloudError {
    CloudError { operation, subject: subject.to_owned(), code: refused.code, message: refused.message }
}
