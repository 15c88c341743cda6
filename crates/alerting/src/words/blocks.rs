//! Slack's Block Kit, within Slack's limits.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{SlackText, Words, size};
use crate::text;

/// Slack's limit of a header, in characters.
const HEADER_MAX: usize = 150;
/// Slack's limit of a section, in characters.
const SECTION_MAX: usize = 3000;
/// Slack's limit of blocks in a message.
const BLOCKS_MAX: usize = 50;
/// The text of all blocks, in characters. Slack documents no limit, and answers `msg_blocks_too_long` to
/// between 12,000 and 13,200 (slackapi/bolt-js, issues 2509 and 2867).
const ALL_BLOCKS_MAX: usize = 10_000;
/// How many lines of a list are shown.
const SHOWN_LINES: usize = 10;
/// How long a line of a list is, in characters: ten of them and a heading fit into a section.
const LINE_MAX: usize = 280;
/// What a list may take of a section beside its heading.
const LIST_ROOM: usize = SECTION_MAX - 100;

/// A message's blocks: escaped and within Slack's limits. Only this file makes them; the rest was stored
/// as such.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SlackBlocks(Value);

impl SlackBlocks {
    /// The finished blocks of a message with this headline.
    pub(super) fn of(blocks: &[Block], headline: &Words) -> Self {
        let mut room = ALL_BLOCKS_MAX;
        let mut finished = Vec::new();
        for block in blocks {
            let (value, used) = block.finished(headline, room);
            // The last one says that something is missing.
            if finished.len() + 1 == BLOCKS_MAX || room < used + 100 {
                finished.push(mrkdwn_section(&Words::of("… and more").slack(SECTION_MAX)));
                break;
            }
            room -= used;
            finished.push(value);
        }
        Self(Value::Array(finished))
    }
}

impl std::ops::Deref for SlackBlocks {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

/// One block, not yet cut to what has room.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Block {
    Header,
    Section(Words),
    List(&'static str, Vec<Words>),
    Footer(Words),
}

impl Block {
    /// As Block Kit, and how much text is in it.
    fn finished(&self, headline: &Words, room: usize) -> (Value, usize) {
        let limit = room.min(SECTION_MAX);
        match self {
            Self::Header => {
                let text = headline.slack(HEADER_MAX);
                let text_object = json!({ "type": "plain_text", "text": text, "emoji": true });
                (json!({ "type": "header", "text": text_object }), size(&text))
            }
            Self::Section(words) => {
                let text = words.slack(limit);
                (mrkdwn_section(&text), size(&text))
            }
            Self::List(heading, items) => {
                let lines = items.iter().map(|item| item.slack(LINE_MAX).0);
                let lines = text::lines(lines, SHOWN_LINES, LIST_ROOM);
                let heading = if heading.is_empty() { String::new() } else { format!("*{heading}*\n") };
                let text = SlackText(format!("{heading}{lines}"));
                (mrkdwn_section(&text), size(&text))
            }
            Self::Footer(words) => {
                let text = words.slack(limit);
                (json!({ "type": "context", "elements": [mrkdwn(&text)] }), size(&text))
            }
        }
    }
}

fn mrkdwn_section(text: &SlackText) -> Value {
    json!({ "type": "section", "text": mrkdwn(text) })
}

/// `verbatim`: Slack makes no links, channels or mentions of what only looks like one.
fn mrkdwn(text: &SlackText) -> Value {
    json!({ "type": "mrkdwn", "text": text, "verbatim": true })
}
