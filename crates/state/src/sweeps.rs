//! How far the sweep is: what whoever goes on with it has to know.

use phonehome_wire::AccountId;
use serde::{Deserialize, Serialize};

/// The sweep that is under way, or the last one that was finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// Which one it is: each has the next number.
    pub number: u64,
    /// When it began; milliseconds since the Unix epoch.
    pub began_at_ms: u64,
    /// When the one before began, where there was one; milliseconds since the Unix epoch. What was not observed
    /// since then still waits in the queue.
    #[serde(default)]
    pub before_began_at_ms: Option<u64>,
    /// When it began to list the accounts; milliseconds since the Unix epoch.
    pub listing_since_ms: u64,
    /// When it last got on; milliseconds since the Unix epoch.
    pub moved_at_ms: u64,
    /// What comes next.
    pub stage: SweepStage,
    /// How many accounts it has queued so far.
    pub queued: u64,
    /// Whether accounts still waited in the queue from the sweep before when this one began to queue them.
    #[serde(default)]
    pub behind: bool,
    /// How many accounts it has left out because they still waited in the queue from the sweep before.
    #[serde(default)]
    pub late: u64,
    /// Somebody asked for another one while it was under way, which begins when this one is finished.
    #[serde(default)]
    pub again: bool,
}

/// Where a sweep goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SweepStage {
    /// It lists the organization's accounts.
    Listing {
        /// With what the next page is asked for; `None`: from the first one.
        next: Option<String>,
        /// How many parts of them are stored.
        parts: u32,
    },
    /// It finds out which account each line of the fleet file is.
    Identifying {
        /// In how many parts the accounts are stored.
        parts: u32,
    },
    /// It queues the accounts in the order of their ids.
    Queueing {
        /// The last one that is queued.
        after: Option<AccountId>,
    },
    /// It has queued all.
    Finished,
}

/// Some of the organization's accounts, as a sweep has listed them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedPart {
    /// By which sweep: what an older one has left is none of this one's.
    pub sweep: u64,
    /// The accounts.
    pub accounts: Vec<ListedAccount>,
}

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedAccount {
    /// Its 12-digit id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// Whether it can be worked in.
    pub active: bool,
}

impl Sweep {
    /// The one that begins now, after `before` where there was one.
    #[must_use]
    pub fn after(before: Option<&Self>, now_ms: u64) -> Self {
        Self {
            number: before.map_or(0, |before| before.number) + 1,
            began_at_ms: now_ms,
            before_began_at_ms: before.map(|before| before.began_at_ms),
            listing_since_ms: now_ms,
            moved_at_ms: now_ms,
            stage: SweepStage::Listing { next: None, parts: 0 },
            queued: 0,
            behind: false,
            late: 0,
            again: false,
        }
    }

    /// The same, got on to this stage.
    #[must_use]
    pub fn at(self, stage: SweepStage, now_ms: u64) -> Self {
        Self { stage, moved_at_ms: now_ms, ..self }
    }

    /// Whether it has queued all.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.stage == SweepStage::Finished
    }
}
