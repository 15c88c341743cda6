//! From a batch of records to stored state.

use std::cell::Cell;
use std::sync::Arc;

use aws_lambda_events::sqs::SqsBatchResponse;
use phonehome_alerting::{
    Asked, Crash, Crashes, Folded, Hysteresis, Received, Refusals, Refused, Transition, denied, fold,
    isolations_at, judge_denials, judge_omissions,
};
use phonehome_aws::Metrics;
use phonehome_cloud::table::{ATTEMPTS, Table, TableError, Write, on_conflict};
use phonehome_cloud::{Message, Queue};
use phonehome_cloud::{SystemClock, WallClock};
use phonehome_fleet::{Fleet, Line};
use phonehome_runtime::{Error, Refusal, each_record};
use phonehome_state::StackStatus;
use phonehome_state::{Keys, StateError};
use phonehome_wire::{AccountId, AzId, Check, Region, Report};
use serde_json::{Value, json};
use tracing::Instrument as _;

use crate::envelope::{Arrival, read};
use crate::stored::{Freshness, InForce, Isolated, Memory, Read, Stored, key_of};
use crate::witnesses::Witnessing;

/// For how long what is stored of a probe is kept after its last report: 90 days, in milliseconds. What
/// is no longer declared goes then; what is, and was silent for as long, has an open incident.
const KEPT_MS: u64 = 90 * 24 * 3600 * 1000;
/// Paths that do not change are written all the same when they would be kept for less: 60 days.
const PATHS_RENEWED_MS: u64 = 60 * 24 * 3600 * 1000;
/// For how long the refusals of an account are kept after the last one: 1 day, in seconds.
const REFUSALS_KEPT_S: u64 = 24 * 3600;

/// What a run was asked, as far as that is known.
enum Asking {
    Of(Asked),
    Refused(Refused),
}

/// A report as the hub sees it.
struct Judged {
    /// With what its denials prove.
    report: Report,
    /// When all isolations of the probe were tested last; milliseconds since the Unix epoch.
    isolations_at_ms: u64,
}

/// What became of a report.
enum Arrived {
    Folded(Option<Vec<Transition>>),
    Refused(Refused),
}

fn later(error: TableError) -> Refusal {
    Refusal::Later(error.to_string())
}

fn hysteresis(fleet: &Fleet) -> Hysteresis {
    Hysteresis { down_after: fleet.probing.down_after, up_after: fleet.probing.up_after }
}

/// What the probes of a stack are to test now.
fn declared(fleet: &Fleet, stack: Option<&StackStatus>) -> Vec<Check> {
    let member = |stack: &StackStatus| fleet.member_at(&Line::new(&stack.domain, &stack.environment));
    let stack = stack.and_then(|stack| Some((member(stack)?, stack)));
    stack.map(|(member, stack)| fleet.checks_for(&member, &stack.region)).unwrap_or_default()
}

/// What a run was asked whose input nobody noted.
fn asked_by_the_file(report: &Report, stack: &Read<StackStatus>, declared: &[Check]) -> Asking {
    match &stack.value {
        None if stack.unread => Asking::Refused(Refused::UnreadableStack),
        None => Asking::Refused(Refused::NoStack),
        Some(stack) if !stack.availability_zones.contains(&report.availability_zone) => {
            Asking::Refused(Refused::UnknownZone)
        }
        Some(_) => Asking::Of(Asked::of(declared)),
    }
}

/// A refused report in a few words.
fn about(report: &Report) -> String {
    format!("{}/{}, generation {}", report.region, report.availability_zone, report.generation)
}

/// The collector.
#[derive(Debug)]
pub struct Collector<T, Q, C = SystemClock> {
    /// Where state is kept.
    pub table: T,
    /// Wakes the alerter.
    pub transitions: Q,
    /// Where what cannot be read is put aside.
    pub dead_letters: Q,
    /// What is counted.
    pub metrics: Metrics,
    /// What earlier invocations read.
    pub memory: Memory,
    /// What time it is.
    pub clock: C,
}

impl<T: Table, Q: Queue, C: WallClock> Collector<T, Q, C> {
    /// Handles one invocation: a batch of SQS's, each record an event of EventBridge's with a report.
    ///
    /// # Errors
    /// When the fleet file in force cannot be read: the whole batch comes again. A record that fails is named in
    /// the answer, or put aside.
    pub async fn handle(&self, event: &Value) -> Result<SqsBatchResponse, Error> {
        let in_force = self.fleet().await?;
        let response = each_record(event, &self.dead_letters, &self.metrics, async |record| {
            let received = Received::of(record.sent_ms, self.clock.now_ms());
            match read(&record.body).map_err(Refusal::Bad)? {
                Arrival::Report(report) => {
                    let Report { generation, .. } = &*report;
                    let (account, region) = (report.account.as_str(), report.region.as_str());
                    let availability_zone = report.availability_zone.as_str();
                    let span = tracing::info_span!("report", account, region, availability_zone, generation);
                    self.report(&report, received, &in_force).instrument(span).await
                }
                Arrival::Refused { account, refused, problem } => {
                    self.refuse(&account, refused, &problem, received).await
                }
                Arrival::Crashed { account, function, probe, run_id, error } => {
                    self.metrics.count("ProbeCrashed", 1);
                    tracing::warn!(
                        account = account.as_str(),
                        function,
                        error,
                        "a probe crashed; this says nothing of the network"
                    );
                    let crash = Crash::of(received.at_ms, &run_id, &error);
                    match probe {
                        Some(probe) => self.note_crash(&account, &probe, crash).await.map_err(later),
                        None => Ok(()),
                    }
                }
            }
        })
        .await;
        self.metrics.flush().await;
        Ok(response)
    }

    /// A fleet that cannot be read fails the whole batch, which comes again: folding with other
    /// thresholds than the declared ones could page.
    async fn fleet(&self) -> Result<Arc<InForce>, StateError> {
        self.memory.fleet(&self.table, self.clock.now_ms()).await
    }

    async fn report(&self, report: &Report, received: Received, in_force: &InForce) -> Result<(), Refusal> {
        let InForce { fleet, isolated } = in_force;
        let freshness = Cell::new(Freshness::Lately);
        let folded = on_conflict(ATTEMPTS, async || {
            let (freshness, now_ms) = (freshness.replace(Freshness::Now), self.clock.now_ms());
            let stored = self.memory.stored(&self.table, &self.metrics, report, freshness, now_ms).await?;
            let declared = declared(fleet, stored.stack.value.as_ref());
            match Self::asked(report, &stored, &declared) {
                Asking::Of(asked) => {
                    let known_ms = stored.heartbeat.value.as_ref().map_or(0, |it| it.isolations_at_ms);
                    let judged =
                        self.judged(report, received, isolated, (&declared, &asked), known_ms).await?;
                    self.fold_once(judged, received, stored, &asked, &hysteresis(fleet))
                        .await
                        .map(Arrived::Folded)
                }
                Asking::Refused(refused) => Ok(Arrived::Refused(refused)),
            }
        });
        match folded.await.map_err(later)? {
            Arrived::Folded(None) => Ok(()),
            Arrived::Folded(Some(transitions)) => self.hand_on(report, &transitions).await,
            Arrived::Refused(refused) => {
                self.refuse(&report.account, refused, &about(report), received).await
            }
        }
    }

    /// What the run was asked: what the provisioner noted; and where it has not yet, because the account
    /// was deployed by an earlier version, what the fleet file declares.
    fn asked(report: &Report, stored: &Stored, declared: &[Check]) -> Asking {
        let asking = match &stored.inputs.value {
            Some(inputs) => inputs.asked(report).map_or_else(Asking::Refused, Asking::Of),
            None => asked_by_the_file(report, &stored.stack, declared),
        };
        match asking {
            Asking::Of(asked) => Asking::Of(Asked { presumed_to_have_worked: stored.paths.unread, ..asked }),
            refused @ Asking::Refused(_) => refused,
        }
    }

    /// The report with what its denials prove in their place. `known_ms`: when the probe had tested isolations
    /// before.
    async fn judged(
        &self,
        report: &Report,
        received: Received,
        isolated: &Isolated,
        (declared, asked): (&[Check], &Asked),
        known_ms: u64,
    ) -> Result<Judged, TableError> {
        let now_ms = self.clock.now_ms();
        let asking = Witnessing { table: &self.table, memory: &self.memory, now_ms };
        let witnesses = asking.witnesses(isolated, &denied(report, declared), &key_of(report)).await?;
        let mut judged = report.clone();
        let run_ms = report.started_at_ms.min(received.at_ms);
        judge_denials(&mut judged, declared, &witnesses, run_ms);
        judge_omissions(&mut judged, declared, |id| asked.checks.contains_key(id), known_ms, run_ms);
        for result in &mut judged.results {
            // Addresses are kept for those who need a witness, and for nobody else: they may change each minute.
            if !asked.checks.get(&result.id).is_some_and(|endpoint| isolated.contains_key(endpoint)) {
                result.addresses.clear();
            }
        }
        Ok(Judged { report: judged, isolations_at_ms: isolations_at(report, declared, known_ms, run_ms) })
    }

    async fn fold_once(
        &self,
        Judged { report, isolations_at_ms }: Judged,
        received: Received,
        stored: Stored,
        asked: &Asked,
        hysteresis: &Hysteresis,
    ) -> Result<Option<Vec<Transition>>, TableError> {
        let Stored { heartbeat: newest, paths: mut before, .. } = stored;
        let now_ms = self.clock.now_ms();
        let known = before.value.take().unwrap_or_default();
        match fold(newest.value.as_ref(), &known, &report, asked, received, hysteresis) {
            Folded::Stale => {
                self.metrics.count("Duplicate", 1);
                Ok(None)
            }
            Folded::Fresh { mut heartbeat, paths, paths_changed, is_news, transitions, dropped } => {
                if dropped > 0 {
                    self.metrics.count("ResultsDropped", dropped as u64);
                }
                let expire_at_ms = newest.value.as_ref().map_or(0, |newest| newest.paths_expire_at_ms);
                // A heartbeat that names other paths than were read, or none, is of an earlier release, or somebody
                // is writing: whoever writes both under their conditions finds out.
                let is_pair = before.version() == newest.value.as_ref().map_or(0, |it| it.paths_version);
                let lasting = expire_at_ms >= now_ms + PATHS_RENEWED_MS;
                let renew = paths_changed || before.unread || !is_pair || !lasting;
                heartbeat.isolations_at_ms = isolations_at_ms;
                heartbeat.paths_version =
                    if renew { before.expect().next_version() } else { before.version() };
                heartbeat.paths_expire_at_ms = if renew { now_ms + KEPT_MS } else { expire_at_ms };
                let expire_at_s = (now_ms + KEPT_MS) / 1000;
                let put = Write::put(Keys::heartbeat(&heartbeat.key), newest.expect(), &heartbeat);
                let mut writes = vec![put.expiring(expire_at_s)];
                if renew {
                    let put = Write::over(before.doc.as_ref(), Keys::paths(&heartbeat.key), &paths);
                    writes.push(put.expiring(expire_at_s));
                }
                let written = writes.get(1).and_then(Write::written);
                writes.extend(newest.copy(now_ms).into_iter().chain(before.copy(now_ms)));
                self.table.write(writes).await?;
                if let Some(paths) = written {
                    self.memory.keep(&paths, now_ms);
                }
                Ok((is_news || !transitions.is_empty()).then_some(transitions))
            }
        }
    }

    /// Counts a report that does not count, by its account. The first few are kept as dead letters, so
    /// that somebody can see what they are; all of them would hide every other letter.
    async fn refuse(
        &self,
        account: &AccountId,
        refused: Refused,
        problem: &str,
        received: Received,
    ) -> Result<(), Refusal> {
        self.metrics.count("ReportsRefused", 1);
        let reason = format!("report from account {account}, {}: {problem}", refused.word());
        match self.note_refusal(account, refused, problem, received).await {
            Ok(refusals) if refusals.is_letter() && refused.is_strange() => Err(Refusal::Bad(reason)),
            Ok(_) | Err(TableError::Conflict { .. }) => {
                tracing::warn!(account = account.as_str(), reason, "report refused");
                Ok(())
            }
            Err(error) => Err(later(error)),
        }
    }

    async fn note_refusal(
        &self,
        account: &AccountId,
        refused: Refused,
        problem: &str,
        received: Received,
    ) -> Result<Refusals, TableError> {
        let key = Keys::refusals(account);
        on_conflict(ATTEMPTS, async || {
            let now_ms = self.clock.now_ms();
            let before = Read::<Refusals>::of(self.table.get(&key).await?, &self.metrics);
            let copy = before.copy(now_ms);
            let refusals = Refusals::with(before.value, account, refused, problem, received.at_ms);
            let put = Write::over(before.doc.as_ref(), key.clone(), &refusals);
            let put = put.expiring(now_ms / 1000 + REFUSALS_KEPT_S);
            self.table.write([put].into_iter().chain(copy).collect()).await?;
            Ok(refusals)
        })
        .await
    }

    /// Notes that a probe crashed, once for each invocation: when it falls silent, that is why.
    async fn note_crash(
        &self,
        account: &AccountId,
        (region, zone): &(Region, AzId),
        crash: Crash,
    ) -> Result<(), TableError> {
        let key = Keys::crashes(account);
        on_conflict(ATTEMPTS, async || {
            let now_ms = self.clock.now_ms();
            let before = Read::<Crashes>::of(self.table.get(&key).await?, &self.metrics);
            let copy = before.copy(now_ms);
            let crashes = Crashes::with(before.value, account, (region, zone), crash.clone());
            let Some(crashes) = crashes else { return Ok(()) };
            let put = Write::over(before.doc.as_ref(), key.clone(), &crashes);
            let put = put.expiring((now_ms + KEPT_MS) / 1000);
            self.table.write([put].into_iter().chain(copy).collect()).await
        })
        .await
    }

    /// Tells the alerter to look now. Only a hint: the alerter reads the table, and looks every
    /// minute anyway, so a lost hint costs a minute and no alert.
    async fn hand_on(&self, report: &Report, transitions: &[Transition]) -> Result<(), Refusal> {
        let body = json!({
            "transitions": transitions,
            "account": report.account,
            "region": report.region,
            "availability_zone": report.availability_zone,
        });
        let message = Message { body: body.to_string(), ..Message::default() };
        if let Err(error) = self.transitions.send(message).await {
            tracing::warn!(%error, "the alerter was not told; it looks within a minute");
        }
        Ok(())
    }
}
