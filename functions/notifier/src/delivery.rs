//! One incident's messages to one Slack channel: a single message, edited in place, with what
//! changed in its thread.

use phonehome_alerting::OutgoingBody;
use phonehome_cloud::table::{Doc, Expect, Key, Table, TableError, Write};
use phonehome_slack::{Chat, MessageRef, Method, Refusal, SlackError};
use phonehome_state::Keys;
use serde_json::{Value, json};

use crate::limits::Limits;
use crate::outbox::{Group, Pending, remove};

/// How long an incident's place in Slack is remembered after its first message: 90 days, in seconds.
const PLACE_KEPT_S: u64 = 90 * 24 * 3600;
/// Bytes of a text that Slack takes with every method; `chat.update` takes the fewest, 4,000.
const PLAIN_BYTES_MAX: usize = 3900;

/// Why a message was not delivered now. It stays in the outbox.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// Not its turn in this run: no time is left, or Slack wants to be left alone.
    #[error("not its turn in this run")]
    Later,
    /// Slack did not take it.
    #[error(transparent)]
    Slack(#[from] SlackError),
    /// The table failed.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// What is left of a group.
pub(crate) struct Left {
    /// Its messages, the one that was stopped first.
    pub(crate) group: Group,
    /// How many of them, from the first, were refused. The others were not tried.
    pub(crate) refused: usize,
    pub(crate) stop: Stop,
}

/// Delivers to one channel.
pub(crate) struct Courier<'r, T, C> {
    pub(crate) table: &'r T,
    pub(crate) chat: &'r C,
    pub(crate) limits: &'r Limits,
    pub(crate) channel: &'r str,
    /// When the run began; milliseconds since the Unix epoch.
    pub(crate) now_ms: u64,
}

/// The incident's message: where it is, and what it reads.
struct Shown<'g> {
    place: MessageRef,
    key: Key,
    stored: Expect,
    text: &'g str,
    blocks: &'g Value,
}

impl<T: Table, C: Chat> Courier<'_, T, C> {
    /// Delivers all messages of a group, oldest first, and removes each as soon as Slack has said ok.
    /// The incident's own message gets only the newest content; every change gets its line in the
    /// thread.
    pub(crate) async fn deliver(&self, mut group: Group) -> Result<(), Left> {
        let newest = group.last().map(|pending| pending.message.outgoing.clone());
        let Some((outgoing, OutgoingBody::Slack { text, blocks, .. })) =
            newest.as_ref().map(|outgoing| (outgoing, &outgoing.body))
        else {
            return Ok(());
        };
        let key = Keys::slack(&outgoing.incident_id, self.channel);
        let mut shown = match self.show(key, text, blocks).await {
            Ok(shown) => shown,
            Err(stop) => return Err(Left { refused: group.len(), group, stop }),
        };
        while let Some(pending) = group.first() {
            if let Err(stop) = self.one(&mut shown, pending).await {
                return Err(Left { group, refused: 1, stop });
            }
            group.remove(0);
        }
        Ok(())
    }

    /// A message's line in the thread, if it has one; then it is done.
    async fn one(&self, shown: &mut Shown<'_>, pending: &Pending) -> Result<(), Stop> {
        if let OutgoingBody::Slack { thread_text: Some(line), .. } = &pending.message.outgoing.body {
            self.line(shown, line).await?;
        }
        Ok(remove(self.table, pending).await?)
    }

    /// Posts the incident's message, or edits it when it is there already.
    async fn show<'g>(&self, key: Key, text: &'g str, blocks: &'g Value) -> Result<Shown<'g>, Stop> {
        let known = self.table.get(&key).await?;
        let stored = Expect::unchanged(known.as_ref());
        let place = known.as_ref().map(Doc::read::<MessageRef>).transpose().unwrap_or_else(|error| {
            tracing::error!(%error, "where the message is cannot be read: it is posted anew");
            None
        });
        if let Some(place) = place {
            match self.update(&place, text, blocks).await {
                Ok(()) => return Ok(Shown { place, key, stored, text, blocks }),
                Err(Stop::Slack(error)) if is_lost(&error) => {
                    tracing::warn!(%error, "the message cannot be edited: it is posted anew");
                }
                Err(stop) => return Err(stop),
            }
        }
        self.post_anew(key, stored, text, blocks).await
    }

    async fn post_anew<'g>(
        &self,
        key: Key,
        stored: Expect,
        text: &'g str,
        blocks: &'g Value,
    ) -> Result<Shown<'g>, Stop> {
        let place = self.post(text, Some(blocks), None).await?;
        let write = Write::put(key.clone(), stored, &place).expiring(self.now_ms / 1000 + PLACE_KEPT_S);
        self.table.write(vec![write]).await?;
        Ok(Shown { place, key, stored: stored.after_write(), text, blocks })
    }

    /// Adds a line to the thread. Where the thread is gone, the incident's message is posted anew for
    /// it; where there can be no thread, the line stands in the channel.
    async fn line(&self, shown: &mut Shown<'_>, line: &str) -> Result<(), Stop> {
        match self.post(line, None, Some(&shown.place)).await {
            Err(Stop::Slack(error)) if is_about(&error, Refusal::Message) => {
                tracing::warn!(%error, "the thread is gone: the message is posted anew");
            }
            other => return other.map(|_| ()),
        }
        *shown = self.post_anew(shown.key.clone(), shown.stored, shown.text, shown.blocks).await?;
        match self.post(line, None, Some(&shown.place)).await {
            Err(Stop::Slack(error)) if is_about(&error, Refusal::Message) => {
                tracing::warn!(%error, "there can be no thread: the line is posted into the channel");
                self.post(line, None, None).await.map(|_| ())
            }
            other => other.map(|_| ()),
        }
    }

    async fn post(
        &self,
        text: &str,
        blocks: Option<&Value>,
        thread: Option<&MessageRef>,
    ) -> Result<MessageRef, Stop> {
        let call = async |text: &str, blocks| {
            self.call(Method::Post, self.chat.post(self.channel, text, blocks, thread)).await
        };
        match call(text, blocks).await {
            Err(Stop::Slack(error)) if plain_may_help(&error) => match simpler(text, blocks) {
                Some(plain) => {
                    tracing::warn!(%error, "posted as plain text");
                    call(&plain, None).await
                }
                None => Err(error.into()),
            },
            other => other,
        }
    }

    async fn update(&self, place: &MessageRef, text: &str, blocks: &Value) -> Result<(), Stop> {
        let call = async |text: &str, blocks: &Value| {
            self.call(Method::Update, self.chat.update(place, text, Some(blocks))).await
        };
        match call(text, blocks).await {
            Err(Stop::Slack(error)) if is_about(&error, Refusal::Content) => {
                tracing::warn!(%error, "edited as plain text");
                // Without the empty list it would keep the blocks it has.
                call(&clipped(text), &json!([])).await
            }
            other => other,
        }
    }

    async fn call<R>(
        &self,
        method: Method,
        call: impl Future<Output = Result<R, SlackError>>,
    ) -> Result<R, Stop> {
        if !self.limits.admits(method, self.channel).await {
            return Err(Stop::Later);
        }
        let answer = call.await;
        self.limits.called(method, self.channel);
        Ok(answer?)
    }
}

impl Stop {
    /// Whether trying the same again is of little use.
    pub(crate) fn is_for_good(&self) -> bool {
        let Self::Slack(SlackError::Refused { error, .. }) = self else { return false };
        matches!(Refusal::of(error), Refusal::Content | Refusal::Message | Refusal::Unknown)
    }
}

fn is_about(error: &SlackError, refusal: Refusal) -> bool {
    matches!(error, SlackError::Refused { error, .. } if Refusal::of(error) == refusal)
}

/// Whether a message that cannot be edited is to be posted anew: unless the token or Slack itself is
/// the reason, or its new content, which a new message would have too. A channel that was archived and
/// made again has another id.
fn is_lost(error: &SlackError) -> bool {
    let SlackError::Refused { error, .. } = error else { return false };
    matches!(Refusal::of(error), Refusal::Message | Refusal::Channel | Refusal::Unknown)
}

/// A code that nobody knows may be about blocks, too.
fn plain_may_help(error: &SlackError) -> bool {
    is_about(error, Refusal::Content) || is_about(error, Refusal::Unknown)
}

/// What to post instead; `None` when that would be the same.
fn simpler(text: &str, blocks: Option<&Value>) -> Option<String> {
    let plain = clipped(text);
    (blocks.is_some() || plain != text).then_some(plain)
}

/// A text that is not too long for Slack.
fn clipped(text: &str) -> String {
    const END: &str = " …";
    if text.len() <= PLAIN_BYTES_MAX {
        return text.to_owned();
    }
    let mut end = PLAIN_BYTES_MAX - END.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{END}", &text[..end])
}
