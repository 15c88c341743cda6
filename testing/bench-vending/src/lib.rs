//! An Organizations in memory, with its limits, latencies and what goes wrong; and vendors that work on it in virtual
//! time, at once, and die at any call.

mod bucket;
mod calls;
mod clock;
mod organization;
mod run;
mod score;
mod table;

pub use clock::VirtualClock;
pub use organization::{FakeOrganizations, Faults};
pub use run::{Deaths, Run, wanted};
pub use score::Score;
