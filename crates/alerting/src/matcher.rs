//! What silences and windows are for.

use phonehome_wire::CheckId;
use serde::{Deserialize, Serialize};

use crate::{IncidentMember, Symptom};

/// Selects parts of incidents. Every field given must match; one without any matches nothing, so
/// that no slip silences the fleet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Matcher {
    /// The account's id or name.
    pub account: Option<String>,
    /// The product domain.
    pub domain: Option<String>,
    /// The environment.
    pub environment: Option<String>,
    /// The Availability Zone ID.
    pub availability_zone: Option<String>,
    /// The check.
    pub check: Option<CheckId>,
    /// The target's endpoint.
    pub endpoint: Option<String>,
}

impl Matcher {
    /// Whether it selects this member.
    #[must_use]
    pub fn matches(&self, member: &IncidentMember) -> bool {
        let check = match &member.symptom {
            Symptom::Down { check } => Some(check),
            Symptom::Silent | Symptom::Inconclusive => None,
        };
        let endpoint = member.target.as_ref().map(|target| &target.endpoint);
        let account = |wanted: &String| *wanted == member.probe.account || *wanted == member.account_name;
        *self != Self::default()
            && self.account.as_ref().is_none_or(account)
            && self.domain.as_ref().is_none_or(|wanted| *wanted == member.domain)
            && self.environment.as_ref().is_none_or(|wanted| *wanted == member.environment)
            && self.availability_zone.as_ref().is_none_or(|wanted| *wanted == member.probe.availability_zone)
            && self.check.as_ref().is_none_or(|wanted| Some(wanted) == check)
            && self.endpoint.as_ref().is_none_or(|wanted| Some(wanted) == endpoint)
    }
}
