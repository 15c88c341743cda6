//! One look: everything is gathered, decided, and stored.

use std::collections::BTreeMap;

use phonehome_alerting::{Decision, Incident, decide, notices};
use phonehome_cloud::table::{ATTEMPTS, Cache, Doc, Expect, Table, TableError, Write, on_conflict};
use phonehome_state::{Keys, Outboxed, Revision, StateError};

use crate::world::{Gathered, Pace, gather};

/// How long an incident that is over is kept: 90 days, in seconds.
const RESOLVED_KEPT_S: u64 = 90 * 24 * 3600;
/// DynamoDB's limit of one transaction.
const WRITES_MAX: usize = 100;

/// How many looks there are in the time between two runs of a probe, while something waits: one in 10 seconds.
const LOOKS: u64 = 6;

/// Who decides.
#[derive(Debug)]
pub struct Alerting<'a, T> {
    /// Where state is kept.
    pub table: &'a T,
    /// Paths that were read before.
    pub known: &'a Cache,
    /// How often probes run.
    pub pace: Pace,
}

/// What was looked at, and what was decided of it and is stored.
#[derive(Debug)]
pub struct Decided {
    /// What was looked at.
    pub gathered: Gathered,
    /// What was decided.
    pub decision: Decision,
}

/// In how many seconds to look again, where something waits until `until_ms` at the latest.
#[must_use]
pub fn next_look_s(pace: Pace, now_ms: u64, until_ms: u64) -> u32 {
    let every_ms = (u64::from(pace.interval_s) * 1000 / LOOKS).max(1000);
    let delay_ms = until_ms.saturating_sub(now_ms).clamp(1, every_ms);
    u32::try_from(delay_ms.div_ceil(1000)).unwrap_or(1)
}

impl<T: Table> Alerting<'_, T> {
    /// One observation of everything.
    ///
    /// # Errors
    /// When the table cannot be asked or written: nothing was decided, or only a part of it was stored.
    pub async fn look(&self, now_ms: u64) -> Result<Decided, StateError> {
        on_conflict(ATTEMPTS, async || {
            let gathered = gather(self.table, self.known, now_ms, &self.pace).await?;
            let decision = decide(&gathered.world);
            let decided_at_ms = gathered.world.now_ms;
            self.store(&decision, &gathered.stored, gathered.revision, decided_at_ms).await?;
            Ok::<_, StateError>(Decided { gathered, decision })
        })
        .await
    }

    /// Each incident is stored in one transaction with its own messages: either both are there or
    /// neither is. Incidents do not depend on each other, so a large decision is stored in parts.
    /// Each part takes the revision, so none is stored beside another run's.
    ///
    /// # Errors
    /// [`TableError`]: a conflict means that another run decided first.
    pub async fn store(
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
    ///
    /// # Errors
    /// [`TableError`]
    pub async fn notify_once(&self, gathered: &Gathered) -> Result<(), TableError> {
        let Gathered { troubles, notified, channel, .. } = gathered;
        let Some((after, message)) = notices(troubles, notified, channel, gathered.world.now_ms) else {
            return Ok(());
        };
        let mut writes = vec![Write::over(gathered.notified_doc.as_ref(), Keys::notices(), &after)];
        if let Some(message) = message {
            let key = Keys::outbox(message.at_ms, &message.id);
            writes.push(Write::put(key, Expect::Absent, &Outboxed::new(message)));
        }
        match self.table.write(writes).await {
            Ok(()) | Err(TableError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
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
