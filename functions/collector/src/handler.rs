//! From batches of records to what became of each report.

use aws_lambda_events::sqs::SqsBatchResponse;
use phonehome_alerting::{Crash, Received, Refused, Transition};
use phonehome_aws::Metrics;
use phonehome_cloud::table::{Table, TableError};
use phonehome_cloud::{Message, Queue};
use phonehome_cloud::{SystemClock, WallClock};
use phonehome_runtime::{Error, Refusal, each_record};
use phonehome_watching::{Arrival, Arrived, Collecting, Counted, Counting, InForce, Memory, read};
use phonehome_wire::{AccountId, Report};
use serde_json::{Value, json};
use tracing::Instrument as _;

fn later(error: TableError) -> Refusal {
    Refusal::Later(error.to_string())
}

/// A refused report in a few words.
fn about(report: &Report) -> String {
    let part = if report.part == 0 { String::new() } else { format!(", part {}", report.part) };
    format!("{}/{}{part}, generation {}", report.region, report.availability_zone, report.generation)
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
        let counting = |it| self.count(it);
        let collecting = self.collecting(&counting);
        let in_force = collecting.fleet().await?;
        let response = each_record(event, &self.dead_letters, &self.metrics, async |record| {
            let received = Received::of(record.sent_ms, self.clock.now_ms());
            match read(&record.body).map_err(Refusal::Bad)? {
                Arrival::Report(report) => {
                    let Report { generation, part, .. } = &*report;
                    let (account, region) = (report.account.as_str(), report.region.as_str());
                    let availability_zone = report.availability_zone.as_str();
                    let span =
                        tracing::info_span!("report", account, region, availability_zone, part, generation);
                    self.report(&collecting, &report, received, &in_force).instrument(span).await
                }
                Arrival::Refused { account, refused, problem } => {
                    self.refuse(&collecting, &account, refused, &problem, received).await
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
                        Some(probe) => collecting.note_crash(&account, &probe, crash).await.map_err(later),
                        None => Ok(()),
                    }
                }
            }
        })
        .await;
        self.metrics.flush().await;
        Ok(response)
    }

    fn collecting<'c>(&'c self, counting: Counting<'c>) -> Collecting<'c, T, C> {
        Collecting { table: &self.table, memory: &self.memory, clock: &self.clock, counting }
    }

    fn count(&self, counted: Counted) {
        match counted {
            Counted::Unreadable => self.metrics.count("UnreadableItems", 1),
            Counted::Duplicate => self.metrics.count("Duplicate", 1),
            Counted::Dropped(count) => self.metrics.count("ResultsDropped", count),
        }
    }

    async fn report(
        &self,
        collecting: &Collecting<'_, T, C>,
        report: &Report,
        received: Received,
        in_force: &InForce,
    ) -> Result<(), Refusal> {
        match collecting.report(report, received, in_force).await.map_err(later)? {
            Arrived::Folded(None) => Ok(()),
            Arrived::Folded(Some(transitions)) => self.hand_on(report, &transitions).await,
            Arrived::Refused(refused) => {
                self.refuse(collecting, &report.account, refused, &about(report), received).await
            }
        }
    }

    /// Counts a report that does not count, by its account. The first few are kept as dead letters, so
    /// that somebody can see what they are; all of them would hide every other letter.
    async fn refuse(
        &self,
        collecting: &Collecting<'_, T, C>,
        account: &AccountId,
        refused: Refused,
        problem: &str,
        received: Received,
    ) -> Result<(), Refusal> {
        self.metrics.count("ReportsRefused", 1);
        let reason = format!("report from account {account}, {}: {problem}", refused.word());
        match collecting.note_refusal(account, refused, problem, received).await {
            Ok(refusals) if refusals.is_letter() && refused.is_strange() => Err(Refusal::Bad(reason)),
            Ok(_) | Err(TableError::Conflict { .. }) => {
                tracing::warn!(account = account.as_str(), reason, "report refused");
                Ok(())
            }
            Err(error) => Err(later(error)),
        }
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
