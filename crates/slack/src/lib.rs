//! Slack's Web API: `chat.postMessage` and `chat.update`.

mod answer;
mod error;
mod refusal;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::time::Duration;

use serde_json::{Value, json};

pub use error::{Method, Scope, SlackError};
pub use refusal::Refusal;

use phonehome_cloud::endpoint::{Cloud, EndpointError, environment, require_loopback};

/// Overrides Slack's address, for a local receiver.
const URL_VARIABLE: &str = "SLACK_API_URL";
const URL: &str = "https://slack.com/api";
/// How long a call may take, its answer read.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a message is: needed to edit it, and to answer in its thread.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MessageRef {
    /// The channel's id, as Slack answered it.
    pub channel: String,
    /// The message's timestamp, which is its id.
    pub ts: String,
}

/// Slack, as the notifier needs it.
pub trait Chat: Send + Sync {
    /// Posts a message, into the thread of another where one is given.
    fn post(
        &self,
        channel: &str,
        text: &str,
        blocks: Option<&Value>,
        thread: Option<&MessageRef>,
    ) -> impl Future<Output = Result<MessageRef, SlackError>> + Send;
    /// Replaces a message's content. Without `blocks` it keeps those it has; an empty list removes them.
    fn update(
        &self,
        message: &MessageRef,
        text: &str,
        blocks: Option<&Value>,
    ) -> impl Future<Output = Result<(), SlackError>> + Send;
}

/// Slack's Web API.
#[derive(Clone)]
pub struct Slack {
    client: reqwest::Client,
    url: String,
    token: String,
}

impl fmt::Debug for Slack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slack").field("url", &self.url).finish_non_exhaustive()
    }
}

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
        Self { client: reqwest::Client::new(), url, token }
    }

    async fn call(&self, method: Method, channel: &str, body: Value) -> Result<Value, SlackError> {
        let request = self.client.post(format!("{}/{method}", self.url)).bearer_auth(&self.token).json(&body);
        let answer = request.timeout(CALL_TIMEOUT).send().await.map_err(answer::unreachable)?;
        answer::read(method, channel, answer).await
    }
}

impl Chat for Slack {
    async fn post(
        &self,
        channel: &str,
        text: &str,
        blocks: Option<&Value>,
        thread: Option<&MessageRef>,
    ) -> Result<MessageRef, SlackError> {
        let mut body = json!({"channel": channel, "text": text, "unfurl_links": false});
        if let Some(blocks) = blocks {
            body["blocks"] = blocks.clone();
        }
        if let Some(parent) = thread {
            body["thread_ts"] = json!(parent.ts);
        }
        let answer = self.call(Method::Post, channel, body).await?;
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
        self.call(Method::Update, &message.channel, body).await.map(|_| ())
    }
}
