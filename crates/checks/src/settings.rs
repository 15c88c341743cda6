//! Who runs the checks, and with what.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use phonehome_wire::AccountId;
use tokio_rustls::rustls::pki_types::CertificateDer;

/// Who runs the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account the probe believes it runs in: 12 digits.
    pub account: AccountId,
    /// Names the run: the Lambda request id, the same when one run is delivered twice.
    pub run_id: String,
}

/// What a run may take, whom it trusts and whom it asks.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long the whole run may take: where many targets say nothing, each is waited for less long, so that all
    /// have their turn. What has none is reported as [`phonehome_wire::Verdict::ProbeError`]. 50 seconds by
    /// default.
    pub limit: Duration,
    /// Certificate authorities trusted beside the public ones. None by default.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// The nameserver that is asked where a check names none; the system's when absent.
    pub nameserver: Option<SocketAddr>,
    /// The address that connections go out from; the system's choice when absent.
    pub source: Option<IpAddr>,
    /// Whether connections with the probe's own machine count, as in the local cloud, where all that there
    /// is runs on one machine. Elsewhere they prove nothing of a network. Not by default.
    pub own_machine_counts: bool,
    /// By how much the machine's clock is ahead, in milliseconds: as far as that is known, no result suffers from
    /// it. 0 by default.
    pub clock_ahead_ms: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limit: Duration::from_secs(50),
            extra_roots: vec![],
            nameserver: None,
            source: None,
            own_machine_counts: false,
            clock_ahead_ms: 0,
        }
    }
}
