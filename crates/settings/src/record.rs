//! What is stored of the settings of an account in a Region.

use std::collections::BTreeMap;

use phonehome_cloud::table::{Key, key};
use phonehome_wire::{AccountId, Region, StackId};
use serde::{Deserialize, Serialize};

use crate::setting::{Setting, Step, Wanted};

/// Partition of the settings, each under its account and Region.
pub const SETTINGS: &str = "settings";
/// How often a setting is set within a week before people are told that it does not last.
pub const WRITES_A_WEEK: usize = 3;
/// For how long what a policy above the account refuses is not tried again, in milliseconds: 30 days.
pub const HELD_MS: u64 = 30 * 24 * 60 * 60_000;

/// How many keys are remembered as phonehome's.
const OURS_MAX: usize = 5;
/// The first version of `infra/member-role.yaml` whose member role may look at settings and set them, where it has
/// `AccountSettings=true`.
pub const SETTINGS_TEMPLATE: u32 = 3;

const WEEK_MS: u64 = 7 * 24 * 60 * 60_000;
/// Characters of a text that is stored: of AWS's, which a member account may have a part in.
const SAID_MAX: usize = 900;

/// Where what is known of the settings of an account in a Region is stored.
#[must_use]
pub fn settings_key(stack: &StackId) -> Key {
    key(SETTINGS, stack.to_string())
}

/// What is known of the settings of an account in a Region. It is stored before each call that changes something, under the
/// condition that nobody else wrote. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsRecord {
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
    /// What was declared when it was last looked at.
    #[serde(default)]
    pub wanted: Wanted,
    /// When it was last looked at.
    #[serde(default)]
    pub looked_at_ms: u64,
    /// How often in a row it was looked at without an end; 0: it came to one.
    #[serde(default)]
    pub tries: u32,
    /// Each setting of which something is or was declared.
    #[serde(default)]
    pub settings: BTreeMap<Setting, Known>,
    /// The message that says what is otherwise than declared, until nothing is.
    #[serde(default)]
    pub told: Option<Told>,
}

/// What is known of one setting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// How it stands.
    #[serde(default)]
    pub state: State,
    /// For people: what it is, why, and who sets it; empty where it is as declared.
    #[serde(default)]
    pub message: String,
    /// What it was before phonehome set it for the first time, so that it can be set so again by hand.
    #[serde(default)]
    pub before: Option<Before>,
    /// When phonehome set it, or was about to, lately: as often as is counted.
    #[serde(default)]
    pub writes_ms: Vec<u64>,
    /// Why it is not tried again for now.
    #[serde(default)]
    pub held: Option<Held>,
    /// How often in a row it could be looked at and not set.
    #[serde(default)]
    pub denials: u32,
    /// The keys that phonehome chose, or was about to, by their ARNs, the newest last: another one may take their place.
    #[serde(default)]
    pub ours: Vec<String>,
}

/// How a setting stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody has seen it yet, or it is not known what it is now: it is looked at again.
    #[default]
    Open,
    /// As declared.
    AsDeclared,
    /// As declared, by a policy of the organization.
    ByPolicy,
    /// Otherwise and as strict: the account's own choice.
    Stays,
    /// Otherwise than declared.
    Otherwise,
    /// No longer declared: left as it is, and not looked at.
    Undeclared,
}

/// What a setting was before phonehome set it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Its value.
    pub value: String,
    /// When it was set.
    pub at_ms: u64,
}

/// A call that is not tried again for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Until when.
    pub until_ms: u64,
    /// What the setting was: once it is something else, the call is tried.
    pub shown: String,
    /// For people: why.
    pub why: String,
}

/// A message that is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The incident that it belongs to.
    pub incident_id: String,
    /// What it says.
    pub about: String,
}

impl SettingsRecord {
    /// Of an account and Region that nobody has looked at.
    #[must_use]
    pub fn new(stack: &StackId) -> Self {
        Self {
            account: stack.account.clone(),
            region: stack.region.clone(),
            wanted: Wanted::default(),
            looked_at_ms: 0,
            tries: 0,
            settings: BTreeMap::new(),
            told: None,
        }
    }

    /// The account in the Region.
    #[must_use]
    pub fn stack(&self) -> StackId {
        StackId::new(&self.account, &self.region)
    }

    /// Begins a look at this: what is declared otherwise is tried anew, what is declared no longer is left as it is.
    pub(crate) fn begin(&mut self, wanted: &Wanted, now_ms: u64) {
        if self.wanted != *wanted {
            self.tries = 0;
            for known in self.settings.values_mut() {
                (known.held, known.writes_ms, known.denials) = (None, vec![], 0);
            }
        }
        self.wanted = wanted.clone();
        self.looked_at_ms = now_ms;
        // Whoever dies from here on has not come to an end.
        self.tries = self.tries.saturating_add(1);
        let declared = wanted.settings();
        for (setting, known) in &mut self.settings {
            if !declared.contains(setting) {
                (known.state, known.message) = (State::Undeclared, String::new());
            }
        }
    }

    /// The same once nothing is declared any more: all of it stays as it is, and nobody looks.
    #[must_use]
    pub fn undeclared(mut self, now_ms: u64) -> Self {
        self.begin(&Wanted::default(), now_ms);
        self.tries = 0;
        self
    }

    /// Whether all of it is known.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.settings.values().all(|known| known.state != State::Open)
    }

    /// For people: what is otherwise than declared, line by line.
    #[must_use]
    pub fn otherwise(&self) -> Vec<String> {
        let otherwise = self.settings.iter().filter(|(_, known)| known.state == State::Otherwise);
        otherwise.map(|(setting, known)| format!("{setting}: {}", known.message)).collect()
    }
}

impl Known {
    pub(crate) fn is(&mut self, state: State, message: impl ToString) {
        self.state = state;
        self.message = message.to_string().chars().take(SAID_MAX).collect();
    }

    /// How often it was set within a week before now.
    pub(crate) fn writes_lately(&self, now_ms: u64) -> usize {
        self.writes_ms.iter().filter(|at_ms| at_ms.saturating_add(WEEK_MS) > now_ms).count()
    }

    /// It is about to be set.
    pub(crate) fn writes(&mut self, shown: &str, step: &Step, now_ms: u64) {
        self.before.get_or_insert_with(|| Before { value: shown.to_owned(), at_ms: now_ms });
        self.writes_ms.push(now_ms);
        let old = self.writes_ms.len().saturating_sub(WRITES_A_WEEK);
        self.writes_ms.drain(..old);
        if let Step::SetKey { arn } = step {
            self.ours.retain(|key| key != arn);
            self.ours.push(arn.clone());
            let old = self.ours.len().saturating_sub(OURS_MAX);
            self.ours.drain(..old);
        }
    }
}
