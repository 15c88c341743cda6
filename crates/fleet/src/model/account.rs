//! The organization and its accounts.

use phonehome_wire::{AccountId, Region};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::account_settings::AccountSettings;
use super::properties::UnitPath;
use super::starter_pack::StarterPack;

/// The AWS organization and the accounts that are special in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Organization {
    /// The organization's id, `o-` and 10 to 32 small letters and digits.
    #[schemars(regex(pattern = r"^o-[a-z0-9]{10,32}$"))]
    pub id: String,
    /// The 12-digit id of the account that owns the organization, in quotes.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    pub management_account: AccountId,
    /// The 12-digit id of the account phonehome runs in, in quotes. In a small organization it is
    /// the management account.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    pub hub_account: AccountId,
    /// The IAM role in each member account that phonehome assumes to build its network.
    #[schemars(default = "default_member_role", regex(pattern = r"^[A-Za-z0-9_+=,.@-]{1,64}$"))]
    pub member_role: String,
    /// The time zone in which messages tell times beside UTC, as IANA names it: `Europe/Berlin`.
    #[schemars(with = "String", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Where the runbook is read, an `https://` URL. Messages link to its section for what is wrong.
    #[schemars(with = "String", default, regex(pattern = r"^https://"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
}

impl Organization {
    /// The IAM role in each member account that can only look, which the same template creates:
    /// `phonehome-member-viewer`. `plan` assumes no other.
    pub fn viewer_role(&self) -> String {
        format!("{}-viewer", self.member_role)
    }
}

/// The role the project's own template creates.
pub(crate) fn default_member_role() -> String {
    "phonehome-member".to_owned()
}

/// A product domain: one AWS account for each of its environments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Domain {
    /// Its name: small letters, digits and hyphens, at most 40 characters.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"), length(max = 40))]
    pub name: String,
    /// The name that it had before. Its accounts, with their networks, become this domain's.
    #[schemars(
        with = "String",
        default,
        regex(pattern = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"),
        length(max = 40)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<String>,
    /// The team that owns it, as alerts name it.
    #[schemars(length(min = 1))]
    pub owner: String,
    /// The Slack channel in which that team is asked, in quotes: "#payments-oncall", or its id. Alerts
    /// name it beside the team.
    #[schemars(with = "String", default, regex(pattern = r"^(#[^\sA-Z#,]{1,80}|[CG][A-Z0-9]{8,})$"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_channel: Option<String>,
    /// Settings of its accounts, where they are otherwise than their environments and the file say.
    #[schemars(with = "AccountSettings", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_settings: Option<AccountSettings>,
    /// What its accounts get otherwise than their environments and the file say.
    #[schemars(with = "StarterPack", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starter_pack: Option<StarterPack>,
    /// Its environments: each a name, or a map when the account needs more than the defaults.
    #[schemars(schema_with = "environment_entries")]
    pub environments: Vec<DomainEnvironment>,
}

/// One environment of a domain, which is one AWS account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct DomainEnvironment {
    /// The environment's name.
    pub name: String,
    /// The environment that it was before. Its account, with its network, becomes this environment's.
    #[schemars(
        with = "String",
        default,
        regex(pattern = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"),
        length(max = 40)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<String>,
    /// The account's name in the organization, at most 50 characters (AWS's limit). By default
    /// `<domain>-<environment>`.
    #[schemars(with = "String", default, length(min = 1, max = 50))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_name: Option<String>,
    /// The account's 12-digit id, in quotes. Pins the account: no other one of the same name is
    /// ever taken for it. What is another account already stays it until `phonehome rebind`.
    #[schemars(with = "String", default, regex(pattern = r"^[0-9]{12}$"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// The account's e-mail address, 6 to 64 characters (AWS's limits); no two accounts share one.
    #[schemars(with = "String", default, length(min = 6, max = 64), regex(pattern = r"^[^@\s]+@[^@\s]+$"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The id of a VPC that the account has already: it is taken over instead of making a new one.
    /// No two accounts can name the same.
    #[schemars(with = "String", default, regex(pattern = r"^vpc-[0-9a-f]{8,17}$"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopt: Option<String>,
    /// The Region in which the VPC under `adopt` is. By default the first Region of the file in
    /// which the environment has an address pool.
    #[schemars(with = "String", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopt_region: Option<Region>,
    /// The account's organizational unit, in place of its environment's.
    #[schemars(with = "String", default, length(max = 644), regex(pattern = r"^[^/]+(/[^/]+){0,4}$"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organizational_unit: Option<UnitPath>,
    /// The id of the account's account at the observability vendor, in place of one that is made. No two accounts can name
    /// the same.
    #[schemars(with = "u32", default, range(min = 1, max = 2147483647))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability_account: Option<u32>,
}

impl DomainEnvironment {
    /// The name of the account: the given one, or `<domain>-<environment>`.
    pub fn account_name(&self, domain: &str) -> String {
        self.account_name.clone().unwrap_or_else(|| format!("{domain}-{}", self.name))
    }
}

fn environment_entries(generator: &mut SchemaGenerator) -> Schema {
    let detailed = generator.subschema_for::<DomainEnvironment>();
    json_schema!({
        "type": "array",
        "minItems": 1,
        "items": { "anyOf": [{ "type": "string", "description": "The environment's name." }, detailed] },
    })
}
