//! Runs all checks of an input and writes the report.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use phonehome_wire::{
    AccountId, Check, CheckKind, CheckResult, Expect, ProbeInput, Report, Verdict, WIRE_VERSION,
};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::deadline::{Deadline, MAX_TIMEOUT_MS};
use crate::dns::Question;
use crate::endpoint::{Endpoint, Exchange};
use crate::resolve::HostResolver;
use crate::tls::Trust;
use crate::verdict::{Control, Outcome, combine, judge_connect, judge_deny};
use crate::{http, tcp, tls};

/// How many checks run at the same time.
pub const MAX_CONCURRENT_CHECKS: usize = 32;

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
    /// How long the whole run may take. A check that would not fit is not begun and reported as
    /// [`Verdict::ProbeError`]. 50 seconds by default.
    pub limit: Duration,
    /// Certificate authorities trusted beside the public ones. None by default.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// The nameserver that is asked where a check names none; the system's when absent.
    pub nameserver: Option<SocketAddr>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { limit: Duration::from_secs(50), extra_roots: vec![], nameserver: None }
    }
}

/// Runs all checks of `input` with the default [`Settings`]; see [`run_with`].
pub async fn run(input: &ProbeInput, identity: &Identity) -> Report {
    run_with(input, identity, &Settings::default()).await
}

/// Runs all checks of `input`, at most [`MAX_CONCURRENT_CHECKS`] at a time, each within its own
/// timeout and all within [`Settings::limit`].
///
/// The report has one result for each check, in the input's order. Must be called inside a tokio
/// runtime with I/O and time enabled.
pub async fn run_with(input: &ProbeInput, identity: &Identity, settings: &Settings) -> Report {
    let started_at_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, whole_ms);
    let started = Instant::now();
    let findings = run_all(&input.checks, settings, started).await;
    Report {
        version: WIRE_VERSION,
        account: identity.account.clone(),
        region: input.region.clone(),
        availability_zone: input.availability_zone.clone(),
        run_id: identity.run_id.clone(),
        generation: input.generation,
        started_at_ms,
        duration_ms: whole_ms(started.elapsed()),
        results: judge_all(&input.checks, findings),
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What a check met and how long it took, in milliseconds.
type Finding = (Outcome, u64);

/// What all checks of one run share.
struct Shared {
    resolver: HostResolver,
    trust: Result<Trust, String>,
    nameserver: Option<SocketAddr>,
    slots: Semaphore,
    limit: Duration,
    /// When the run must be over.
    end: Instant,
}

async fn run_all(checks: &[Check], settings: &Settings, started: Instant) -> Vec<Finding> {
    let shared = Arc::new(Shared {
        resolver: HostResolver::new(settings.nameserver),
        trust: Trust::new(&settings.extra_roots),
        nameserver: settings.nameserver,
        slots: Semaphore::new(MAX_CONCURRENT_CHECKS),
        limit: settings.limit,
        end: started + settings.limit,
    });
    // What stands here at the end belongs to a task that panicked.
    let mut findings =
        vec![(Outcome::ProbeError("the check crashed inside the probe".to_owned()), 0); checks.len()];
    let mut tasks = JoinSet::new();
    let unusable = unusable(checks);
    for (index, (check, reason)) in checks.iter().zip(unusable).enumerate() {
        match reason {
            Some(reason) => findings[index] = (Outcome::ProbeError(reason), 0),
            None => {
                let (check, shared) = (check.clone(), shared.clone());
                tasks.spawn(async move { (index, run_one(&check, &shared).await) });
            }
        }
    }
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok((index, finding)) => findings[index] = finding,
            Err(error) => tracing::error!(%error, "a check crashed"),
        }
    }
    findings
}

/// Why checks cannot be run as they stand, one entry for each.
fn unusable(checks: &[Check]) -> Vec<Option<String>> {
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for check in checks {
        *uses.entry(check.id.0.as_str()).or_default() += 1;
    }
    let reason = |check: &Check| {
        let id = check.id.0.as_str();
        match (uses.get(id), check.timeout_ms) {
            (Some(2..), _) => Some(format!("bad input: more than one check has the id {id:?}")),
            (_, 1..=MAX_TIMEOUT_MS) => None,
            (_, ms) => Some(format!("bad input: a timeout of {ms} ms is not within 1 to {MAX_TIMEOUT_MS}")),
        }
    };
    checks.iter().map(reason).collect()
}

async fn run_one(check: &Check, shared: &Arc<Shared>) -> Finding {
    let slot = timeout_at(shared.end, shared.slots.acquire()).await;
    // A check that the run's end would cut short would look like a dead path.
    let fits = Instant::now() + Duration::from_millis(check.timeout_ms) <= shared.end;
    if slot.is_err() || !fits {
        let reason = format!(
            "not tested: its {} ms do not fit into what is left of the run's {} ms",
            check.timeout_ms,
            whole_ms(shared.limit)
        );
        return (Outcome::ProbeError(reason), 0);
    }
    let started = Instant::now();
    let outcome = exercise(check, shared, Deadline::after_ms(check.timeout_ms)).await;
    (outcome, whole_ms(started.elapsed()))
}

async fn exercise(check: &Check, shared: &Arc<Shared>, deadline: Deadline) -> Outcome {
    let endpoint = match &check.kind {
        CheckKind::Dns { name, nameserver } => {
            return match Question::new(name, nameserver.as_deref()) {
                Ok(question) => question.ask(shared.nameserver, deadline).await,
                Err(reason) => bad_input(&reason),
            };
        }
        CheckKind::Tcp { host, port } => Endpoint::tcp(host, *port),
        CheckKind::Tls { host, port, server_name } => Endpoint::tls(host, *port, server_name.as_deref()),
        CheckKind::Http { url, status } => Endpoint::http(url, *status),
    };
    match endpoint {
        Ok(endpoint) => connect(endpoint, check.expect, shared, deadline).await,
        Err(reason) => bad_input(&reason),
    }
}

fn bad_input(reason: &str) -> Outcome {
    Outcome::ProbeError(format!("bad input: {reason}"))
}

/// Tries every address of the endpoint's host at the same time.
async fn connect(
    mut endpoint: Endpoint,
    expect: Expect,
    shared: &Arc<Shared>,
    deadline: Deadline,
) -> Outcome {
    if expect == Expect::Deny {
        // A connection is already one too many, whatever would be said over it.
        endpoint.exchange = Exchange::Tcp;
    }
    let addresses = match shared.resolver.addresses(&endpoint.host, deadline).await {
        Ok(addresses) => addresses,
        Err(outcome) => return outcome,
    };
    let endpoint = Arc::new(endpoint);
    let mut attempts = JoinSet::new();
    for ip in addresses {
        let (endpoint, shared) = (endpoint.clone(), shared.clone());
        let address = SocketAddr::new(ip, endpoint.port);
        attempts.spawn(async move {
            (
                address,
                attempt(address, &endpoint.exchange, &shared, deadline).await.unwrap_or_else(|miss| miss),
            )
        });
    }
    let mut outcomes = attempts.join_all().await;
    outcomes.sort_by_key(|(address, _)| *address);
    combine(outcomes.into_iter().map(|(_, outcome)| outcome).collect(), expect)
}

/// The whole exchange with one address.
async fn attempt(
    address: SocketAddr,
    exchange: &Exchange,
    shared: &Shared,
    deadline: Deadline,
) -> Result<Outcome, Outcome> {
    let stream = tcp::connect(address, deadline).await?;
    let trust = || shared.trust.as_ref().map_err(|reason| Outcome::ProbeError(reason.clone()));
    match exchange {
        Exchange::Tcp => Ok(Outcome::Reached(address.to_string())),
        Exchange::Tls(name) => {
            tls::handshake(stream, address, name, trust()?, deadline).await?;
            Ok(Outcome::Reached(address.to_string()))
        }
        Exchange::Http { tls: None, uri, status } => {
            Ok(http::get(stream, address, uri, *status, deadline).await)
        }
        Exchange::Http { tls: Some(name), uri, status } => {
            let stream = tls::handshake(stream, address, name, trust()?, deadline).await?;
            Ok(http::get(stream, address, uri, *status, deadline).await)
        }
    }
}

/// Judges what must connect first, because what must not is judged by it.
fn judge_all(checks: &[Check], findings: Vec<Finding>) -> Vec<CheckResult> {
    let mut controls: BTreeMap<&str, Control<'_>> = BTreeMap::new();
    let connected: Vec<Option<Verdict>> = checks
        .iter()
        .zip(&findings)
        .map(|(check, (outcome, _))| match check.expect {
            Expect::Connect => Some(judge_connect(outcome.clone())),
            Expect::Deny => None,
        })
        .collect();
    for (check, verdict) in checks.iter().zip(&connected) {
        let control = match verdict {
            Some(verdict) => Control::Ran(&check.id, verdict),
            None => Control::IsDeny(&check.id),
        };
        controls.insert(check.id.0.as_str(), control);
    }
    let judged = checks.iter().zip(&connected).zip(findings);
    judged
        .map(|((check, verdict), (outcome, latency_ms))| {
            let verdict = match verdict {
                Some(verdict) => verdict.clone(),
                None => judge_deny(outcome, control_of(check, &controls)),
            };
            CheckResult { id: check.id.clone(), verdict, latency_ms }
        })
        .collect()
}

fn control_of<'a>(check: &'a Check, controls: &BTreeMap<&str, Control<'a>>) -> Control<'a> {
    match &check.control {
        None => Control::NotNamed,
        Some(id) => controls.get(id.0.as_str()).copied().unwrap_or(Control::Unknown(id)),
    }
}
