//! Folds the probes' reports into path states and heartbeats.

mod handler;
#[cfg(test)]
mod tests;

pub use handler::Collector;
pub use phonehome_watching::Memory;
