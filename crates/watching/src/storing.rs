//! Stores a decision: each incident in one transaction with its own messages, so that either both are there or neither
//! is. Incidents do not depend on each other, so that a large decision is stored in parts, and one that cannot be
//! stored takes no other with it. Each part takes the revision, so that none is stored beside another run's.

use std::collections::BTreeMap;

use phonehome_alerting::{Decision, Incident, Outgoing, Trouble};
use phonehome_cloud::Class;
use phonehome_cloud::table::{Doc, Expect, Table, TableError, Write};
use phonehome_state::{Keys, Outboxed, Revision};

/// How long an incident that is over is kept: 90 days, in seconds.
const RESOLVED_KEPT_S: u64 = 90 * 24 * 3600;
/// DynamoDB's limit of one transaction, without the revision.
const WRITES_MAX: usize = 99;
/// How many bytes one transaction may write: DynamoDB takes 4 MB, packed.
const BYTES_MAX: usize = 3_000_000;

/// What storing goes on from.
#[derive(Debug)]
pub struct Storing<'a, T> {
    /// Where it is stored.
    pub table: &'a T,
    /// The revision that the decision was made of; then that of the part that was stored last.
    pub revision: Expect,
    /// When the decision was taken; milliseconds since the Unix epoch.
    pub now_ms: u64,
}

impl<T: Table> Storing<'_, T> {
    /// Stores a decision. `stored`: the open incidents as they were read. The answer are the incidents that cannot be
    /// stored, whatever is tried; all others were.
    ///
    /// # Errors
    /// [`TableError`]: another run decided, or the table cannot be asked; what was not stored was not tried.
    pub async fn decision(
        &mut self,
        decision: &Decision,
        stored: &BTreeMap<String, Doc>,
    ) -> Result<Vec<Trouble>, TableError> {
        let mut unstored = Vec::new();
        let mut together: Vec<(&Incident, Vec<Write>)> = Vec::new();
        for incident in &decision.incidents {
            let writes = writes(decision, incident, stored.get(&incident.id), self.now_ms);
            if !fits(together.iter().flat_map(|(_, writes)| writes).chain(&writes)) {
                unstored.extend(self.incidents(std::mem::take(&mut together)).await?);
            }
            together.push((incident, writes));
        }
        unstored.extend(self.incidents(together).await?);
        Ok(unstored)
    }

    /// Stores incidents together; where that is not possible one by one.
    async fn incidents(
        &mut self,
        incidents: Vec<(&Incident, Vec<Write>)>,
    ) -> Result<Vec<Trouble>, TableError> {
        if incidents.len() > 1 {
            match self.part(incidents.iter().flat_map(|(_, writes)| writes).cloned().collect()).await {
                Err(error) if is_its_own(&error) => {}
                done => return done.map(|()| vec![]),
            }
        }
        let mut unstored = Vec::new();
        for (incident, writes) in incidents {
            match self.one(writes).await {
                Err(error) if is_its_own(&error) => {
                    tracing::error!(id = incident.id, %error, "an incident cannot be stored, and is not told");
                    unstored.push(Trouble::unstored(incident, error.to_string()));
                }
                done => done?,
            }
        }
        Ok(unstored)
    }

    /// Stores one incident. Where it has more messages than one transaction takes, the first of them come before it: a run
    /// that dies in between tells them again, which changes the same messages once more.
    async fn one(&mut self, mut writes: Vec<Write>) -> Result<(), TableError> {
        while !fits(&writes) && writes.len() > 1 {
            let first = (1..writes.len()).rev().find(|count| fits(&writes[..*count])).unwrap_or(1);
            self.part(writes.drain(..first).collect()).await?;
        }
        self.part(writes).await
    }

    async fn part(&mut self, mut writes: Vec<Write>) -> Result<(), TableError> {
        if writes.is_empty() {
            return Ok(());
        }
        writes.push(Write::put(Keys::revision(), self.revision, &Revision { decided_at_ms: self.now_ms }));
        self.table.write(writes).await?;
        self.revision = self.revision.after_write();
        Ok(())
    }
}

/// Whether an error is of what was to be stored, rather than of the table: then nothing else fails for it.
fn is_its_own(error: &TableError) -> bool {
    match error {
        TableError::Newer { .. } | TableError::Unreadable { .. } => true,
        TableError::Aws(error) => error.class() == Class::Invalid,
        TableError::Conflict { .. } => false,
    }
}

fn fits<'w>(writes: impl IntoIterator<Item = &'w Write>) -> bool {
    let sizes = writes.into_iter().map(|write| write.body.as_ref().map_or(0, String::len));
    let (count, bytes) = sizes.fold((0, 0), |(count, bytes), size| (count + 1, bytes + size));
    count <= WRITES_MAX && bytes <= BYTES_MAX
}

/// What is written for an incident: its messages, the pages behind the others, and itself as the last.
fn writes(decision: &Decision, incident: &Incident, stored: Option<&Doc>, now_ms: u64) -> Vec<Write> {
    let mut messages: Vec<_> =
        decision.outbox.iter().filter(|outgoing| outgoing.incident_id == incident.id).collect();
    messages.sort_by_key(|outgoing| outgoing.body.is_page());
    let message = |outgoing: &Outgoing| {
        let key = Keys::outbox(outgoing.at_ms, &outgoing.id);
        Write::put(key, Expect::Absent, &Outboxed::new(outgoing.clone()))
    };
    let mut writes: Vec<Write> = messages.into_iter().map(message).collect();
    if incident.is_open() {
        writes.push(Write::over(stored, Keys::incident(&incident.id), incident));
        return writes;
    }
    if stored.is_some() {
        writes.push(Write::delete(Keys::incident(&incident.id), Expect::unchanged(stored)));
    }
    let kept = Write::put(Keys::resolved(&incident.id), Expect::Absent, incident).keeping::<Incident>(stored);
    writes.push(kept.expiring(now_ms / 1000 + RESOLVED_KEPT_S));
    writes
}
