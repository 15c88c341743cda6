//! What Slack shows of its channels to a bot: `conversations.history`, `conversations.replies` and
//! `users.conversations`. All of them take a form, and a channel by its id alone.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::seen::{Seen, SlackMessage, SlackReply};

/// Slack's default of a page, and its most.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 999;

/// Slack's answer, without its `ok`, or its code; nothing for a method that is none of these.
pub(crate) fn answer(
    seen: &Seen,
    channels: &[(String, String)],
    method: &str,
    body: &[u8],
) -> Option<Result<Value, String>> {
    let form = form(body);
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    Some(match method {
        "users.conversations" => Ok(listed(channels, field("types"), &form)),
        "conversations.history" => channel(channels, field("channel")).map(|channel| {
            let messages = seen.messages.iter().rev().filter(|message| message.channel == channel);
            paged("messages", messages.map(message).collect(), &form)
        }),
        "conversations.replies" => channel(channels, field("channel")).and_then(|channel| {
            let is_it = |message: &&SlackMessage| message.channel == channel && message.ts == field("ts");
            let parent = seen.messages.iter().find(is_it).ok_or("thread_not_found")?;
            let messages = std::iter::once(message(parent)).chain(parent.thread.iter().map(reply));
            Ok(paged("messages", messages.collect(), &form))
        }),
        _ => return None,
    })
}

/// All channels here are public.
fn listed(channels: &[(String, String)], types: &str, form: &HashMap<String, String>) -> Value {
    let is_asked = types.is_empty() || types.split(',').any(|it| it == "public_channel");
    let channels = channels.iter().filter(|_| is_asked);
    let channels = channels.map(|(name, id)| json!({"id": id, "name": name.trim_start_matches('#')}));
    paged("channels", channels.collect(), form)
}

fn channel<'c>(channels: &'c [(String, String)], id: &str) -> Result<&'c str, String> {
    let found = channels.iter().find(|(_, its)| its == id);
    found.map(|(name, _)| name.as_str()).ok_or_else(|| "channel_not_found".to_owned())
}

/// One page. The cursor is the place where the next one begins.
fn paged(name: &str, items: Vec<Value>, form: &HashMap<String, String>) -> Value {
    let number = |field: &str| form.get(field).and_then(|text| text.parse::<f64>().ok());
    let oldest = number("oldest").unwrap_or_default();
    let with_metadata = form.get("include_all_metadata").is_some_and(|it| it == "true");
    let is_asked = |item: &Value| {
        let ts = item["ts"].as_str().and_then(|ts| ts.parse().ok());
        ts.is_none_or(|ts: f64| ts > oldest)
    };
    let mut items: Vec<Value> = items.into_iter().filter(is_asked).collect();
    if !with_metadata {
        items.iter_mut().filter_map(Value::as_object_mut).for_each(|item| _ = item.remove("metadata"));
    }
    let start = form.get("cursor").and_then(|cursor| cursor.parse().ok()).unwrap_or(0).min(items.len());
    let limit = form.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(LIMIT).clamp(1, LIMIT_MAX);
    let end = (start + limit).min(items.len());
    let next = if end < items.len() { end.to_string() } else { String::new() };
    json!({name: items[start..end], "has_more": end < items.len(), "response_metadata": {"next_cursor": next}})
}

fn message(message: &SlackMessage) -> Value {
    let SlackMessage { ts, text, blocks, metadata, .. } = message;
    json!({"type": "message", "ts": ts, "text": text, "blocks": blocks, "metadata": metadata})
}

fn reply(reply: &SlackReply) -> Value {
    let SlackReply { ts, text, blocks, metadata, .. } = reply;
    json!({"type": "message", "ts": ts, "text": text, "blocks": blocks, "metadata": metadata})
}

/// A form's fields.
fn form(body: &[u8]) -> HashMap<String, String> {
    let body = String::from_utf8_lossy(body);
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = text.get(at + 1..at + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, hex) {
            (b'%', Some(escaped)) => {
                decoded.push(escaped);
                at += 2;
            }
            (b'+', _) => decoded.push(b' '),
            _ => decoded.push(*byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
