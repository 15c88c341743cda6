//! What is simulated.

/// What is simulated.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The seed.
    pub seed: u64,
    /// How many accounts, of three zones each.
    pub accounts: u32,
    /// How many hours.
    pub hours: u64,
    /// Hours in which nothing happens are simulated, too.
    pub whole: bool,
    /// Nothing gets lost and no function dies: what is told wrongly then is wrong by itself.
    pub calm: bool,
    /// What is known to be told in pieces breaks, too.
    pub all_kinds: bool,
}

impl Options {
    /// A day of 12 accounts, which is what the seeds that are kept were found with.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self { seed, accounts: 12, hours: 24, whole: false, calm: false, all_kinds: false }
    }
}
