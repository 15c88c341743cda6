//! What was decided.

use serde::{Deserialize, Serialize};

use crate::{Incident, Outgoing};

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
}

impl Decision {
    /// Whether there is nothing to store and nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.incidents.is_empty() && self.outbox.is_empty()
    }
}
