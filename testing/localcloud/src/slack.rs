//! Slack's side of `chat.postMessage` and `chat.update`: its rules, and the messages they leave.
//! What it shows of them is in `history.rs`.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::history;
use crate::seen::{Seen, SlackCall, SlackMessage, SlackReply};

// From Slack's reference of the methods and of Block Kit.
const TEXT_MAX: usize = 40_000;
const BLOCKS_MAX: usize = 50;
const SECTION_TEXT_MAX: usize = 3_000;
const HEADER_TEXT_MAX: usize = 150;
const CONTEXT_ELEMENTS_MAX: usize = 10;

/// How Slack is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SlackMode {
    /// As usual.
    #[default]
    Up,
    /// Every call is answered with HTTP 500.
    Down,
    /// Every call is answered with this HTTP status, a page that is not JSON and, perhaps, with
    /// `Retry-After`.
    Failing {
        /// The HTTP status.
        status: u16,
        /// The header, in seconds.
        retry_after_s: Option<u32>,
    },
    /// Every call is refused with this error code, such as `token_revoked`.
    Refusing(String),
    /// Every call that has blocks is refused with this error code, such as `invalid_blocks`.
    RefusingBlocks(String),
    /// Every edit is refused with this error code, such as `cant_update_message`.
    RefusingEdits(String),
    /// The token may post, but not read: `missing_scope`.
    WithoutHistory,
    /// Every post is taken and shown, but no answer comes: HTTP 502 instead.
    Unheard,
}

/// What a call asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Request {
    channel: String,
    text: String,
    blocks: Option<Value>,
    metadata: Option<Value>,
    thread_ts: Option<String>,
    ts: String,
}

/// How a call is answered.
#[derive(Debug, PartialEq)]
pub(crate) enum ScriptedResponse {
    /// HTTP 200 with `"ok": true` and this.
    Done { channel: String, ts: String },
    /// The same, with what was asked to be shown.
    Shown(Value),
    /// HTTP 200 with `"ok": false` and this code.
    Refused(String),
    /// HTTP 429 with this many seconds in `Retry-After`.
    RateLimited(u32),
    /// HTTP 500.
    Down,
    /// Another HTTP status, and this many seconds in `Retry-After`.
    Failing(u16, Option<u32>),
}

/// Slack's rules and how it is at the moment.
#[derive(Debug)]
pub(crate) struct Slack {
    /// In their order, by name.
    pub(crate) channels: Vec<String>,
    pub(crate) mode: SlackMode,
    /// How many calls are still to be answered with 429, and with which `Retry-After`.
    pub(crate) rate_limited: (u32, u32),
    /// The least time between two posts in a channel.
    pub(crate) pace: Option<Duration>,
    last_post: HashMap<String, Instant>,
    posted: u32,
}

impl Slack {
    pub(crate) fn new(channels: &[&str]) -> Self {
        Self {
            channels: channels.iter().map(|name| (*name).to_owned()).collect(),
            mode: SlackMode::Up,
            rate_limited: (0, 0),
            pace: None,
            last_post: HashMap::new(),
            posted: 0,
        }
    }

    /// Handles a call, and records it.
    pub(crate) fn call(
        &mut self,
        seen: &mut Seen,
        method: &str,
        token: Option<&str>,
        body: &[u8],
    ) -> ScriptedResponse {
        let shown = history::answer(seen, &self.with_ids(), method, body);
        let request: Result<Request, _> = serde_json::from_slice(body);
        let answer = match (&request, self.obstacle(token)) {
            (_, Some(obstacle)) => obstacle,
            (_, None) if shown.is_some() => self.show(shown),
            (Err(_), None) => ScriptedResponse::Refused("invalid_json".into()),
            (Ok(request), None) => {
                self.handle(seen, method, request).unwrap_or_else(ScriptedResponse::Refused)
            }
        };
        let Request { channel, text, thread_ts, .. } = request.unwrap_or_default();
        let method = method.to_owned();
        let answer_text = answer.to_string();
        seen.calls.push(SlackCall {
            at: SystemTime::now(),
            method,
            channel,
            text,
            thread_ts,
            answer: answer_text,
        });
        answer
    }

    /// Why a call is not even observed.
    fn obstacle(&mut self, token: Option<&str>) -> Option<ScriptedResponse> {
        match &self.mode {
            SlackMode::Up
            | SlackMode::RefusingBlocks(_)
            | SlackMode::RefusingEdits(_)
            | SlackMode::WithoutHistory
            | SlackMode::Unheard => {}
            SlackMode::Down => return Some(ScriptedResponse::Down),
            SlackMode::Failing { status, retry_after_s } => {
                return Some(ScriptedResponse::Failing(*status, *retry_after_s));
            }
            SlackMode::Refusing(code) => return Some(ScriptedResponse::Refused(code.clone())),
        }
        let (calls, seconds) = self.rate_limited;
        if calls > 0 {
            self.rate_limited.0 -= 1;
            return Some(ScriptedResponse::RateLimited(seconds));
        }
        match token {
            None => Some(ScriptedResponse::Refused("not_authed".into())),
            Some(token) if !token.starts_with("xoxb-") => {
                Some(ScriptedResponse::Refused("invalid_auth".into()))
            }
            Some(_) => None,
        }
    }

    fn show(&self, shown: Option<Result<Value, String>>) -> ScriptedResponse {
        match (&self.mode, shown) {
            (SlackMode::WithoutHistory, _) | (_, None) => ScriptedResponse::Refused("missing_scope".into()),
            (_, Some(Ok(shown))) => ScriptedResponse::Shown(shown),
            (_, Some(Err(code))) => ScriptedResponse::Refused(code),
        }
    }

    fn handle(
        &mut self,
        seen: &mut Seen,
        method: &str,
        request: &Request,
    ) -> Result<ScriptedResponse, String> {
        if request.text.is_empty() && request.blocks.is_none() {
            return Err("no_text".into());
        }
        if request.text.chars().count() > TEXT_MAX {
            return Err("msg_too_long".into());
        }
        if request.blocks.as_ref().is_some_and(|blocks| !blocks_are_valid(blocks)) {
            return Err("invalid_blocks".into());
        }
        match (&self.mode, method) {
            (SlackMode::RefusingBlocks(code), _) if has_blocks(request) => return Err(code.clone()),
            (SlackMode::RefusingEdits(code), "chat.update") => return Err(code.clone()),
            _ => {}
        }
        match method {
            "chat.postMessage" => self.post(seen, request),
            "chat.update" => self.update(seen, request),
            _ => Err("unknown_method".into()),
        }
    }

    fn post(&mut self, seen: &mut Seen, request: &Request) -> Result<ScriptedResponse, String> {
        let named = |name: &&String| **name == request.channel || self.id(name) == request.channel;
        let channel = self.channels.iter().find(named).ok_or("channel_not_found")?.clone();
        let now = Instant::now();
        if let (Some(pace), Some(last)) = (self.pace, self.last_post.get(&channel))
            && now.duration_since(*last) < pace
        {
            return Ok(ScriptedResponse::RateLimited(
                u32::try_from(pace.as_secs()).unwrap_or(u32::MAX).max(1),
            ));
        }
        self.last_post.insert(channel.clone(), now);
        self.posted += 1;
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let ts = format!("{seconds}.{:06}", self.posted);
        let id = self.id(&channel);
        let (text, blocks, edits) = (request.text.clone(), request.blocks.clone(), 0);
        let metadata = request.metadata.clone();
        match &request.thread_ts {
            None => seen.messages.push(SlackMessage {
                channel,
                ts: ts.clone(),
                text,
                blocks,
                metadata,
                edits,
                thread: vec![],
            }),
            Some(parent) => {
                let parent = seen.messages.iter_mut().find(|one| one.ts == *parent && one.channel == channel);
                let thread = &mut parent.ok_or("thread_not_found")?.thread;
                thread.push(SlackReply { ts: ts.clone(), text, blocks, metadata, edits });
            }
        }
        if self.mode == SlackMode::Unheard {
            return Ok(ScriptedResponse::Failing(502, None));
        }
        Ok(ScriptedResponse::Done { channel: id, ts })
    }

    /// Unlike a post, an update takes a channel's id only.
    fn update(&self, seen: &mut Seen, request: &Request) -> Result<ScriptedResponse, String> {
        let channel = self.channels.iter().find(|name| self.id(name) == request.channel);
        let channel = channel.ok_or("channel_not_found")?;
        let in_channel = seen.messages.iter_mut().filter(|message| message.channel == *channel);
        let (text, blocks, edits) = in_channel
            .flat_map(parts)
            .find_map(|(ts, part)| (*ts == request.ts).then_some(part))
            .ok_or("message_not_found")?;
        text.clone_from(&request.text);
        blocks.clone_from(&request.blocks);
        *edits += 1;
        Ok(ScriptedResponse::Done { channel: request.channel.clone(), ts: request.ts.clone() })
    }

    fn with_ids(&self) -> Vec<(String, String)> {
        self.channels.iter().map(|name| (name.clone(), self.id(name))).collect()
    }

    fn id(&self, channel: &str) -> String {
        let position = self.channels.iter().position(|name| name == channel).unwrap_or_default();
        format!("C{position:010}")
    }
}

type Content<'a> = (&'a mut String, &'a mut Option<Value>, &'a mut u32);

/// What can be edited of a message and of its thread, with the `ts` that names it.
fn parts(message: &mut SlackMessage) -> Vec<(&String, Content<'_>)> {
    let SlackMessage { ts, text, blocks, edits, thread, .. } = message;
    let replies = thread.iter_mut().map(|reply| {
        let SlackReply { ts, text, blocks, edits, .. } = reply;
        (&*ts, (text, blocks, edits))
    });
    std::iter::once((&*ts, (text, blocks, edits))).chain(replies).collect()
}

fn has_blocks(request: &Request) -> bool {
    request.blocks.as_ref().and_then(Value::as_array).is_some_and(|blocks| !blocks.is_empty())
}

fn blocks_are_valid(blocks: &Value) -> bool {
    let Some(blocks) = blocks.as_array() else { return false };
    blocks.len() <= BLOCKS_MAX && blocks.iter().all(block_is_valid)
}

fn block_is_valid(block: &Value) -> bool {
    let text = |max| {
        let length = block["text"]["text"].as_str().map_or(0, |text| text.chars().count());
        (1..=max).contains(&length)
    };
    match block["type"].as_str() {
        Some("section") => block["fields"].is_array() || text(SECTION_TEXT_MAX),
        Some("header") => block["text"]["type"] == "plain_text" && text(HEADER_TEXT_MAX),
        Some("context") => {
            let elements = block["elements"].as_array().map_or(0, Vec::len);
            (1..=CONTEXT_ELEMENTS_MAX).contains(&elements)
        }
        other => other.is_some(),
    }
}

impl ScriptedResponse {
    /// The body that Slack sends.
    pub(crate) fn body(&self) -> Value {
        match self {
            ScriptedResponse::Done { channel, ts } => json!({"ok": true, "channel": channel, "ts": ts}),
            ScriptedResponse::Shown(shown) => {
                let mut body = shown.clone();
                body["ok"] = Value::Bool(true);
                body
            }
            ScriptedResponse::Refused(code) => json!({"ok": false, "error": code}),
            ScriptedResponse::RateLimited(_) => json!({"ok": false, "error": "ratelimited"}),
            ScriptedResponse::Down | ScriptedResponse::Failing(..) => json!({}),
        }
    }
}

impl std::fmt::Display for ScriptedResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ScriptedResponse::Done { .. } | ScriptedResponse::Shown(_) => f.write_str("ok"),
            ScriptedResponse::Refused(code) => f.write_str(code),
            ScriptedResponse::RateLimited(_) => f.write_str("429"),
            ScriptedResponse::Down => f.write_str("500"),
            ScriptedResponse::Failing(status, _) => write!(f, "{status}"),
        }
    }
}
