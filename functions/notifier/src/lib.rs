//! Delivers the outbox to Slack and to on-call.

mod chat;
mod delivery;
mod handler;
mod limits;
mod outbox;
#[cfg(test)]
mod tests;

pub use chat::{ChatSource, SlackWithSecret};
pub use handler::Notifier;
