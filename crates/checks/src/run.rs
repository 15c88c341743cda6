//! Runs all checks of an input and writes the report.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use phonehome_wire::{
    ADDRESSES_MAX, AccountId, AzId, Check, CheckKind, CheckResult, Expect, ProbeInput, Report, WIRE_VERSION,
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
use crate::verdict::{Outcome, combine, judge_connect, judge_deny};
use crate::{http, tcp, tls};

/// How many checks run at the same time.
pub const MAX_CONCURRENT_CHECKS: usize = 32;

/// How long what must not connect is waited for once its name is resolved, in milliseconds. Linux sends the
/// second SYN after 1 s (RFC 6298), and gets a second for its answer.
const SILENCE_MS: u64 = 2_000;

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
    /// [`phonehome_wire::Verdict::ProbeError`]. 50 seconds by default.
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
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limit: Duration::from_secs(50),
            extra_roots: vec![],
            nameserver: None,
            source: None,
            own_machine_counts: false,
        }
    }
}

/// Runs all checks of `input` with the default [`Settings`]; see [`run_with`].
pub async fn run(input: &ProbeInput, identity: &Identity) -> Report {
    run_with(input, identity, &Settings::default()).await
}

/// Runs all checks of `input`, at most [`MAX_CONCURRENT_CHECKS`] at a time, each within its own
/// timeout (what must not connect 2 s longer, for silence takes its time) and all within [`Settings::limit`].
///
/// The report has one result for each check that is due in this minute, in the input's order. Must be
/// called inside a tokio runtime with I/O and time enabled.
pub async fn run_with(input: &ProbeInput, identity: &Identity, settings: &Settings) -> Report {
    let started_at_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, whole_ms);
    let started = Instant::now();
    let place = (&identity.account, &input.availability_zone);
    let checks = input.checks.iter().filter(|check| is_due(check, place, started_at_ms));
    let checks: Vec<Check> = checks.cloned().collect();
    let findings = run_all(&checks, settings, started).await;
    let results = checks.iter().zip(findings).map(|(check, finding)| result(check, finding));
    let results = results.collect();
    Report {
        version: WIRE_VERSION,
        account: identity.account.clone(),
        region: input.region.clone(),
        availability_zone: input.availability_zone.clone(),
        run_id: identity.run_id.clone(),
        generation: input.generation,
        started_at_ms,
        duration_ms: whole_ms(started.elapsed()),
        clock_ahead_ms: 0,
        stalled_ms: 0,
        results,
    }
}

/// Whether a check's turn has come in this minute. Its control runs each minute, so that it runs beside it; the
/// probes of different accounts and zones take different minutes.
fn is_due(check: &Check, (account, zone): (&AccountId, &AzId), now_ms: u64) -> bool {
    let offset = account
        .as_str()
        .bytes()
        .chain(zone.as_str().bytes())
        .fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    (now_ms / 60_000).wrapping_add(offset) % u64::from(check.every_minutes.max(1)) == 0
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
    source: Option<IpAddr>,
    own_machine_counts: bool,
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
        source: settings.source,
        own_machine_counts: settings.own_machine_counts,
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
    let longest_ms = longest_ms(check);
    let fits = Instant::now() + Duration::from_millis(longest_ms) <= shared.end;
    if slot.is_err() || !fits {
        let reason = format!(
            "not tested: its {longest_ms} ms do not fit into what is left of the run's {} ms",
            whole_ms(shared.limit)
        );
        return (Outcome::ProbeError(reason), 0);
    }
    let started = Instant::now();
    let outcome = exercise(check, shared, Deadline::after_ms(check.timeout_ms)).await;
    (outcome, whole_ms(started.elapsed()))
}

/// How long a check may take in all, in milliseconds.
fn longest_ms(check: &Check) -> u64 {
    match check.expect {
        Expect::Connect => check.timeout_ms,
        Expect::Deny => check.timeout_ms + SILENCE_MS,
    }
}

async fn exercise(check: &Check, shared: &Arc<Shared>, deadline: Deadline) -> Outcome {
    let endpoint = match &check.kind {
        CheckKind::Dns { name, nameserver, .. } => {
            return match Question::new(name, nameserver.as_deref()) {
                Ok(question) => question.ask(shared.nameserver, deadline).await,
                Err(reason) => bad_input(&reason),
            };
        }
        CheckKind::Tcp { host, port } => Endpoint::tcp(host, *port),
        CheckKind::Tls { host, port, server_name } => Endpoint::tls(host, *port, server_name.as_deref()),
        CheckKind::Http { url, status, .. } => Endpoint::http(url, *status),
        CheckKind::Egress { .. } | CheckKind::Unknown => {
            return bad_input("a kind of check that this probe does not know: it needs newer code");
        }
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
    let mut addresses = match shared.resolver.addresses(&endpoint.host, deadline).await {
        Ok(addresses) => addresses,
        Err(outcome) => return outcome,
    };
    let too_many = (addresses.len() > ADDRESSES_MAX).then(|| {
        let number = addresses.len();
        format!("{} resolves to {number} addresses; a probe tests at most {ADDRESSES_MAX}", endpoint.host)
    });
    if let (Some(reason), Expect::Connect) = (&too_many, expect) {
        return Outcome::ProbeError(reason.clone());
    }
    // One that is open is a breach, however many are not tested.
    addresses.truncate(ADDRESSES_MAX);
    // However long the resolver took, silence takes as long as it takes.
    let deadline = match expect {
        Expect::Connect => deadline,
        Expect::Deny => Deadline::after_ms(SILENCE_MS),
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
    let outcomes = outcomes.into_iter().map(|(_, outcome)| outcome);
    combine(outcomes.chain(too_many.map(Outcome::Inconclusive)).collect(), expect)
}

/// The whole exchange with one address.
async fn attempt(
    address: SocketAddr,
    exchange: &Exchange,
    shared: &Shared,
    deadline: Deadline,
) -> Result<Outcome, Outcome> {
    let objection = tcp::proves_nothing(address.ip()).filter(|_| !shared.own_machine_counts);
    if let Some(objection) = objection {
        return Err(Outcome::Inconclusive(format!("{} {objection}", address.ip())));
    }
    let stream = tcp::connect(address, shared.source, deadline).await?;
    let trust = || shared.trust.as_ref().map_err(|reason| Outcome::ProbeError(reason.clone()));
    match exchange {
        Exchange::Tcp => Ok(Outcome::reached(address)),
        Exchange::Tls(name) => {
            tls::handshake(stream, address, name, trust()?, deadline).await?;
            Ok(Outcome::reached(address))
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

fn result(check: &Check, (outcome, latency_ms): Finding) -> CheckResult {
    let addresses = outcome.addresses().to_vec();
    let verdict = match check.expect {
        Expect::Connect => judge_connect(outcome),
        Expect::Deny => judge_deny(outcome),
    };
    CheckResult { latency_ms, addresses, ..CheckResult::new(check.id.clone(), verdict) }
}

#[cfg(test)]
mod tests {
    use phonehome_wire::{CheckId, Purpose, Target};

    use super::*;

    #[test]
    fn a_check_is_due_once_in_its_minutes_and_not_everywhere_in_the_same() {
        let every = |every_minutes| Check {
            id: CheckId("a".into()),
            kind: CheckKind::Unknown,
            expect: Expect::Deny,
            purpose: Purpose::Isolation,
            target: Target::default(),
            timeout_ms: 1,
            control: None,
            every_minutes,
            tries: 1,
        };
        let zone: AzId = "use1-az1".parse().unwrap();
        let due = |check: &Check, account: &AccountId| -> Vec<u64> {
            let minutes = 28_000_000..28_000_010_u64;
            minutes.filter(|minute| is_due(check, (account, &zone), minute * 60_000 + 59_999)).collect()
        };
        let account: AccountId = "444455556666".parse().unwrap();
        assert_eq!(due(&every(1), &account).len(), 10);
        assert_eq!(due(&every(0), &account).len(), 10);
        let fifth = due(&every(5), &account);
        assert!(fifth.len() == 2 && fifth[1] - fifth[0] == 5, "{fifth:?}");
        let others = (0..10_u64).map(|number| format!("44445555666{number}").parse().unwrap());
        let firsts: std::collections::BTreeSet<_> =
            others.map(|account: AccountId| due(&every(5), &account)[0]).collect();
        assert!(firsts.len() >= 4, "{firsts:?}");
    }
}
