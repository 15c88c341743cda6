//! What was told of an account while it was made.

use serde::{Deserialize, Serialize};

/// What was told of a line's account, or of what keeps accounts from being made. It is written together with the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendingNote {
    /// The incident whose message it is: one message, which is edited.
    pub incident_id: String,
    /// How often something was told.
    pub sequence: u32,
    /// What tells the newest message from others.
    pub says: String,
    /// Whether the provisioner was asked to look at the account, once it was bound.
    #[serde(default)]
    pub queued: bool,
    /// Whether all is told: the account is ready, or somebody else's.
    #[serde(default)]
    pub over: bool,
}
