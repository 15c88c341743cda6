//! Delivers the outbox to Slack and to on-call.

mod chat;
mod delivery;
mod doubt;
mod handler;
mod held_back;
mod latency;
mod limits;
mod outbox;
mod pages;
mod place;
#[cfg(test)]
mod tests;

pub use chat::{ChatSource, SlackWithSecret};
pub use handler::Notifier;
