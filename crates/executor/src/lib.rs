//! Applies a plan to one account and Region: every step as soon as what it comes after is done, side
//! by side, within EC2's published limits, and only while a fence allows it.
//!
//! It knows tokio and no AWS SDK: an account is a [`StackApi`], be it AWS or a fake one. It decides
//! nothing about networks, and it never sleeps. What cannot be done now is answered as
//! [`StepOutcome::Waiting`], and whoever asked observes again later.

mod api;
mod buckets;
mod clock;
mod error;
mod estimate;
mod executor;
mod fence;
mod outcome;
mod refusals;
mod retry;
mod run;

pub use api::{Ids, StackApi};
pub use buckets::{Buckets, Limit, RetryAt};
pub use clock::{Clock, Uptime};
pub use error::{PlanBug, StepError};
pub use estimate::estimate_ms;
pub use executor::{CALLS_MAX, Executor};
pub use fence::{Fence, NoFence, Stale};
pub use outcome::{Applied, StepOutcome};
