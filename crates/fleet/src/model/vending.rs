//! How accounts are made.

use schemars::JsonSchema;
use serde::Serialize;

use crate::email::EmailPattern;

/// Who makes the account of a line that has none, and how. Without it nobody does: the account of that name is waited
/// for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Vending {
    /// From what the e-mail addresses of accounts that phonehome makes are built, with `{domain}` and `{environment}`:
    /// `aws+{domain}-{environment}@example.com`. A line's own `email` goes before it. AWS has no two accounts with one
    /// address, so no two lines may have the same.
    #[schemars(with = "String", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailPattern>,
    /// The IAM role that Organizations makes in each of them, for the management account. By default
    /// `OrganizationAccountAccessRole`.
    #[schemars(with = "String", default, regex(pattern = r"^[A-Za-z0-9_+=,.@-]{1,64}$"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_name: Option<String>,
    /// AWS Control Tower makes the accounts: phonehome makes none, waits for them and binds them.
    #[schemars(default)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub control_tower: bool,
}
