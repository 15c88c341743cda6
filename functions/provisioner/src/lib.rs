//! Gives an account its network.

// Futures within futures, down to the SDK's: the compiler's default of 128 does not reach.
#![recursion_limit = "256"]

mod event;
mod failed;
mod failure;
mod handler;
mod left;
mod orphaned;
mod outdated;
mod probe_code;
mod rerun;
mod stacks;
mod sweep;
#[cfg(test)]
mod tests;
mod unlisted;
mod waiting;
mod who;

pub use handler::{Provisioner, cooldown_ms};
