//! What a local cloud says has changed.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use phonehome_wire::StackId;
use reqwest::Client;

/// More than a local cloud that is busy takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often the network of each account and Region has changed. What never did is not named.
pub(crate) type Counts = BTreeMap<StackId, u64>;

/// Asks a local cloud what has changed.
#[derive(Debug, Clone)]
pub(crate) struct Changes {
    client: Client,
    url: String,
}

impl Changes {
    pub(crate) fn of(endpoint: &str) -> Result<Self> {
        // Whatever proxies the environment names, this is on the same machine.
        let client = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        Ok(Self { client, url: format!("{}/_phonehome/changes", endpoint.trim_end_matches('/')) })
    }

    /// The counts; `None` where the endpoint is none that counts.
    ///
    /// # Errors
    /// When nothing answers there.
    pub(crate) async fn counts(&self) -> Result<Option<Counts>> {
        let answer = self.client.get(&self.url).send().await?;
        let is_well = answer.status().is_success();
        let body = answer.bytes().await?;
        Ok(serde_json::from_slice(&body).ok().filter(|_| is_well))
    }
}
