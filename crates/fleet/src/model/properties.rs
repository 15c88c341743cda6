//! What accounts bear in the organization: unit, tags, alternate contacts, support plan.

use std::fmt;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What every account of the file bears in the organization. What is not declared is neither looked at nor changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Accounts {
    /// Tags of each account in Organizations. Others are left alone.
    #[schemars(default, length(max = 49))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<AccountTag>,
    /// Whom AWS writes to beside the account's own address.
    #[schemars(default)]
    #[serde(skip_serializing_if = "Contacts::is_empty")]
    pub contacts: Contacts,
    /// The AWS Support plan that each account is to have. AWS has no API that changes it: it is asked for.
    #[schemars(with = "SupportPlan", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support_plan: Option<SupportPlan>,
}

/// A tag of each account in Organizations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct AccountTag {
    /// 1 to 128 letters, digits, spaces and characters of `_.:/=+-@`; neither `aws:` nor `phonehome:` at its beginning.
    #[schemars(length(min = 1, max = 128))]
    pub key: String,
    /// At most 256 of the same characters, with `{domain}`, `{environment}` and `{owner}`.
    #[schemars(length(max = 512))]
    pub value: String,
}

/// The alternate contacts of each account. One that is not declared is left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Contacts {
    /// Who hears of AWS's operations, such as an instance that is retired.
    #[schemars(with = "Contact", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Contact>,
    /// Who hears of bills.
    #[schemars(with = "Contact", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing: Option<Contact>,
    /// Who hears of security, such as a key that leaked.
    #[schemars(with = "Contact", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security: Option<Contact>,
}

impl Contacts {
    /// Whether none is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An alternate contact
/// (<https://docs.aws.amazon.com/accounts/latest/reference/API_PutAlternateContact.html>).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Contact {
    /// 1 to 64 characters.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// 1 to 50 characters.
    #[schemars(length(min = 1, max = 50))]
    pub title: String,
    /// An e-mail address of at most 254 characters.
    #[schemars(
        length(min = 1, max = 254),
        regex(pattern = r"^[A-Za-z0-9_+=.#|!&-]+@[A-Za-z0-9_.-]+\.[A-Za-z0-9_]+$")
    )]
    pub email: String,
    /// 1 to 25 digits, spaces and characters of `()+-`, in quotes.
    #[schemars(length(min = 1, max = 25), regex(pattern = r"^[0-9()+ -]+$"))]
    pub phone: String,
}

/// Which of an account's alternate contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactType {
    /// Who hears of AWS's operations.
    Operations,
    /// Who hears of bills.
    Billing,
    /// Who hears of security.
    Security,
}

impl fmt::Display for ContactType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Operations => "operations",
            Self::Billing => "billing",
            Self::Security => "security",
        })
    }
}

/// An AWS Support plan (<https://aws.amazon.com/premiumsupport/plans/>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SupportPlan {
    /// Basic Support, which every account has and nobody pays for.
    Basic,
    /// Developer Support. From 1 January 2027 it is Business Support+.
    Developer,
    /// Business Support. From 1 January 2027 it is Business Support+.
    Business,
    /// Business Support+.
    BusinessPlus,
    /// Enterprise On-Ramp. From 1 January 2027 it is Enterprise Support.
    EnterpriseOnRamp,
    /// Enterprise Support.
    Enterprise,
    /// Unified Operations.
    UnifiedOperations,
}

/// When AWS gives up Developer, Business and Enterprise On-Ramp, 1 January 2027, in milliseconds since the Unix epoch
/// (<https://docs.aws.amazon.com/awssupport/latest/user/about-support-api.html>).
const PLANS_CHANGE_MS: u64 = 1_798_761_600_000;

impl SupportPlan {
    /// The plan that AWS offers in its place at a time; milliseconds since the Unix epoch.
    #[must_use]
    pub fn offered(self, now_ms: u64) -> Self {
        match self {
            Self::Developer | Self::Business if now_ms >= PLANS_CHANGE_MS => Self::BusinessPlus,
            Self::EnterpriseOnRamp if now_ms >= PLANS_CHANGE_MS => Self::Enterprise,
            other => other,
        }
    }
}

impl fmt::Display for SupportPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic => "Basic Support",
            Self::Developer => "Developer Support",
            Self::Business => "Business Support",
            Self::BusinessPlus => "Business Support+",
            Self::EnterpriseOnRamp => "Enterprise On-Ramp",
            Self::Enterprise => "Enterprise Support",
            Self::UnifiedOperations => "Unified Operations",
        })
    }
}

/// A path of organizational units, by their names from below the root: `Workloads/Prod`. One to five of them, none
/// empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitPath(Vec<String>);

impl UnitPath {
    /// `None` where they are not one to five names.
    pub(crate) fn new(names: Vec<String>) -> Option<Self> {
        let is_path = (1..=UNIT_DEPTH_MAX).contains(&names.len()) && !names.iter().any(String::is_empty);
        is_path.then_some(Self(names))
    }

    /// The names, from below the root.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

/// How deep units may be, by Organizations' limit for service control policies
/// (<https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateOrganizationalUnit.html>).
pub(crate) const UNIT_DEPTH_MAX: usize = 5;

impl fmt::Display for UnitPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

impl Serialize for UnitPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UnitPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let names = text.split('/').map(str::to_owned).collect();
        Self::new(names)
            .ok_or_else(|| D::Error::custom("this is not a path of one to five organizational units"))
    }
}
