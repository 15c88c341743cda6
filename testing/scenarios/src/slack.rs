//! Slack in memory: what its channels show.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use notifier::ChatSource;
use phonehome_slack::{Chat, MessageRef, SlackError};
use serde_json::Value;

/// A message as it stands in its channel.
#[derive(Debug, Clone)]
pub struct Posted {
    /// The channel.
    pub channel: String,
    /// Its text, as it reads after the last edit.
    pub text: String,
    /// How often it was edited.
    pub edits: usize,
    /// The lines of its thread.
    pub thread: Vec<String>,
    /// When it was posted.
    pub at: Instant,
}

/// Slack. Its copies are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slack(Arc<Mutex<Vec<Posted>>>);

impl Slack {
    /// Every message, the oldest first.
    pub(crate) fn messages(&self) -> Vec<Posted> {
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
    async fn post(
        &self,
        channel: &str,
        text: &str,
        _blocks: Option<&Value>,
        thread: Option<&MessageRef>,
    ) -> Result<MessageRef, SlackError> {
        let mut messages = self.lock();
        if let Some(parent) = thread {
            if let Some(posted) = parent.ts.parse().ok().and_then(|at: usize| messages.get_mut(at)) {
                posted.thread.push(text.to_owned());
            }
            return Ok(parent.clone());
        }
        let ts = messages.len().to_string();
        messages.push(Posted {
            channel: channel.to_owned(),
            text: text.to_owned(),
            edits: 0,
            thread: vec![],
            at: Instant::now(),
        });
        Ok(MessageRef { channel: channel.to_owned(), ts })
    }

    async fn update(
        &self,
        message: &MessageRef,
        text: &str,
        _blocks: Option<&Value>,
    ) -> Result<(), SlackError> {
        if let Some(posted) = message.ts.parse().ok().and_then(|at: usize| {
            self.lock().get_mut(at).map(|it| {
                it.text = text.to_owned();
                it.edits += 1;
            })
        }) {
            return Ok(posted);
        }
        Ok(())
    }
}
