//! Closing an account: what has to be so before AWS is asked to, and what came of it.
//!
//! [`clear()`] is the only way to a [`Cleared`], and [`ClosingApi::close`] takes nothing else: an account is closed only
//! where every look at it succeeded and found nothing but phonehome's own. [`may_ask`] keeps Organizations' limits,
//! [`NotClosed`] says what its refusals mean, [`Decommissioned`] is what is stored of it. Nothing here knows an SDK,
//! sleeps or reads a clock.

mod api;
mod clear;
mod hindrance;
mod limits;
mod premises;
mod record;
mod refusal;
mod state;

pub use api::{ClosingApi, OrganizationAccount};
pub use clear::{Case, Cleared, clear, look};
pub use hindrance::Hindrance;
pub use limits::{IN_PROGRESS_MAX, INTERVAL_MS, Wait, may_ask, quota};
pub use premises::{Found, Holder, LOOKED_AT, Premises, RegionSeen, Retained, Thing, found};
pub use record::{Closing, DECOMMISSIONED, Decommissioned, REINSTATED_MS, SETTLED_MS, decommissioned_key};
pub use refusal::NotClosed;
pub use state::AccountState;
