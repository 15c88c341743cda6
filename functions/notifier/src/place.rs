//! Where an incident's message is: in its channel, or in the thread of another incident's.

use phonehome_slack::MessageRef;
use serde::{Deserialize, Serialize};

/// Where a message is, as it is stored. Earlier versions stored and read the first two fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The message.
    #[serde(flatten)]
    pub(crate) message: MessageRef,
    /// The timestamp of the message in whose thread it is; absent where it stands by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) thread_ts: Option<String>,
}

impl Place {
    /// A message that was posted into this thread, or by itself.
    pub(crate) fn of(message: MessageRef, thread: Option<&MessageRef>) -> Self {
        Self { message, thread_ts: thread.map(|thread| thread.ts.clone()) }
    }

    /// The message in whose thread lines about it go: in a thread there is no other.
    pub(crate) fn thread(&self) -> MessageRef {
        let ts = self.thread_ts.clone().unwrap_or_else(|| self.message.ts.clone());
        MessageRef { channel: self.message.channel.clone(), ts }
    }
}
