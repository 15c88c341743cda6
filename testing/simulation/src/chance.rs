//! Chance that depends on the seed and on what is asked, and not on what was asked before: what is skipped changes
//! nothing of what comes after it.

use phonehome_bench_localisation::Random;

/// What is left to chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Question {
    /// What breaks, and when.
    Plan = 1,
    /// When in its minute a probe runs, and how wrong its clock is.
    Probe,
    /// What a run's results are that are wrong by chance.
    Noise,
    /// What becomes of a report on its way.
    Way,
    /// How long a call takes.
    Latency,
    /// Whether a read is of a moment ago.
    Stale,
    /// Where an invocation ends that does.
    Life,
    /// What becomes of an ask to run again.
    Ask,
}

/// The chance of one seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// The same for the same question and numbers, always.
    pub(crate) fn of(self, question: Question, number: u64, at: u64) -> Random {
        let mut mixed = Random::new(self.0 ^ (question as u64).rotate_left(56));
        let salt = u64::from(mixed.below(u32::MAX)).rotate_left(20);
        Random::new(
            salt ^ number.wrapping_mul(0xA076_1D64_78BD_642F) ^ at.wrapping_mul(0xE703_7ED1_A0B4_28DB),
        )
    }
}
