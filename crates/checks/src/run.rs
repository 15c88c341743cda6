//! Runs all checks of an input and writes the report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use phonehome_wire::{
    AccountId, AzId, Certificate, Check, CheckResult, Detail, Expect, ProbeInput, Report, TEXT_CHARS_MAX,
    WIRE_VERSION, clip,
};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::rustls::pki_types::UnixTime;

use crate::attempt::Means;
use crate::deadline::MAX_TIMEOUT_MS;
use crate::outcome::{Met, Outcome};
use crate::passes::{Found, Shared, Tried, first_pass, is_worth_another, try_again};
use crate::resolve::HostResolver;
use crate::settings::{Identity, Settings};
use crate::slots::Slots;
use crate::stall::Stalls;
use crate::tls::Tls;
use crate::tries::conclude;
use crate::verdict::judge;

/// Runs all checks of `input` within [`Settings::limit`], as many at a time as the process may have sockets open
/// (250 at most), each address of a host once; then, where only some failed, those again, in other ways.
///
/// The report has one result for each check that is due in this minute, in the input's order. Must be
/// called inside a tokio runtime with I/O and time enabled.
pub async fn run_with(input: &ProbeInput, identity: &Identity, settings: &Settings) -> Report {
    let started_at_ms = whole_ms(now(settings));
    let started = Instant::now();
    let stalls = Stalls::watch();
    let place = (&identity.account, &input.availability_zone);
    let checks = input.checks.iter().filter(|check| is_due(check, place, started_at_ms));
    let checks: Vec<Arc<Check>> = checks.cloned().map(Arc::new).collect();
    let found = run_all(&checks, settings, started, started_at_ms).await;
    let results = checks.iter().zip(found).map(|(check, found)| result(check, found));
    let results = results.collect();
    Report {
        version: WIRE_VERSION,
        account: identity.account.clone(),
        region: input.region.clone(),
        availability_zone: input.availability_zone.clone(),
        part: input.part,
        run_id: identity.run_id.clone(),
        generation: input.generation,
        started_at_ms,
        duration_ms: whole_ms(started.elapsed()),
        clock_ahead_ms: settings.clock_ahead_ms,
        stalled_ms: stalls.longest_ms(),
        rerun: input.rerun,
        results,
    }
}

/// What time it is, as far as is known.
fn now(settings: &Settings) -> Duration {
    let machine = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ahead = Duration::from_millis(settings.clock_ahead_ms.unsigned_abs());
    match settings.clock_ahead_ms > 0 {
        true => machine.saturating_sub(ahead),
        false => machine.saturating_add(ahead),
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

async fn run_all(
    checks: &[Arc<Check>],
    settings: &Settings,
    started: Instant,
    started_at_ms: u64,
) -> Vec<Found> {
    let unix_time = UnixTime::since_unix_epoch(Duration::from_millis(started_at_ms));
    let shared = Arc::new(Shared {
        resolver: HostResolver::new(settings.nameserver),
        means: Means {
            tls: Tls::new(&settings.extra_roots, unix_time),
            source: settings.source,
            own_machine_counts: settings.own_machine_counts,
        },
        slots: Slots::new(started + settings.limit),
        rotation: usize::try_from(started_at_ms / 60_000).unwrap_or_default(),
    });
    let mut found = run_once(checks, &shared).await;
    run_again(checks, &mut found, &shared).await;
    found
}

/// The first pass: each check once, what must not connect before the others, for it cannot be waited for less
/// long; and the others in an order that begins elsewhere each minute.
async fn run_once(checks: &[Arc<Check>], shared: &Arc<Shared>) -> Vec<Found> {
    // What stands here at the end belongs to a task that panicked.
    let mut found: Vec<Found> = checks.iter().map(|_| Found::early(crash())).collect();
    let mut tasks = JoinSet::new();
    let unusable = unusable(checks);
    for index in order(checks, shared.rotation) {
        match &unusable[index] {
            Some(reason) => found[index] = Found::early(Outcome::ProbeError(reason.clone())),
            None => {
                let (check, shared) = (checks[index].clone(), shared.clone());
                tasks.spawn(async move { (index, first_pass(&check, &shared).await) });
            }
        }
    }
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok((index, ended)) => found[index] = ended,
            Err(error) => tracing::error!(%error, "a check crashed"),
        }
    }
    found
}

fn crash() -> Outcome {
    Outcome::ProbeError("the check crashed inside the probe".to_owned())
}

fn order(checks: &[Arc<Check>], rotation: usize) -> Vec<usize> {
    let is_denied = |index: &usize| checks[*index].expect == Expect::Deny;
    let (mut order, mut others): (Vec<usize>, Vec<usize>) = (0..checks.len()).partition(is_denied);
    if !others.is_empty() {
        let first = rotation % others.len();
        others.rotate_left(first);
    }
    order.append(&mut others);
    order
}

/// The second pass: addresses that failed are tried in other ways. Where most of what there is fails, no one
/// source port is to blame, and the time is better spent elsewhere.
async fn run_again(checks: &[Arc<Check>], found: &mut [Found], shared: &Arc<Shared>) {
    let worth = |(check, found): (&Arc<Check>, &Found)| {
        found.tried.iter().filter(|tried| is_worth_another(check, tried)).count()
    };
    let failed: usize = checks.iter().zip(&*found).map(worth).sum();
    if failed == 0 || failed > shared.slots.total() / 2 {
        return;
    }
    let (mut tasks, mut of_check) = (JoinSet::new(), BTreeMap::new());
    for (index, (check, found)) in checks.iter().zip(&mut *found).enumerate() {
        let (again, done): (Vec<Tried>, Vec<Tried>) =
            std::mem::take(&mut found.tried).into_iter().partition(|tried| is_worth_another(check, tried));
        found.tried = done;
        for mut tried in again {
            let (check, shared) = (check.clone(), shared.clone());
            let task = tasks.spawn(async move {
                try_again(&check, &mut tried, &shared).await;
                (index, tried)
            });
            of_check.insert(task.id(), index);
        }
    }
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok((index, tried)) => found[index].tried.push(tried),
            Err(error) => {
                tracing::error!(%error, "a check crashed");
                let crashed = of_check.get(&error.id()).map(|index| &mut found[*index].early);
                crashed.into_iter().for_each(|early| early.push(Met::nowhere(crash())));
            }
        }
    }
    found.iter_mut().for_each(|found| found.tried.sort_by_key(|tried| tried.address));
}

/// Why checks cannot be run as they stand, one entry for each.
fn unusable(checks: &[Arc<Check>]) -> Vec<Option<String>> {
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    for check in checks {
        *uses.entry(check.id.0.as_str()).or_default() += 1;
    }
    let reason = |check: &Arc<Check>| {
        let id = check.id.0.as_str();
        match (uses.get(id), check.timeout_ms) {
            (Some(2..), _) => Some(format!("bad input: more than one check has the id {id:?}")),
            (_, 1..=MAX_TIMEOUT_MS) => None,
            (_, ms) => Some(format!("bad input: a timeout of {ms} ms is not within 1 to {MAX_TIMEOUT_MS}")),
        }
    };
    checks.iter().map(reason).collect()
}

fn result(check: &Check, found: Found) -> CheckResult {
    let mut met = found.early;
    let mut notes: Vec<String> = found.resolved.iter().filter_map(|it| it.note.clone()).collect();
    let mut answers = found.answers;
    let mut certificates: Vec<Certificate> = vec![];
    let mut attempts = vec![];
    for tried in found.tried {
        let (outcome, note) = conclude(tried.address, &tried.made);
        met.push(Met::at(tried.address, outcome));
        notes.extend(note);
        for made in tried.made {
            answers.extend(made.public_address.map(|address| address.to_string()));
            certificates.extend(made.certificate);
            attempts.push(made.attempt);
        }
    }
    answers.dedup();
    let (verdict, addresses) = judge(&met, check.expect);
    let mut note = notes.join("; ");
    clip(&mut note, TEXT_CHARS_MAX);
    let detail = Detail {
        resolve_us: found.resolved.and_then(|it| it.took_us),
        sampled_of: found.sampled_of.and_then(|number| u32::try_from(number).ok()),
        attempts,
        attempts_cut: 0,
        certificate: certificates.into_iter().min_by_key(|certificate| certificate.days_left),
        answers,
        note: Some(note).filter(|note| !note.is_empty()),
    };
    let latency_ms = whole_ms(found.took);
    CheckResult { id: check.id.clone(), verdict, latency_ms, addresses, detail: Box::new(detail) }
}

#[cfg(test)]
mod tests;
