//! Why nothing is heard of a probe, as far as that is known.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{IncidentMember, ProbeView};

/// Why nothing is heard of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhySilent {
    /// It reported before, and no more. Nothing says why.
    Late,
    /// Its function failed since it reported last.
    Crashed,
    /// It is deployed and has never reported.
    NeverEnrolled,
}

impl WhySilent {
    /// Why nothing is heard of this probe.
    pub(crate) fn of(view: &ProbeView) -> Self {
        let began_ms = view.heartbeat.as_ref().map(|heartbeat| heartbeat.last_started_at_ms);
        match (&view.crash, began_ms) {
            // What it was deployed as before says nothing of it.
            (Some(crash), _) if crash.at_ms > began_ms.unwrap_or(0).max(view.expected_since_ms) => {
                Self::Crashed
            }
            (_, None) => Self::NeverEnrolled,
            (_, Some(_)) => Self::Late,
        }
    }

    /// What these have in common, where all of them are silent for one reason.
    pub(crate) fn of_all<'m>(members: impl IntoIterator<Item = &'m IncidentMember>) -> Option<Self> {
        let reasons: BTreeSet<Option<Self>> = members.into_iter().map(|member| member.why_silent).collect();
        match (reasons.len(), reasons.first()) {
            (1, Some(why)) => *why,
            _ => None,
        }
    }

    /// What to look at first, as sentences.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Late => {
                "They reported until then: look at their schedules, at service control policies, and at the rule \
                 phonehome-reports on the account's bus."
            }
            Self::Crashed => {
                "Their functions fail before they can test, as the error says: see the log group /phonehome/probe \
                 in the account. A sweep deploys a function anew that was changed."
            }
            Self::NeverEnrolled => {
                "They are deployed and have never reported: is there a schedule for each, may it invoke its function, \
                 and does the rule phonehome-reports lead to the hub?"
            }
        }
    }
}
