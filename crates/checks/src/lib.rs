//! Runs a probe's checks: TCP, TLS, HTTP and DNS.
//!
//! [`run_with()`] takes a [`ProbeInput`] and returns a [`Report`] that has one result for each check,
//! whatever happens: a check that cannot be run is reported as such and never stops the others.
//!
//! - All addresses of a host are tried, not just the first: each must connect, or none may.
//! - Only the probe's own trouble (no sockets, no memory, bad input) is
//!   [`Verdict::ProbeError`](phonehome_wire::Verdict::ProbeError); it never counts against the path.
//! - What must not connect is denied only by silence: two SYNs to each address, and nothing came back. A
//!   refusal has crossed the network. What a denial proves is for the hub to say.
//! - A connection with the probe's own machine proves nothing.
//!
//! ```no_run
//! # async fn example(event: serde_json::Value) -> Result<(), phonehome_checks::InputError> {
//! let input = phonehome_checks::parse_input(event)?;
//! let account = "444455556666".parse().expect("12 digits");
//! let identity = phonehome_checks::Identity { account, run_id: "7f1c".into() };
//! let report = phonehome_checks::run_with(&input, &identity, &Default::default()).await;
//! assert_eq!(report.results.len(), input.checks.len());
//! # Ok(()) }
//! ```
//!
//! [`ProbeInput`]: phonehome_wire::ProbeInput
//! [`Report`]: phonehome_wire::Report

mod attempt;
mod certificate;
mod deadline;
mod dns;
mod endpoint;
mod http;
mod input;
mod local;
mod nameserver;
mod outcome;
mod passes;
mod pem;
mod resolve;
mod run;
mod settings;
mod slots;
mod stall;
mod stream;
mod tcp;
mod tls;
mod tries;
mod verdict;

pub use deadline::MAX_TIMEOUT_MS;
pub use dns::parse_nameserver;
pub use input::{InputError, parse_input};
pub use pem::{PemError, certificates};
pub use run::run_with;
pub use settings::{Identity, Settings};
pub use slots::sockets_at_once;
pub use tokio_rustls::rustls::pki_types::CertificateDer;

#[cfg(test)]
mod tests;
