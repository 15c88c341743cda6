//! Slack's Web API, one call at a time.

use std::fmt;
use std::time::Duration;

use reqwest::{RequestBuilder, Url};
use serde_json::Value;

use crate::answer;
use crate::error::SlackError;
use crate::method::Method;

/// How long a call may take, its answer read.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Where Slack is, and who calls.
#[derive(Clone)]
pub(crate) struct Web {
    client: reqwest::Client,
    url: String,
    token: String,
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Web {
    pub(crate) fn at(url: String, token: String) -> Self {
        Self { client: reqwest::Client::new(), url, token }
    }

    /// A call that changes something.
    pub(crate) async fn call(
        &self,
        method: Method,
        channel: &str,
        body: &Value,
    ) -> Result<Value, SlackError> {
        let request = self.client.post(format!("{}/{method}", self.url)).json(body);
        self.send(method, channel, request).await
    }

    /// A call that only reads. Those are sure to take a form.
    pub(crate) async fn read(
        &self,
        method: Method,
        channel: &str,
        fields: &[(&str, &str)],
    ) -> Result<Value, SlackError> {
        let url = format!("{}/{method}", self.url);
        let mut form = Url::parse(&url).map_err(|error| SlackError::Unreachable(error.to_string()))?;
        form.query_pairs_mut().extend_pairs(fields);
        let body = form.query().unwrap_or_default().to_owned();
        let request = self.client.post(url).header("content-type", "application/x-www-form-urlencoded");
        self.send(method, channel, request.body(body)).await
    }

    async fn send(
        &self,
        method: Method,
        channel: &str,
        request: RequestBuilder,
    ) -> Result<Value, SlackError> {
        let request = request.bearer_auth(&self.token).timeout(CALL_TIMEOUT);
        answer::read(method, channel, request.send().await.map_err(answer::unreachable)?).await
    }
}
