//! An AWS account's account and ingest keys at an observability vendor: which are made, bound and deleted next, and what is
//! told.
//!
//! The vendor's calls have no token, and names are not unique: whoever asks twice has two. [`decide()`] is the whole of it:
//! from what was seen, the [`Setup`] as it is stored, what is [`Wanted`] and the time to one [`Step`]. [`turn()`] takes it
//! over [`Vendor`] and [`Secrets`], after what is about to be done was stored. Nothing here reads a key again: which one a
//! secret hands out is known by the key's id.

mod accounts;
mod api;
mod case;
mod decide;
mod error;
mod id;
mod keys;
mod problem;
mod seen;
mod setup;
mod step;
mod times;
mod turn;
mod wanted;

pub use api::{NewIngestKey, NewLink, Secrets, Vendor, VendorText};
pub use case::Case;
pub use decide::decide;
pub use error::{VendorError, VendorErrorKind};
pub use id::{BadIngestKeyId, IngestKeyId, VendorAccountId};
pub use problem::Problem;
pub use seen::{IngestKey, Link, Seen, VendorAccount, Versions};
pub use setup::{Asked, KeyState, Making, Setup};
pub use step::{Decision, Look, Step};
pub use times::{ASKED_MAX, LISTED_MS, SETTLES_MS};
pub use turn::{KeepSetup, Turn, turn};
pub use wanted::{DataCenter, Wanted, WantedLink};
