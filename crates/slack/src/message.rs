//! What is posted, and where it is then.

use serde_json::Value;

use crate::Mark;

/// Where a message is: needed to edit it, and to answer in its thread.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MessageRef {
    /// The channel's id, as Slack answered it.
    pub channel: String,
    /// The message's timestamp, which is its id.
    pub ts: String,
}

/// What is posted.
#[derive(Debug, Clone, Copy)]
pub struct Post<'p> {
    /// The channel, as the fleet file names it.
    pub channel: &'p str,
    /// Its text; with blocks what notifications show.
    pub text: &'p str,
    /// What is shown instead of the text.
    pub blocks: Option<&'p Value>,
    /// The message whose thread it goes to.
    pub thread: Option<&'p MessageRef>,
    /// By this it is found again.
    pub mark: Option<&'p Mark>,
}
