//! Look, decide, store the decision and its messages together.

use phonehome_cloud::{Queue, SystemClock, WallClock};

use aws_lambda_events::sqs::SqsBatchResponse;
use phonehome_alerting::{Decision, Incident, Trouble, decide, notices};
use phonehome_aws::Metrics;
use phonehome_cloud::table::{ATTEMPTS, Expect, Table, TableError, Write, on_conflict};
use phonehome_runtime::Error;
use phonehome_state::{Keys, Outboxed};
use serde_json::Value;

use crate::again::Again;
use crate::storing::Storing;
use crate::world::{Gathered, Memory, Pace, gather};

/// The alerter.
#[derive(Debug)]
pub struct Alerter<T, Q, C = SystemClock> {
    /// Where state is kept.
    pub table: T,
    /// What is counted.
    pub metrics: Metrics,
    /// What has it look again.
    pub again: Again<Q>,
    /// How often probes run.
    pub pace: Pace,
    /// What earlier runs have read.
    pub memory: Memory,
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
            self.again.look(event, self.pace.interval_s, self.clock.now_ms(), until_ms).await;
        }
        self.metrics.count("Runs", 1);
        self.metrics.flush().await;
        Ok(SqsBatchResponse::default())
    }

    /// One observation of everything. Returns until when something waits that is not told yet.
    pub(crate) async fn run(&self, now_ms: u64) -> Result<Option<u64>, Error> {
        let (gathered, decision) = on_conflict(ATTEMPTS, async || {
            let mut gathered = gather(&self.table, &self.memory, now_ms, &self.pace).await?;
            let decision = decide(&gathered.world);
            let decided_at_ms = gathered.world.now_ms;
            let mut storing =
                Storing { table: &self.table, revision: gathered.revision, now_ms: decided_at_ms };
            gathered.troubles.extend(storing.decision(&decision, &gathered.stored).await?);
            Ok::<_, Error>((gathered, decision))
        })
        .await?;
        self.tell(&gathered.world.open, &decision);
        self.notify_once(&gathered, gathered.world.now_ms).await?;
        Ok(decision.waits_until_ms)
    }

    /// Tells what somebody should look into, once: that it was told is stored with the message. It comes
    /// after the decision, which must not wait for it; another run that tells it first has told it.
    async fn notify_once(&self, gathered: &Gathered, now_ms: u64) -> Result<(), Error> {
        let unreadable = |it: &&Trouble| matches!(it, Trouble::Unreadable { .. });
        let count = gathered.troubles.iter().filter(unreadable).count();
        if count > 0 {
            self.metrics.count("UnreadableItems", count as u64);
        }
        let Gathered { troubles, notified, channel, .. } = gathered;
        let Some((after, message)) = notices(troubles, notified, channel, now_ms) else { return Ok(()) };
        let mut writes = vec![Write::over(gathered.notified_doc.as_ref(), Keys::notices(), &after)];
        if let Some(message) = message {
            let key = Keys::outbox(message.at_ms, &message.id);
            writes.push(Write::put(key, Expect::Absent, &Outboxed::new(message)));
        }
        match self.table.write(writes).await {
            Ok(()) | Err(TableError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
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
    }
}
