//! One incident's messages to one Slack channel: a single message, edited in place, with what
//! changed in its thread.

use std::time::{Duration, Instant};

use phonehome_alerting::OutgoingBody;
use phonehome_aws::slack::{Chat, MessageRef, SlackError};
use phonehome_aws::table::{Doc, Expect, Table, TableError, Write};
use phonehome_state::{Keys, Outboxed};

/// How long a claimed message is left to whoever claimed it; longer than the function's time
/// limit, so that two invocations never deliver the same one.
const CLAIM_MS: u64 = 60_000;
/// The longest pause between two attempts, in milliseconds.
const PAUSE_MS_MAX: u64 = 15 * 60_000;
/// DynamoDB's limit of one transaction.
const TAKEN_MAX: usize = 100;
/// How long an incident's place in Slack is remembered after its first message: 90 days, in seconds.
const PLACE_KEPT_S: u64 = 90 * 24 * 3600;

/// Slack's answers to an edit of a message that can never be edited again.
const GONE: [&str; 3] = ["message_not_found", "cant_update_message", "edit_window_closed"];

/// A message of the outbox, as stored.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) doc: Doc,
    pub(crate) message: Outboxed,
}

/// Why a message was not delivered now. It stays in the outbox.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryError {
    /// Slack did not take it.
    #[error(transparent)]
    Slack(#[from] SlackError),
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// Takes messages for this invocation, the oldest [`TAKEN_MAX`] of them or none; `None` when another
/// invocation has them.
pub(crate) async fn take(
    table: &impl Table,
    pending: Vec<Pending>,
    now_ms: u64,
) -> Result<Option<Vec<Pending>>, TableError> {
    let mut taken = Vec::new();
    let mut writes = Vec::new();
    for Pending { mut doc, mut message } in pending.into_iter().take(TAKEN_MAX) {
        message.attempts += 1;
        message.not_before_ms = now_ms + CLAIM_MS;
        writes.push(Write::put(doc.key.clone(), Expect::Version(doc.version), &message));
        doc.version += 1;
        taken.push(Pending { doc, message });
    }
    match table.write(writes).await {
        Ok(()) => Ok(Some(taken)),
        Err(TableError::Conflict { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts a message back that could not be delivered, with its reason and a pause that doubles.
pub(crate) async fn put_back(
    table: &impl Table,
    pending: &Pending,
    now_ms: u64,
    error: &dyn std::fmt::Display,
    pause_ms: Option<u64>,
) -> Result<(), TableError> {
    let mut message = pending.message.clone();
    let doubled = 1000 << message.attempts.min(20);
    message.not_before_ms = now_ms + pause_ms.unwrap_or(doubled).min(PAUSE_MS_MAX);
    message.last_error = error.to_string();
    table
        .write(vec![Write::put(pending.doc.key.clone(), Expect::Version(pending.doc.version), &message)])
        .await
}

/// Removes a message that was delivered.
pub(crate) async fn remove(table: &impl Table, pending: &Pending) -> Result<(), TableError> {
    table.write(vec![Write::delete(pending.doc.key.clone(), Expect::Version(pending.doc.version))]).await
}

/// Waits out Slack's rate limit, but not longer than the invocation may last.
pub(crate) struct Patience {
    until: Instant,
}

impl Patience {
    /// Patience for this long.
    pub(crate) fn of(duration: Duration) -> Self {
        Self { until: Instant::now() + duration }
    }

    /// Whether there is time left to begin something.
    pub(crate) fn is_left(&self) -> bool {
        Instant::now() < self.until
    }

    async fn try_for<R>(
        &self,
        mut call: impl AsyncFnMut() -> Result<R, SlackError>,
    ) -> Result<R, SlackError> {
        loop {
            match call().await {
                Err(SlackError::RateLimited { retry_after_s })
                    if Instant::now() + Duration::from_secs(u64::from(retry_after_s)) < self.until =>
                {
                    tokio::time::sleep(Duration::from_secs(u64::from(retry_after_s))).await;
                }
                other => return other,
            }
        }
    }
}

/// Delivers all messages of one incident to one channel, oldest first, and removes each as soon as
/// Slack has said ok. The incident's own message gets only the newest content; every change gets
/// its line in the thread.
///
/// Answers with the messages that are left, the error's first.
pub(crate) async fn deliver(
    table: &impl Table,
    chat: &impl Chat,
    patience: &Patience,
    mut group: Vec<Pending>,
    now_ms: u64,
) -> Result<(), (Vec<Pending>, DeliveryError)> {
    let place = match show_newest(table, chat, patience, &group, now_ms).await {
        Ok(place) => place,
        Err(error) => return Err((group, error)),
    };
    while let Some(pending) = group.first() {
        let done = async {
            if let OutgoingBody::Slack { thread_text: Some(text), channel, .. } =
                &pending.message.outgoing.body
            {
                patience.try_for(async || chat.post(channel, text, None, Some(&place)).await).await?;
            }
            remove(table, pending).await.map_err(DeliveryError::from)
        };
        if let Err(error) = done.await {
            return Err((group, error));
        }
        group.remove(0);
    }
    Ok(())
}

/// Posts the incident's message, or edits it when it is there already.
async fn show_newest(
    table: &impl Table,
    chat: &impl Chat,
    patience: &Patience,
    group: &[Pending],
    now_ms: u64,
) -> Result<MessageRef, DeliveryError> {
    let newest = group.last().map(|pending| &pending.message.outgoing);
    let Some((outgoing, OutgoingBody::Slack { channel, text, blocks, .. })) =
        newest.map(|outgoing| (outgoing, &outgoing.body))
    else {
        return Err(SlackError::Unreachable("not a Slack message: a bug in the notifier".into()).into());
    };
    let key = Keys::slack(&outgoing.incident_id, channel);
    let known = table.get(&key).await?;
    if let Some(place) = known.as_ref().map(Doc::read::<MessageRef>).transpose()? {
        match patience.try_for(async || chat.update(&place, text, Some(blocks)).await).await {
            Ok(()) => return Ok(place),
            // Deleted by somebody, or no longer ours to edit: post it anew.
            Err(SlackError::Refused { error, .. }) if GONE.contains(&error.as_str()) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let place = patience.try_for(async || chat.post(channel, text, Some(blocks), None).await).await?;
    let write =
        Write::put(key, Expect::unchanged(known.as_ref()), &place).expiring(now_ms / 1000 + PLACE_KEPT_S);
    table.write(vec![write]).await?;
    Ok(place)
}
