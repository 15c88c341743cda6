//! One incident's messages to one Slack channel: a single message, edited in place, with what
//! changed in its thread. A message of the outbox is claimed before anything is posted for it, which announces
//! the post; what was announced before and never heard of is looked for before it is posted again.

use std::time::Duration;

use phonehome_alerting::OutgoingBody;
use phonehome_cloud::table::{Doc, Expect, Key, Table, TableError, Write};
use phonehome_slack::{Chat, MessageRef, Method, Part, Post, Refusal, Scope, Search, SlackError, Sought};
use phonehome_state::Keys;
use serde_json::{Value, json};

use crate::doubt::{Doubt, mark};
use crate::limits::Limits;
use crate::outbox::{ATTEMPTS_MAX, Group, Pending, remove};
use crate::place::Place;

/// How long an incident's place in Slack is remembered after its first message: 90 days, in seconds.
const PLACE_KEPT_S: u64 = 90 * 24 * 3600;
/// Bytes of a text that Slack takes with every method; `chat.update` takes the fewest, 4,000.
const PLAIN_BYTES_MAX: usize = 3900;

/// How long a history may take to be read. What begins it ends within the notifier's 30 s.
const FIND_TIME: Duration = Duration::from_secs(10);

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

/// What the incident's message is to read, and where it is noted where it is.
#[derive(Clone)]
struct Content<'g> {
    key: Key,
    stored: Expect,
    text: &'g str,
    blocks: &'g Value,
    /// The incident in whose thread it stands, if that has a message here.
    joins: Option<&'g str>,
}

impl<'g> Content<'g> {
    fn shown(self, place: Place) -> Shown<'g> {
        Shown { content: self, place }
    }
}

/// The incident's message, as it stands in Slack.
#[derive(Clone)]
struct Shown<'g> {
    content: Content<'g>,
    place: Place,
}

impl<T: Table, C: Chat> Courier<'_, T, C> {
    /// Delivers all messages of a group, oldest first, and removes each as soon as Slack has said ok.
    /// The incident's own message gets only the newest content; every change gets its line in the
    /// thread.
    pub(crate) async fn deliver(&self, mut group: Group) -> Result<(), Left> {
        let newest = group.last().map(|pending| pending.message.outgoing.clone());
        let Some((outgoing, OutgoingBody::Slack { text, blocks, joins, .. })) =
            newest.as_ref().map(|outgoing| (outgoing, &outgoing.body))
        else {
            return Ok(());
        };
        let key = Keys::slack(&outgoing.incident_id, self.channel);
        let content = Content { key, stored: Expect::Absent, text, blocks, joins: joins.as_deref() };
        let mut shown = match self.show(content, &group).await {
            Ok(shown) => shown,
            Err(stop) => return Err(Left { refused: group.len(), group, stop }),
        };
        while let Some(pending) = group.first() {
            if let Err(stop) = self.one(&mut shown, pending, &group).await {
                return Err(Left { group, refused: 1, stop });
            }
            group.remove(0);
        }
        Ok(())
    }

    /// A message's line in the thread, if it has one; then it is done.
    async fn one(&self, shown: &mut Shown<'_>, pending: &Pending, group: &[Pending]) -> Result<(), Stop> {
        if let OutgoingBody::Slack { thread_text: Some(line), .. } = &pending.message.outgoing.body {
            self.line(shown, line, pending, group).await?;
        }
        Ok(remove(self.table, pending).await?)
    }

    /// Posts the incident's message, or edits it when it is there already.
    async fn show<'g>(&self, content: Content<'g>, group: &[Pending]) -> Result<Shown<'g>, Stop> {
        let (known, stored) = self.place(&content.key).await?;
        let content = Content { stored, ..content };
        if let Some(place) = known
            && self.edit(&place.message, content.text, content.blocks).await?
        {
            return Ok(content.shown(place));
        }
        self.show_anew(content, group).await
    }

    /// Where a message is, as far as that is known, and how that is stored.
    async fn place(&self, key: &Key) -> Result<(Option<Place>, Expect), TableError> {
        let known = self.table.get(key).await?;
        let place = known.as_ref().map(Doc::read::<Place>).transpose().unwrap_or_else(|error| {
            tracing::error!(%error, "where the message is cannot be read: it is posted anew");
            None
        });
        Ok((place, Expect::unchanged(known.as_ref())))
    }

    /// Posts the incident's message, unless that was done and only nobody wrote down where. One that joins another
    /// incident stands in that one's thread, and by itself where there is none.
    async fn show_anew<'g>(&self, mut content: Content<'g>, group: &[Pending]) -> Result<Shown<'g>, Stop> {
        let joined = match content.joins {
            Some(incident) => self.place(&Keys::slack(incident, self.channel)).await?.0,
            None => None,
        };
        if let Some(thread) = joined.map(|place| place.thread()) {
            // It may have been posted by itself before there was a thread.
            for place in [None, Some(&thread)] {
                if let Some(shown) = self.show_again(place, &mut content, group).await? {
                    return Ok(shown);
                }
            }
            match self.show_in(Some(&thread), content.clone(), group).await {
                Err(Stop::Slack(error)) if is_about(&error, Refusal::Message) => {
                    tracing::warn!(%error, "the thread that it joins is gone: it stands by itself");
                }
                other => return other,
            }
        } else if let Some(shown) = self.show_again(None, &mut content, group).await? {
            return Ok(shown);
        }
        self.show_in(None, content, group).await
    }

    /// Edits the message that was posted before and of which nobody wrote down where, if there is one.
    async fn show_again<'g>(
        &self,
        thread: Option<&MessageRef>,
        content: &mut Content<'g>,
        group: &[Pending],
    ) -> Result<Option<Shown<'g>>, Stop> {
        let Some(found) = self.found(Doubt::of(group, Part::Message), thread).await? else {
            return Ok(None);
        };
        let place = Place::of(found, thread);
        *content = self.remember(content.clone(), &place).await?;
        let is_there = self.edit(&place.message, content.text, content.blocks).await?;
        Ok(is_there.then(|| content.clone().shown(place)))
    }

    async fn show_in<'g>(
        &self,
        thread: Option<&MessageRef>,
        content: Content<'g>,
        group: &[Pending],
    ) -> Result<Shown<'g>, Stop> {
        let Content { text, blocks, .. } = content;
        // Of a group the first goes back into the outbox whatever else does: its mark is looked for.
        let mark = group.first().map(|pending| mark(Part::Message, pending));
        let post = Post { channel: self.channel, text, blocks: Some(blocks), thread, mark: mark.as_ref() };
        let place = Place::of(self.post(post).await?, thread);
        Ok(self.remember(content, &place).await?.shown(place))
    }

    /// Stores where the message is.
    async fn remember<'g>(&self, content: Content<'g>, place: &Place) -> Result<Content<'g>, Stop> {
        let write = Write::put(content.key.clone(), content.stored, place);
        self.table.write(vec![write.expiring(self.now_ms / 1000 + PLACE_KEPT_S)]).await?;
        Ok(Content { stored: content.stored.after_write(), ..content })
    }

    /// Adds a line to the thread. Where the thread is gone, the incident's message is posted anew for
    /// it; where there can be no thread, the line stands in the channel.
    async fn line(
        &self,
        shown: &mut Shown<'_>,
        line: &str,
        pending: &Pending,
        group: &[Pending],
    ) -> Result<(), Stop> {
        match self.line_in(Some(&shown.place.thread()), line, pending).await {
            Err(Stop::Slack(error)) if is_about(&error, Refusal::Message) => {
                tracing::warn!(%error, "the thread is gone: the message is posted anew");
            }
            other => return other,
        }
        *shown = self.show_anew(shown.content.clone(), group).await?;
        match self.line_in(Some(&shown.place.thread()), line, pending).await {
            Err(Stop::Slack(error)) if is_about(&error, Refusal::Message) => {
                tracing::warn!(%error, "there can be no thread: the line is posted into the channel");
                self.line_in(None, line, pending).await
            }
            other => other,
        }
    }

    /// Posts a line, unless it is there.
    async fn line_in(&self, thread: Option<&MessageRef>, text: &str, pending: &Pending) -> Result<(), Stop> {
        let doubt = Doubt::of(std::slice::from_ref(pending), Part::Line);
        if self.found(doubt, thread).await?.is_some() {
            return Ok(());
        }
        let mark = mark(Part::Line, pending);
        let post = Post { channel: self.channel, text, blocks: None, thread, mark: Some(&mark) };
        self.post(post).await.map(|_| ())
    }

    /// Where it is, if one of those in doubt was posted.
    async fn found(
        &self,
        doubt: Option<Doubt>,
        thread: Option<&MessageRef>,
    ) -> Result<Option<MessageRef>, Stop> {
        let Some(Doubt { marks, since_ms, attempts }) = doubt else { return Ok(None) };
        let method = if thread.is_some() { Method::Replies } else { Method::History };
        let search = Search { channel: self.channel, thread, marks: &marks, since_ms };
        let find = async {
            let found = tokio::time::timeout(FIND_TIME, self.chat.find(search)).await;
            found
                .unwrap_or_else(|_| Err(SlackError::Unreachable("the history takes too long to read".into())))
        };
        let reason = match self.call(method, find).await {
            Ok(Sought::Found(place)) => return Ok(Some(place)),
            Ok(Sought::Absent) => return Ok(None),
            Ok(Sought::Unseen(reason)) => reason,
            // For about an hour; a message twice is better than none.
            Err(Stop::Slack(error)) if attempts >= ATTEMPTS_MAX => error.to_string(),
            Err(stop) => return Err(stop),
        };
        let ids: Vec<&str> = marks.iter().map(|mark| mark.outbox_id.as_str()).collect();
        tracing::warn!(
            ?ids,
            reason,
            "it may have been posted before, which cannot be seen: it may be there twice"
        );
        Ok(None)
    }

    async fn post(&self, mut post: Post<'_>) -> Result<MessageRef, Stop> {
        let call = async |post: Post<'_>| self.call(Method::Post, self.chat.post(post)).await;
        let mut answer = call(post).await;
        if let Err(Stop::Slack(error)) = &answer
            && is_about(error, Refusal::Mark)
        {
            tracing::warn!(%error, "posted without the mark by which it could be found again");
            post.mark = None;
            answer = call(post).await;
        }
        match answer {
            Err(Stop::Slack(error)) if plain_may_help(&error) => match simpler(post.text, post.blocks) {
                Some(plain) => {
                    tracing::warn!(%error, "posted as plain text");
                    call(Post { text: &plain, blocks: None, ..post }).await
                }
                None => Err(error.into()),
            },
            other => other,
        }
    }

    /// Edits the message; `false` when that one cannot be edited any more.
    async fn edit(&self, place: &MessageRef, text: &str, blocks: &Value) -> Result<bool, Stop> {
        match self.update(place, text, blocks).await {
            Ok(()) => Ok(true),
            Err(Stop::Slack(error)) if is_lost(&error) => {
                tracing::warn!(%error, "the message cannot be edited: it is posted anew");
                Ok(false)
            }
            Err(stop) => Err(stop),
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

    /// Whether it is certain that the last call did nothing. Of its own trouble Slack says that part of what
    /// was asked may have been done.
    pub(crate) fn is_certain(&self) -> bool {
        match self {
            Self::Slack(SlackError::Refused { error, .. }) => Refusal::of(error) != Refusal::Slack,
            Self::Slack(SlackError::Limited { scope, .. }) => *scope != Scope::Workspace,
            Self::Slack(SlackError::Failed { .. } | SlackError::Unreachable(_)) | Self::Table(_) => false,
            Self::Later => true,
        }
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
