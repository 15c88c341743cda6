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

/// The version of [`ProbeInput`]. A probe that meets a higher one refuses it.
pub const WIRE_VERSION: u32 = 1;

/// The newest version of [`Report`] that this build writes and reads. A collector that meets a higher one
/// refuses it, and a probe writes none that its input does not ask for ([`ProbeInput::report_version`]): a
/// hub that goes back to an earlier version goes on understanding its probes.
///
/// | version | what is new |
/// |---|---|
/// | 1 | the probe itself says that an isolation is proven |
/// | 2 | it says [`Verdict::Denied`] and at which addresses; what that proves is for the hub to say |
pub const REPORT_VERSION: u32 = 2;
