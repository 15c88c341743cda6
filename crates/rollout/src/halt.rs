//! Why a roll-out halts.

use phonehome_wire::{AccountId, Region};
use serde::{Deserialize, Serialize};

use crate::{PathId, Unproven};

/// How many things of one kind a halt or a wait names.
pub const NAMED_MAX: usize = 10;

/// Why nobody's turn comes any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Halt {
    /// A stack failed.
    Failed {
        /// Whose.
        account: AccountId,
        /// Its name.
        name: String,
        /// Where.
        region: Region,
        /// What AWS or the executor says.
        message: String,
    },
    /// An account takes longer to converge than it may.
    NotConverged {
        /// Which.
        account: AccountId,
        /// Its name.
        name: String,
        /// What it waits for.
        message: String,
    },
    /// Paths fail that did not before the account's turn.
    NewlyFailing {
        /// Whose.
        account: AccountId,
        /// Its name.
        name: String,
        /// Some of them, at most [`NAMED_MAX`].
        paths: Vec<PathId>,
        /// How many fail now that did not.
        count: usize,
    },
    /// An account converged, and its probes were not green for the bake time within the time there was.
    NotProven {
        /// Which.
        account: AccountId,
        /// Its name.
        name: String,
        /// Some of what is not green, at most [`NAMED_MAX`].
        paths: Vec<(PathId, Option<Unproven>)>,
        /// How many are not.
        count: usize,
    },
    /// No account of the first wave has the version: the next wave would be the first to try it.
    NothingProven {
        /// The wave's name.
        wave: String,
    },
    /// An operator ended it.
    Aborted {
        /// Who: the caller's ARN.
        by: String,
        /// Why, in their words.
        reason: String,
    },
}

impl Halt {
    /// Whether it comes again after each `resume`, unless somebody accepts what is not proven.
    #[must_use]
    pub fn needs_acceptance(&self) -> bool {
        matches!(self, Self::NotProven { .. } | Self::NothingProven { .. })
    }
}
