//! Empties the outbox: pages first, then Slack.

use std::collections::BTreeMap;
use std::time::Duration;

use lambda_runtime::Error;
use phonehome_alerting::OutgoingBody;
use phonehome_aws::slack::SlackError;
use phonehome_aws::table::{Table, TableError};
use phonehome_aws::{Metrics, Pager};
use phonehome_runtime::now_ms;
use phonehome_state::{Keys, Outboxed, all};
use serde_json::{Value, json};

use crate::chat::ChatSource;
use crate::delivery::{DeliveryError, Patience, Pending, deliver, put_back, remove, take};

/// How long one invocation waits for Slack's rate limit, of its 30 s.
const PATIENCE: Duration = Duration::from_secs(15);

/// The notifier.
pub(crate) struct Notifier<T, P, S> {
    pub(crate) table: T,
    pub(crate) pager: P,
    pub(crate) chat: S,
    pub(crate) metrics: Metrics,
}

type Groups = BTreeMap<(String, String), Vec<Pending>>;

impl<T: Table, P: Pager, S: ChatSource> Notifier<T, P, S> {
    /// Handles one invocation. What woke it does not matter: it looks at the whole outbox.
    pub(crate) async fn handle(&self) -> Result<Value, Error> {
        let (pages, groups) = self.due(now_ms()).await?;
        let (page_count, group_count) = (pages.len(), groups.len());
        for page in pages {
            self.page(page).await?;
        }
        self.slack(groups).await?;
        self.metrics.flush().await;
        Ok(json!({"pages": page_count, "slack_messages": group_count}))
    }

    /// What is due, in the order it was decided. A group of which one message is not due yet waits
    /// as a whole: its messages must not overtake each other.
    async fn due(&self, now_ms: u64) -> Result<(Vec<Pending>, Groups), TableError> {
        let mut pages = Vec::new();
        let mut groups = Groups::new();
        for (doc, message) in all::<Outboxed>(&self.table, Keys::OUTBOX).await? {
            let pending = Pending { doc, message };
            match &pending.message.outgoing.body {
                OutgoingBody::Page { .. } => pages.push(pending),
                OutgoingBody::Slack { channel, .. } => {
                    let group = (channel.clone(), pending.message.outgoing.incident_id.clone());
                    groups.entry(group).or_default().push(pending);
                }
            }
        }
        // A gauge, at every run, so that the alarm holds for as long as something is stuck.
        let waiting = pages.iter().chain(groups.values().flatten());
        let stuck = waiting.filter(|pending| !pending.message.last_error.is_empty()).count();
        self.metrics.count("Undelivered", stuck as u64);
        let is_due = |pending: &Pending| pending.message.not_before_ms <= now_ms;
        pages.retain(is_due);
        groups.retain(|_, group| group.first().is_some_and(is_due));
        Ok((pages, groups))
    }

    async fn page(&self, page: Pending) -> Result<(), Error> {
        let Some(taken) = take(&self.table, vec![page], now_ms()).await? else { return Ok(()) };
        for page in taken {
            let OutgoingBody::Page { subject, text, .. } = &page.message.outgoing.body else { continue };
            match self.pager.page(subject, text).await {
                Ok(()) => {
                    self.metrics.count("Paged", 1);
                    remove(&self.table, &page).await?;
                }
                Err(error) => self.undelivered(&page, &error, None).await?,
            }
        }
        Ok(())
    }

    async fn slack(&self, groups: Groups) -> Result<(), Error> {
        if groups.is_empty() {
            return Ok(());
        }
        let chat = self.chat.open().await;
        let patience = Patience::of(PATIENCE);
        for group in groups.into_values() {
            // A Slack that hangs must not eat the time limit: what is left waits for the next run.
            if !patience.is_left() {
                break;
            }
            let Some(group) = take(&self.table, group, now_ms()).await? else { continue };
            let sent = group.len() as u64;
            let result = match &chat {
                Ok(chat) => deliver(&self.table, chat, &patience, group, now_ms()).await,
                Err(reason) => Err((group, SlackError::Unreachable(reason.clone()).into())),
            };
            match result {
                Ok(()) => self.metrics.count("SlackDelivered", sent),
                Err((left, error)) => self.put_all_back(&left, &error).await?,
            }
        }
        Ok(())
    }

    async fn put_all_back(&self, left: &[Pending], error: &DeliveryError) -> Result<(), Error> {
        let pause_ms = match error {
            DeliveryError::Slack(SlackError::RateLimited { retry_after_s }) => {
                Some(u64::from(*retry_after_s) * 1000)
            }
            _ => None,
        };
        for pending in left {
            self.undelivered(pending, error, pause_ms).await?;
        }
        Ok(())
    }

    async fn undelivered(
        &self,
        pending: &Pending,
        error: &dyn std::fmt::Display,
        pause_ms: Option<u64>,
    ) -> Result<(), Error> {
        let (id, attempts) = (&pending.message.outgoing.id, pending.message.attempts);
        tracing::warn!(id, attempts, %error, "not delivered, kept in the outbox");
        Ok(put_back(&self.table, pending, now_ms(), error, pause_ms).await?)
    }
}
