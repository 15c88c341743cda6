//! What is stored of a machine user's keys.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::key::KeyId;
use crate::times::{DAY_MS, SETTLES_MS};

/// How often, as declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How old a key gets before another one is made; milliseconds.
    pub rotate_after_ms: u64,
    /// For how long both then work; milliseconds. Less than a third of the other.
    pub overlap_ms: u64,
}

/// What is known of a machine user's keys, and what phonehome is doing to them. It is stored before each call that changes
/// something. No secret is in it. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rotation {
    /// The key that was last seen in the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<KeyId>,
    /// The key that is being made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
    /// The old key that is switched off, before it is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switched_off: Option<SwitchedOff>,
    /// When something was last changed, or was about to be.
    #[serde(default)]
    pub acted_at_ms: u64,
    /// When it was last looked at.
    #[serde(default)]
    pub looked_at_ms: u64,
    /// When any of its keys was last used, or else the first one was seen; 0: there was none yet.
    #[serde(default)]
    pub used_at_ms: u64,
}

impl Rotation {
    /// Whether it is to be looked at: once a day, and sooner where something is being made or changed.
    #[must_use]
    pub fn is_due(&self, now_ms: u64) -> bool {
        let since_ms = |at_ms: u64| now_ms.saturating_sub(at_ms);
        let acted = self.acted_at_ms > self.looked_at_ms || self.intent.is_some();
        since_ms(self.looked_at_ms) >= DAY_MS || (acted && since_ms(self.acted_at_ms) >= SETTLES_MS)
    }
}

/// A key that is being made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Intent {
    /// The keys that there were before.
    pub known: BTreeSet<KeyId>,
    /// When it was about to be asked for.
    pub at_ms: u64,
    /// The key, once it is there and before it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<KeyId>,
}

/// An old key that AWS does not accept any more.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SwitchedOff {
    /// The key.
    pub key: KeyId,
    /// Since when, as far as it is known.
    pub at_ms: u64,
}
