//! What travels between the hub and a probe.
//!
//! The hub puts a [`ProbeInput`] into a probe's schedule; the probe answers with a [`Report`].
//! These types are the contract between binaries of different age: fields are only ever added,
//! with a default, and unknown fields are ignored.

mod check;
mod ids;
mod report;

pub use check::{Check, CheckId, CheckKind, Expect, ProbeInput, Purpose, Target};
pub use ids::{AccountId, AzId, InvalidId, NAME_CHARS_MAX, Region, StackId};
pub use report::{
    ADDRESSES_MAX, CheckResult, RUN_ID_CHARS_MAX, Report, ReportProblem, Stage, TEXT_BYTES_MAX,
    TEXT_CHARS_MAX, Verdict,
};

/// The version of this contract. A probe or collector that meets a higher one refuses it.
pub const WIRE_VERSION: u32 = 1;
