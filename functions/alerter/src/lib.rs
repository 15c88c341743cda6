//! Decides what to say, to whom, and what to page for.

mod again;
mod ask;
mod handler;
#[cfg(test)]
mod tests;

pub use again::Again;
pub use ask::Ask;
pub use handler::Alerter;
pub use phonehome_watching::{Known, Pace};
