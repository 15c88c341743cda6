//! Decides what to say, to whom, and what to page for.

mod handler;
#[cfg(test)]
mod tests;
mod world;

pub use handler::Alerter;
