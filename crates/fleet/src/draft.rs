//! A fleet file as far as it could be read.

use crate::model::{
    AccountSettings, Accounts, AddressPool, AlertRoute, Connection, Domain, Environment, FORMAT_VERSION,
    Fleet, ForbiddenPair, Isolation, Network, Organization, PlatformRoute, Probing, Region, Rollout,
    StarterPack, TeamCheck, Vending, Window,
};
use crate::place::Place;

/// Stands where the name of a Region could not be read: the shape of one, and none.
pub(crate) fn unknown_region() -> phonehome_wire::Region {
    "xx-unknown-0".parse().expect("it has the shape of a Region's name")
}

/// The items of one list that could be distinguished, each with its place.
#[derive(Debug)]
pub(crate) struct Items<T> {
    pub(crate) found: Vec<(Place, T)>,
    /// Whether those are all. When not, "there is none that …" cannot be said.
    pub(crate) complete: bool,
}

impl<T> Items<T> {
    pub(crate) fn unreadable() -> Self {
        Self { found: vec![], complete: false }
    }

    pub(crate) fn none() -> Self {
        Self { found: vec![], complete: true }
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.found.iter().map(|(_, value)| value)
    }

    fn into_values(self) -> Vec<T> {
        self.found.into_iter().map(|(_, value)| value).collect()
    }
}

/// A fleet file as far as it could be read. A value that could not be stands here as a harmless
/// default; its problem has been reported, so no fleet is ever made of it. A domain whose
/// environments could not all be read has none here.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) organization: Option<Organization>,
    pub(crate) regions: Items<Region>,
    pub(crate) pools: Items<AddressPool>,
    pub(crate) environments: Items<Environment>,
    pub(crate) domains: Items<Domain>,
    pub(crate) connections: Items<Connection>,
    pub(crate) checks: Items<TeamCheck>,
    pub(crate) isolations: Items<Isolation>,
    pub(crate) forbidden: Items<ForbiddenPair>,
    pub(crate) authorities: Option<String>,
    pub(crate) network: Network,
    pub(crate) probing: Probing,
    /// Whether all of `probing.egress` could be read.
    pub(crate) egress_complete: bool,
    pub(crate) alert_routes: Items<AlertRoute>,
    pub(crate) platform_route: Option<PlatformRoute>,
    pub(crate) maintenance: Items<Window>,
    pub(crate) quiet_hours: Items<Window>,
    /// With its place.
    pub(crate) rollout: Option<(Place, Rollout)>,
    pub(crate) vending: Option<Vending>,
    /// With its place.
    pub(crate) accounts: Option<(Place, Accounts)>,
    pub(crate) account_settings: Option<AccountSettings>,
    /// With its place.
    pub(crate) starter_pack: Option<(Place, StarterPack)>,
}

impl Draft {
    /// The fleet. Only for a draft without a problem.
    pub(crate) fn into_fleet(self) -> Option<Fleet> {
        Some(Fleet {
            version: FORMAT_VERSION,
            organization: self.organization?,
            regions: self.regions.into_values(),
            address_pools: self.pools.into_values(),
            environments: self.environments.into_values(),
            domains: self.domains.into_values(),
            connections: self.connections.into_values(),
            checks: self.checks.into_values(),
            isolations: self.isolations.into_values(),
            forbidden_environments: self.forbidden.into_values(),
            authorities: self.authorities,
            network: self.network,
            probing: self.probing,
            alert_routes: self.alert_routes.into_values(),
            platform_route: self.platform_route,
            maintenance: self.maintenance.into_values(),
            quiet_hours: self.quiet_hours.into_values(),
            rollout: self.rollout.map(|(_, rollout)| rollout),
            vending: self.vending,
            accounts: self.accounts.map(|(_, accounts)| accounts),
            account_settings: self.account_settings,
            starter_pack: self.starter_pack.map(|(_, pack)| pack),
        })
    }
}
