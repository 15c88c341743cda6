//! What the planner promises, against an AWS in memory that refuses what AWS refuses.

mod adoption;
mod classes;
mod code_first;
mod contract;
mod drift;
mod fleets;
mod fresh_stack;
mod giving_up;
mod identities;
mod inputs;
mod limits;
mod links;
mod lost_tags;
mod nat;
mod parts;
mod peering_ends;
mod permission;
mod probes;
mod properties;
mod readiness;
mod refusals;
mod rendering;
mod spec;
mod support;
mod template;
mod zones;
