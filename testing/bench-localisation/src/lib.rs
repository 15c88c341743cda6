//! Simulated networks, what breaks in them, and chance from a seed: what the benchmark of localisation and the
//! simulation of the whole path have in common.

mod faults;
mod fleet;
mod network;
mod random;

pub use faults::{Fault, KINDS, SHARED_KINDS};
pub use fleet::{Aim, CLOSED_PORT, Connection, Fleet, OUTSIDE, PORTS, Path, ZONES};
pub use network::{Fate, Network};
pub use random::Random;
