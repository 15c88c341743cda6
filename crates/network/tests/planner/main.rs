//! What the planner promises, against a simulated AWS.

mod drift;
mod fresh_stack;
mod nat;
mod probes;
mod properties;
mod refusals;
mod spec;
mod support;
mod text;
