//! Against a server that answers what the test says.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

const TEXT: Post<'_> = Post { channel: "#net", text: "text", blocks: None, thread: None, mark: None };

/// Slack that gives one answer, word for word.
async fn answering(answer: String) -> Slack {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 16 * 1024];
        let _ = stream.read(&mut request).await.unwrap();
        // The reader may hang up before all of it is written.
        let _ = stream.write_all(answer.as_bytes()).await;
    });
    Slack::at(url, "xoxb-test".into())
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

async fn post(answer: String) -> Result<MessageRef, SlackError> {
    answering(answer).await.post(TEXT).await
}

async fn waits(status: &str, headers: &str) -> Option<(Scope, u32)> {
    match post(http(status, headers, "{}")).await.unwrap_err() {
        SlackError::Limited { scope, retry_after_s, .. } => Some((scope, retry_after_s)),
        _ => None,
    }
}

#[tokio::test]
async fn only_ok_is_delivered() {
    let answer = http("200 OK", "", r#"{"ok": true, "channel": "C1", "ts": "1.2"}"#);
    assert_eq!(post(answer).await, Ok(MessageRef { channel: "C1".into(), ts: "1.2".into() }));
    for body in [r#"{"channel": "C1", "ts": "1.2"}"#, r#"{"ok": "true"}"#, r#"{"ok": true}"#, "[]"] {
        assert!(post(http("200 OK", "", body)).await.is_err(), "{body}");
    }
}

#[tokio::test]
async fn retry_after_is_believed_within_bounds_whatever_it_says() {
    let cases = [
        ("30", 30),
        (" 7 ", 7),
        ("0", 1),
        ("3600", 3600),
        ("86400", 3600),
        ("99999999999999999999999", 3600),
        ("-5", 30),
        ("1.5", 30),
        ("soon", 30),
        ("", 30),
        ("Wed, 25 Nov 2026 17:00:00 GMT", 30),
    ];
    for (header, seconds) in cases {
        let found = waits("429 Too Many Requests", &format!("retry-after: {header}\r\n")).await;
        assert_eq!(found, Some((Scope::Channel, seconds)), "{header:?}");
    }
    assert_eq!(waits("429 Too Many Requests", "").await, Some((Scope::Channel, 30)));
}

#[tokio::test]
async fn a_server_error_with_retry_after_is_a_limit_on_everything() {
    assert_eq!(waits("503 Service Unavailable", "Retry-After: 60\r\n").await, Some((Scope::Workspace, 60)));
    assert_eq!(waits("503 Service Unavailable", "").await, None);
}

#[tokio::test]
async fn a_limit_on_edits_is_one_on_the_method() {
    let slack = answering(http("429 Too Many Requests", "retry-after: 9\r\n", "")).await;
    let message = MessageRef { channel: "C1".into(), ts: "1.2".into() };
    let error = slack.update(&message, "text", None).await.unwrap_err();
    let SlackError::Limited { scope, method, .. } = &error else { panic!("{error}") };
    assert_eq!((*scope, *method), (Scope::Method, Method::Update));
    assert_eq!(error.to_string(), "Slack answered chat.update with HTTP 429 and asks to wait 9 s");
}

#[tokio::test]
async fn a_limit_that_comes_as_a_code_is_a_limit() {
    for (code, scope) in [
        ("ratelimited", Scope::Channel),
        ("rate_limited", Scope::Channel),
        ("message_limit_exceeded", Scope::Workspace),
    ] {
        let body = format!(r#"{{"ok": false, "error": "{code}"}}"#);
        let error = post(http("200 OK", "", &body)).await.unwrap_err();
        assert!(
            matches!(&error, SlackError::Limited { scope: found, retry_after_s: 30, .. } if *found == scope),
            "{code}: {error}"
        );
    }
}

#[tokio::test]
async fn the_reason_names_the_http_status() {
    let page = "<html>upstream connect error</html>";
    let cases = [
        (http("500 Internal Server Error", "", ""), "HTTP 500: not an answer of the API"),
        (http("503 Service Unavailable", "", page), "HTTP 503: not an answer of the API: <html>upstream"),
        (http("502 Bad Gateway", "", r#"{"ok": true, "channel": "C1", "ts": "1"}"#), "HTTP 502"),
        (http("503 Service Unavailable", "Retry-After: 5\r\n", page), "HTTP 503 and asks to wait 5 s"),
        (http("403 Forbidden", "", "blocked by proxy"), "HTTP 403: not an answer of the API: blocked"),
        (http("200 OK", "", page), "HTTP 200: not an answer of the API: <html>"),
        (http("200 OK", "", r#"{"ok": false}"#), "HTTP 200: no reason given"),
        (http("200 OK", "", r#"{"ok": true}"#), "HTTP 200: the answer has no channel or ts"),
    ];
    for (answer, reason) in cases {
        let error = post(answer).await.unwrap_err().to_string();
        assert!(error.contains(reason), "{error:?} lacks {reason:?}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let body = "x".repeat(2 * 1024 * 1024);
    for answer in [http("200 OK", "", &body), http("503 Service Unavailable", "", &body)] {
        let error = post(answer).await.unwrap_err().to_string();
        assert!(error.contains("the answer is longer than 262144 bytes"), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_off_says_with_which_status_it_began() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"ok\":".to_owned();
    let error = post(cut).await.unwrap_err();
    assert!(matches!(error, SlackError::Failed { status: 200, .. }), "{error}");
}

#[tokio::test]
async fn nobody_there_is_said_with_the_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Slack::at(url, String::new()).post(TEXT).await.unwrap_err();
    assert!(error.to_string().contains("Connection refused"), "{error}");
}

#[test]
fn every_code_stands_for_one_thing() {
    let cases = [
        ("invalid_blocks", Refusal::Content),
        ("invalid_blocks_format", Refusal::Content),
        ("msg_blocks_too_long", Refusal::Content),
        ("msg_too_long", Refusal::Content),
        ("too_many_attachments", Refusal::Content),
        ("invalid_metadata_format", Refusal::Mark),
        ("message_not_found", Refusal::Message),
        ("thread_not_found", Refusal::Message),
        ("cant_update_message", Refusal::Message),
        ("edit_window_closed", Refusal::Message),
        ("channel_not_found", Refusal::Channel),
        ("not_in_channel", Refusal::Channel),
        ("is_archived", Refusal::Channel),
        ("restricted_action", Refusal::Channel),
        ("invalid_auth", Refusal::Token),
        ("token_revoked", Refusal::Token),
        ("account_inactive", Refusal::Token),
        ("missing_scope", Refusal::Token),
        ("internal_error", Refusal::Slack),
        ("a_code_of_next_year", Refusal::Unknown),
    ];
    for (code, refusal) in cases {
        assert_eq!(Refusal::of(code), refusal, "{code}");
    }
}

/// A search in a channel that is named by its id, or in a thread there.
async fn find(thread: bool, answer: String) -> Result<Sought, SlackError> {
    let parent = MessageRef { channel: "C123456789".into(), ts: "1.2".into() };
    let marks = [Mark { part: Part::Line, outbox_id: "a/1/slack".into() }];
    let thread = thread.then_some(&parent);
    let search = Search { channel: "C123456789", thread, marks: &marks, since_ms: 1_793_873_700_000 };
    answering(answer).await.find(search).await
}

fn refusing(code: &str) -> String {
    http("200 OK", "", &format!(r#"{{"ok": false, "error": "{code}"}}"#))
}

#[tokio::test]
async fn what_slack_refuses_to_show_is_unseen_with_the_scope_that_is_missing_and_what_passes_is_an_error() {
    let Ok(Sought::Unseen(reason)) = find(false, refusing("missing_scope")).await else { panic!("seen") };
    assert!(reason.contains("conversations.history") && reason.contains("channels:history"), "{reason}");
    for code in ["not_in_channel", "invalid_auth", "a_code_of_next_year"] {
        assert!(matches!(find(false, refusing(code)).await, Ok(Sought::Unseen(_))), "{code}");
    }
    assert!(find(false, refusing("internal_error")).await.is_err());
    let limited = find(false, http("429 Too Many Requests", "retry-after: 60\r\n", "")).await.unwrap_err();
    assert!(matches!(limited, SlackError::Limited { scope: Scope::Method, .. }), "{limited}");
    assert_eq!(find(true, refusing("thread_not_found")).await, Ok(Sought::Absent), "no thread, no lines");
}

#[tokio::test]
async fn only_the_mark_tells_whose_message_it_is() {
    let message = |ts: &str, kind: &str, id: &str| json!({"ts": ts, "text": "same", "metadata": {"event_type": kind, "event_payload": {"outbox_id": id}}});
    let others = [
        json!({"ts": "1.0", "text": "same"}),
        message("2.0", "phonehome_message", "a/1/slack"),
        message("3.0", "phonehome_line", "a/2/slack"),
    ];
    let answer =
        |messages: Vec<Value>| http("200 OK", "", &json!({"ok": true, "messages": messages}).to_string());
    assert_eq!(find(false, answer(others.to_vec())).await, Ok(Sought::Absent));
    let ours = message("4.0", "phonehome_line", "a/1/slack");
    let place = MessageRef { channel: "C123456789".into(), ts: "4.0".into() };
    assert_eq!(find(true, answer([&others[..], &[ours]].concat())).await, Ok(Sought::Found(place)));
}
