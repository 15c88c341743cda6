//! A Slack message within Slack's limits.

use super::blocks::{Block, SlackBlocks};
use crate::words::Words;
use crate::{OutgoingBody, SlackKind};

/// Of a message's text: Slack advises at most 4,000 characters, and cuts at 40,000.
const TEXT_MAX: usize = 3000;

/// A Slack message that is being written.
#[derive(Debug, Clone, PartialEq)]
pub struct SlackMessage {
    headline: Words,
    blocks: Vec<Block>,
    thread: Option<Words>,
    joins: Option<String>,
}

impl SlackMessage {
    /// A message under a heading, which is also what a notification shows.
    #[must_use]
    pub fn headed(headline: Words) -> Self {
        Self { headline, blocks: vec![Block::Header], thread: None, joins: None }
    }

    /// A message that begins with a sentence, which is also what a notification shows.
    #[must_use]
    pub fn new(sentence: Words) -> Self {
        Self { blocks: vec![Block::Section(sentence.clone())], headline: sentence, thread: None, joins: None }
    }

    /// A paragraph; none when there is nothing to read.
    #[must_use]
    pub fn section(mut self, words: Words) -> Self {
        if !words.is_empty() {
            self.blocks.push(Block::Section(words));
        }
        self
    }

    /// One line for each, under a heading of ours in bold (none where it is empty); the first
    /// `SHOWN_LINES` and how many more there are. None when there is nothing to list.
    #[must_use]
    pub fn list(mut self, heading: &'static str, items: Vec<Words>) -> Self {
        if !items.is_empty() {
            self.blocks.push(Block::List(heading, items));
        }
        self
    }

    /// The small print.
    #[must_use]
    pub fn footer(mut self, words: Words) -> Self {
        self.blocks.push(Block::Footer(words));
        self
    }

    /// What changed, for the message's thread.
    #[must_use]
    pub fn thread(mut self, words: Option<Words>) -> Self {
        self.thread = words;
        self
    }

    /// The incident in whose thread it stands, if it has one.
    #[must_use]
    pub fn joining(mut self, incident: Option<&str>) -> Self {
        self.joins = incident.map(str::to_owned);
        self
    }

    /// The finished message for a channel.
    #[must_use]
    pub fn body(&self, channel: &str, kind: SlackKind) -> OutgoingBody {
        OutgoingBody::Slack {
            channel: channel.to_owned(),
            kind,
            text: self.headline.slack(TEXT_MAX),
            blocks: SlackBlocks::of(&self.blocks, &self.headline),
            thread_text: self.thread.as_ref().map(|words| words.slack(TEXT_MAX)),
            joins: self.joins.clone(),
        }
    }
}
