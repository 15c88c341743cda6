//! What collector and alerter do with the table: a report is judged by what is stored and folded into it
//! ([`Collecting`]), and everything that is stored is looked at, decided and stored ([`Alerting`]). What a roll-out is decided from is gathered here, too ([`rolling()`]). The functions put
//! queues, metrics and Lambda around it; the command replays recorded reports with it. Time is an argument or a
//! clock that is given.

mod alerting;
mod collecting;
mod declared;
mod declaring;
mod digest;
mod envelope;
mod expected;
mod found;
mod heard;
mod judged;
mod known;
mod moved;
mod parsed;
mod partitions;
mod parts;
mod probes;
mod proof;
mod reached;
mod reading;
mod rolling;
mod stored;
mod storing;
mod windows;
mod witnesses;
mod world;

pub use alerting::{Alerting, Decided, next_look_s};
pub use collecting::{Arrived, Collecting};
pub use envelope::{Arrival, read, read_event};
pub use known::Known;
pub use proof::{Proof, proof};
pub use rolling::{Rolling, rolling};
pub use stored::{FLEET_KEPT_MS, Freshness, InForce, Isolated, Memory, Read, STACK_KEPT_MS, Stored};
pub use storing::Storing;
pub use world::{Gathered, Pace, gather};

/// What is worth a count while a report is folded. Who counts it is the caller's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// An item that cannot be read.
    Unreadable,
    /// A report that came before, or after a later one.
    Duplicate,
    /// Results that were not asked for: so many.
    Dropped(u64),
}

/// Who counts.
pub type Counting<'c> = &'c (dyn Fn(Counted) + Sync);
