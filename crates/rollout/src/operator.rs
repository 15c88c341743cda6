//! What people do with a roll-out.

use phonehome_wire::AccountId;

use crate::{Event, Halt, Pace, Phase, RollOut, Superseded, Told, Turn, Versions, Wave};

/// What a roll-out begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begin {
    /// The version in force.
    pub base: u64,
    /// The version that is to take its place.
    pub target: u64,
    /// Who published it: the caller's ARN.
    pub by: String,
    /// When; milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// Whether it mends what open incidents are about.
    pub mends: bool,
    /// How long is waited, and for how many at once.
    pub pace: Pace,
    /// One after the other.
    pub waves: Vec<Wave>,
    /// The roll-out that is under way, whose place it takes.
    pub supersedes: Option<Superseded>,
}

/// Why something cannot be done with a roll-out as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    /// Nothing is rolled out.
    #[error(
        "version {version} is not being rolled out: that {how}. `phonehome publish` begins another roll-out"
    )]
    Over {
        /// Which version.
        version: u64,
        /// How it ended, for people.
        how: &'static str,
    },
    /// It has not halted.
    #[error("the roll-out of version {version} has not halted: `phonehome rollout` shows what it waits for")]
    NotHalted {
        /// Of which version.
        version: u64,
    },
    /// It has halted already.
    #[error("the roll-out of version {version} has halted already: `phonehome rollout` shows why")]
    Halted {
        /// Of which version.
        version: u64,
    },
    /// It is taken back already.
    #[error("the roll-out of version {version} is being taken back; once that is over, publish again")]
    GoingBack {
        /// Of which version.
        version: u64,
    },
}

/// A roll-out that begins.
#[must_use]
pub fn begin(begin: Begin) -> RollOut {
    let Begin { base, target, by, at_ms, mends, pace, waves, supersedes } = begin;
    RollOut {
        versions: Versions { base, target, turned: [].into() },
        phase: Phase::Rolling,
        published_by: by,
        began_at_ms: at_ms,
        decided_at_ms: at_ms,
        mends,
        supersedes,
        pace,
        waves,
        turns: [].into(),
        accepts: false,
        events: vec![],
        events_before: 0,
        told: Told::default(),
    }
}

/// The same, where accounts may still have the version of the roll-out before, which was to take the place of the same
/// version and did not: they go back until their turn comes, and what began to fail in them since counts as that one's.
#[must_use]
pub fn take_over(begun: RollOut, before: &RollOut) -> RollOut {
    let at_ms = begun.began_at_ms;
    let was_lately = at_ms.saturating_sub(before.decided_at_ms) <= before.pace.converge_ms;
    let may_have_it = match &before.phase {
        Phase::Rolling | Phase::Halted { .. } | Phase::GoingBack => true,
        Phase::RolledBack => was_lately,
        Phase::Finished | Phase::Superseded | Phase::AtOnce { .. } => false,
    };
    if !may_have_it || before.versions.base != begun.versions.base {
        return begun;
    }
    let had =
        |(id, turn): (&_, &Turn)| (AccountId::clone(id), Turn::new(turn.wave, at_ms, turn.before.clone()));
    RollOut { turns: before.turns.iter().map(had).collect(), ..begun }
}

/// A version that was put in force in all accounts at once, in spite of the waves that its file declares.
#[must_use]
pub fn in_force_at_once(begun: Begin, reason: String) -> RollOut {
    let (target, at_once) = (begun.target, Phase::AtOnce { reason });
    RollOut { phase: at_once, ..begin(Begin { base: target, waves: vec![], ..begun }) }
}

/// Stops it where it is: nobody's turn comes any more, and whoever has the new version keeps it.
///
/// # Errors
/// [`NotNow`]
pub fn abort(roll_out: &RollOut, by: String, reason: String, at_ms: u64) -> Result<RollOut, NotNow> {
    let version = roll_out.versions.target;
    match &roll_out.phase {
        Phase::Rolling => {
            let why = vec![Halt::Aborted { by, reason }];
            Ok(changed(roll_out, Phase::Halted { why }, at_ms, Event::Halted))
        }
        Phase::Halted { .. } => Err(NotNow::Halted { version }),
        Phase::GoingBack => Err(NotNow::GoingBack { version }),
        over => Err(NotNow::Over { version, how: how(over) }),
    }
}

/// Lets it go on after it halted: every account has its time again. `accepts`: what fails now counts as known.
///
/// # Errors
/// [`NotNow`]
pub fn resume(roll_out: &RollOut, by: String, accepts: bool, at_ms: u64) -> Result<RollOut, NotNow> {
    let version = roll_out.versions.target;
    match &roll_out.phase {
        Phase::Halted { .. } => {
            let mut after = changed(roll_out, Phase::Rolling, at_ms, Event::Resumed { by, accepts });
            after.accepts = accepts;
            for turn in after.turns.values_mut() {
                let at_ms = after.decided_at_ms;
                (turn.at_ms, turn.since_ms, turn.asked_at_ms) = (at_ms, at_ms, 0);
            }
            for wave in &mut after.waves {
                wave.prove_anew();
            }
            Ok(after)
        }
        Phase::Rolling => Err(NotNow::NotHalted { version }),
        Phase::GoingBack => Err(NotNow::GoingBack { version }),
        over => Err(NotNow::Over { version, how: how(over) }),
    }
}

/// Takes every account back to the version in force. What that would take away needs permission, as ever.
///
/// # Errors
/// [`NotNow`]
pub fn roll_back(roll_out: &RollOut, by: String, at_ms: u64) -> Result<RollOut, NotNow> {
    let version = roll_out.versions.target;
    match &roll_out.phase {
        Phase::Rolling | Phase::Halted { .. } => {
            Ok(changed(roll_out, Phase::GoingBack, at_ms, Event::GoesBack { by }))
        }
        Phase::GoingBack => Err(NotNow::GoingBack { version }),
        over => Err(NotNow::Over { version, how: how(over) }),
    }
}

/// What is to be known of a roll-out whose place another one takes: where nobody was told of it yet, of the one whose
/// place it took itself, for whose end stands in its first message.
#[must_use]
pub fn supersedes(roll_out: &RollOut) -> Option<Superseded> {
    let Told { sequence, .. } = roll_out.told;
    if sequence == 0 && roll_out.supersedes.is_some() {
        return roll_out.supersedes;
    }
    (!roll_out.is_over()).then_some(Superseded { version: roll_out.versions.target, sequence })
}

/// As it ends when another version takes its place: nobody is to have it any more.
#[must_use]
pub fn superseded(roll_out: &RollOut, at_ms: u64) -> RollOut {
    if roll_out.is_over() {
        return roll_out.clone();
    }
    changed(roll_out, Phase::Superseded, at_ms, Event::Superseded)
}

fn changed(roll_out: &RollOut, phase: Phase, at_ms: u64, event: Event) -> RollOut {
    let at_ms = at_ms.max(roll_out.decided_at_ms);
    let mut after = RollOut { phase, decided_at_ms: at_ms, ..roll_out.clone() };
    after.note(at_ms, event);
    after
}

fn how(phase: &Phase) -> &'static str {
    match phase {
        Phase::RolledBack => "was taken back",
        Phase::Finished => "is finished, and the version in force",
        Phase::Superseded => "was superseded by another version",
        Phase::AtOnce { .. } => "was put in force in all accounts at once",
        Phase::Rolling | Phase::Halted { .. } | Phase::GoingBack => "goes on",
    }
}
