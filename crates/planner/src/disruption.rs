//! What a step does to running traffic.

use serde::{Deserialize, Serialize};

/// What a step does to running traffic, the worst last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disruption {
    /// Nothing that is running notices.
    #[default]
    None,
    /// Nothing breaks, but what runs here, or starts here, is treated differently: it gets a way out, other
    /// answers to its look-ups, no public address.
    ChangesBehaviour,
    /// Open connections through it break, and new ones work.
    ResetsConnections,
    /// Something else takes its place: an id or an address changes.
    Replaces,
    /// What hangs on it is cut off.
    Detaches,
}

/// The worst that a repair does to running traffic: it leads back what somebody has led away, and
/// closes what somebody has opened. What cuts off, or puts another in the place of what works, is no
/// repair.
pub const REPAIR: Disruption = Disruption::ResetsConnections;
