//! One message about changes by hand, as it is stored.

use serde::{Deserialize, Serialize};

use super::line::Line;

/// One message about changes by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// The incident that the message belongs to.
    pub incident_id: String,
    /// When they were seen; milliseconds since the Unix epoch.
    pub seen_ms: u64,
    /// What differed.
    pub lines: Vec<Line>,
    /// How many more differences there were.
    #[serde(default)]
    pub more: usize,
}
