//! Look, decide, store the decision and its messages together.

use phonehome_cloud::{Queue, SystemClock, WallClock};
use std::collections::BTreeMap;

use aws_lambda_events::sqs::SqsBatchResponse;
use phonehome_alerting::{Decision, GrayZones, Incident, Trouble, decide, gray_zones, notices};
use phonehome_aws::Metrics;
use phonehome_cloud::table::{ATTEMPTS, Cache, Doc, Expect, Table, TableError, Write, on_conflict};
use phonehome_runtime::Error;
use phonehome_state::{Keys, Outboxed, Revision};
use serde_json::Value;

use crate::again::Again;
use crate::world::{Gathered, Pace, gather};

/// How long an incident that is over is kept: 90 days, in seconds.
const RESOLVED_KEPT_S: u64 = 90 * 24 * 3600;
/// DynamoDB's limit of one transaction.
const WRITES_MAX: usize = 100;

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
    /// Paths that earlier runs have read.
    pub known: Cache,
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
            let gathered = gather(&self.table, &self.known, now_ms, &self.pace).await?;
            let decision = decide(&gathered.world);
            let decided_at_ms = gathered.world.now_ms;
            self.store(&decision, &gathered.stored, gathered.revision, decided_at_ms).await?;
            Ok::<_, Error>((gathered, decision))
        })
        .await?;
        self.tell(&gathered.world.open, &decision);
        self.notify_once(&gathered, gathered.world.now_ms).await?;
        self.tell_slow_zones(&gathered).await?;
        Ok(decision.waits_until_ms)
    }

    /// Each incident is stored in one transaction with its own messages: either both are there or
    /// neither is. Incidents do not depend on each other, so a large decision is stored in parts.
    /// Each part takes the revision, so none is stored beside another run's.
    pub(crate) async fn store(
        &self,
        decision: &Decision,
        stored: &BTreeMap<String, Doc>,
        mut revision: Expect,
        now_ms: u64,
    ) -> Result<(), TableError> {
        let mut parts: Vec<Vec<Write>> = Vec::new();
        for incident in &decision.incidents {
            let writes = incident_writes(decision, incident, stored.get(&incident.id), now_ms);
            match parts.last_mut() {
                Some(part) if part.len() + writes.len() < WRITES_MAX => part.extend(writes),
                _ => parts.push(writes),
            }
        }
        for mut part in parts {
            part.push(Write::put(Keys::revision(), revision, &Revision { decided_at_ms: now_ms }));
            self.table.write(part).await?;
            revision = revision.after_write();
        }
        Ok(())
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

    /// Tells which zones are slow beside their siblings, once each, and when that is over. Nobody waits for it either.
    async fn tell_slow_zones(&self, gathered: &Gathered) -> Result<(), Error> {
        let key = Keys::gray_zones();
        let stored = self.table.get(&key).await?;
        let before = match stored.as_ref().map(Doc::read::<GrayZones>) {
            // What cannot be read is not written anew: it may be of a newer version.
            Some(Err(error)) => {
                tracing::warn!(%error, "it is not known which zones have been told to be slow");
                return Ok(());
            }
            Some(Ok(before)) => before,
            None => GrayZones::default(),
        };
        let Some((after, messages)) = gray_zones(&gathered.world, &before, &gathered.channel) else {
            return Ok(());
        };
        let mut writes = vec![Write::over(stored.as_ref(), key, &after)];
        writes.extend(messages.into_iter().map(|message| {
            let key = Keys::outbox(message.at_ms, &message.id);
            Write::put(key, Expect::Absent, &Outboxed::new(message))
        }));
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

fn incident_writes(
    decision: &Decision,
    incident: &Incident,
    stored: Option<&Doc>,
    now_ms: u64,
) -> Vec<Write> {
    let expect = Expect::unchanged(stored);
    let mut writes = Vec::new();
    if incident.is_open() {
        writes.push(Write::over(stored, Keys::incident(&incident.id), incident));
    } else {
        if stored.is_some() {
            writes.push(Write::delete(Keys::incident(&incident.id), expect));
        }
        let kept =
            Write::put(Keys::resolved(&incident.id), Expect::Absent, incident).keeping::<Incident>(stored);
        writes.push(kept.expiring(now_ms / 1000 + RESOLVED_KEPT_S));
    }
    for outgoing in decision.outbox.iter().filter(|outgoing| outgoing.incident_id == incident.id) {
        let message = Outboxed::new(outgoing.clone());
        writes.push(Write::put(Keys::outbox(outgoing.at_ms, &outgoing.id), Expect::Absent, &message));
    }
    writes
}
