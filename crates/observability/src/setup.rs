//! What is stored of an AWS account's set-up at the vendor.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::Region;
use serde::{Deserialize, Serialize};

use crate::id::{IngestKeyId, VendorAccountId};
use crate::times::{LOST_MAX, TOLD_MS};
use crate::wanted::Wanted;

/// What is known, and what phonehome is doing. It is stored before each call that changes something, under the condition
/// that nobody else wrote. No key is in it. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Setup {
    /// The account at the vendor that it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<VendorAccountId>,
    /// Since when.
    #[serde(default)]
    pub bound_at_ms: u64,
    /// The account that was asked for, until it is bound or surely was not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// Its ingest keys, by Region.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<Region, KeyState>,
    /// When a link was first asked for; `None` where none is wanted yet, or it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linking_since_ms: Option<u64>,
    /// The role that was last seen linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked_role: Option<String>,
    /// What was wanted when it was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Wanted>,
    /// When it is looked at again, as long as the same is wanted.
    #[serde(default)]
    pub again_at_ms: u64,
}

/// An account that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Asked {
    /// When it was last about to be asked for.
    pub at_ms: u64,
    /// How often it was, without any answer that says what came of it.
    pub times: u32,
}

/// The ingest key of one Region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeyState {
    /// The key that was last seen in the secret, or stored there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<IngestKeyId>,
    /// The account at the vendor that this one is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<VendorAccountId>,
    /// The key that is being made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub making: Option<Making>,
    /// Names of keys that were asked for and whose value nobody has, if they were made at all. Each was asked for once.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lost: BTreeSet<String>,
    /// When one was last about to be asked for.
    #[serde(default)]
    pub asked_at_ms: u64,
}

/// A key that is being made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Making {
    /// Its name: no other key was ever asked for by it.
    pub name: String,
    /// Its id, once it is there and before it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<IngestKeyId>,
}

impl Setup {
    /// Whether it is to be looked at now.
    #[must_use]
    pub fn is_due(&self, wanted: &Wanted, now_ms: u64) -> bool {
        now_ms >= self.again_at_ms || self.wanted.as_ref() != Some(wanted)
    }

    /// The same where people have to do something before anything can be looked at.
    #[must_use]
    pub fn waiting_for_people(self, wanted: &Wanted, now_ms: u64) -> Self {
        Self { wanted: Some(wanted.clone()), again_at_ms: now_ms.saturating_add(TOLD_MS), ..self }
    }

    /// The account at the vendor that a Region's stack may name: its secret has a key of it.
    #[must_use]
    pub fn ready_in(&self, region: &Region) -> Option<VendorAccountId> {
        self.keys.get(region)?.account
    }

    /// Bound to this account. What is stored of another one's key stays in the secret until the new one's is there.
    pub(crate) fn bind(&mut self, account: VendorAccountId, now_ms: u64) {
        if self.bound != Some(account) {
            for key in self.keys.values_mut() {
                *key = KeyState { current: key.current.take(), account: key.account, ..KeyState::default() };
            }
            self.linked_role = None;
            self.linking_since_ms = None;
        }
        self.bound = Some(account);
        self.bound_at_ms = now_ms;
        self.asked = None;
    }
}

impl KeyState {
    /// The secret hands this key out, which is of this account.
    pub(crate) fn hands_out(&mut self, key: &IngestKeyId, account: VendorAccountId) {
        self.current = Some(key.clone());
        self.account = Some(account);
        self.making = None;
    }

    /// The one that was being made is lost: if it was made, nobody has its value.
    pub(crate) fn lose(&mut self) {
        let Some(making) = self.making.take() else { return };
        self.lost.insert(making.name);
        // Names have the time in them, so that the first one is the oldest.
        while self.lost.len() > LOST_MAX {
            self.lost.pop_first();
        }
    }
}
