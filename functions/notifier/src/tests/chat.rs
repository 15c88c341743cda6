//! Slack in memory.

use phonehome_slack::{Mark, Post, Search, Sought};

use super::*;

/// A call of Slack, answered or refused.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) at: Instant,
    pub(super) method: Method,
    pub(super) channel: String,
    pub(super) text: String,
    pub(super) blocks: Option<Value>,
    /// The message whose thread it goes to.
    pub(super) thread: Option<String>,
    /// The message that it edits.
    pub(super) edits: Option<String>,
    pub(super) mark: Option<Mark>,
}

pub(super) type Rule = Box<dyn Fn(&Call) -> Option<SlackError> + Send>;

/// Slack in memory: keeps each call, and refuses what it is told to.
#[derive(Clone, Default)]
pub(super) struct FakeSlack {
    /// What it did.
    pub(super) calls: Arc<Mutex<Vec<String>>>,
    /// What it was asked for.
    pub(super) tried: Arc<Mutex<Vec<Call>>>,
    /// What stands in it: where, and the call that put it there.
    pub(super) shown: Arc<Mutex<Vec<(MessageRef, Call)>>>,
    pub(super) refusals: Arc<Mutex<Vec<SlackError>>>,
    pub(super) rule: Arc<Mutex<Option<Rule>>>,
    pub(super) no_token: bool,
    /// The token may not read the history.
    pub(super) no_history: bool,
}

impl FakeSlack {
    fn call(&self, call: Call, done: Option<String>) -> Result<(), SlackError> {
        let by_rule = self.rule.lock().unwrap().as_ref().and_then(|rule| rule(&call));
        self.tried.lock().unwrap().push(call);
        match self.refusals.lock().unwrap().pop().or(by_rule) {
            Some(error) => Err(error),
            None => {
                self.calls.lock().unwrap().extend(done);
                Ok(())
            }
        }
    }

    pub(super) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    /// The posts that stand in it.
    pub(super) fn posts(&self) -> Vec<Call> {
        self.shown.lock().unwrap().iter().map(|(_, call)| call.clone()).collect()
    }

    pub(super) fn tried(&self) -> Vec<Call> {
        self.tried.lock().unwrap().clone()
    }

    pub(super) fn tried_in(&self, channel: &str) -> usize {
        self.tried().iter().filter(|call| call.channel == channel).count()
    }

    /// Somebody deletes what reads like this. It is neither edited nor answered any more.
    pub(super) fn delete(&self, text: &str) {
        let mut shown = self.shown.lock().unwrap();
        shown.retain(|(_, call)| call.text != text);
        let gone = Some(format!("ts-of-{text}"));
        self.rule(move |call| {
            (call.thread == gone || call.edits == gone).then(|| refused(call.method, "message_not_found"))
        });
    }

    /// From now on it refuses what the rule says.
    pub(super) fn rule(&self, rule: impl Fn(&Call) -> Option<SlackError> + Send + 'static) {
        *self.rule.lock().unwrap() = Some(Box::new(rule));
    }
}

/// A message's `ts` is of its text, and a number where the text is there already.
impl Chat for FakeSlack {
    async fn post(&self, post: Post<'_>) -> Result<MessageRef, SlackError> {
        let place = post.thread.map_or("post".to_owned(), |parent| format!("reply to {}", parent.ts));
        let call = Call {
            at: Instant::now(),
            method: Method::Post,
            channel: post.channel.to_owned(),
            text: post.text.to_owned(),
            blocks: post.blocks.cloned(),
            thread: post.thread.map(|parent| parent.ts.clone()),
            edits: None,
            mark: post.mark.cloned(),
        };
        self.call(call.clone(), Some(format!("{place}: {}", post.text)))?;
        let mut shown = self.shown.lock().unwrap();
        let same = shown.iter().filter(|(_, other)| other.text == post.text).count();
        let number = if same == 0 { String::new() } else { format!("-{same}") };
        let ts = format!("ts-of-{}{number}", post.text);
        let place = MessageRef { channel: post.channel.to_owned(), ts };
        shown.push((place.clone(), call));
        Ok(place)
    }

    async fn update(
        &self,
        message: &MessageRef,
        text: &str,
        blocks: Option<&Value>,
    ) -> Result<(), SlackError> {
        let call = Call {
            at: Instant::now(),
            method: Method::Update,
            channel: message.channel.clone(),
            text: text.to_owned(),
            blocks: blocks.cloned(),
            thread: None,
            edits: Some(message.ts.clone()),
            mark: None,
        };
        self.call(call, Some(format!("edit {}: {text}", message.ts)))
    }

    async fn find(&self, search: Search<'_>) -> Result<Sought, SlackError> {
        if self.no_history {
            return Ok(Sought::Unseen("missing_scope".into()));
        }
        let method = if search.thread.is_some() { Method::Replies } else { Method::History };
        let call = Call {
            at: Instant::now(),
            method,
            channel: search.channel.to_owned(),
            text: String::new(),
            blocks: None,
            thread: search.thread.map(|parent| parent.ts.clone()),
            edits: None,
            mark: search.marks.first().cloned(),
        };
        self.call(call.clone(), None)?;
        let shown = self.shown.lock().unwrap();
        let found = shown.iter().find(|(_, posted)| {
            (&posted.channel, &posted.thread) == (&call.channel, &call.thread)
                && posted.mark.as_ref().is_some_and(|mark| search.marks.contains(mark))
        });
        Ok(found.map_or(Sought::Absent, |(place, _)| Sought::Found(place.clone())))
    }
}

impl ChatSource for FakeSlack {
    type Chat = Self;

    async fn open(&self) -> Result<Self, String> {
        if self.no_token { Err("no token".to_owned()) } else { Ok(self.clone()) }
    }
}

impl Notifier<MemoryTable, MemoryPager, FakeSlack> {
    /// The same outbox, with a Slack that takes `calls` calls and refuses the next.
    pub(super) async fn clone_with_refusal_after(
        &self,
        calls: usize,
        error: SlackError,
    ) -> Notifier<MemoryTable, MemoryPager, CountingSlack> {
        Notifier {
            clock: SystemClock,
            table: self.table.clone(),
            pager: self.pager.clone(),
            chat: CountingSlack { inner: self.chat.clone(), left: Arc::new(Mutex::new(calls)), error },
            metrics: Metrics::void("notifier"),
        }
    }
}

/// Slack that goes away after a number of calls.
#[derive(Clone)]
pub(super) struct CountingSlack {
    inner: FakeSlack,
    left: Arc<Mutex<usize>>,
    error: SlackError,
}

impl CountingSlack {
    fn may(&self) -> Result<(), SlackError> {
        let mut left = self.left.lock().unwrap();
        *left = left.checked_sub(1).ok_or_else(|| self.error.clone())?;
        Ok(())
    }
}

impl Chat for CountingSlack {
    async fn post(&self, post: Post<'_>) -> Result<MessageRef, SlackError> {
        self.may()?;
        self.inner.post(post).await
    }

    async fn update(
        &self,
        message: &MessageRef,
        text: &str,
        blocks: Option<&Value>,
    ) -> Result<(), SlackError> {
        self.may()?;
        self.inner.update(message, text, blocks).await
    }

    async fn find(&self, search: Search<'_>) -> Result<Sought, SlackError> {
        self.may()?;
        self.inner.find(search).await
    }
}

impl ChatSource for CountingSlack {
    type Chat = Self;

    async fn open(&self) -> Result<Self, String> {
        Ok(self.clone())
    }
}
