//! Finds what may have been posted: by its mark, in the history of its channel or of its thread.

use serde_json::Value;

use crate::web::Web;
use crate::{Mark, MessageRef, Method, Refusal, SlackError};

/// Messages of one page of a history. Slack gives at most 999; one can have tens of KB.
const MESSAGES: &str = "50";
/// Channels of one page. Slack gives at most 999.
const CHANNELS: &str = "200";
/// Pages that are read.
const PAGES_MAX: usize = 10;
/// By how much Slack's clock may be behind the one that decided on a message, in milliseconds.
const BEHIND_MS: u64 = 60_000;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Search<'s> {
    /// The channel, as the fleet file names it.
    pub channel: &'s str,
    /// In the thread of this message; otherwise in the channel itself.
    pub thread: Option<&'s MessageRef>,
    /// It bears one of these.
    pub marks: &'s [Mark],
    /// It was decided at this moment or later; milliseconds since the Unix epoch.
    pub since_ms: u64,
}

/// What became of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sought {
    /// It is there.
    Found(MessageRef),
    /// It is not.
    Absent,
    /// It cannot be seen, and trying again does not help: why.
    Unseen(String),
}

pub(crate) async fn find(web: &Web, search: &Search<'_>) -> Result<Sought, SlackError> {
    let found = look(web, search).await;
    let Err(SlackError::Refused { error: code, .. }) = &found else { return found };
    match Refusal::of(code) {
        Refusal::Slack => found,
        // What has no thread has no lines.
        Refusal::Message if search.thread.is_some() => Ok(Sought::Absent),
        _ => found.or_else(|error| Ok(Sought::Unseen(error.to_string()))),
    }
}

async fn look(web: &Web, search: &Search<'_>) -> Result<Sought, SlackError> {
    let oldest = format!("{}.000000", search.since_ms.saturating_sub(BEHIND_MS) / 1000);
    let mut fields = vec![("include_all_metadata", "true"), ("limit", MESSAGES), ("oldest", &oldest)];
    let (method, channel) = match search.thread {
        Some(parent) => {
            fields.push(("ts", &parent.ts));
            (Method::Replies, parent.channel.clone())
        }
        None => match channel_id(web, search.channel).await? {
            Some(id) => (Method::History, id),
            None => return Ok(Sought::Unseen(format!("the bot is in no channel {}", search.channel))),
        },
    };
    fields.push(("channel", &channel));
    let is_it = |message: &Value| {
        let ts = message["ts"].as_str()?;
        let is_marked = search.marks.iter().any(|mark| mark.is_on(&message["metadata"]));
        is_marked.then(|| ts.to_owned())
    };
    match pages(web, method, search.channel, &fields, "messages", is_it).await? {
        Page::Has(ts) => Ok(Sought::Found(MessageRef { channel, ts })),
        Page::Ends => Ok(Sought::Absent),
        Page::GoesOn => Ok(Sought::Unseen(format!("too much was said in {} since", search.channel))),
    }
}

/// A channel's id. A post takes its name, but what reads does not: the bot's own channels are looked through,
/// those that are public first, for which a smaller right is enough.
async fn channel_id(web: &Web, channel: &str) -> Result<Option<String>, SlackError> {
    let Some(name) = channel.strip_prefix('#') else { return Ok(Some(channel.to_owned())) };
    let is_it = |channel: &Value| {
        let id = channel["id"].as_str().filter(|_| channel["name"] == name)?;
        Some(id.to_owned())
    };
    let mut refused = None;
    for types in ["public_channel", "private_channel"] {
        let fields = [("types", types), ("exclude_archived", "true"), ("limit", CHANNELS)];
        match pages(web, Method::Channels, channel, &fields, "channels", is_it).await {
            Ok(Page::Has(id)) => return Ok(Some(id)),
            Ok(Page::Ends | Page::GoesOn) => {}
            Err(error @ SlackError::Refused { .. }) => refused = refused.or(Some(error)),
            Err(error) => return Err(error),
        }
    }
    refused.map_or(Ok(None), Err)
}

/// What pages had.
enum Page {
    /// This.
    Has(String),
    /// Not what was looked for, and there are no more.
    Ends,
    /// Not what was looked for, and there are more than are read.
    GoesOn,
}

/// Reads page after page until there is what `is_it` knows.
async fn pages(
    web: &Web,
    method: Method,
    channel: &str,
    fields: &[(&str, &str)],
    items: &str,
    is_it: impl Fn(&Value) -> Option<String>,
) -> Result<Page, SlackError> {
    let mut cursor = String::new();
    for _ in 0..PAGES_MAX {
        let mut fields = fields.to_vec();
        if !cursor.is_empty() {
            fields.push(("cursor", &cursor));
        }
        let answer = web.read(method, channel, &fields).await?;
        if let Some(found) = answer[items].as_array().into_iter().flatten().find_map(&is_it) {
            return Ok(Page::Has(found));
        }
        match answer["response_metadata"]["next_cursor"].as_str() {
            Some(next) if !next.is_empty() => cursor = next.to_owned(),
            _ => return Ok(Page::Ends),
        }
    }
    Ok(Page::GoesOn)
}
