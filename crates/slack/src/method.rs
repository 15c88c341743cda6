//! Methods of Slack's Web API.

use std::fmt;

/// A method of Slack's Web API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// `chat.postMessage`; about one a second for each channel.
    Post,
    /// `chat.update`; Slack's tier 3, at least 50 a minute for the workspace.
    Update,
    /// `conversations.history`, the messages of a channel; tier 3 for an app of one's own.
    History,
    /// `conversations.replies`, those of a thread; tier 3 as well.
    Replies,
    /// `users.conversations`, the bot's channels; tier 3.
    Channels,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Post => "chat.postMessage",
            Self::Update => "chat.update",
            Self::History => "conversations.history",
            Self::Replies => "conversations.replies",
            Self::Channels => "users.conversations",
        })
    }
}
