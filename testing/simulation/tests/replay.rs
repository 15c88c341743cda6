//! A replay tells what was told: the same reports by the functions, and by `phonehome-replay`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alerter::{Again, Alerter, Ask, Known, Pace};
use collector::{Collector, Memory};
use phonehome_alerting::{OutgoingBody, SlackKind};
use phonehome_aws::Metrics;
use phonehome_cloud::table::MemoryTable;
use phonehome_cloud::{MemoryQueue, WallClock};
use phonehome_replay::{Entry, Lines, Replayed, replay};
use phonehome_simulation::{Options, record};
use phonehome_state::{Keys, Outboxed, all};
use serde_json::{Value, json};

fn options(seed: u64) -> Options {
    Options { hours: 5, whole: true, calm: true, ..Options::of(seed) }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn replayed(recording: &str) -> Replayed {
    block_on(replay(Lines::of(recording.as_bytes()).unwrap(), None)).unwrap()
}

/// In the simulation two collectors take batches of what waited for five seconds, each call of the table takes its
/// time, and two alerters look at seconds of their own. A replay has none of that: it tells the same incidents, in the
/// same channels, with the same pages, at the same time but for seconds.
#[test]
fn a_simulated_day_is_replayed_to_the_incidents_that_were_told() {
    let (mut incidents, mut pages) = (0, 0);
    for seed in [0, 4, 5, 9] {
        let (outcome, recording) = record(options(seed)).unwrap();
        let replayed = replayed(&recording);
        assert_eq!(replayed.notes.reports + replayed.notes.outside, outcome.reports, "seed {seed}");
        let told: usize = outcome.told.iter().map(|it| it.incidents).sum();
        assert_eq!(replayed.then.len(), told, "seed {seed}");
        let difference = &replayed.since_then;
        assert!(difference.gone.is_empty() && difference.new.is_empty(), "seed {seed}: {difference:#?}");
        assert_eq!(difference.pages_before, difference.pages_after, "seed {seed}");
        for changed in &difference.changed {
            let over = changed.over_later_ms.unwrap_or_default();
            let later = changed.told_later_ms.abs().max(over.abs());
            assert!(later <= 20_000, "seed {seed}: {changed:#?}");
        }
        incidents += told;
        pages += difference.pages_before;
    }
    assert!(incidents > 4 && pages > 1, "{incidents} incidents and {pages} pages show nothing");
}

/// The time that the functions see.
#[derive(Debug, Clone, Default)]
struct Clock(Arc<AtomicU64>);

impl WallClock for Clock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The functions, alone with the reports of a recording.
struct Live {
    clock: Clock,
    collector: Collector<MemoryTable, MemoryQueue, Clock>,
    alerter: Alerter<MemoryTable, MemoryQueue, Clock>,
    scheduled_ms: u64,
    asked_ms: BTreeSet<u64>,
}

impl Live {
    fn new(table: &MemoryTable, from_ms: u64) -> Self {
        let clock = Clock::default();
        let collector = Collector {
            table: table.clone(),
            transitions: MemoryQueue::default(),
            dead_letters: MemoryQueue::default(),
            metrics: Metrics::void("collector"),
            memory: Memory::default(),
            clock: clock.clone(),
        };
        let alerter = Alerter {
            table: table.clone(),
            metrics: Metrics::void("alerter"),
            again: Again::new(MemoryQueue::default()),
            ask: Ask { queue: MemoryQueue::default() },
            pace: Pace::default(),
            known: Known::default(),
            clock: clock.clone(),
        };
        Self { clock, collector, alerter, scheduled_ms: from_ms, asked_ms: BTreeSet::new() }
    }

    async fn until(&mut self, to_ms: u64) {
        loop {
            let at_ms =
                self.asked_ms.first().map_or(self.scheduled_ms, |asked_ms| self.scheduled_ms.min(*asked_ms));
            if at_ms > to_ms {
                break;
            }
            self.clock.0.store(at_ms, Ordering::Relaxed);
            self.scheduled_ms += if self.scheduled_ms <= at_ms { 60_000 } else { 0 };
            // What else has asked for a look still comes.
            self.asked_ms.remove(&at_ms);
            let before = self.alerter.again.queue.sent().len();
            self.alerter.handle(&Value::Null).await.unwrap();
            if let Some(message) = self.alerter.again.queue.sent().get(before) {
                self.asked_ms.insert(at_ms + u64::from(message.delay_s) * 1000);
            }
        }
        self.clock.0.store(to_ms, Ordering::Relaxed);
    }

    async fn arrives(&mut self, at_ms: u64, event: &Value) {
        self.until(at_ms).await;
        let hints = self.collector.transitions.sent().len();
        let batch = json!({"Records": [{"messageId": "1", "body": event.to_string()}]});
        assert!(self.collector.handle(&batch).await.unwrap().batch_item_failures.is_empty());
        if self.collector.transitions.sent().len() > hints {
            self.asked_ms.insert(at_ms + 1_000);
        }
    }
}

/// What was sent, in the order of its times: pages first.
async fn sent(table: &MemoryTable) -> Vec<Entry> {
    let messages = all::<Outboxed>(table, Keys::OUTBOX).await.unwrap();
    let mut messages: Vec<_> = messages.into_iter().map(|(_, it)| it.outgoing).collect();
    messages.sort_by_key(|it| (it.at_ms, !it.body.is_page()));
    let entry = |it: &phonehome_alerting::Outgoing| match &it.body {
        OutgoingBody::Slack { channel, kind, text, .. } => Entry::Slack {
            at_ms: it.at_ms,
            incident: it.incident_id.clone(),
            channel: channel.clone(),
            kind: *kind,
            text: text.to_string(),
        },
        OutgoingBody::Page { subject, resolved, .. } => Entry::Page {
            at_ms: it.at_ms,
            incident: it.page_key().to_owned(),
            resolved: *resolved,
            subject: subject.clone(),
        },
    };
    messages.iter().map(entry).collect()
}

/// With the same reports at the same moments the functions send the same: ids, times, channels and words.
#[test]
fn the_functions_themselves_send_what_a_replay_says_that_they_send() {
    for seed in [4, 5] {
        let (_, recording) = record(options(seed)).unwrap();
        let table = MemoryTable::default();
        let lines: Vec<Value> = recording.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for line in lines.iter().filter(|line| line["partition"].is_string()) {
            let key = |name: &str| line[name].as_str().unwrap().to_owned();
            let key = phonehome_cloud::table::key(key("partition"), key("sort"));
            table.put_raw(key, &line["body"].to_string());
        }
        let (from_ms, to_ms) = (lines[0]["from_ms"].as_u64().unwrap(), lines[0]["to_ms"].as_u64().unwrap());
        let live = block_on(async {
            let mut live = Live::new(&table, from_ms);
            for line in lines.iter().filter(|line| line["event"].is_object()) {
                let kept: phonehome_replay::Kept = serde_json::from_value(line.clone()).unwrap();
                if kept.at_ms() <= to_ms {
                    live.arrives(kept.at_ms(), &kept.event).await;
                }
            }
            live.until(to_ms).await;
            sent(&table).await
        });
        let replayed = replayed(&recording).told.timeline.into_iter();
        let replayed: Vec<Entry> = replayed.filter(|it| !matches!(it, Entry::Incident { .. })).collect();
        let opened = live.iter().filter(|it| matches!(it, Entry::Slack { kind: SlackKind::Opened, .. }));
        assert!(opened.count() > 0, "seed {seed} tells nothing");
        assert_eq!(replayed, live, "seed {seed}");
    }
}
