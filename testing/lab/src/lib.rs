//! The packet lab: from what EC2 says of a network to a Linux network in which packets really move, so that the
//! kernel is an independent judge of what a probe says.
//!
//! [`describe()`] is a function from [`Inventories`] and [`Wishes`] to a [`network::Network`]; [`Lab`] makes that,
//! and runs the real probe in it. Neither shares code with what plans networks.

mod apply;
mod authority;
mod describe;
mod dns;
mod lab;
mod namespaces;
pub mod network;
mod runtime_api;
pub mod sample;
pub mod scenarios;
mod serve;
mod wishes;

pub use describe::{Inventories, describe};
pub use lab::Lab;
pub use namespaces::{available, enter, is_inside, run_inside};
pub use wishes::{Answer, Certificate, Host, Place, Resolver, Wishes};
