//! What an answer of Slack's means.

use reqwest::{Response, StatusCode};
use serde_json::Value;

use crate::error::{Scope, SlackError};
use crate::method::Method;

/// Bytes of an answer that are read. Slack echoes the message, of at most about 13,000 characters,
/// which as JSON escapes are up to six bytes each.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Bytes of a page of a history: 50 messages of anybody's.
const HISTORY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Characters of an answer or a code that an error quotes.
const QUOTED_MAX: usize = 120;
/// How long to wait, in seconds, when Slack limits the rate and does not say for how long.
const RETRY_AFTER_S_DEFAULT: u32 = 30;
/// The longest wait that is believed, in seconds.
const RETRY_AFTER_S_MAX: u32 = 3600;

/// The answer when it is `"ok": true`, or why it is not.
pub(super) async fn read(method: Method, channel: &str, answer: Response) -> Result<Value, SlackError> {
    let status = answer.status();
    let header = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
    let asked = header.and_then(retry_after_s);
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(limited(method, asked, "HTTP 429".to_owned()));
    }
    if let (true, Some(retry_after_s)) = (status.is_server_error(), asked) {
        let answer = format!("HTTP {}", status.as_u16());
        return Err(SlackError::Limited { method, scope: Scope::Workspace, retry_after_s, answer });
    }
    let body = body(answer, bytes_max(method)).await;
    let failed = |problem| SlackError::Failed { method, status: status.as_u16(), problem };
    let body = body.map_err(failed)?;
    let answer: Value = match serde_json::from_slice(&body) {
        Ok(answer) if !status.is_server_error() => answer,
        _ => {
            return Err(failed(format!(
                "not an answer of the API: {}",
                quoted(&String::from_utf8_lossy(&body))
            )));
        }
    };
    // Slack answers most errors with HTTP 200: only `ok` counts.
    if answer["ok"] == Value::Bool(true) {
        return Ok(answer);
    }
    let Some(code) = answer["error"].as_str() else { return Err(failed("no reason given".to_owned())) };
    Err(match code {
        "ratelimited" | "rate_limited" => limited(method, asked, code.to_owned()),
        "message_limit_exceeded" => SlackError::Limited {
            method,
            scope: Scope::Workspace,
            retry_after_s: asked.unwrap_or(RETRY_AFTER_S_DEFAULT),
            answer: code.to_owned(),
        },
        code => SlackError::Refused { method, channel: channel.to_owned(), error: quoted(code) },
    })
}

/// No answer at all.
pub(super) fn unreachable(error: reqwest::Error) -> SlackError {
    SlackError::Unreachable(reason(error))
}

/// Slack does not say what it limits: posts are counted for each channel, all else for the workspace.
fn limited(method: Method, asked: Option<u32>, answer: String) -> SlackError {
    let scope = match method {
        Method::Post => Scope::Channel,
        Method::Update | Method::History | Method::Replies | Method::Channels => Scope::Method,
    };
    SlackError::Limited { method, scope, retry_after_s: asked.unwrap_or(RETRY_AFTER_S_DEFAULT), answer }
}

/// `Retry-After` in whole seconds, 1 to [`RETRY_AFTER_S_MAX`]. `None` for anything else, such as a date,
/// which Slack does not send.
fn retry_after_s(header: &str) -> Option<u32> {
    let digits = header.trim();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    // A number that is too large to be one is a long wait all the same.
    is_number.then(|| digits.parse().unwrap_or(u32::MAX).clamp(1, RETRY_AFTER_S_MAX))
}

fn bytes_max(method: Method) -> usize {
    match method {
        Method::Post | Method::Update => ANSWER_BYTES_MAX,
        Method::History | Method::Replies | Method::Channels => HISTORY_BYTES_MAX,
    }
}

async fn body(mut answer: Response, bytes_max: usize) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(reason)? {
        if body.len() + chunk.len() > bytes_max {
            return Err(format!("the answer is longer than {bytes_max} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Without the address, which people do not need, and with the causes, which reqwest leaves out.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

/// The beginning of what came from outside, on one line.
fn quoted(text: &str) -> String {
    text.chars().take(QUOTED_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
