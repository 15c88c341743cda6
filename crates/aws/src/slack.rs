//! Slack's Web API: `chat.postMessage` and `chat.update`.

use std::future::Future;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::{Cloud, CloudError, environment, require_loopback};

/// Overrides Slack's address, for a local receiver.
const URL_VARIABLE: &str = "SLACK_API_URL";
const URL: &str = "https://slack.com/api";

/// Where a message is: needed to edit it, and to answer in its thread.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MessageRef {
    /// The channel's id, as Slack answered it.
    pub channel: String,
    /// The message's timestamp, which is its id.
    pub ts: String,
}

/// Why Slack did not take a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlackError {
    /// Too many messages: not before this many seconds.
    #[error("Slack asks to wait {retry_after_s} s")]
    RateLimited {
        /// From `Retry-After`.
        retry_after_s: u32,
    },
    /// Slack answered `"ok": false`.
    #[error("Slack refused {method} to {channel}: {error}{}", hint(error))]
    Refused {
        /// The API method.
        method: &'static str,
        /// The channel.
        channel: String,
        /// Slack's error code, `channel_not_found`.
        error: String,
    },
    /// No usable answer.
    #[error("no usable answer from Slack: {0}")]
    Unreachable(String),
}

fn hint(error: &str) -> &'static str {
    match error {
        "channel_not_found" => {
            " (does it exist? A private channel's bot must be invited: /invite @phonehome)"
        }
        "not_in_channel" => " (invite the bot: /invite @phonehome)",
        "invalid_auth" | "token_revoked" | "account_inactive" => {
            " (the secret phonehome/slack-token is not a valid bot token)"
        }
        "missing_scope" => " (the bot needs the scope chat:write)",
        _ => "",
    }
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
    /// Replaces a message's content.
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

impl std::fmt::Debug for Slack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slack").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Slack {
    /// Slack with a bot token (`xoxb-…`).
    ///
    /// # Errors
    /// [`CloudError`] when the environment says `local` and names no loopback address for Slack.
    pub fn new(token: String) -> Result<Self, CloudError> {
        let variables = environment();
        let url = variables.get(URL_VARIABLE).cloned().unwrap_or_else(|| URL.to_owned());
        if matches!(Cloud::from_variables(&variables)?, Cloud::Local(_)) {
            require_loopback(URL_VARIABLE, &url)?;
        }
        Ok(Self::at(url, token))
    }

    /// Slack at this address.
    pub fn at(url: String, token: String) -> Self {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .build()
            .unwrap_or_else(|_| reqwest::Client::new());
        Self { client, url, token }
    }

    async fn call(&self, method: &'static str, channel: &str, body: Value) -> Result<Value, SlackError> {
        let unreachable = |error: reqwest::Error| SlackError::Unreachable(error.without_url().to_string());
        let answer = self
            .client
            .post(format!("{}/{method}", self.url))
            .bearer_auth(&self.token)
            .json(&body)
            .send()
            .await
            .map_err(unreachable)?;
        if answer.status() == reqwest::StatusCode::TOO_MANY_REQUESTS {
            let header = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
            let retry_after_s = header.and_then(|text| text.parse().ok()).unwrap_or(30);
            return Err(SlackError::RateLimited { retry_after_s });
        }
        let answer: Value = answer.json().await.map_err(unreachable)?;
        // Slack answers most errors with HTTP 200: only `ok` counts.
        if answer["ok"] == json!(true) {
            return Ok(answer);
        }
        let error = answer["error"].as_str().unwrap_or("no reason given").to_owned();
        Err(SlackError::Refused { method, channel: channel.to_owned(), error })
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
        let answer = self.call("chat.postMessage", channel, body).await?;
        match (answer["channel"].as_str(), answer["ts"].as_str()) {
            (Some(channel), Some(ts)) => Ok(MessageRef { channel: channel.to_owned(), ts: ts.to_owned() }),
            _ => Err(SlackError::Unreachable("the answer to chat.postMessage has no channel or ts".into())),
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
        self.call("chat.update", &message.channel, body).await.map(|_| ())
    }
}
