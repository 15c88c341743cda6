//! What was decided.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Incident, Outgoing};

/// What is to be stored, in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// New and changed incidents, by id; those that are over among them, as resolved.
    pub incidents: Vec<Incident>,
    /// What is to be sent, pages first.
    pub outbox: Vec<Outgoing>,
}

impl Decision {
    /// Whether there is nothing to store and nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.incidents.is_empty() && self.outbox.is_empty()
    }

    /// The open incidents after this decision: what a replay passes to the next one.
    #[must_use]
    pub fn applied_to(&self, open: Vec<Incident>) -> Vec<Incident> {
        let mut by_id: BTreeMap<String, Incident> =
            open.into_iter().map(|incident| (incident.id.clone(), incident)).collect();
        by_id.extend(self.incidents.iter().map(|incident| (incident.id.clone(), incident.clone())));
        by_id.into_values().filter(Incident::is_open).collect()
    }
}
