//! The access keys of a machine user, an IAM user that a pipeline works as where it cannot have a role: which key is made,
//! switched off or deleted next, and what is told.
//!
//! [`decide()`] is the whole of it: from what was seen, the [`Rotation`] as it is stored, the [`Rules`] and the time to at most
//! one [`Step`]. [`turn()`] takes it over [`KeysApi`], after what is about to be done was stored. Nothing here reads a secret:
//! a key's version in Secrets Manager is known by the key's id.

mod api;
mod decide;
mod key;
mod problem;
mod rotation;
mod seen;
mod sorted;
mod times;
mod turn;

pub use api::{KeysApi, NewKey, Outcome};
pub use decide::{Decision, Step, decide};
pub use key::{BadKeyId, KeyId};
pub use problem::Problem;
pub use rotation::{Intent, Rotation, Rules, SwitchedOff};
pub use seen::{Key, Seen, Versions};
pub use times::SETTLES_MS;
pub use turn::{KeepRotation, Turn, turn};
