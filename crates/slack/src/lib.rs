//! Slack's Web API: posts messages, edits them, and finds again what may have been posted.

mod answer;
mod error;
mod find;
mod mark;
mod message;
mod method;
mod refusal;
#[cfg(test)]
mod tests;
mod web;

use std::future::Future;

use serde_json::{Value, json};

pub use error::{Scope, SlackError};
pub use find::{Search, Sought};
pub use mark::{Mark, Part};
pub use message::{MessageRef, Post};
pub use method::Method;
pub use refusal::Refusal;

use phonehome_cloud::endpoint::{Cloud, EndpointError, environment, require_loopback};

use crate::web::Web;

/// Overrides Slack's address, for a local receiver.
const URL_VARIABLE: &str = "SLACK_API_URL";
const URL: &str = "https://slack.com/api";

/// Slack, as the notifier needs it.
pub trait Chat: Send + Sync {
    /// Posts a message, into the thread of another where one is given.
    fn post(&self, post: Post<'_>) -> impl Future<Output = Result<MessageRef, SlackError>> + Send;
    /// Replaces a message's content. Without `blocks` it keeps those it has; an empty list removes them. The
    /// mark stays.
    fn update(
        &self,
        message: &MessageRef,
        text: &str,
        blocks: Option<&Value>,
    ) -> impl Future<Output = Result<(), SlackError>> + Send;
    /// Finds what may have been posted, of which no answer came, or whose poster died. What Slack refuses to
    /// show is [`Sought::Unseen`]; an error passes.
    fn find(&self, search: Search<'_>) -> impl Future<Output = Result<Sought, SlackError>> + Send;
}

/// Slack's Web API.
#[derive(Debug, Clone)]
pub struct Slack(Web);

impl Slack {
    /// Slack with a bot token (`xoxb-…`).
    ///
    /// # Errors
    /// [`EndpointError`] when the environment says `local` and names no loopback address for Slack.
    pub fn new(token: String) -> Result<Self, EndpointError> {
        let variables = environment();
        let url = variables.get(URL_VARIABLE).cloned().unwrap_or_else(|| URL.to_owned());
        if matches!(Cloud::from_variables(&variables)?, Cloud::Local(_)) {
            require_loopback(URL_VARIABLE, &url)?;
        }
        Ok(Self::at(url, token))
    }

    /// Slack at this address.
    pub fn at(url: String, token: String) -> Self {
        Self(Web::at(url, token))
    }
}

impl Chat for Slack {
    async fn post(&self, post: Post<'_>) -> Result<MessageRef, SlackError> {
        let Post { channel, text, blocks, thread, mark } = post;
        let mut body = json!({"channel": channel, "text": text, "unfurl_links": false});
        if let Some(blocks) = blocks {
            body["blocks"] = blocks.clone();
        }
        if let Some(parent) = thread {
            body["thread_ts"] = json!(parent.ts);
        }
        if let Some(mark) = mark {
            body["metadata"] = mark.metadata();
        }
        let answer = self.0.call(Method::Post, channel, &body).await?;
        match (answer["channel"].as_str(), answer["ts"].as_str()) {
            (Some(channel), Some(ts)) => Ok(MessageRef { channel: channel.to_owned(), ts: ts.to_owned() }),
            _ => Err(SlackError::Failed {
                method: Method::Post,
                status: 200,
                problem: "the answer has no channel or ts".into(),
            }),
        }
    }

    async fn update(
        &self,
        message: &MessageRef,
        text: &str,
        blocks: Option<&Value>,
    ) -> Result<(), SlackError> {
        let mut body = json!({"channel": message.channel, "ts": message.ts, "text": text});
        if let Some(blocks) = blocks {
            body["blocks"] = blocks.clone();
        }
        self.0.call(Method::Update, &message.channel, &body).await.map(|_| ())
    }

    async fn find(&self, search: Search<'_>) -> Result<Sought, SlackError> {
        find::find(&self.0, &search).await
    }
}
