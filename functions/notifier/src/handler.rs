//! Empties the outbox: pages first, then Slack.

use phonehome_cloud::{SystemClock, WallClock};
use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use phonehome_aws::Metrics;
use phonehome_cloud::Pager;
use phonehome_cloud::table::{ATTEMPTS, Table, TableError};
use phonehome_runtime::Error;
use phonehome_state::{Hold, SLACK_LIMIT_MS};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::chat::ChatSource;
use crate::delivery::{Courier, Left, Stop};
use crate::latency;
use crate::limits::Limits;
use crate::outbox::{Group, Outbox, Pending, Refused, look, release, requeue, take};
use crate::pages::Desk;

/// How long Slack's token may take to be read.
const TOKEN_TIME: Duration = Duration::from_secs(8);
/// When Slack is left, after the invocation began: what is claimed and not sent by then is sent by a later one, as
/// if Lambda had ended this one after 30 s, but its metrics leave it.
const SLACK_OVER: Duration = Duration::from_secs(25);
/// Channels that are delivered to side by side: one that is slow keeps no other waiting.
const CHANNELS_AT_ONCE: usize = 8;

/// The notifier.
#[derive(Debug)]
pub struct Notifier<T, P, S, C = SystemClock> {
    /// Where the outbox is.
    pub table: T,
    /// Wakes on-call.
    pub pager: P,
    /// Opens Slack.
    pub chat: S,
    /// What is counted.
    pub metrics: Metrics,
    /// What time it is.
    pub clock: C,
}

type Channels = BTreeMap<String, Vec<Group>>;

impl<T: Table, P: Pager, S: ChatSource, C: WallClock> Notifier<T, P, S, C> {
    /// Handles one invocation. What woke it does not matter: it looks at the whole outbox.
    ///
    /// # Errors
    /// The table's first. Everything else is tried all the same.
    pub async fn handle(&self) -> Result<Value, Error> {
        let slack_over = Instant::now() + SLACK_OVER;
        let outbox = look(&self.table, self.clock.now_ms()).await?;
        // Gauges, at every run, so that their alarms hold for as long as something is wrong.
        self.metrics.count("Undelivered", outbox.undelivered);
        self.metrics.duration("OutboxAge", outbox.age_ms);
        if outbox.unreadable > 0 {
            self.metrics.count("UnreadableItems", outbox.unreadable);
        }
        let (pages, channels) = (outbox.pages.len(), outbox.channels.len());
        let (outbox, mut result) = self.pages(outbox).await;
        let mut is_late = false;
        if !outbox.channels.is_empty() {
            let slack = self.slack(outbox.channels, &outbox.holds);
            match tokio::time::timeout_at(slack_over, slack).await {
                Ok(told) => result = result.and(told),
                Err(_) => is_late = true,
            }
        }
        if result.is_ok() && !is_late {
            self.metrics.count("Runs", 1);
        }
        self.metrics.flush().await;
        result?;
        if is_late {
            return Err(
                format!("Slack was left after {} s; a later run goes on", SLACK_OVER.as_secs()).into()
            );
        }
        Ok(json!({"pages": pages, "channels": channels}))
    }

    /// Sends what is due of the pages, and once more where another invocation was faster.
    async fn pages(&self, mut outbox: Outbox) -> (Outbox, Result<(), TableError>) {
        let mut result = Ok(());
        for _ in 0..ATTEMPTS {
            let now_ms = self.clock.now_ms();
            let mut desk = Desk::open(&self.table, &self.pager, &self.metrics, now_ms).await;
            result = result.and(desk.run(&outbox.pages).await);
            for page in &outbox.unreadable_pages {
                result = result.and(desk.stand_in(page).await);
            }
            if !desk.is_overtaken {
                break;
            }
            match look(&self.table, self.clock.now_ms()).await {
                Ok(again) => outbox.pages = again.pages,
                Err(error) => return (outbox, result.and(Err(error))),
            }
        }
        (outbox, result)
    }

    async fn slack(&self, channels: Channels, holds: &[Hold]) -> Result<(), TableError> {
        let chat = match tokio::time::timeout(TOKEN_TIME, self.chat.open()).await {
            Ok(Ok(chat)) => chat,
            Ok(Err(reason)) => return self.closed(channels, reason).await,
            Err(_) => return self.closed(channels, "Slack's token could not be read in time".into()).await,
        };
        let limits = Limits::of(Duration::from_millis(SLACK_LIMIT_MS), holds);
        let results = stream::iter(channels).map(|(channel, groups)| {
            let (chat, limits) = (&chat, &limits);
            async move { self.channel(chat, limits, &channel, groups).await }
        });
        results.buffer_unordered(CHANNELS_AT_ONCE).fold(Ok(()), async |all, one| all.and(one)).await
    }

    /// Without a token nothing goes out. One message says why; the others stay due.
    async fn closed(&self, channels: Channels, reason: String) -> Result<(), TableError> {
        let Some(group) = channels.into_values().flatten().next() else { return Ok(()) };
        let Some(group) = take(&self.table, group, self.clock.now_ms()).await? else { return Ok(()) };
        let refused = Refused { reason, holds: &[], for_good: false, is_certain: true };
        self.not_delivered(&group, &refused).await
    }

    /// Delivers to one channel, one group after the other. A group that fails is not in the others' way.
    async fn channel(
        &self,
        chat: &S::Chat,
        limits: &Limits,
        channel: &str,
        groups: Vec<Group>,
    ) -> Result<(), TableError> {
        let mut result = Ok(());
        for group in groups {
            if !limits.is_open(channel) {
                break;
            }
            result = result.and(self.group(chat, limits, channel, group).await);
        }
        result
    }

    async fn group(
        &self,
        chat: &S::Chat,
        limits: &Limits,
        channel: &str,
        group: Group,
    ) -> Result<(), TableError> {
        let now_ms = self.clock.now_ms();
        let Some(group) = take(&self.table, group, now_ms).await? else { return Ok(()) };
        let messages = group.len();
        let opened = group.first().and_then(|it| latency::opened(&it.message.outgoing)).map(str::to_owned);
        let courier = Courier { table: &self.table, chat, limits, channel, now_ms };
        let delivered = courier.deliver(group).await;
        let left = delivered.as_ref().err().map_or(0, |left| left.group.len());
        self.metrics.count("SlackDelivered", (messages - left) as u64);
        if let Some(incident) = opened.filter(|_| left < messages) {
            latency::measure(&self.table, &self.metrics, &incident, self.clock.now_ms()).await;
        }
        let Err(Left { group, refused, stop }) = delivered else { return Ok(()) };
        let (tried, untried) = group.split_at(refused.min(group.len()));
        let holds = match &stop {
            Stop::Later => return release(&self.table, &group).await,
            Stop::Slack(error) => limits.refused(channel, error, now_ms),
            Stop::Table(_) => vec![],
        };
        let (reason, for_good, is_certain) = (stop.to_string(), stop.is_for_good(), stop.is_certain());
        self.not_delivered(tried, &Refused { reason, holds: &holds, for_good, is_certain }).await?;
        release(&self.table, untried).await?;
        match stop {
            Stop::Table(error) => Err(error),
            Stop::Later | Stop::Slack(_) => Ok(()),
        }
    }

    async fn not_delivered(&self, tried: &[Pending], refused: &Refused<'_>) -> Result<(), TableError> {
        for Pending { message, .. } in tried {
            let (id, attempts, reason) = (&message.outgoing.id, message.attempts, &refused.reason);
            tracing::warn!(id, attempts, reason, "not delivered, kept in the outbox");
        }
        requeue(&self.table, tried, self.clock.now_ms(), refused).await
    }
}
