//! How a version of the fleet file reaches every account: in waves, gated by what the waves before have proven.
//!
//! A [`RollOut`] is what is stored of it. [`decide()`] says from it, from what was [`Observed`] and from the time whose
//! turn it is, and whether it goes on, halts or is finished; [`begin`] begins one, and [`abort`], [`resume`] and
//! [`roll_back`] are what an operator may do with it. Everything here is pure: what is seen comes in as a value, time
//! as an argument.

mod before;
mod decide;
mod gate;
mod halt;
mod observed;
mod operator;
mod roll_out;
mod versions;

pub use before::{Before, KNOWN_KEPT, NAMES_BYTES_MAX};
pub use decide::{Decision, decide};
pub use halt::{Halt, NAMED_MAX};
pub use observed::{Account, Failing, Observed, PathId, Progress, Stack, Unproven};
pub use operator::{
    Begin, NotNow, abort, begin, in_force_at_once, resume, roll_back, superseded, supersedes, take_over,
};
pub use roll_out::{
    EVENTS_KEPT, Event, Happened, Pace, Phase, RollOut, Superseded, Told, Turn, Wait, Wave, WaveState,
};
pub use versions::Versions;
