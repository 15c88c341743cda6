//! The hub's functions, as they run on AWS, with everything around them in memory.

use std::time::{Duration, Instant};

use alerter::{Again, Alerter, Ask, Pace};
use anyhow::{Result, anyhow};
use collector::Collector;
use notifier::Notifier;
use phonehome_alerting::Rerun;
use phonehome_aws::Metrics;
use phonehome_cloud::table::{Expect, MemoryTable, Table as _, Write};
use phonehome_cloud::{MemoryQueue, SystemClock};
use phonehome_simulation::{OnCall, Paged, Posted, Slack, event};
use phonehome_state::{Keys, Notified, all, written_by};
use phonehome_wire::Report;
use serde_json::Value;

/// The collector, the alerter and the notifier over one table.
#[derive(Debug)]
pub struct Hub {
    collector: Collector<MemoryTable, MemoryQueue>,
    alerter: Alerter<MemoryTable, MemoryQueue>,
    notifier: Notifier<MemoryTable, OnCall, Slack>,
    /// How many of the collector's hints the alerter has been woken for.
    hints: usize,
    /// How many of the alerter's asks were looked at.
    asked: usize,
    /// How many messages the alerter has sent itself, and when the newest wakes it.
    looks: (usize, Option<Instant>),
}

impl Hub {
    /// The hub of a table in which a fleet file is in force. Probes run once in an `interval` of whole seconds; one is
    /// lost when it was silent for `overdue_after`.
    pub fn new(table: &MemoryTable, interval: Duration, overdue_after: Duration) -> Self {
        let of = |function| table.writing_only(written_by(function));
        Self {
            collector: Collector {
                table: of("collector"),
                transitions: MemoryQueue::default(),
                dead_letters: MemoryQueue::default(),
                metrics: Metrics::void("collector"),
                memory: collector::Memory::default(),
                clock: SystemClock,
            },
            alerter: Alerter {
                table: of("alerter"),
                metrics: Metrics::void("alerter"),
                again: Again::new(MemoryQueue::default()),
                ask: Ask { queue: MemoryQueue::default() },
                pace: Pace {
                    interval_s: u32::try_from(interval.as_secs()).unwrap_or(u32::MAX),
                    overdue_after_s: u32::try_from(overdue_after.as_secs()).unwrap_or(u32::MAX),
                },
                known: alerter::Known::default(),
                clock: SystemClock,
            },
            notifier: Notifier {
                table: of("notifier"),
                pager: OnCall::default(),
                chat: Slack::default(),
                metrics: Metrics::void("notifier"),
                clock: SystemClock,
            },
            hints: 0,
            asked: 0,
            looks: (0, None),
        }
    }

    /// A report arrives, as Lambda and EventBridge bring it. Where a path turned, the alerter is woken at once.
    ///
    /// # Errors
    /// When a function fails, or the collector refuses the report. One of an input before the last two counts no more,
    /// and is usual here: a repair gives several within a second, during a run that waits for silence.
    pub async fn report(&mut self, report: &Report) -> Result<()> {
        let answer =
            self.collector.handle(&event(report)).await.map_err(|error| anyhow!("collector: {error}"))?;
        let letters = self.collector.dead_letters.sent();
        anyhow::ensure!(
            answer.batch_item_failures.is_empty() && letters.is_empty(),
            "the collector refuses the report of {}/{}, of input {}: {letters:?}",
            report.account,
            report.availability_zone,
            report.generation
        );
        let hints = self.collector.transitions.sent().len();
        if hints > self.hints {
            self.hints = hints;
            self.minute().await?;
        }
        Ok(())
    }

    /// When the alerter looks again, as it has asked for.
    pub fn looks_again_at(&self) -> Option<Instant> {
        self.looks.1
    }

    /// Which probes the alerter has asked to run again since this was asked last. Nothing else that it asks for is done
    /// here: who broke a network mends it.
    pub fn reruns(&mut self) -> Vec<Rerun> {
        let asked = self.alerter.ask.queue.sent();
        let new = asked.iter().skip(self.asked).map(|message| serde_json::from_str::<Value>(&message.body));
        let new =
            new.flatten().filter_map(|body| serde_json::from_value(body["rerun"].clone()).ok()).collect();
        self.asked = asked.len();
        new
    }

    /// The alerter's schedule fires, or what it has asked for, and what it decides is delivered.
    ///
    /// # Errors
    /// When a function fails.
    pub async fn minute(&mut self) -> Result<()> {
        self.looks.1 = self.looks.1.filter(|at| *at > Instant::now());
        self.alerter.handle(&Value::Null).await.map_err(|error| anyhow!("alerter: {error}"))?;
        let asked = self.alerter.again.queue.sent();
        if let Some(look) = asked.last().filter(|_| asked.len() > self.looks.0) {
            self.looks = (asked.len(), Some(Instant::now() + Duration::from_secs(look.delay_s.into())));
        }
        self.notifier.handle().await.map_err(|error| anyhow!("notifier: {error}"))?;
        Ok(())
    }

    /// Forgets what was paged within the last minute, and what was repaired, which would be the next fault's cause: on
    /// AWS that is hours away, and not seconds.
    ///
    /// # Errors
    /// When the table does not take it.
    pub async fn forget(&self) -> Result<()> {
        let table = self.notifier.table.unrestricted();
        let paged = table.get(&Keys::paging()).await?;
        let paged = paged.map(|doc| Write::delete(doc.key.clone(), Expect::unchanged(Some(&doc))));
        let mut writes: Vec<Write> = paged.into_iter().collect();
        let notified = all::<Notified>(&table, Keys::NOTICES).await?;
        for (doc, notified) in notified.into_iter().filter(|(_, it)| !it.drifts.is_empty()) {
            let forgotten = Notified { drifts: vec![], ..notified };
            writes.push(Write::put(doc.key.clone(), Expect::unchanged(Some(&doc)), &forgotten));
        }
        Ok(table.write(writes).await?)
    }

    /// What Slack shows, the oldest message first.
    pub fn slack(&self) -> Vec<Posted> {
        self.notifier.chat.messages()
    }

    /// What on-call was told, the first first.
    pub fn pages(&self) -> Vec<Paged> {
        self.notifier.pager.pages()
    }
}
