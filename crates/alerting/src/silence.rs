//! Why nothing is heard of a probe, as far as that is known.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

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
    /// What these have in common, where all of them are silent for one reason.
    pub(crate) fn of_all(reasons: impl IntoIterator<Item = Option<Self>>) -> Option<Self> {
        let reasons: BTreeSet<Option<Self>> = reasons.into_iter().collect();
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
