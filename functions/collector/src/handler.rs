//! From a batch of records to stored state.

use aws_lambda_events::sqs::SqsBatchResponse;
use lambda_runtime::Error;
use phonehome_alerting::{Folded, Heartbeat, Hysteresis, Paths, ProbeKey, Transition, fold};
use phonehome_aws::table::{Doc, Expect, Table, TableError, Write};
use phonehome_aws::{Message, Metrics, Queue};
use phonehome_runtime::{Refusal, each_record, now_ms};
use phonehome_state::{Keys, StateError};
use phonehome_wire::Report;
use serde_json::{Value, json};

use crate::envelope::{Arrival, read};

/// How often a fold is tried again when another invocation wrote the same probe first.
const ATTEMPTS_MAX: usize = 5;

/// The collector.
pub(crate) struct Collector<T, Q> {
    pub(crate) table: T,
    pub(crate) transitions: Q,
    pub(crate) dead_letters: Q,
    pub(crate) metrics: Metrics,
}

impl<T: Table, Q: Queue> Collector<T, Q> {
    /// Handles one invocation.
    pub(crate) async fn handle(&self, event: &Value) -> Result<SqsBatchResponse, Error> {
        let hysteresis = self.hysteresis().await?;
        let response = each_record(event, &self.dead_letters, &self.metrics, async |body| {
            match read(body).map_err(Refusal::Bad)? {
                Arrival::Report(report) => self.fold_in(&report, &hysteresis).await,
                Arrival::Crashed { account, function, error } => {
                    self.metrics.count("ProbeCrashed", 1);
                    tracing::warn!(
                        account,
                        function,
                        error,
                        "a probe crashed; this says nothing of the network"
                    );
                    Ok(())
                }
            }
        })
        .await;
        self.metrics.flush().await;
        Ok(response)
    }

    /// A fleet that cannot be read fails the whole batch, which comes again: folding with other
    /// thresholds than the declared ones could page.
    async fn hysteresis(&self) -> Result<Hysteresis, StateError> {
        let fleet = phonehome_state::fleet(&self.table).await?;
        Ok(Hysteresis { down_after: fleet.probing.down_after, up_after: fleet.probing.up_after })
    }

    async fn fold_in(&self, report: &Report, hysteresis: &Hysteresis) -> Result<(), Refusal> {
        for _ in 0..ATTEMPTS_MAX {
            match self.fold_once(report, hysteresis).await {
                Ok(transitions) if transitions.is_empty() => return Ok(()),
                Ok(transitions) => return self.hand_on(report, &transitions).await,
                Err(TableError::Conflict { .. }) => {}
                Err(error) => return Err(Refusal::Later(error.to_string())),
            }
        }
        Err(Refusal::Later(format!("{ATTEMPTS_MAX} writes met other writes of the same probe")))
    }

    async fn fold_once(
        &self,
        report: &Report,
        hysteresis: &Hysteresis,
    ) -> Result<Vec<Transition>, TableError> {
        let key = ProbeKey {
            account: report.account.clone(),
            region: report.region.clone(),
            availability_zone: report.availability_zone.clone(),
        };
        let (heartbeat_key, paths_key) = (Keys::heartbeat(&key), Keys::paths(&key));
        let heartbeat_doc = self.table.get(&heartbeat_key).await?;
        let paths_doc = self.table.get(&paths_key).await?;
        let heartbeat = heartbeat_doc.as_ref().map(Doc::read::<Heartbeat>).transpose()?;
        let paths = paths_doc.as_ref().map(Doc::read::<Paths>).transpose()?.unwrap_or_default();
        let stored = heartbeat.as_ref().map(|heartbeat| (heartbeat, &paths));
        match fold(stored, report, now_ms(), hysteresis) {
            Folded::Stale => {
                self.metrics.count("Duplicate", 1);
                Ok(vec![])
            }
            Folded::Fresh { heartbeat, paths, paths_changed, transitions } => {
                let mut writes =
                    vec![Write::put(heartbeat_key, Expect::unchanged(heartbeat_doc.as_ref()), &heartbeat)];
                if paths_changed {
                    writes.push(Write::put(paths_key, Expect::unchanged(paths_doc.as_ref()), &paths));
                }
                self.table.write(writes).await?;
                Ok(transitions)
            }
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
