//! Of a new account: in which Regions its default VPC is gone.

use phonehome_wire::Region;
use serde::{Deserialize, Serialize};

/// How far the removal of an account's default VPCs is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultVpcs {
    /// Regions in which there is none any more.
    pub removed: Vec<Region>,
    /// Regions in which it is kept, with the reason: something uses it, or a policy forbids to look.
    pub kept: Vec<(Region, String)>,
    /// Whether every Region is one or the other.
    #[serde(default)]
    pub finished: bool,
}
