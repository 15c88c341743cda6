//! Look, decide, store the decision and its messages together; and say what was decided.

use phonehome_cloud::{Queue, SystemClock, WallClock};

use aws_lambda_events::sqs::SqsBatchResponse;
use phonehome_alerting::{Decision, Incident};
use phonehome_aws::Metrics;
use phonehome_cloud::table::Table;
use phonehome_runtime::Error;
use phonehome_watching::{Alerting, Decided, Gathered, Known, Pace};
use serde_json::Value;

use crate::again::Again;
use crate::ask::Ask;

/// The alerter.
#[derive(Debug)]
pub struct Alerter<T, Q, C = SystemClock> {
    /// Where state is kept.
    pub table: T,
    /// What is counted.
    pub metrics: Metrics,
    /// What has it look again.
    pub again: Again<Q>,
    /// What has accounts observed in which a cause may be.
    pub ask: Ask<Q>,
    /// How often probes run.
    pub pace: Pace,
    /// What earlier runs have read.
    pub known: Known,
    /// What time it is.
    pub clock: C,
}

impl<T: Table, Q: Queue, C: WallClock> Alerter<T, Q, C> {
    /// Handles one invocation. What woke it does not matter: it observes everything. The answer
    /// says that every record of a batch is done.
    ///
    /// # Errors
    /// When the table cannot be asked or written: nothing was decided, or only a part of it was stored.
    pub async fn handle(&self, event: &Value) -> Result<SqsBatchResponse, Error> {
        let waits_until_ms = self.run(self.clock.now_ms()).await?;
        if let Some(until_ms) = waits_until_ms {
            self.again.look(event, self.pace, self.clock.now_ms(), until_ms).await;
        }
        self.metrics.count("Runs", 1);
        self.metrics.flush().await;
        Ok(SqsBatchResponse::default())
    }

    /// One observation of everything. Returns until when something waits that is not told yet.
    pub(crate) async fn run(&self, now_ms: u64) -> Result<Option<u64>, Error> {
        let alerting = self.alerting();
        let decided = alerting.look(now_ms).await?;
        self.ask.observe(&alerting.to_observe(&decided).await?).await;
        self.ask.rerun(&alerting.to_rerun(&decided).await?).await;
        let Decided { gathered, decision } = decided;
        self.tell(&gathered.world.open, &decision);
        self.count_unreadable(&gathered);
        alerting.notify_once(&gathered).await?;
        alerting.tell_slow_zones(&gathered).await?;
        Ok(decision.waits_until_ms)
    }

    pub(crate) fn alerting(&self) -> Alerting<'_, T> {
        Alerting { table: &self.table, known: &self.known, pace: self.pace }
    }

    fn count_unreadable(&self, gathered: &Gathered) {
        let count = gathered.unreadable();
        if count > 0 {
            self.metrics.count("UnreadableItems", count as u64);
        }
    }

    /// Says in the log and in metrics what was decided; `open`: the incidents that were open before.
    fn tell(&self, open: &[Incident], decision: &Decision) {
        for incident in &decision.incidents {
            let (id, suspect, severity) = (&incident.id, &incident.suspect, incident.severity);
            tracing::info!(id, ?suspect, ?severity, state = ?incident.state, revision = incident.revision, "incident");
        }
        let changed = |it: &&Incident| decision.incidents.iter().any(|incident| incident.id == it.id);
        let unchanged = open.iter().filter(|incident| !changed(incident)).count();
        let still_open = decision.incidents.iter().filter(|incident| incident.is_open()).count();
        let opened = decision.incidents.iter().filter(|incident| incident.revision == 1).count();
        // A gauge, at every run.
        self.metrics.count("OpenIncidents", (unchanged + still_open) as u64);
        self.metrics.count("IncidentsOpened", opened as u64);
        self.metrics.count("Messages", decision.outbox.len() as u64);
        let avoided = decision.incidents.iter().filter(|incident| incident.page_was_avoided()).count();
        if avoided > 0 {
            self.metrics.count("PagesAvoided", avoided as u64);
        }
    }
}
