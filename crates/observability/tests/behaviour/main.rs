//! An account's set-up at a vendor in memory.

mod choices;
mod runs;
mod world;
