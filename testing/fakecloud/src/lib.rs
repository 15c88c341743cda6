//! An AWS in memory: EC2's networks, Lambda functions and schedules of many accounts and Regions.
//!
//! It refuses what AWS refuses, with AWS's error codes; its time only goes on when it is told to; and
//! what it answers depends on nothing but what was asked. [`FakeCloud`] is synchronous; [`FakeStack`]
//! is the executor's way to it, on which calls take time, answers get lost and executors die.

mod account;
mod again;
mod api;
mod call;
mod cloud;
pub mod contract;
mod endpoints;
mod fault;
pub mod fleet;
mod guards;
mod nat;
mod peering;
mod probes;
mod region;
mod remove;
mod routes;
pub mod sample;
mod shared;
mod stack;
mod stale;
mod throttle;
mod vpc;

pub use account::FakeAccountRegion;
pub use call::{Recorded, Refused, Resolve};
pub use cloud::FakeCloud;
pub use fault::Fault;
pub use shared::Options;
pub use stack::{CallLog, FakeStack, SharedCloud};
pub use stale::Staleness;
