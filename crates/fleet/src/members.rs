//! What the rest of phonehome asks a fleet.

use phonehome_wire::AccountId;
use serde::Serialize;

use crate::model::{
    AddressPool, AlertRoute, AlertSeverity, Domain, DomainEnvironment, Environment, Fleet, Region,
};

/// An account phonehome looks after: one environment of one domain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Member {
    /// The domain's name.
    pub domain: String,
    /// The environment's name.
    pub environment: String,
    /// The account's name, unique in the file. By it an account is found when it is first met; then its
    /// id decides, whatever it is called.
    pub account_name: String,
    /// The account's 12-digit id, if the file pins it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// The team that owns the domain.
    pub owner: String,
    /// The Slack channel in which that team is asked, if the file names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_channel: Option<String>,
    /// The VPC it has already and that is taken over, if the file names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopt: Option<Adoption>,
}

/// An existing VPC that becomes a member's network, in place of a new one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Adoption {
    /// The VPC's id, `vpc-` and 8 to 17 hexadecimal digits.
    pub vpc_id: String,
    /// The Region it is in. In its other Regions the member gets a new VPC.
    pub region: phonehome_wire::Region,
}

impl Fleet {
    /// Every member account, in the file's order.
    pub fn members(&self) -> Vec<Member> {
        let entries = |domain| move |entry| self.member_of(domain, entry);
        self.domains.iter().flat_map(|domain| domain.environments.iter().map(entries(domain))).collect()
    }

    fn member_of(&self, domain: &Domain, entry: &DomainEnvironment) -> Member {
        Member {
            domain: domain.name.clone(),
            environment: entry.name.clone(),
            account_name: entry.account_name(&domain.name),
            account_id: entry.account_id.clone(),
            owner: domain.owner.clone(),
            owner_channel: domain.owner_channel.clone(),
            adopt: self.adoption(entry),
        }
    }

    fn adoption(&self, entry: &DomainEnvironment) -> Option<Adoption> {
        let vpc_id = entry.adopt.clone()?;
        let first = || self.regions.iter().find(|region| self.pool_for(&entry.name, &region.name).is_some());
        let region = entry.adopt_region.clone().or_else(|| first().map(|region| region.name.clone()))?;
        Some(Adoption { vpc_id, region })
    }

    /// The member that is this environment of this domain.
    pub(crate) fn member_in(&self, domain: &str, environment: &str) -> Option<Member> {
        let domain = self.domain(domain)?;
        let entry = domain.environments.iter().find(|entry| entry.name == environment)?;
        Some(self.member_of(domain, entry))
    }

    /// The member with this account name.
    pub fn member(&self, account_name: &str) -> Option<Member> {
        let entries = |domain: &'_ Domain| {
            let is_it = |entry: &&DomainEnvironment| entry.account_name(&domain.name) == account_name;
            domain.environments.iter().find(is_it).map(|entry| self.member_of(domain, entry))
        };
        self.domains.iter().find_map(entries)
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

    /// The route that the notes of an account take: the first that matches.
    ///
    /// # Panics
    /// Never for a fleet as it was parsed: its last route takes everything.
    pub fn route_for(&self, environment: &str, domain: &str) -> &AlertRoute {
        self.first_route(environment, domain, AlertSeverity::Note)
    }

    /// The route that an account's incidents take for which somebody would have to get up: the first that matches.
    /// Where it does not page they are notes.
    ///
    /// # Panics
    /// Never for a fleet as it was parsed: its last route takes everything.
    pub fn page_route_for(&self, environment: &str, domain: &str) -> &AlertRoute {
        self.first_route(environment, domain, AlertSeverity::Page)
    }

    fn first_route(&self, environment: &str, domain: &str, severity: AlertSeverity) -> &AlertRoute {
        let route = self.alert_routes.iter().find(|route| route.matches(environment, domain, severity));
        route.expect("the last alert route takes everything: parse refuses a file without one")
    }

    /// The Slack channel that hears of trouble of phonehome itself.
    pub fn platform_channel(&self) -> &str {
        let platform = self.platform_route.as_ref().map(|route| route.slack_channel.as_str());
        let last = || self.alert_routes.last().map(|route| route.slack_channel.as_str());
        platform.or_else(last).unwrap_or_default()
    }
}

impl Domain {
    /// Whether it has an environment of this name.
    pub fn has_environment(&self, name: &str) -> bool {
        self.environments.iter().any(|entry| entry.name == name)
    }
}
