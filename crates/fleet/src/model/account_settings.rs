//! Settings of accounts that security scans ask for.

use schemars::JsonSchema;
use serde::Serialize;

use super::starter_pack::{Toggle, toggle_of};

/// Settings of each account that security scans ask for. They are only ever tightened: what is stricter in an account
/// stays, and what is no longer declared stays as it is. The same keys stand in an environment and in a domain: what a
/// domain says goes before what its accounts' environments say, and that before what the file says, key by key; `false`
/// there means that it is not declared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AccountSettings {
    /// Whether S3 blocks public access to all buckets of the account, by all four of its settings.
    #[schemars(with = "bool", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub s3_block_public_access: Option<bool>,
    /// Whether new EBS volumes and copies of snapshots are encrypted by default, in each Region with a network.
    #[schemars(schema_with = "toggle_of::<EbsEncryption>", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ebs_encryption: Option<Toggle<EbsEncryption>>,
    /// Whether new instances that say nothing else answer by IMDSv2 alone, in each Region with a network.
    #[schemars(with = "bool", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imdsv2: Option<bool>,
}

/// EBS encryption by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct EbsEncryption {
    /// The alias of the account's own key that encrypts by default, in each Region with a network. By default AWS's key
    /// `alias/aws/ebs`, or the one that the account has chosen itself, which stays in any case.
    #[schemars(with = "String", default, length(max = 256), regex(pattern = r"^alias/[A-Za-z0-9/_-]+$"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}
