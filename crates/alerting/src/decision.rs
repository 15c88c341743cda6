//! What was decided.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::StackId;
use serde::{Deserialize, Serialize};

use crate::{Doubt, Incident, Outgoing};

/// What is to be stored, in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// New and changed incidents, by id; those that are over among them, as resolved.
    pub incidents: Vec<Incident>,
    /// What is to be sent, pages first.
    pub outbox: Vec<Outgoing>,
    /// When something is told at the latest that waits for who is still to report; milliseconds since the Unix epoch.
    /// Nothing of it is stored: whoever decides then sees it again.
    #[serde(default)]
    pub waits_until_ms: Option<u64>,
    /// The stacks in which the cause of an incident may be, by the ids of those; of what is not told yet, by none.
    /// Nothing of it is stored.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub suspected: BTreeMap<StackId, BTreeSet<String>>,
    /// What may fail by itself and has too few results to be told, those with the most evidence first. Nothing of it is
    /// stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Doubt>,
}

impl Decision {
    /// Whether there is nothing to store and nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.incidents.is_empty() && self.outbox.is_empty()
    }
}
