//! What has reached the receiver.

use std::fmt;
use std::time::SystemTime;

use serde_json::Value;

/// Everything that has reached the receiver.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Every call of Slack's API in its order, also those that were refused.
    pub calls: Vec<SlackCall>,
    /// The messages as they read now, in the order they were posted.
    pub messages: Vec<SlackMessage>,
    /// The pages that on-call got.
    pub pages: Vec<Page>,
    /// The topics whose subscription has been confirmed.
    pub subscriptions: Vec<String>,
}

impl Seen {
    /// The pages that are about the network: without CloudWatch's alarms on phonehome itself, which
    /// go to the same people in the same form. Those are of metrics that there are.
    #[must_use]
    pub fn network_pages(&self) -> Vec<Page> {
        let is_incident = |page: &&Page| {
            let message: serde_json::Value = serde_json::from_str(&page.message).unwrap_or_default();
            message["Trigger"]["MetricName"] == "Incident"
        };
        self.pages.iter().filter(is_incident).cloned().collect()
    }
}

/// A call of Slack's API.
#[derive(Debug, Clone)]
pub struct SlackCall {
    /// When.
    pub at: SystemTime,
    /// `chat.postMessage`.
    pub method: String,
    /// The channel as the caller named it.
    pub channel: String,
    /// The text.
    pub text: String,
    /// The message whose thread it was posted to.
    pub thread_ts: Option<String>,
    /// `ok`, Slack's error code, or the HTTP status that was not 200.
    pub answer: String,
}

/// A message in a channel.
#[derive(Debug, Clone)]
pub struct SlackMessage {
    /// The channel's name.
    pub channel: String,
    /// Its timestamp, which is its id.
    pub ts: String,
    /// The text as it reads now.
    pub text: String,
    /// The blocks as they read now.
    pub blocks: Option<Value>,
    /// What its poster keeps beside it, for programs.
    pub metadata: Option<Value>,
    /// How often it has been edited.
    pub edits: u32,
    /// The answers in its thread.
    pub thread: Vec<SlackReply>,
}

/// A message in a thread.
#[derive(Debug, Clone)]
pub struct SlackReply {
    /// Its timestamp, which is its id.
    pub ts: String,
    /// The text as it reads now.
    pub text: String,
    /// The blocks as they read now.
    pub blocks: Option<Value>,
    /// What its poster keeps beside it, for programs.
    pub metadata: Option<Value>,
    /// How often it has been edited.
    pub edits: u32,
}

/// What on-call got.
#[derive(Debug, Clone)]
pub struct Page {
    /// When.
    pub at: SystemTime,
    /// The topic it came from.
    pub topic_arn: String,
    /// Its subject, or nothing.
    pub subject: String,
    /// The message.
    pub message: String,
}

/// One line for each thing, as an error shows them.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first_line = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        for call in &self.calls {
            let SlackCall { method, channel, text, answer, .. } = call;
            writeln!(f, "  {method} {channel}: {} -> {answer}", first_line(text))?;
        }
        for page in &self.pages {
            writeln!(f, "  page: {} {}", page.subject, first_line(&page.message))?;
        }
        if self.calls.is_empty() && self.pages.is_empty() {
            writeln!(f, "  nothing")?;
        }
        Ok(())
    }
}
