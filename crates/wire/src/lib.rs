//! What travels between the hub and a probe.
//!
//! The hub puts a [`ProbeInput`] into a probe's schedule; the probe answers with a [`Report`].
//! These types are the contract between binaries of different age: fields are only ever added,
//! with a default, and unknown fields are ignored.

mod check;
mod class;
mod clip;
mod detail;
mod ids;
mod partition;
mod report;
mod rerun;

pub use check::{
    AUTHORITIES_FILE, BODY_BYTES_MAX, Check, CheckId, CheckKind, Expect, ExpectedHeader, HttpMethod,
    ProbeInput, Purpose, REPORT_VERSION, RecordType, StatusRange, TRIES_DEFAULT, Target,
};
pub use class::{Class, Stage};
pub use clip::clip;
pub use detail::{
    ADDRESSES_MAX, ANSWERS_MAX, ATTEMPTS_MAX, Approach, Attempt, Certificate, Detail, IcmpSaid, Miss,
};
pub use ids::{AccountId, AzId, InvalidId, NAME_CHARS_MAX, Region, StackId};
pub use partition::partition;
pub use report::{
    CheckResult, RUN_ID_CHARS_MAX, Report, ReportProblem, TEXT_BYTES_MAX, TEXT_CHARS_MAX, Verdict,
};
pub use rerun::rerun_input;

/// The version of this contract. A probe or collector that meets a higher one refuses it.
pub const WIRE_VERSION: u32 = 1;
