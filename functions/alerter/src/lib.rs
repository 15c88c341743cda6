//! Decides what to say, to whom, and what to page for.

mod again;
mod handler;
mod parts;
mod storing;
#[cfg(test)]
mod tests;
mod windows;
mod world;

pub use again::Again;
pub use handler::Alerter;
pub use world::{Memory, Pace};
