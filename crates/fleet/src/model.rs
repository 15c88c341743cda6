//! What a fleet file says, as types.
//!
//! The documentation of these types is what an editor shows: `docs/fleet.schema.json` is generated
//! from them. A [`Fleet`] has passed every check of [`crate::parse`], which is the only way to make
//! one, but for leaving something out of it ([`crate::Mixed`]). Serialized, a fleet is a valid fleet file again (JSON is
//! YAML).

mod account;
mod account_settings;
mod check;
mod egress;
mod network;
mod observability;
mod properties;
mod rollout;
mod starter_pack;
mod url;
mod vending;
mod watch;
mod windows;

pub(crate) use account::default_member_role;
pub use account::{Domain, DomainEnvironment, Organization};
pub use account_settings::{AccountSettings, EbsEncryption};
pub use check::{CheckType, ConnectionCheck, Exchange, ExpectedHeader, Pace, TeamCheck, TeamCheckType};
pub use egress::{EgressAws, EgressEcho, EgressHost, EgressTarget};
pub use network::{AddressPool, DefaultVpcs, Environment, GatewayService, Nat, Network, Region};
pub use observability::{MetricStream, Observability, ObservabilityDataCenter, ObservabilityVendor};
pub(crate) use properties::UNIT_DEPTH_MAX;
pub use properties::{AccountTag, Accounts, Contact, ContactType, Contacts, SupportPlan, UnitPath};
pub use rollout::{Rollout, Wave};
pub(crate) use rollout::{default_at_once, default_bake, default_converge};
pub use starter_pack::{
    AccessRole, DeployRole, ForwardTo, LogBucket, MachineUser, OidcProvider, Repository, StarterPack,
    StateBucket, SubjectForm, Toggle, TrustedRole,
};
pub(crate) use starter_pack::{
    default_expire_days, default_log_name, default_noncurrent_days, default_overlap_days,
    default_rotate_days, default_state_name,
};
pub use url::{HttpUrl, Scheme};
pub use vending::Vending;
pub use watch::{AlertRoute, AlertSeverity, Connection, ForbiddenPair, Isolation, PlatformRoute, Probing};
pub use windows::{TimeOfDay, Weekday, Window, WindowMatch};

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
    /// Checks of the teams' own, beside the connections. No network is made for them.
    #[schemars(default)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<TeamCheck>,
    /// What must not connect. Tested every few minutes.
    #[schemars(default)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub isolations: Vec<Isolation>,
    /// Which environments must stay out of each other's reach. A file whose connections lead from
    /// the one to the other, directly or by way of other accounts, is refused.
    #[schemars(default)]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forbidden_environments: Vec<ForbiddenPair>,
    /// Certificate authorities of your own, which certify names that no public one does: the path of a PEM
    /// file beside this one. By default public authorities alone are trusted.
    #[schemars(with = "String", default, length(max = 200))]
    #[schemars(regex(pattern = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorities: Option<String>,
    /// What all networks have in common.
    #[schemars(default)]
    pub network: Network,
    /// How connections are tested and when a test counts as failed.
    #[schemars(default)]
    pub probing: Probing,
    /// Who hears of trouble. The first route that matches is taken; the last one must match
    /// everything.
    #[schemars(length(min = 1))]
    pub alert_routes: Vec<AlertRoute>,
    /// Who hears of trouble of phonehome itself, such as most of the fleet falling silent at once, items of
    /// its table that cannot be read, reports that it refuses, and an hour that has no more
    /// removals. By default the last alert route; and
    /// where the fleet falls silent, the routes of all accounts concerned.
    #[schemars(default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_route: Option<PlatformRoute>,
    /// When notes and pages are held back: work that is planned. Breaches of isolation and trouble of phonehome
    /// itself are told all the same.
    #[schemars(default, length(max = 50))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub maintenance: Vec<Window>,
    /// When notes are held back, and never a page.
    #[schemars(default, length(max = 50))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quiet_hours: Vec<Window>,
    /// In which order accounts get a new version of this file. By default all at once.
    #[schemars(with = "Rollout", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// Who makes the accounts of lines that have none, and how. By default nobody.
    #[schemars(with = "Vending", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vending: Option<Vending>,
    /// What accounts bear in the organization: tags, alternate contacts, support plan. What is not declared is neither
    /// looked at nor changed.
    #[schemars(with = "Accounts", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Accounts>,
    /// Settings of each account that security scans ask for. They are only ever tightened. By default they are neither
    /// looked at nor changed.
    #[schemars(with = "AccountSettings", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_settings: Option<AccountSettings>,
    /// What each account gets beside its network: a key, buckets, roles. By default nothing.
    #[schemars(with = "StarterPack", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starter_pack: Option<StarterPack>,
}
