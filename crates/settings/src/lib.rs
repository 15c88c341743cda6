//! Settings of an account that security scans ask for, in one Region: S3's block of public access, EBS encryption by default
//! and its key, IMDSv2 for new instances.
//!
//! [`decide()`] says of one setting what comes of what is declared and what is seen: nothing, one step that tightens it, or
//! what people are told. [`look_and_set`] does so for all of them over AWS's API ([`SettingsApi`]), and stores what it is
//! about to do before each call that changes something. There is no step that loosens anything, so none can be decided.
//! Nothing here knows an SDK, sleeps, or reads a clock.

mod api;
mod auto_scaling;
mod decide;
mod due;
mod key;
mod look;
mod problem;
mod record;
mod seen;
mod setting;
mod turn;

pub use api::SettingsApi;
pub use auto_scaling::{Grant, NEEDED, auto_scaling_role, lacking};
pub use decide::{Decision, decide};
pub use due::{TRIES_MAX, is_due};
pub use key::{Key, Unfit};
pub use problem::Problem;
pub use record::{
    Before, HELD_MS, Held, Known, SETTINGS, SETTINGS_TEMPLATE, SettingsRecord, State, Told, WRITES_A_WEEK,
    settings_key,
};
pub use seen::{DefaultKey, MetadataDefaults, PublicAccess, Seen};
pub use setting::{Setting, Step, Wanted};
pub use turn::{Keep, look_and_set};
