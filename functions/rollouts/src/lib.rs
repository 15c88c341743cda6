//! Rolls a version of the fleet file out: whose turn comes, whether it goes on or halts, and what people are told.

mod handler;
mod message;
#[cfg(test)]
mod tests;

pub use handler::RollOuts;
