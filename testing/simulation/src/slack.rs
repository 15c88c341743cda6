//! Slack in memory: what its channels show.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notifier::ChatSource;
use phonehome_slack::{Chat, Mark, MessageRef, Post, Search, SlackError, Sought};
use serde_json::Value;
use tokio::time::Instant;

/// A message as it stands in its channel.
#[derive(Debug, Clone)]
pub struct Posted {
    /// The channel.
    pub channel: String,
    /// Its text, as it reads after the last edit.
    pub text: String,
    /// When it was posted.
    pub at: Instant,
    pub(crate) mark: Option<Mark>,
}

/// Slack. Its copies are the same.
#[derive(Debug, Clone, Default)]
pub struct Slack(Arc<Mutex<Vec<Posted>>>);

impl Slack {
    /// Every message, the oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<Posted> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Posted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChatSource for Slack {
    type Chat = Self;

    async fn open(&self) -> Result<Self, String> {
        Ok(self.clone())
    }
}

/// A message's timestamp is its number.
impl Chat for Slack {
    async fn post(&self, post: Post<'_>) -> Result<MessageRef, SlackError> {
        if let Some(parent) = post.thread {
            // A line of a thread is nobody's only news: the message itself is edited, too.
            return Ok(parent.clone());
        }
        let mut messages = self.lock();
        let ts = messages.len().to_string();
        let (channel, text, mark) = (post.channel.to_owned(), post.text.to_owned(), post.mark.cloned());
        messages.push(Posted { channel, text, at: Instant::now(), mark });
        Ok(MessageRef { channel: post.channel.to_owned(), ts })
    }

    async fn find(&self, search: Search<'_>) -> Result<Sought, SlackError> {
        let is_it = |posted: &Posted| {
            posted.channel == search.channel
                && posted.mark.as_ref().is_some_and(|mark| search.marks.contains(mark))
        };
        let number = self.lock().iter().position(is_it).filter(|_| search.thread.is_none());
        let place = |number: usize| MessageRef { channel: search.channel.to_owned(), ts: number.to_string() };
        Ok(number.map(place).map_or(Sought::Absent, Sought::Found))
    }

    async fn update(
        &self,
        message: &MessageRef,
        text: &str,
        _blocks: Option<&Value>,
    ) -> Result<(), SlackError> {
        let number = message.ts.parse().unwrap_or(usize::MAX);
        if let Some(posted) = self.lock().get_mut(number) {
            text.clone_into(&mut posted.text);
        }
        Ok(())
    }
}
