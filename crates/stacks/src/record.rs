//! What is stored of a pack stack.

use std::collections::BTreeMap;

use phonehome_cloud::table::{Key, key};
use phonehome_machine_users::Rotation;
use phonehome_wire::{AccountId, Region, StackId};
use serde::{Deserialize, Serialize};

/// Partition of the pack stacks, each under its account and Region.
pub const PACKS: &str = "packs";

/// Where what is known of a pack stack is stored.
#[must_use]
pub fn pack_key(stack: &StackId) -> Key {
    key(PACKS, stack.to_string())
}

/// How long a message is, at most, that is stored; characters.
pub(crate) const SAID_MAX: usize = 500;

/// What is known of a pack stack, and what phonehome is doing to it. It is stored before each call that changes something,
/// under the condition that nobody else wrote. Times are in milliseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PackRecord {
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
    /// How far it is.
    pub phase: PackPhase,
    /// For people: what is wrong, or waited for; empty where nothing is.
    #[serde(default)]
    pub message: String,
    /// When any of this last changed.
    pub updated_at_ms: u64,
    /// The version of the fleet file with which it was last as declared; 0: never.
    #[serde(default)]
    pub version: u64,
    /// The template that it was seen to have.
    #[serde(default)]
    pub verified: Option<Verified>,
    /// The template that was last seen in it, whoever gave it to it: what another one would change is worked out from this.
    #[serde(default)]
    pub deployed: Option<LastTemplate>,
    /// The version of the fleet file that its last turn was for; 0: it had none.
    #[serde(default)]
    pub turn_version: u64,
    /// How many change sets phonehome has asked for: each has the next number in its name.
    #[serde(default)]
    pub attempts: u64,
    /// The change that is under way. Without one nobody executes a change set in a stack that nothing is made of yet, so that
    /// it can be deleted.
    #[serde(default)]
    pub attempt: Option<Attempt>,
    /// How often the same template failed.
    #[serde(default)]
    pub failures: Option<Failures>,
    /// The stack that is known to be phonehome's, by its ARN: before anything is made of it, it may not show its tags.
    #[serde(default)]
    pub own: Option<String>,
    /// How often a roll-back that could not go on was asked to go on, and when last.
    #[serde(default)]
    pub continues: u32,
    /// When that was.
    #[serde(default)]
    pub continued_at_ms: u64,
    /// When a drift detection was last asked for.
    #[serde(default)]
    pub drift_asked_at_ms: u64,
    /// Which drift detection was told, by its time.
    #[serde(default)]
    pub drift_told_ms: Option<u64>,
    /// The message that says what is wrong, until nothing is.
    #[serde(default)]
    pub told: Option<Told>,
    /// The machine users whose keys are looked after, each by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub users: BTreeMap<String, UserRecord>,
    /// What is known of an identity provider of the team's that its roles refer to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<ProviderRecord>,
}

/// What is known of an identity provider that is in no stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProviderRecord {
    /// When it was last looked at; milliseconds since the Unix epoch.
    pub looked_at_ms: u64,
    /// The message that says what is wrong, until nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
}

/// What is known of a machine user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UserRecord {
    /// Its keys.
    #[serde(default)]
    pub rotation: Rotation,
    /// The message that says what is wrong, until nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
}

/// How far a pack stack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackPhase {
    /// It is made or changed.
    UnderWay,
    /// It has the declared template.
    AsDeclared,
    /// It has it, and something was changed by hand.
    Drifted,
    /// What is declared waits for a permission or for people to agree.
    Withheld,
    /// What would be done is not what was planned.
    Halted,
    /// Something is wrong.
    Failed,
    /// It is declared no longer: its stack stays, and is not looked at.
    Undeclared,
}

/// A template that a stack was seen to have.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Verified {
    /// SHA-256 of the template.
    pub sha256: String,
    /// When the stack had last been changed: once it is changed again, this says nothing.
    pub changed_at_ms: u64,
}

/// The template that was last seen in a stack.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LastTemplate {
    /// As [`crate::noted`] has it: JSON, at most 51,200 bytes.
    pub body: String,
    /// Whether the stack is gone since. Everything in a pack is kept when its stack goes.
    #[serde(default)]
    pub is_gone: bool,
}

/// A change that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attempt {
    /// SHA-256 of the template.
    pub sha256: String,
    /// Its number.
    pub number: u64,
    /// When its change set was first asked for.
    pub began_at_ms: u64,
    /// When it was last executed, or was about to be.
    #[serde(default)]
    pub executed_at_ms: Option<u64>,
    /// When the stack had last been changed then: whether it is otherwise now says whether the change ran.
    #[serde(default)]
    pub stack_changed_at_ms: u64,
}

/// How often the same template failed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Failures {
    /// SHA-256 of the template.
    pub sha256: String,
    /// How often.
    pub count: u32,
    /// When that was.
    pub last_at_ms: u64,
    /// AWS's reasons, for people.
    pub said: String,
}

/// A message that is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Told {
    /// The incident that it belongs to.
    pub incident_id: String,
    /// What it says.
    pub about: String,
}

impl Attempt {
    /// The name of its change set, which is its token as well: asked for twice it is one.
    #[must_use]
    pub fn name(&self) -> String {
        let sha256 = self.sha256.get(..12).unwrap_or(&self.sha256);
        format!("phonehome-{sha256}-{}", self.number)
    }
}

impl PackRecord {
    /// Of a stack that nobody has looked at.
    #[must_use]
    pub fn new(stack: &StackId) -> Self {
        Self {
            account: stack.account.clone(),
            region: stack.region.clone(),
            phase: PackPhase::UnderWay,
            message: String::new(),
            updated_at_ms: 0,
            version: 0,
            verified: None,
            deployed: None,
            turn_version: 0,
            attempts: 0,
            attempt: None,
            failures: None,
            own: None,
            continues: 0,
            continued_at_ms: 0,
            drift_asked_at_ms: 0,
            drift_told_ms: None,
            told: None,
            users: BTreeMap::new(),
            provider: None,
        }
    }

    /// The account in the Region.
    #[must_use]
    pub fn stack(&self) -> StackId {
        StackId::new(&self.account, &self.region)
    }

    /// The same stack, seen with this template.
    pub(crate) fn has(&mut self, body: &str) {
        if self.deployed.as_ref().is_none_or(|it| it.body != body || it.is_gone) {
            self.deployed = Some(LastTemplate { body: body.to_owned(), is_gone: false });
        }
    }

    /// The change that is under way to this template.
    pub(crate) fn attempt_at(&self, sha256: &str) -> Option<&Attempt> {
        self.attempt.as_ref().filter(|attempt| attempt.sha256 == sha256)
    }

    /// The same with a new attempt at a template; with the one that is under way, where that is not executed.
    pub(crate) fn attempting(mut self, sha256: &str, now_ms: u64) -> (Self, String) {
        let goes_on = self.attempt_at(sha256).filter(|attempt| attempt.executed_at_ms.is_none());
        if let Some(attempt) = goes_on {
            let name = attempt.name();
            return (self, name);
        }
        self.attempts += 1;
        let (number, sha256) = (self.attempts, sha256.to_owned());
        let attempt =
            Attempt { sha256, number, began_at_ms: now_ms, executed_at_ms: None, stack_changed_at_ms: 0 };
        let name = attempt.name();
        self.attempt = Some(attempt);
        (self, name)
    }
}
