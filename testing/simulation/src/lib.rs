//! The whole path in virtual time: probes, bus, queue, collector, alerter, notifier. The functions are the real ones,
//! over a table, queues, Slack and on-call in memory; what the probes see comes from simulated networks of which a
//! seed breaks parts, and the seed loses, repeats and delays messages and ends functions wherever it likes.
//!
//! What is shared with the scenarios, in which packets really move, is here: [`Slack`], [`OnCall`], [`event()`].

mod chance;
mod clock;
mod envelope;
mod hub;
mod life;
mod mailbox;
mod on_call;
mod options;
mod oracle;
mod plan;
mod run;
mod seen;
mod slack;
mod stage;
mod table;
mod tape;

pub use envelope::event;
pub use on_call::{OnCall, Paged};
pub use options::Options;
pub use oracle::Told;
pub use run::{Outcome, record, run};
pub use slack::{Posted, Slack};
