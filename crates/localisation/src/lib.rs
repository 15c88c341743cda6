//! What is broken: the most likely explanation of what fails and what passes.
//!
//! A [`Builder`] is told which [`Component`]s each path depends on, at which [`Stage`]; a [`State`] takes what came of
//! each run ([`Outcome`]); [`State::explain`] says what is most likely broken, what cannot be told apart, and whether
//! somebody is still to report who could make it something wider ([`Gate`]).
//!
//! Everything here is pure and deterministic: no clock, no I/O, no floating point. Times are in ticks and come in as
//! arguments.

mod awaited;
mod builder;
mod component;
mod doubt;
mod evidence;
mod explanation;
mod fixed;
mod incidents;
mod names;
mod outcome;
mod rules;
mod search;
mod state;
mod suspect;
mod topology;
mod window;

pub use builder::{Builder, Segment};
pub use component::Component;
pub use doubt::Doubt;
pub use explanation::{Cause, Explanation, Gate};
pub use incidents::{Incident, Incidents};
pub use names::Name;
pub use outcome::{Outcome, Stage};
pub use rules::{Policy, Rules, kept};
pub use state::State;
pub use suspect::Suspect;
pub use topology::{PathId, ProbeId, Topology};
pub use window::is_over;
