//! What an answer of NerdGraph's means.
//!
//! Most errors come with HTTP 200, in `errors`, some of them in the data of their operation. Which classes there are is not
//! documented: those that are known are from New Relic's own client, and of every other one it is not clear what was done
//! (<https://github.com/newrelic/newrelic-client-go/blob/main/internal/http/graphql.go>).

use phonehome_observability::VendorError;
use phonehome_observability::VendorErrorKind::{self, Denied, Rejected, Throttled, Unclear};
use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::call::{CREATE_KEYS, Call, DELETE_KEYS, LINK};

/// Bytes of an answer that are read: an account takes some hundred in a list.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Characters of an error that are quoted.
const QUOTED_MAX: usize = 200;

/// An answer with HTTP 200.
pub(crate) struct Answer {
    /// What it has, or null.
    pub(crate) data: Value,
    errors: Vec<Value>,
}

impl Answer {
    pub(crate) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// What a change of this kind came to, or null.
    pub(crate) fn of(&self, call: &Call<'_>) -> &Value {
        &self.data[call.operation]
    }

    /// Why it does not say what it should.
    pub(crate) fn error(&self, call: &Call<'_>) -> VendorError {
        let of_operation = self.of(call)["errors"].as_array();
        if let Some(first) = of_operation.and_then(|errors| errors.first()) {
            return call.error(kind_of(call, first), quoted(message(first)));
        }
        match self.errors.first() {
            Some(first) => call.error(class_of(&self.errors), quoted(message(first))),
            None => call.unclear("the answer lacks what was asked for"),
        }
    }
}

fn message(error: &Value) -> &str {
    error["message"].as_str().unwrap_or("no reason given")
}

/// Of an error that the operation itself reports: it did nothing.
fn kind_of(call: &Call<'_>, error: &Value) -> VendorErrorKind {
    match (call.operation, error["errorType"].as_str()) {
        (CREATE_KEYS | DELETE_KEYS, Some("FORBIDDEN")) => Denied,
        (CREATE_KEYS | DELETE_KEYS, Some("INVALID" | "NOT_FOUND")) | (LINK, _) => Rejected,
        _ => Unclear,
    }
}

/// Of errors beside the data. One of which it is not known whether something was done decides over the others.
fn class_of(errors: &[Value]) -> VendorErrorKind {
    let class = |error: &Value| {
        let extensions = &error["extensions"];
        let codes = ["errorClass", "error_code", "code"].map(|name| extensions[name].as_str());
        let known = codes.into_iter().flatten().find_map(|code| match code {
            "TOO_MANY_REQUESTS" => Some(Throttled),
            "BAD_API_KEY" | "UNAUTHORIZED" | "UNAUTHENTICATED" | "FORBIDDEN" | "ACCESS_DENIED" => {
                Some(Denied)
            }
            "INVALID_INPUT" | "BAD_REQUEST" | "BAD_USER_INPUT" | "GRAPHQL_VALIDATION_FAILED" => {
                Some(Rejected)
            }
            _ => None,
        });
        known.unwrap_or(Unclear)
    };
    let classes: Vec<VendorErrorKind> = errors.iter().map(class).collect();
    match classes.first() {
        Some(first) if !classes.contains(&Unclear) => *first,
        _ => Unclear,
    }
}

/// What came back.
pub(crate) async fn read(call: &Call<'_>, sent: Response) -> Result<Answer, VendorError> {
    let status = sent.status();
    let body = body(sent).await.map_err(|problem| call.unclear(problem))?;
    let said = || format!("HTTP {}: {}", status.as_u16(), quoted(&String::from_utf8_lossy(&body)));
    match status {
        StatusCode::OK => {}
        StatusCode::TOO_MANY_REQUESTS => return Err(call.error(Throttled, said())),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(call.error(Denied, said())),
        status if status.is_client_error() => return Err(call.error(Rejected, said())),
        _ => return Err(call.unclear(said())),
    }
    // Nothing of it is quoted: it may have a key in it.
    let Ok(mut answer) = serde_json::from_slice::<Value>(&body) else {
        return Err(call.unclear("the answer is no JSON, or half of it"));
    };
    let errors = answer["errors"].as_array().cloned().unwrap_or_default();
    Ok(Answer { data: answer["data"].take(), errors })
}

async fn body(mut sent: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = sent.chunk().await.map_err(reason)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(format!("the answer is longer than {ANSWER_BYTES_MAX} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Without the address, which people do not need, and with the causes, which reqwest leaves out.
pub(crate) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    quoted(&text)
}

/// The beginning of what came from outside, on one line.
fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
