//! The mark that a post bears, by which it is found again.

use serde_json::{Value, json};

/// What of an incident a post is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The message that is edited as things change.
    Message,
    /// A line about a change, in its thread.
    Line,
}

/// What a post is of. People do not see it: Slack keeps it beside the message, as its metadata.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// Which part.
    pub part: Part,
    /// The message of the outbox that it was made for.
    pub outbox_id: String,
}

impl Part {
    /// Slack's `event_type`: letters, digits and `_`.
    fn event_type(self) -> &'static str {
        match self {
            Self::Message => "phonehome_message",
            Self::Line => "phonehome_line",
        }
    }
}

impl Mark {
    /// As `chat.postMessage` takes it, and as `conversations.history` gives it back.
    #[must_use]
    pub fn metadata(&self) -> Value {
        json!({"event_type": self.part.event_type(), "event_payload": {"outbox_id": self.outbox_id}})
    }

    /// Whether a message with this metadata bears it. Slack may have added to it.
    pub(crate) fn is_on(&self, metadata: &Value) -> bool {
        metadata["event_type"] == self.part.event_type()
            && metadata["event_payload"]["outbox_id"] == self.outbox_id
    }
}
