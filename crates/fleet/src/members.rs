//! What the rest of phonehome asks a fleet.

use serde::Serialize;

use crate::model::{AddressPool, AlertRoute, Domain, DomainEnvironment, Environment, Fleet, Region};

/// An account phonehome looks after: one environment of one domain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Member {
    /// The domain's name.
    pub domain: String,
    /// The environment's name.
    pub environment: String,
    /// The account's name in the organization, unique in the fleet.
    pub account_name: String,
    /// The account's 12-digit id, if the file pins it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The team that owns the domain.
    pub owner: String,
}

impl Member {
    fn new(domain: &Domain, entry: &DomainEnvironment) -> Self {
        Self {
            domain: domain.name.clone(),
            environment: entry.name.clone(),
            account_name: entry.account_name(&domain.name),
            account_id: entry.account_id.clone(),
            owner: domain.owner.clone(),
        }
    }
}

impl Fleet {
    /// Every member account, in the file's order.
    pub fn members(&self) -> Vec<Member> {
        self.domains.iter().flat_map(Domain::members).collect()
    }

    /// The member that an account of the organization is, if it is one.
    ///
    /// A pinned id decides: its account is that member whatever its name, and an account that only
    /// has the name of a member pinned to another id is not that member.
    pub fn member_for(&self, account_id: &str, account_name: &str) -> Option<Member> {
        let mut members = self.members();
        let pinned = members.iter().position(|member| member.account_id.as_deref() == Some(account_id));
        let by_name = || {
            members
                .iter()
                .position(|member| member.account_id.is_none() && member.account_name == account_name)
        };
        pinned.or_else(by_name).map(|index| members.swap_remove(index))
    }

    /// The environment of a name.
    pub fn environment(&self, name: &str) -> Option<&Environment> {
        self.environments.iter().find(|environment| environment.name == name)
    }

    /// The domain of a name.
    pub fn domain(&self, name: &str) -> Option<&Domain> {
        self.domains.iter().find(|domain| domain.name == name)
    }

    /// The Region of a name.
    pub fn region(&self, name: &str) -> Option<&Region> {
        self.regions.iter().find(|region| region.name == name)
    }

    /// The first pool from which an environment's accounts get their addresses in a Region; `None`
    /// where they have no network.
    ///
    /// To claim a block, take [`Fleet::pools_for`]: the first may be full.
    pub fn pool_for(&self, environment: &str, region: &str) -> Option<&AddressPool> {
        self.pools_for(environment, region).next()
    }

    /// All pools from which an environment's accounts get their addresses in a Region, in the order
    /// in which they are to be used up.
    pub fn pools_for(&self, environment: &str, region: &str) -> impl Iterator<Item = &AddressPool> {
        let names = self.environment(environment).map(|e| e.pools.as_slice()).unwrap_or_default();
        let pools = names.iter().filter_map(|name| self.address_pools.iter().find(|pool| pool.name == *name));
        pools.filter(move |pool| pool.region == region)
    }

    /// The route the incidents of an account take: the first that matches.
    ///
    /// # Panics
    /// Never for a fleet as it was parsed: its last route takes everything.
    pub fn route_for(&self, environment: &str, domain: &str) -> &AlertRoute {
        let route = self.alert_routes.iter().find(|route| route.matches(environment, domain));
        route.expect("the last alert route takes everything: parse refuses a file without one")
    }
}

impl Domain {
    /// Its accounts, in the file's order.
    pub fn members(&self) -> Vec<Member> {
        self.environments.iter().map(|entry| Member::new(self, entry)).collect()
    }

    /// Whether it has an environment of this name.
    pub fn has_environment(&self, name: &str) -> bool {
        self.environments.iter().any(|entry| entry.name == name)
    }
}
