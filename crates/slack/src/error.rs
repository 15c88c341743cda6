//! Why Slack did not take a message.

use crate::method::Method;
use crate::refusal::hint;

/// What a limit of Slack's is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The channel of the call.
    Channel,
    /// The method of the call, in all channels.
    Method,
    /// Every call.
    Workspace,
}

/// Why Slack did not take a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SlackError {
    /// Not now: no further call within the scope before this many seconds.
    #[error("Slack answered {method} with {answer} and asks to wait {retry_after_s} s")]
    Limited {
        /// The API method.
        method: Method,
        /// What the limit is on.
        scope: Scope,
        /// From `Retry-After`, 1 to 3600.
        retry_after_s: u32,
        /// What Slack answered, `HTTP 429`.
        answer: String,
    },
    /// Slack answered `"ok": false`.
    #[error("Slack refused {method} to {channel}: {error}{}", hint(*method, error))]
    Refused {
        /// The API method.
        method: Method,
        /// The channel.
        channel: String,
        /// Slack's error code, `channel_not_found`; see [`Refusal::of`](crate::Refusal::of).
        error: String,
    },
    /// An answer with an HTTP status, of which nothing can be made.
    #[error("Slack answered {method} with HTTP {status}: {problem}")]
    Failed {
        /// The API method.
        method: Method,
        /// The HTTP status.
        status: u16,
        /// What is wrong with the answer.
        problem: String,
    },
    /// No answer.
    #[error("no answer from Slack: {0}")]
    Unreachable(String),
}
