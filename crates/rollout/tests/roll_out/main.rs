//! Roll-outs in small fleets, minute by minute.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod halts;
mod operator;
mod random;
mod size;
mod superseding;
mod waves;
mod world;
