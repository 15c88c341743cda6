//! When something is not told.

use std::fmt;

use phonehome_wire::{AccountId, AzId};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// A time that comes again each week, in which something is not told. It always ends, and what is still wrong then
/// is told then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["to"] }, { "required": ["duration_minutes"] }]))]
pub struct Window {
    /// The name of its time zone in the IANA database: `Europe/Berlin`, `UTC`.
    #[schemars(regex(pattern = r"^[A-Za-z][A-Za-z0-9+_-]*(/[A-Za-z0-9+_-]+)*$"), length(max = 64))]
    pub time_zone: String,
    /// On which days it begins. By default on every one.
    #[schemars(default, length(min = 1), extend("uniqueItems" = true))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<Weekday>,
    /// When it begins, as the clocks there show it: "22:00". A time that they leave out is counted on from before
    /// they change, one that they show twice is the first.
    #[schemars(with = "String", regex(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"))]
    pub from: TimeOfDay,
    /// When it ends, as the clocks there next show it.
    #[schemars(with = "String", default, regex(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<TimeOfDay>,
    /// Instead of `to`: after how many minutes it ends, whatever the clocks do; three days at most.
    #[schemars(with = "u32", default, range(min = 1, max = 4320))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_minutes: Option<u32>,
    /// What it is for.
    pub r#match: WindowMatch,
    /// Why, for whoever reads a message.
    #[schemars(length(min = 1, max = 200))]
    pub reason: String,
}

/// What a window is for, as a silence has it: everything given has to match, and something has to be given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
pub struct WindowMatch {
    /// The account that tests, by its name or its 12-digit id (in quotes).
    #[schemars(with = "String", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The domain of the account that tests.
    #[schemars(with = "String", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The environment of the account that tests.
    #[schemars(with = "String", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The ID of the Availability Zone that is tested from.
    #[schemars(with = "String", default, regex(pattern = r"^[a-z]{2,4}[0-9]-az[0-9]$"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<AzId>,
    /// The id of a check that must connect.
    #[schemars(with = "String", default)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// What is aimed at, as messages name it: `host:port`, a URL or a name.
    #[schemars(with = "String", default, length(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// What a clock shows, to the minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay {
    /// Minutes after midnight; less than 1,440.
    pub minute: u16,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    /// 1 in ISO 8601.
    Monday = 1,
    /// 2.
    Tuesday,
    /// 3.
    Wednesday,
    /// 4.
    Thursday,
    /// 5.
    Friday,
    /// 6.
    Saturday,
    /// 7.
    Sunday,
}

impl Weekday {
    /// All of them, with their names.
    pub(crate) const ALL: [(&str, Self); 7] = [
        ("monday", Self::Monday),
        ("tuesday", Self::Tuesday),
        ("wednesday", Self::Wednesday),
        ("thursday", Self::Thursday),
        ("friday", Self::Friday),
        ("saturday", Self::Saturday),
        ("sunday", Self::Sunday),
    ];

    /// From 1, Monday, to 7, Sunday (ISO 8601).
    #[must_use]
    pub fn number(self) -> i8 {
        self as i8
    }
}

impl fmt::Display for Weekday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL[usize::from(self.number().unsigned_abs()) - 1].0)
    }
}

impl WindowMatch {
    /// Whether it takes what is tested from an account, or some of that.
    pub(crate) fn takes_of(
        &self,
        name: &str,
        id: Option<&AccountId>,
        domain: &str,
        environment: &str,
    ) -> bool {
        let is = |wanted: &Option<String>, it: &str| wanted.as_ref().is_none_or(|wanted| wanted == it);
        let account = |wanted: &String| wanted == name || id.is_some_and(|id| *id == *wanted);
        self.account.as_ref().is_none_or(account)
            && is(&self.domain, domain)
            && is(&self.environment, environment)
    }

    /// Whether it takes all that the other one takes of an account that both do.
    pub(crate) fn takes_all_of(&self, other: &Self) -> bool {
        (self.availability_zone.is_none() || self.availability_zone == other.availability_zone)
            && (self.check.is_none() || self.check == other.check)
            && (self.endpoint.is_none() || self.endpoint == other.endpoint)
    }
}

/// `22:00`.
impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minute / 60, self.minute % 60)
    }
}

impl Serialize for TimeOfDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
