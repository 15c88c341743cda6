//! What a person sees in a browser: Slack's channels and on-call's pager, as they change.

use std::time::UNIX_EPOCH;

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use crate::seen::{Page, Seen, SlackMessage, SlackReply};

/// All of the page; what it shows it asks for at [`STATE`].
const PAGE: &str = include_str!("view.html");
/// Where what there is stands as JSON.
pub(crate) const STATE: &str = "/state";
/// Nothing from elsewhere, and no text that becomes markup: where the browser knows of trusted types it holds
/// the page to that.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// The page, the same whatever was sent.
pub(crate) fn page() -> Response<Full<Bytes>> {
    answer("text/html; charset=utf-8", PAGE.into())
}

/// What there is now, for the page.
pub(crate) fn state(seen: &Seen, channels: &[String]) -> Response<Full<Bytes>> {
    answer("application/json; charset=utf-8", described(seen, channels).to_string().into())
}

/// Changes with all that is shown: whatever comes adds a call or a page, and none is ever taken away.
pub(crate) fn revision(seen: &Seen) -> i64 {
    i64::try_from(seen.calls.len() + seen.pages.len()).unwrap_or(i64::MAX)
}

/// The revision that who asks has already: `after=7`.
pub(crate) fn after(query: Option<&str>) -> Option<i64> {
    query?.split('&').find_map(|pair| pair.strip_prefix("after="))?.parse().ok()
}

fn answer(kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    for (name, value) in [
        ("content-type", kind),
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn described(seen: &Seen, channels: &[String]) -> Value {
    let channels: Vec<Value> = channels
        .iter()
        .map(|name| {
            let its = seen.messages.iter().filter(|message| message.channel == *name);
            json!({"name": name, "messages": its.map(message).collect::<Vec<_>>()})
        })
        .collect();
    let pages: Vec<Value> = seen.pages.iter().map(page_of).collect();
    json!({"revision": revision(seen), "channels": channels, "pages": pages})
}

fn message(message: &SlackMessage) -> Value {
    let SlackMessage { channel: _, ts, text, blocks, metadata: _, edits, thread } = message;
    let thread: Vec<Value> = thread.iter().map(reply).collect();
    json!({"ts": ts, "text": text, "blocks": blocks, "edits": edits, "thread": thread})
}

fn reply(SlackReply { ts, text, blocks, metadata: _, edits }: &SlackReply) -> Value {
    json!({"ts": ts, "text": text, "blocks": blocks, "edits": edits})
}

fn page_of(Page { at, topic_arn, subject, message }: &Page) -> Value {
    let at_ms = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    json!({"at_ms": u64::try_from(at_ms).unwrap_or(u64::MAX), "topic": topic_arn, "subject": subject, "message": message})
}
