//! One hub in virtual time: what collector and alerter do, over a table in memory.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

use phonehome_alerting::{PathStatus, ProbeKey, Received, Refused, Transition};
use phonehome_cloud::WallClock;
use phonehome_cloud::table::{Expect, MemoryTable, Table as _, TableError, Write};
use phonehome_state::{Keys, Outboxed, PublishedFleet, StackStatus, StateError};
use phonehome_watching::{
    Alerting, Arrived, Collecting, Counted, Decided, Known, Memory, Pace, gather, next_look_s,
};
use phonehome_wire::{AccountId, Report};

use crate::Document;
use crate::told::{Telling, Told};

/// How far apart two looks are that nobody asks for, in milliseconds: the alerter's schedule.
const SCHEDULE_MS: u64 = 60_000;
/// How long it takes from a report that says something new to the look that it causes, in milliseconds: the queue and
/// the alerter's start. On AWS the reports also wait up to 5 seconds for each other before.
const HINT_MS: u64 = 1_000;

/// The recorded time.
#[derive(Debug, Default)]
struct Recorded(AtomicU64);

impl WallClock for Recorded {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Became {
    Folded,
    Refused(Refused),
    /// No fleet file was in force.
    Unjudged,
}

/// What was counted.
#[derive(Debug, Default)]
struct Counts {
    duplicates: AtomicU64,
    dropped: AtomicU64,
}

/// A hub.
#[derive(Debug)]
pub(crate) struct Run {
    table: MemoryTable,
    memory: Memory,
    known: Known,
    clock: Recorded,
    pace: Pace,
    /// What comes into the table, the first first.
    coming: VecDeque<Document>,
    from_ms: u64,
    scheduled_ms: u64,
    /// When to look, where something asks for it.
    asked_ms: Option<u64>,
    counts: Counts,
    telling: Telling,
    never_seen_working: BTreeSet<(ProbeKey, String)>,
}

/// What is to be done next.
enum Due {
    Document,
    Look,
}

impl Run {
    /// A hub that begins at `from_ms` with nothing but these documents; with other rules, where some are given.
    pub(crate) fn new(from_ms: u64, documents: &[Document], rules: Option<&str>) -> Self {
        let mut coming: Vec<Document> = documents.to_vec();
        if let Some(text) = rules {
            let fleet = Keys::fleet();
            coming.retain(|it| it.partition != fleet.partition && it.partition != Keys::VERSIONS);
            let published = PublishedFleet { text: text.to_owned(), ..PublishedFleet::default() };
            coming.push(Document {
                at_ms: from_ms,
                partition: fleet.partition,
                sort: fleet.sort,
                schema: phonehome_cloud::table::SCHEMA_WRITTEN,
                body: serde_json::json!(published),
            });
        }
        coming.sort_by_key(|document| document.at_ms);
        let clock = Recorded::default();
        clock.0.store(from_ms, Ordering::Relaxed);
        Self {
            table: MemoryTable::default(),
            memory: Memory::default(),
            known: Known::default(),
            clock,
            pace: Pace::default(),
            coming: coming.into(),
            from_ms,
            scheduled_ms: from_ms,
            asked_ms: None,
            counts: Counts::default(),
            telling: Telling::default(),
            never_seen_working: BTreeSet::new(),
        }
    }

    /// Does what is due by then.
    pub(crate) async fn until(&mut self, to_ms: u64) -> Result<(), StateError> {
        loop {
            let look_ms = self.asked_ms.map_or(self.scheduled_ms, |asked_ms| asked_ms.min(self.scheduled_ms));
            let document_ms = self.coming.front().map(|it| it.at_ms.max(self.from_ms));
            let (at_ms, due) = match document_ms.filter(|at_ms| *at_ms <= look_ms) {
                Some(at_ms) => (at_ms, Due::Document),
                None => (look_ms, Due::Look),
            };
            if at_ms > to_ms {
                break;
            }
            self.clock.0.fetch_max(at_ms, Ordering::Relaxed);
            match due {
                Due::Document => self.put(),
                Due::Look => self.look().await?,
            }
        }
        self.clock.0.fetch_max(to_ms, Ordering::Relaxed);
        Ok(())
    }

    /// A report arrives now.
    pub(crate) async fn arrives(&mut self, report: &Report) -> Result<Became, StateError> {
        let arrived = {
            let counting = |counted| self.counts.count(counted);
            let collecting = self.collecting(&counting);
            match collecting.fleet().await {
                // How long it waited for a collector is not in a recording.
                Ok(in_force) => {
                    let received = Received::at_once(self.clock.now_ms());
                    collecting.report(report, received, &in_force).await?
                }
                Err(StateError::NoFleet) => return Ok(Became::Unjudged),
                Err(error) => return Err(error),
            }
        };
        match arrived {
            Arrived::Folded(None) => {}
            Arrived::Folded(Some(transitions)) => {
                self.note(report, &transitions);
                self.ask(self.clock.now_ms() + HINT_MS);
            }
            Arrived::Refused(refused) => {
                self.refuse(&report.account, refused, "in a recording").await?;
                return Ok(Became::Refused(refused));
            }
        }
        Ok(Became::Folded)
    }

    /// A report that does not count.
    pub(crate) async fn refuse(
        &self,
        account: &AccountId,
        refused: Refused,
        problem: &str,
    ) -> Result<(), TableError> {
        let counting = |_| ();
        let received = Received::at_once(self.clock.now_ms());
        self.collecting(&counting).note_refusal(account, refused, problem, received).await.map(drop)
    }

    pub(crate) fn duplicates(&self) -> u64 {
        self.counts.duplicates.load(Ordering::Relaxed)
    }

    /// What was told by then.
    pub(crate) async fn told(mut self, to_ms: u64) -> Result<Told, StateError> {
        self.until(to_ms).await?;
        let untested = self.untested().await?;
        let undeclared_results = self.counts.dropped.load(Ordering::Relaxed);
        let never_seen_working = self.never_seen_working.len();
        Ok(Told { untested, undeclared_results, never_seen_working, ..self.telling.told() })
    }

    fn collecting<'c>(
        &'c self,
        counting: &'c (dyn Fn(Counted) + Sync),
    ) -> Collecting<'c, MemoryTable, Recorded> {
        Collecting { table: &self.table, memory: &self.memory, clock: &self.clock, counting }
    }

    /// Puts the next document into the table. When a probe's reports were due before the recording begins, nothing is
    /// known of the time before: it is silent from the beginning on at most.
    fn put(&mut self) {
        let Some(mut document) = self.coming.pop_front() else { return };
        if document.partition == Keys::STACKS
            && let Ok(mut stack) = serde_json::from_value::<StackStatus>(document.body.clone())
        {
            let from_ms = self.from_ms;
            stack.ready_since_ms.values_mut().for_each(|since_ms| *since_ms = from_ms.max(*since_ms));
            document.body = serde_json::json!(stack);
        }
        self.table.put_of_schema(document.key(), document.schema, &document.body.to_string());
    }

    fn ask(&mut self, at_ms: u64) {
        self.asked_ms = Some(self.asked_ms.map_or(at_ms, |asked_ms| asked_ms.min(at_ms)));
    }

    async fn look(&mut self) -> Result<(), StateError> {
        let now_ms = self.clock.now_ms();
        while self.scheduled_ms <= now_ms {
            self.scheduled_ms += SCHEDULE_MS;
        }
        self.asked_ms = None;
        let alerting = Alerting { table: &self.table, known: &self.known, pace: self.pace };
        let Decided { gathered, decision } = match alerting.look(now_ms).await {
            Ok(decided) => decided,
            Err(StateError::NoFleet) => return Ok(()),
            Err(error) => return Err(error),
        };
        alerting.notify_once(&gathered).await?;
        self.telling.decided(gathered.world.now_ms, &decision);
        if let Some(until_ms) = decision.waits_until_ms {
            self.ask(now_ms + u64::from(next_look_s(self.pace, now_ms, until_ms)) * 1000);
        }
        self.send().await
    }

    /// Takes what is to be sent out of the outbox, as the notifier would: pages first.
    async fn send(&mut self) -> Result<(), StateError> {
        let mut writes = Vec::new();
        let mut outgoing = Vec::new();
        for doc in self.table.query(Keys::OUTBOX).await? {
            outgoing.push(doc.read::<Outboxed>()?.outgoing);
            writes.push(Write::delete(doc.key.clone(), Expect::unchanged(Some(&doc))));
        }
        self.table.write(writes).await?;
        outgoing.sort_by_key(|it| !it.body.is_page());
        outgoing.iter().for_each(|it| self.telling.sent(it));
        Ok(())
    }

    /// Remembers the paths whose first results failed.
    fn note(&mut self, report: &Report, transitions: &[Transition]) {
        let first = transitions
            .iter()
            .filter(|it| (it.from, it.to) == (PathStatus::Unknown, PathStatus::Down))
            .map(|it| (probe(report), it.check.0.clone()));
        self.never_seen_working.extend(first);
    }

    /// How many checks are declared of which the recording says nothing.
    async fn untested(&self) -> Result<usize, StateError> {
        let world = match gather(&self.table, &self.known, self.clock.now_ms(), &self.pace).await {
            Ok(gathered) => gathered.world,
            Err(StateError::NoFleet) => return Ok(0),
            Err(error) => return Err(error),
        };
        let heard = world.probes.iter().filter(|probe| probe.heartbeat.is_some());
        let untested = heard.map(|probe| {
            let tested = |it: &&phonehome_wire::Check| probe.knows(&it.id);
            probe.checks.iter().filter(|it| !tested(it)).count()
        });
        Ok(untested.sum())
    }
}

impl Counts {
    fn count(&self, counted: Counted) {
        match counted {
            // What is not of this build's shape the alerter tells.
            Counted::Unreadable => {}
            Counted::Duplicate => drop(self.duplicates.fetch_add(1, Ordering::Relaxed)),
            Counted::Dropped(count) => drop(self.dropped.fetch_add(count, Ordering::Relaxed)),
        }
    }
}

/// Whose report it is.
pub(crate) fn probe(report: &Report) -> ProbeKey {
    ProbeKey {
        account: report.account.clone(),
        region: report.region.clone(),
        availability_zone: report.availability_zone.clone(),
    }
}
