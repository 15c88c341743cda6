//! Folds the probes' reports into path states and heartbeats.

mod envelope;
mod handler;
mod moved;
mod stored;
#[cfg(test)]
mod tests;
mod witnesses;

pub use handler::Collector;
pub use stored::Memory;
