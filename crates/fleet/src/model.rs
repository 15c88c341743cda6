//! What a fleet file says, as types.
//!
//! The documentation of these types is what an editor shows: `docs/fleet.schema.json` is generated
//! from them. A [`Fleet`] has passed every check of [`crate::parse`], which is the only way to make
//! one. Serialized, a fleet is a valid fleet file again (JSON is YAML).

mod account;
mod network;
mod watch;

pub(crate) use account::default_member_role;
pub use account::{Domain, DomainEnvironment, Organization};
pub use network::{AddressPool, DefaultVpcs, Environment, GatewayService, Nat, Network, Region};
pub use watch::{
    AlertRoute, CheckType, Connection, ConnectionCheck, EgressTarget, ForbiddenPair, Isolation,
    PlatformRoute, Probing, Rollout, Wave,
};

use schemars::JsonSchema;
use serde::Serialize;

/// The version of the fleet file's format that this crate reads.
pub const FORMAT_VERSION: u32 = 1;

/// The fleet: every account phonehome looks after, its networks, and what must and must not
/// connect. This is the one file the platform team edits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[non_exhaustive]
pub struct Fleet {
    /// The version of this file's format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The AWS organization the accounts belong to.
    pub organization: Organization,
    /// The AWS Regions in which accounts get a network.
    #[schemars(length(min = 1))]
    pub regions: Vec<Region>,
    /// Where the accounts' addresses come from. Pools never overlap, so no two networks do.
    #[schemars(length(min = 1))]
    pub address_pools: Vec<AddressPool>,
    /// The environments that domains can have, such as dev and prod.
    #[schemars(length(min = 1))]
    pub environments: Vec<Environment>,
    /// The product domains. Each (domain, environment) is one AWS account.
    #[schemars(length(min = 1))]
    pub domains: Vec<Domain>,
    /// What must connect. Tested every minute from every Availability Zone of the source.
    #[schemars(default)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<Connection>,
    /// What must not connect. Tested as often.
    #[schemars(default)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub isolations: Vec<Isolation>,
    /// Which environments must stay out of each other's reach. A file whose connections lead from
    /// the one to the other, directly or by way of other accounts, is refused.
    #[schemars(default)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forbidden_environments: Vec<ForbiddenPair>,
    /// What all networks have in common.
    #[schemars(default)]
    pub network: Network,
    /// How connections are tested and when a test counts as failed.
    #[schemars(default)]
    pub probing: Probing,
    /// A file beside this one with the certificate authorities that the probes trust beside the public
    /// ones, as PEM. By default none.
    #[schemars(with = "String", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorities: Option<String>,
    /// Who hears of trouble. The first route that matches is taken; the last one must match
    /// everything.
    #[schemars(length(min = 1))]
    pub alert_routes: Vec<AlertRoute>,
    /// Who hears of trouble of phonehome itself, such as most of the fleet falling silent at once, items of
    /// its table that cannot be read, and reports that it refuses. By default the last alert route; and
    /// where the fleet falls silent, the routes of all accounts concerned.
    #[schemars(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_route: Option<PlatformRoute>,
    /// In which order accounts get a change. By default all at once.
    #[schemars(default)]
    pub rollout: Rollout,
}
