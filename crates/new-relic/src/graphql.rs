//! NerdGraph, one call at a time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use phonehome_observability::VendorError;
use phonehome_observability::VendorErrorKind::{NotAsked, Unclear};
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::answer::{self, Answer};
use crate::call::Call;

/// How long a call may take, its answer read. New Relic's own client waits as long.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How many calls one function makes at once. New Relic takes 25 of a user, whichever of its keys they come with
/// (<https://docs.newrelic.com/docs/apis/nerdgraph/nerdgraph-usage-limits/>).
const AT_ONCE: usize = 2;

/// Where it is, and who calls.
#[derive(Clone)]
pub(crate) struct NerdGraph {
    client: Option<reqwest::Client>,
    url: String,
    user_key: String,
    at_once: Arc<Semaphore>,
}

impl fmt::Debug for NerdGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NerdGraph").field("url", &self.url).finish_non_exhaustive()
    }
}

impl NerdGraph {
    pub(crate) fn at(url: String, user_key: String) -> Self {
        // Whoever is redirected takes the key along.
        let client = reqwest::Client::builder().redirect(Policy::none()).timeout(CALL_TIMEOUT).build().ok();
        Self { client, url, user_key, at_once: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Asks for what is there. Half of an answer is none: what it lacks would be taken for missing.
    pub(crate) async fn ask(&self, call: &Call<'_>, variables: Value) -> Result<Value, VendorError> {
        let answer = self.send(call, variables).await?;
        if answer.has_errors() { Err(answer.error(call)) } else { Ok(answer.data) }
    }

    /// Changes something. What the answer says is done is done, whatever errors come with it.
    pub(crate) async fn change(&self, call: &Call<'_>, variables: Value) -> Result<Answer, VendorError> {
        self.send(call, variables).await
    }

    async fn send(&self, call: &Call<'_>, variables: Value) -> Result<Answer, VendorError> {
        let Some(client) = &self.client else { return Err(call.error(NotAsked, "there is no TLS")) };
        let _one_of_few = self.at_once.acquire().await;
        let request = client.post(&self.url).header("Api-Key", &self.user_key);
        let sent = request.json(&json!({ "query": call.query, "variables": variables })).send().await;
        let sent = sent.map_err(|error| {
            let kind = if error.is_connect() || error.is_builder() { NotAsked } else { Unclear };
            call.error(kind, answer::reason(error))
        })?;
        answer::read(call, sent).await
    }
}
