//! What is stored of a roll-out. Fields are only added, with defaults: the release before reads it, too.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fleet::Line;
use phonehome_wire::AccountId;
use serde::{Deserialize, Serialize};

use crate::{Before, Halt, Versions};

/// How many events are kept: the newest.
pub const EVENTS_KEPT: usize = 100;

/// How one version of the fleet file takes the place of another, account by account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollOut {
    /// Which version each account is to have.
    pub versions: Versions,
    /// How far it is.
    pub phase: Phase,
    /// Who published the version: the caller's ARN.
    pub published_by: String,
    /// When; milliseconds since the Unix epoch.
    pub began_at_ms: u64,
    /// When something was last decided; milliseconds since the Unix epoch. Time never goes back behind it.
    pub decided_at_ms: u64,
    /// Whether it mends what open incidents are about, so that these do not keep a wave from beginning.
    #[serde(default)]
    pub mends: bool,
    /// The roll-out that was under way and whose place it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<Superseded>,
    /// How long is waited, and for how many at once.
    pub pace: Pace,
    /// One after the other. The last one takes also every account that is in none.
    pub waves: Vec<Wave>,
    /// The accounts whose turn has come, also those that were taken back, and those that had a version whose place this
    /// one took.
    #[serde(default)]
    pub turns: BTreeMap<AccountId, Turn>,
    /// Whether what fails at the next decision counts as known: an operator goes on in spite of it.
    #[serde(default)]
    pub accepts: bool,
    /// What happened, the oldest first; at most [`EVENTS_KEPT`].
    #[serde(default)]
    pub events: Vec<Happened>,
    /// How many events there were before those that are kept.
    #[serde(default)]
    pub events_before: usize,
    /// What people have been told.
    #[serde(default)]
    pub told: Told,
}

/// How far a roll-out is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// Wave after wave gets its turn.
    Rolling,
    /// Nobody's turn comes until an operator says so.
    Halted {
        /// Why.
        why: Vec<Halt>,
    },
    /// Accounts are taken back, those of the newest wave first.
    GoingBack,
    /// Over: every account is to have the version in force from before.
    RolledBack,
    /// Over: every account has it, and it is in force.
    Finished,
    /// Over: another version took its place.
    Superseded,
    /// It was put in force in all accounts at once, without a wave.
    AtOnce {
        /// Why, in the words of who published it.
        reason: String,
    },
}

/// A roll-out whose place another one took: what is needed to tell its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Superseded {
    /// Of which version it was.
    pub version: u64,
    /// How often something was told of it.
    pub sequence: u32,
}

/// How long is waited, and for how many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// For how long a wave's probes have to be green, in milliseconds.
    pub bake_ms: u64,
    /// How long an account may take to converge, in milliseconds.
    pub converge_ms: u64,
    /// How many accounts are on their way at once, at most.
    pub at_once: usize,
}

/// Accounts whose turn comes together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wave {
    /// Its name.
    pub name: String,
    /// The lines of the new version that it is for.
    pub lines: BTreeSet<Line>,
    /// When its first account's turn came; milliseconds since the Unix epoch.
    #[serde(default)]
    pub began_at_ms: Option<u64>,
    /// For how long it was green between one look and the next, in milliseconds. What nobody saw does not count.
    #[serde(default)]
    pub green_ms: u64,
    /// For how long it was seen otherwise since the last of its accounts had its turn, in milliseconds.
    #[serde(default)]
    pub waited_ms: u64,
    /// When it was last seen since then; milliseconds since the Unix epoch.
    #[serde(default)]
    pub seen_at_ms: Option<u64>,
    /// Whether it was green then.
    #[serde(default)]
    pub seen_green: bool,
    /// When it was done; milliseconds since the Unix epoch.
    #[serde(default)]
    pub done_at_ms: Option<u64>,
}

/// How far a wave is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaveState {
    /// Nobody's turn has come.
    ToCome,
    /// Its accounts get the version.
    UnderWay {
        /// Since when; milliseconds since the Unix epoch.
        since_ms: u64,
    },
    /// They did until the roll-out halted.
    Halted,
    /// All of it converged and was green.
    Done {
        /// When; milliseconds since the Unix epoch.
        at_ms: u64,
    },
    /// Its accounts are taken back.
    GoesBack,
    /// The roll-out was over before it was done, or took back what it had done.
    Over,
}

impl WaveState {
    /// Whether nobody's turn comes in it any more.
    #[must_use]
    pub fn is_past(self) -> bool {
        match self {
            Self::GoesBack | Self::Over => true,
            Self::ToCome | Self::UnderWay { .. } | Self::Halted | Self::Done { .. } => false,
        }
    }
}

/// An account's turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// The number of the wave that was under way: its own, or a later one where it became known late.
    pub wave: usize,
    /// When its turn came, it was taken back, or an operator let it go on: what was seen before says nothing of it.
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// From when on its time to converge counts; milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// Whether it had converged when it was last seen.
    #[serde(default)]
    pub converged: bool,
    /// When its stacks were last seen to have become as declared, by their own account: what was heard of its probes
    /// until then proves nothing. Milliseconds since the Unix epoch.
    #[serde(default)]
    pub converged_at_ms: u64,
    /// When the provisioner was last asked to look at it; milliseconds since the Unix epoch.
    pub asked_at_ms: u64,
    /// What failed in it before its turn.
    #[serde(default)]
    pub before: Before,
}

/// What a roll-out waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "waits_for", rename_all = "snake_case")]
pub enum Wait {
    /// Open incidents that concern accounts of the wave that comes next.
    Incidents {
        /// The wave's number.
        wave: usize,
        /// Their ids, each with the name of an account.
        incidents: BTreeMap<String, String>,
    },
    /// Accounts that have not converged yet.
    Converging {
        /// Some of their names, at most [`NAMED_MAX`](crate::NAMED_MAX).
        names: Vec<String>,
        /// How many.
        count: usize,
    },
    /// Accounts that may take away more in the next hour only.
    Hour {
        /// Some of their names, at most [`NAMED_MAX`](crate::NAMED_MAX).
        names: Vec<String>,
        /// How many.
        count: usize,
        /// When it begins; milliseconds since the Unix epoch.
        next_ms: u64,
    },
    /// Accounts that are not green.
    Green {
        /// Some of their names, at most [`NAMED_MAX`](crate::NAMED_MAX).
        names: Vec<String>,
        /// How many.
        count: usize,
    },
    /// The end of the bake time; milliseconds since the Unix epoch.
    Bake {
        /// When it ends, if all stays green.
        until_ms: u64,
    },
}

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// When; milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What.
    pub event: Event,
}

/// Something that happened to a roll-out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first turn of a wave came.
    WaveBegan {
        /// Its number.
        wave: usize,
    },
    /// All of a wave converged and was green for the bake time.
    WaveDone {
        /// Its number.
        wave: usize,
    },
    /// It halted.
    Halted,
    /// An operator let it go on.
    Resumed {
        /// Who: the caller's ARN.
        by: String,
        /// Whether what fails now is accepted.
        accepts: bool,
    },
    /// An operator takes it back.
    GoesBack {
        /// Who: the caller's ARN.
        by: String,
    },
    /// It was taken back.
    RolledBack {
        /// Some of the accounts that have not converged to the version from before, by their names; at most
        /// [`NAMED_MAX`](crate::NAMED_MAX).
        left: Vec<String>,
    },
    /// It is in force.
    Finished,
    /// Another version took its place.
    Superseded,
}

/// What people have been told of a roll-out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// How often something was told: the order of the messages.
    pub sequence: u32,
    /// How many events were told.
    pub events: usize,
    /// What the message says: it is edited when it would say something else.
    pub message: String,
}

impl Wave {
    /// A wave that has not begun.
    #[must_use]
    pub fn new(name: String, lines: BTreeSet<Line>) -> Self {
        let (began_at_ms, seen_at_ms, done_at_ms) = (None, None, None);
        Self {
            name,
            lines,
            began_at_ms,
            green_ms: 0,
            waited_ms: 0,
            seen_at_ms,
            seen_green: false,
            done_at_ms,
        }
    }

    /// Forgets what was seen of it.
    pub(crate) fn prove_anew(&mut self) {
        (self.green_ms, self.waited_ms, self.seen_at_ms, self.seen_green) = (0, 0, None, false);
    }
}

impl Turn {
    /// A turn that comes, with a wave under way.
    pub(crate) fn new(wave: usize, at_ms: u64, before: Before) -> Self {
        Self { wave, at_ms, since_ms: at_ms, converged: false, converged_at_ms: 0, asked_at_ms: 0, before }
    }
}

impl RollOut {
    /// Whether nothing is decided of it any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match &self.phase {
            Phase::Rolling | Phase::Halted { .. } | Phase::GoingBack => false,
            Phase::RolledBack | Phase::Finished | Phase::Superseded | Phase::AtOnce { .. } => true,
        }
    }

    /// The number of the wave that is under way, or comes next; `None` when all are done.
    #[must_use]
    pub fn wave_under_way(&self) -> Option<usize> {
        self.waves.iter().position(|wave| wave.done_at_ms.is_none())
    }

    /// How far one of its waves is.
    #[must_use]
    pub fn state_of(&self, wave: &Wave) -> WaveState {
        match (&self.phase, wave.began_at_ms, wave.done_at_ms) {
            (Phase::GoingBack, Some(_), _) => WaveState::GoesBack,
            (Phase::RolledBack | Phase::Superseded, ..) | (Phase::GoingBack, None, _) => WaveState::Over,
            (_, _, Some(at_ms)) => WaveState::Done { at_ms },
            (Phase::Halted { .. }, Some(_), None) => WaveState::Halted,
            (_, Some(since_ms), None) => WaveState::UnderWay { since_ms },
            (_, None, None) => WaveState::ToCome,
        }
    }

    /// The number of the wave that a line is in.
    #[must_use]
    pub fn wave_of(&self, line: &Line) -> usize {
        let last = self.waves.len().saturating_sub(1);
        self.waves.iter().position(|wave| wave.lines.contains(line)).unwrap_or(last)
    }

    /// Whether people have been told of it, and of everything that happened.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.told.sequence > 0 && self.untold().is_empty()
    }

    /// What happened that people have not been told.
    #[must_use]
    pub fn untold(&self) -> &[Happened] {
        &self.events[self.told.events.saturating_sub(self.events_before).min(self.events.len())..]
    }

    /// Notes what happened.
    pub(crate) fn note(&mut self, at_ms: u64, event: Event) {
        self.events.push(Happened { at_ms, event });
        let beyond = self.events.len().saturating_sub(EVENTS_KEPT);
        self.events.drain(..beyond);
        self.events_before += beyond;
    }

    /// Notes that this message has been told, and all that happened.
    #[must_use]
    pub fn told(&self, message: String) -> Self {
        let events = self.events_before + self.events.len();
        let told = Told { sequence: self.told.sequence + 1, events, message };
        Self { told, ..self.clone() }
    }
}
