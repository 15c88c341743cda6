//! What a scenario is.

use phonehome_wire::{CheckResult, Class, Stage, Verdict};

use crate::world::World;

/// What a check comes to, as its probe says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// What must connect does.
    Ok,
    /// What must not connect is silent.
    Denied,
    /// What must connect does, and TCP's handshake takes so many milliseconds longer each time.
    Delayed(u64),
    /// One of several: chance decides.
    OneOf(&'static [Self]),
    /// Something fails, so far and for this reason.
    Fail(Stage, Class),
    /// Nothing is known.
    Inconclusive,
    /// The probe could not test.
    ProbeError,
}

impl Expected {
    /// Whether a result is that.
    pub fn is_met(&self, result: &CheckResult) -> bool {
        match (self, &result.verdict) {
            (Self::OneOf(several), _) => several.iter().any(|it| it.is_met(result)),
            (Self::Ok, Verdict::Ok)
            | (Self::Denied, Verdict::Denied { .. })
            | (Self::Inconclusive, Verdict::DenyProven | Verdict::Inconclusive { .. })
            | (Self::ProbeError, Verdict::ProbeError { .. }) => true,
            (Self::Delayed(ms), Verdict::Ok) => {
                let handshakes = result.detail.attempts.iter().filter_map(|it| it.connect_us);
                let mut handshakes = handshakes.map(|it| it / 1_000).peekable();
                // What else there is to it took less than a millisecond, but for a busy machine.
                handshakes.peek().is_some() && handshakes.all(|it| (*ms..ms + 500).contains(&it))
            }
            (Self::Fail(stage, class), Verdict::Fail { stage: at, class: of, .. }) => {
                (stage, class) == (at, of)
            }
            _ => false,
        }
    }
}

/// What is told of a fault once every probe has reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Just these messages.
    Just(&'static [Message]),
    /// These messages, and others: which ones depends on whose report comes first.
    AtLeast(&'static [Message]),
    /// Chance decides.
    Anything,
}

/// What somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// A message in one of Slack's channels: the channel, and its whole text as it reads in the end.
    Slack(&'static str, &'static str),
    /// A page: its subject.
    Page(&'static str),
}

/// Who mends what is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// phonehome itself, at its next sweep.
    Provisioner,
    /// Somebody by hand: it is as it was before.
    ByHand,
}

/// A fault, and what has to be said of it.
#[derive(Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// Breaks a fleet in which everything works.
    pub break_it: fn(&mut World),
    /// Account, zone (0 for every one), checks, and what that comes to. All that is not named here works.
    pub expected: &'static [(&'static str, u8, &'static [&'static str], Expected)],
    /// What Slack and on-call are told of it.
    pub told: Told,
    /// Who mends it.
    pub repair: Repair,
}
