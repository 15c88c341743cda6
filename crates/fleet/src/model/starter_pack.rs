//! What each account gets beside its network, so that a team can begin: a key, buckets, roles.

use phonehome_wire::{AccountId, Region};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::observability::{Observability, unless_off};

/// A managed policy: the ARN of one of AWS's, or the name, with its path, of one that the account has.
const POLICY: &str = r"^(arn:aws[a-z-]*:iam::aws:policy/)?[A-Za-z0-9_+=,.@-]+(/[A-Za-z0-9_+=,.@-]+)*$";

/// What each account gets beside its network, as a CloudFormation stack in each of its Regions: roles in the home Region
/// alone. The same keys stand in an environment and in a domain: what a domain says goes before what its accounts'
/// environments say, and that before what the file says, key by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct StarterPack {
    /// Whether the accounts get one. By default those get one of which anything is said.
    #[schemars(with = "bool", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The Region in which each account's roles and identity provider are kept. By default the first one of the file.
    #[schemars(with = "String", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_region: Option<Region>,
    /// A KMS key with rotation, `alias/phonehome`.
    #[schemars(with = "bool", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<bool>,
    /// A bucket for Terraform's state, encrypted with the key.
    #[schemars(schema_with = "toggle_of::<StateBucket>", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_bucket: Option<Toggle<StateBucket>>,
    /// A bucket that load balancers and S3 may write their access logs to.
    #[schemars(schema_with = "toggle_of::<LogBucket>", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_bucket: Option<Toggle<LogBucket>>,
    /// Whose the account's identity provider of GitHub is: an account has one for each URL. By default `ours`.
    #[schemars(with = "OidcProvider", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc_provider: Option<OidcProvider>,
    /// The GitHub repositories that may use the deploy roles that name none themselves.
    #[schemars(with = "Vec<Repository>", default, length(max = 10))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repositories: Option<Vec<Repository>>,
    /// The permissions boundary of the roles that name none themselves: a managed policy as in `managed_policies`.
    #[schemars(
        with = "String",
        default,
        length(max = 512),
        regex(pattern = POLICY)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
    /// Roles that GitHub's workflows assume without a stored key.
    #[schemars(with = "Vec<DeployRole>", default, length(max = 10))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy_roles: Option<Vec<DeployRole>>,
    /// Roles that people of other accounts assume: operators, contractors.
    #[schemars(with = "Vec<AccessRole>", default, length(max = 10))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_roles: Option<Vec<AccessRole>>,
    /// IAM users that pipelines work as where they cannot have a role. Their access keys are in Secrets Manager, and rotated.
    #[schemars(with = "Vec<MachineUser>", default, length(max = 10))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_users: Option<Vec<MachineUser>>,
    /// Where the accounts are observed.
    #[schemars(schema_with = "unless_off", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability: Option<Toggle<Observability>>,
}

/// Something that is there as usual (`true`), otherwise than usual (a map), or not (`false`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toggle<T> {
    /// It is not there, whatever a wider section says.
    Off,
    /// It is there, like this.
    On(T),
}

impl<T: Serialize> Serialize for Toggle<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Off => serializer.serialize_bool(false),
            Self::On(it) => it.serialize(serializer),
        }
    }
}

pub(super) fn toggle_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let detailed = generator.subschema_for::<T>();
    json_schema!({ "anyOf": [{ "type": "boolean" }, detailed] })
}

/// A bucket for Terraform's state: versioned, encrypted with the account's key, by TLS alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct StateBucket {
    /// What its name begins with; the account's id, the Region and `an` follow. By default `phonehome-state`.
    #[schemars(
        default = "default_state_name",
        length(min = 3, max = 36),
        regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$")
    )]
    pub name: String,
    /// Whether there is a DynamoDB table for locks as well, `phonehome-state-lock`: for Terraform before 1.10.
    #[schemars(default)]
    pub lock_table: bool,
    /// For how many days an older version of a state is kept. The newest ten are kept for as long as they are such.
    #[schemars(default = "default_noncurrent_days", range(min = 1, max = 3650))]
    pub noncurrent_days: u32,
}

pub(crate) fn default_state_name() -> String {
    "phonehome-state".to_owned()
}

pub(crate) fn default_noncurrent_days() -> u32 {
    90
}

impl Default for StateBucket {
    fn default() -> Self {
        Self { name: default_state_name(), lock_table: false, noncurrent_days: default_noncurrent_days() }
    }
}

/// A bucket for access logs of load balancers and of S3, encrypted by S3 itself: load balancers write to no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LogBucket {
    /// What its name begins with; the account's id, the Region and `an` follow. By default `phonehome-logs`.
    #[schemars(
        default = "default_log_name",
        length(min = 3, max = 36),
        regex(pattern = r"^[a-z0-9]+(-[a-z0-9]+)*$")
    )]
    pub name: String,
    /// After how many days a log is deleted.
    #[schemars(default = "default_expire_days", range(min = 1, max = 3650))]
    pub expire_days: u32,
    /// A central bucket that every log is copied to.
    #[schemars(with = "ForwardTo", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forward_to: Option<ForwardTo>,
}

pub(crate) fn default_log_name() -> String {
    "phonehome-logs".to_owned()
}

pub(crate) fn default_expire_days() -> u32 {
    365
}

impl Default for LogBucket {
    fn default() -> Self {
        Self { name: default_log_name(), expire_days: default_expire_days(), forward_to: None }
    }
}

/// A bucket that logs are copied to by S3 replication. It has to be versioned, and its policy has to let the accounts'
/// role `phonehome-log-forwarding` replicate into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ForwardTo {
    /// The central bucket's name.
    #[schemars(length(min = 3, max = 63), regex(pattern = r"^[a-z0-9][a-z0-9.-]*[a-z0-9]$"))]
    pub bucket: String,
    /// The 12-digit id of the account that owns it, in quotes. The copies are its own.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    pub account: AccountId,
}

/// Whose the account's identity provider `token.actions.githubusercontent.com` is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OidcProvider {
    /// The stack's. An account that has one already has room for no second one.
    #[default]
    Ours,
    /// The team's: the roles refer to it by its ARN, and it is never imported, replaced or deleted.
    Theirs,
}

/// A GitHub repository, by its name and by the ids that GitHub never gives a second time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Repository {
    /// `OWNER/REPOSITORY`, with large and small letters as GitHub shows them.
    #[schemars(length(max = 140), regex(pattern = r"^[A-Za-z0-9](-?[A-Za-z0-9_])*/[A-Za-z0-9._-]+$"))]
    pub name: String,
    /// The repository's id: `gh api repos/OWNER/REPOSITORY --jq .id`.
    #[schemars(range(min = 1, max = 4294967295_u32))]
    pub id: u32,
    /// Its owner's id: `gh api repos/OWNER/REPOSITORY --jq .owner.id`.
    #[schemars(range(min = 1, max = 4294967295_u32))]
    pub owner_id: u32,
    /// How its tokens name it. By default `ids`.
    #[schemars(default)]
    pub subject: SubjectForm,
}

/// How the subject of GitHub's tokens names the repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SubjectForm {
    /// `repo:OWNER@ID/REPOSITORY@ID`: repositories that were created, renamed or transferred since 15 July 2026, and those
    /// that opted in.
    #[default]
    Ids,
    /// `repo:OWNER/REPOSITORY`: older ones.
    Names,
}

impl Repository {
    /// What the subjects of its tokens begin with, up to what the workflow runs for.
    #[must_use]
    pub fn subject_prefix(&self) -> String {
        let Self { name, id, owner_id, subject } = self;
        match (subject, name.split_once('/')) {
            (SubjectForm::Ids, Some((owner, repository))) => {
                format!("repo:{owner}@{owner_id}/{repository}@{id}")
            }
            _ => format!("repo:{name}"),
        }
    }
}

/// A role that workflows of GitHub repositories assume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct DeployRole {
    /// The role's name, under the path `/phonehome/`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_+=,.@-]{1,64}$"))]
    pub name: String,
    /// The repositories whose workflows may assume it. By default those of the starter pack.
    #[schemars(default, length(min = 1, max = 10))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<Repository>,
    /// Branches by name: workflows that run on one of them, without a GitHub environment, may assume it. A role has branches
    /// or GitHub environments.
    #[schemars(
        default,
        length(max = 10),
        inner(length(min = 1, max = 255), regex(pattern = r"^[^*?$\[\]\s]+$"))
    )]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub branches: Vec<String>,
    /// GitHub environments: jobs that run in one of them may assume it, on whatever branch it lets in. `{domain}` and
    /// `{environment}` are filled in.
    #[schemars(
        default,
        length(max = 10),
        inner(length(min = 1, max = 255), regex(pattern = r"^[^*?$:%\[\]]+$"))
    )]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub github_environments: Vec<String>,
    /// Managed policies: the ARN of one of AWS's, or the name (with its path) of one that the account has.
    #[schemars(
        default,
        length(max = 10),
        inner(
            length(max = 512),
            regex(pattern = POLICY)
        )
    )]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managed_policies: Vec<String>,
    /// Its permissions boundary, in place of the starter pack's.
    #[schemars(
        with = "String",
        default,
        length(max = 512),
        regex(pattern = POLICY)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
}

/// A role that roles of other accounts assume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AccessRole {
    /// The role's name, under the path `/phonehome/`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_+=,.@-]{1,64}$"))]
    pub name: String,
    /// The roles that may assume it.
    #[schemars(length(min = 1, max = 10))]
    pub trusted: Vec<TrustedRole>,
    /// What whoever assumes it has to say, 2 to 128 characters: for contractors, whose role serves others as well.
    #[schemars(with = "String", default, regex(pattern = r"^[A-Za-z0-9_+=,.@:/-]{2,128}$"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Managed policies: the ARN of one of AWS's, or the name (with its path) of one that the account has.
    #[schemars(
        default,
        length(max = 10),
        inner(
            length(max = 512),
            regex(pattern = POLICY)
        )
    )]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managed_policies: Vec<String>,
    /// Its permissions boundary, in place of the starter pack's.
    #[schemars(
        with = "String",
        default,
        length(max = 512),
        regex(pattern = POLICY)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
}

/// An IAM user whose access key is in the secret `phonehome/machine-users/NAME` of the home Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct MachineUser {
    /// What it is for, which is its name, under the path `/phonehome/`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_+=.@-]{1,64}$"))]
    pub name: String,
    /// Managed policies: the ARN of one of AWS's, or the name (with its path) of one that the account has.
    #[schemars(
        length(min = 1, max = 10),
        inner(
            length(max = 512),
            regex(pattern = POLICY)
        )
    )]
    pub managed_policies: Vec<String>,
    /// Its permissions boundary, in place of the starter pack's.
    #[schemars(
        with = "String",
        default,
        length(max = 512),
        regex(pattern = POLICY)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
    /// After how many days it gets another access key.
    #[schemars(default = "default_rotate_days", range(min = 7, max = 365))]
    pub rotate_days: u32,
    /// For how many days the key before works as well; at most a third of `rotate_days`.
    #[schemars(default = "default_overlap_days", range(min = 1, max = 90))]
    pub overlap_days: u32,
}

pub(crate) fn default_rotate_days() -> u32 {
    90
}

pub(crate) fn default_overlap_days() -> u32 {
    7
}

/// An IAM role of another account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct TrustedRole {
    /// The 12-digit id of its account, in quotes.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    pub account: AccountId,
    /// Its name, with its path where it has one.
    #[schemars(length(max = 512), regex(pattern = r"^[A-Za-z0-9_+=,.@-]+(/[A-Za-z0-9_+=,.@-]+)*$"))]
    pub role: String,
}
