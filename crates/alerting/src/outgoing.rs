//! What is sent, and where.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::words::{SlackBlocks, SlackText};

/// One message to deliver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outgoing {
    /// `<incident>/<revision>/slack/<channel>` or `<incident>/<revision>/page`: the same decision
    /// taken twice has the same ids.
    pub id: String,
    /// The incident it is about. There is one Slack message for each incident and channel.
    pub incident_id: String,
    /// When it was decided; milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The incident's revision that it tells: grows with each of its messages, whatever the clocks say, and
    /// is the order in which they go out. 0 of what is no incident's, and of messages of earlier versions.
    #[serde(default)]
    pub sequence: u32,
    /// What to deliver, and where.
    pub body: OutgoingBody,
}

/// What to deliver, and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum OutgoingBody {
    /// The incident's message in a Slack channel.
    Slack {
        /// The channel.
        channel: String,
        /// Whether to post or to edit.
        kind: SlackKind,
        /// For notifications: at most 3,000 characters.
        text: SlackText,
        /// The message, as Block Kit.
        blocks: SlackBlocks,
        /// What changed, for the message's thread; absent when the message is new.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thread_text: Option<SlackText>,
        /// The incident in whose thread this message stands, where that one has a message in the channel.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        joins: Option<String>,
    },
    /// A page to on-call, or its end.
    Page {
        /// At most 100 printable ASCII characters; see [`subject`](crate::subject).
        subject: String,
        /// Plain text.
        text: String,
        /// Whether this ends an earlier page.
        #[serde(default)]
        resolved: bool,
        /// What is wrong, in a line; absent in messages of earlier versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        /// The names of accounts concerned, at most 50.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        accounts: Vec<String>,
        /// The incident whose page it is or ends, where that is another than the message's own: one that was
        /// merged into it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<String>,
        /// The incident whose page stands for this one from now on: the outage goes on, so nobody is told
        /// an end. If this one was not sent yet, it need not be any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        merged_into: Option<String>,
    },
}

/// Whether to post or to edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlackKind {
    /// Post it.
    Opened,
    /// Edit the incident's message in this channel; post it if there is none.
    Updated,
    /// As `Updated`, for the last time.
    Resolved,
}

/// A name for what these texts name together, for ids of incidents that are about something with a name
/// from outside: 12 hexadecimal digits, the same for the same texts.
#[must_use]
pub fn stable_id(parts: &[&str]) -> String {
    let digest = Sha256::digest(serde_json::json!(parts).to_string());
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

impl Outgoing {
    /// What on-call's side tells pages apart by: a page, its repetitions and its end have the same. It is
    /// the id of the incident that the page was for.
    #[must_use]
    pub fn page_key(&self) -> &str {
        match &self.body {
            OutgoingBody::Page { of: Some(incident), .. } => incident,
            OutgoingBody::Page { .. } | OutgoingBody::Slack { .. } => &self.incident_id,
        }
    }
}

impl OutgoingBody {
    /// Whether it goes to on-call.
    #[must_use]
    pub fn is_page(&self) -> bool {
        matches!(self, Self::Page { .. })
    }
}
