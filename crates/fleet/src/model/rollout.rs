//! In which order accounts get a change.

use schemars::JsonSchema;
use serde::Serialize;

/// In which order accounts get a new version of this file. Without it all get it at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Rollout {
    /// One after the other; a failure stops those behind it. The first one is the staging set: accounts that together
    /// have everything that the others have.
    #[schemars(length(min = 1, max = 100))]
    pub waves: Vec<Wave>,
    /// For how many minutes all probes of a wave have to be green before the next one begins.
    #[schemars(default = "default_bake", range(min = 1, max = 1440))]
    pub bake_minutes: u32,
    /// How many minutes an account may take until it is as declared.
    #[schemars(default = "default_converge", range(min = 5, max = 1440))]
    pub converge_minutes: u32,
    /// How many accounts of a wave are changed at once, at most.
    #[schemars(default = "default_at_once", range(min = 1, max = 1000))]
    pub at_once: u32,
}

/// Accounts that get a change at the same time. It says which in one way; the last wave, and only that one, says
/// nothing: it takes every account that the others have not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Wave {
    /// Its name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The accounts, by name.
    #[schemars(default, length(min = 1), extend("uniqueItems" = true))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
    /// The environments of which it takes every account that no wave before it has.
    #[schemars(default, length(min = 1), extend("uniqueItems" = true))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
    /// The share of all accounts that it takes, in percent, of those that no wave before it has: rounded up, and spread
    /// over the file.
    #[schemars(with = "u32", default, range(min = 1, max = 99))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u32>,
}

/// A path that fails is known within three minutes, an isolation that does not hold within ten.
pub(crate) fn default_bake() -> u32 {
    15
}

/// For so long the provisioner waits for an account that is not ready.
pub(crate) fn default_converge() -> u32 {
    45
}

/// As many as the provisioner looks at, at once.
pub(crate) fn default_at_once() -> u32 {
    20
}
