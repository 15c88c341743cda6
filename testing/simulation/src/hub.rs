//! The hub: execution environments of the three functions, each of which has one invocation at a time, may die in it,
//! and is then another one that remembers nothing.

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use alerter::{Again, Alerter, Ask, Pace};
use collector::Collector;
use notifier::Notifier;
use phonehome_aws::Metrics;
use phonehome_cloud::WallClock as _;
use serde_json::Value;
use tokio::time::Duration;

use crate::chance::{Chance, Question};
use crate::clock::VirtualClock;
use crate::life::{Life, Of};
use crate::mailbox::{Letter, Mailbox, batch_of};
use crate::on_call::OnCall;
use crate::plan::Episode;
use crate::slack::Slack;
use crate::table::SlowTable;

/// For how long a batch that was not handled is not seen, in milliseconds; of reports and hints, as
/// `infra/hub.yaml` has it.
const VISIBILITY_MS: u64 = 180_000;
/// How many reports there are in a batch, and how long is waited for them.
const REPORTS_MAX: usize = 50;
const REPORTS_WINDOW: Duration = Duration::from_secs(5);
/// How many hints there are in a batch.
const HINTS_MAX: usize = 10;
/// In how many of a million cases an invocation does not go well while it storms.
const DEATHS_PPM: u32 = 50_000;
/// How many environments each function has.
const ENVIRONMENTS: u64 = 2;

/// How long ago the runs began that may still be on their way, in milliseconds.
const UNDER_WAY_MS: u64 = 15_000;

/// What wakes a function that no message wakes.
pub(crate) const TICK: &str = "tick";

/// The hub, and whom it tells.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) table: SlowTable,
    pub(crate) slack: Slack,
    pub(crate) on_call: OnCall,
    pub(crate) reports: Mailbox,
    pub(crate) hints: Mailbox,
    pub(crate) notes: Mailbox,
    pub(crate) letters: Mailbox,
    pub(crate) asked: Mailbox,
    pub(crate) clock: VirtualClock,
    pub(crate) episodes: Vec<Episode>,
    pub(crate) chance: Chance,
    /// How many invocations did not go well.
    pub(crate) deaths: AtomicU64,
}

impl Hub {
    /// Has its functions work, as tasks.
    pub(crate) fn open(self: &Rc<Self>) {
        for number in 0..ENVIRONMENTS {
            tokio::task::spawn_local(Rc::clone(self).collect(number));
            tokio::task::spawn_local(Rc::clone(self).alert(ENVIRONMENTS + number));
            tokio::task::spawn_local(Rc::clone(self).notify(2 * ENVIRONMENTS + number));
        }
        let hub = Rc::clone(self);
        tokio::task::spawn_local(async move {
            loop {
                hub.table.stream.notified().await;
                hub.notes.put(hub.clock.now_ms(), "stream".to_owned());
            }
        });
    }

    /// What is in the queues, dead letters among it, but for what the last runs have just sent.
    pub(crate) fn left(&self) -> Vec<String> {
        let until_ms = self.clock.now_ms() - UNDER_WAY_MS;
        let queues = [&self.letters, &self.reports, &self.hints, &self.notes];
        queues.into_iter().flat_map(|it| it.left(until_ms)).collect()
    }

    fn begin(&self, life: &Life, environment: u64) {
        let now_ms = self.clock.now_ms();
        let is_stormy = self.episodes.iter().any(|it| it.is_stormy(now_ms));
        let mut random = self.chance.of(Question::Life, environment, now_ms);
        life.begin(if is_stormy { DEATHS_PPM } else { 0 }, &mut random);
    }

    /// Until when the collector stands still.
    fn stands_still(&self) -> Option<u64> {
        let now_ms = self.clock.now_ms();
        let troubles = self.episodes.iter().map(|it| &it.trouble);
        let mut still = troubles.filter(|it| it.fault().is_none() && it.lasts_at(now_ms));
        still.next().map(|it| it.until_ms)
    }

    fn has_died(&self, life: &Life) -> bool {
        let is_dead = life.is_dead();
        self.deaths.fetch_add(u64::from(is_dead), Ordering::Relaxed);
        is_dead
    }

    /// What was not handled comes again.
    fn put_back(&self, mailbox: &Mailbox, letters: Vec<Letter>, is_left: impl Fn(&Letter) -> bool) {
        let at_ms = self.clock.now_ms() + VISIBILITY_MS;
        letters.into_iter().filter(is_left).for_each(|letter| mailbox.put_back(at_ms, letter));
    }

    async fn collect(self: Rc<Self>, environment: u64) {
        loop {
            let life = Life::default();
            let collector = Collector {
                table: Of { inner: self.table.of("collector"), life: life.clone() },
                transitions: Of { inner: self.hints.clone(), life: life.clone() },
                dead_letters: Of { inner: self.letters.clone(), life: life.clone() },
                metrics: Metrics::void("collector"),
                memory: collector::Memory::default(),
                clock: self.clock,
            };
            loop {
                let letters = self.reports.batch(REPORTS_MAX, REPORTS_WINDOW).await;
                if letters.is_empty() {
                    continue;
                }
                if let Some(until_ms) = self.stands_still() {
                    letters.into_iter().for_each(|letter| self.reports.put_back(until_ms, letter));
                    continue;
                }
                self.begin(&life, environment);
                let answer = collector.handle(&batch_of(&letters)).await;
                let has_died = self.has_died(&life);
                let failed = answer.map(|it| it.batch_item_failures).map_err(drop);
                let is_left = |(number, _): &Letter| match &failed {
                    Ok(failed) => failed.iter().any(|it| it.item_identifier == number.to_string()),
                    Err(()) => true,
                };
                self.put_back(&self.reports, letters, |letter| has_died || is_left(letter));
                if has_died {
                    break;
                }
            }
        }
    }

    async fn alert(self: Rc<Self>, environment: u64) {
        loop {
            let life = Life::default();
            let alerter = Alerter {
                table: Of { inner: self.table.of("alerter"), life: life.clone() },
                metrics: Metrics::void("alerter"),
                again: Again::new(Of { inner: self.hints.clone(), life: life.clone() }),
                // Nobody repairs these networks but who broke them.
                ask: Ask { queue: Of { inner: self.asked.clone(), life: life.clone() } },
                pace: Pace::default(),
                known: alerter::Known::default(),
                clock: self.clock,
            };
            loop {
                let letters = self.hints.batch(HINTS_MAX, Duration::ZERO).await;
                if letters.is_empty() {
                    continue;
                }
                self.begin(&life, environment);
                let result = alerter.handle(&batch_of(&letters)).await;
                let has_died = self.has_died(&life);
                // A schedule's invocation that fails is no message that comes again.
                let is_left = has_died || result.is_err();
                self.put_back(&self.hints, letters, |(_, (_, body))| is_left && body != TICK);
                if has_died {
                    break;
                }
            }
        }
    }

    async fn notify(self: Rc<Self>, environment: u64) {
        loop {
            let life = Life::default();
            let notifier = Notifier {
                table: Of { inner: self.table.of("notifier"), life: life.clone() },
                pager: Of { inner: self.on_call.clone(), life: life.clone() },
                chat: Of { inner: self.slack.clone(), life: life.clone() },
                metrics: Metrics::void("notifier"),
                clock: self.clock,
            };
            loop {
                if self.notes.batch(HINTS_MAX, Duration::ZERO).await.is_empty() {
                    continue;
                }
                self.begin(&life, environment);
                let _: Result<Value, _> = notifier.handle().await;
                if self.has_died(&life) {
                    break;
                }
            }
        }
    }
}
