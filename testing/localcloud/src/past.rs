//! What Slack had been told before something was tried.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;

use crate::{LocalCloud, SlackMessage};

/// The messages that were there at some moment. While networks come up, a declared connection may be down for long
/// enough to be told; whoever breaks one later means the messages after that.
#[derive(Debug, Clone, Default)]
pub struct Past(BTreeSet<String>);

impl Past {
    /// Whether a message came later.
    #[must_use]
    pub fn is_before(&self, message: &SlackMessage) -> bool {
        !self.0.contains(&message.ts)
    }
}

impl LocalCloud {
    /// The messages that there are once no incident is open.
    ///
    /// # Errors
    /// After `timeout`.
    pub async fn past(&self, timeout: Duration) -> Result<Past> {
        self.wait_for_status("no incident to be open", timeout, |status| {
            status["incidents"].as_array().filter(|incidents| incidents.is_empty()).map(drop)
        })
        .await?;
        Ok(Past(self.receiver.messages().into_iter().map(|message| message.ts).collect()))
    }
}
