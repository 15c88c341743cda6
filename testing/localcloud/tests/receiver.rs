//! The receiver is as strict as Slack, and remembers what on-call and Slack were reported.

mod support;

use std::time::Duration;

use phonehome_localcloud::{Receiver, SlackMode};
use serde_json::{Value, json};
use support::{Response, SOON, post};

const TOKEN: Option<&str> = Some("xoxb-test");

async fn receiver() -> Receiver {
    Receiver::start(&["#net-dev", "#net-prod"]).await.unwrap()
}

async fn call(receiver: &Receiver, method: &str, body: Value) -> Response {
    post(&format!("{}/{method}", receiver.slack_url()), TOKEN, &body).await
}

async fn say(receiver: &Receiver, text: &str) -> Value {
    call(receiver, "chat.postMessage", json!({"channel": "#net-prod", "text": text})).await.body
}

async fn refusal(receiver: &Receiver, method: &str, body: Value) -> String {
    let answer = call(receiver, method, body).await;
    assert_eq!((answer.status, &answer.body["ok"]), (200, &json!(false)));
    answer.body["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_message_is_posted_edited_in_place_and_answered_in_its_thread() {
    let receiver = receiver().await;
    let posted = say(&receiver, "it burns").await;
    assert_eq!(posted["ok"], true);
    let (channel, ts) = (&posted["channel"], &posted["ts"]);
    let reply = json!({"channel": channel, "text": "put out", "thread_ts": ts});
    let reply = call(&receiver, "chat.postMessage", reply).await.body;
    for (ts, text) in [(ts, "it burned"), (&reply["ts"], "put out at noon")] {
        let answer =
            call(&receiver, "chat.update", json!({"channel": channel, "ts": ts, "text": text})).await;
        assert_eq!(answer.body["ts"], *ts);
    }
    let messages = receiver.messages();
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(
        (message.channel.as_str(), message.text.as_str(), message.edits),
        ("#net-prod", "it burned", 1)
    );
    let [answer] = message.thread.as_slice() else { panic!("{message:?}") };
    assert_eq!((answer.text.as_str(), answer.edits), ("put out at noon", 1));
}

#[tokio::test]
async fn what_slack_refuses_is_refused_with_slacks_code() {
    let receiver = receiver().await;
    let post_to = |channel: &str| json!({"channel": channel, "text": "hello"});
    assert_eq!(refusal(&receiver, "chat.postMessage", post_to("#typo")).await, "channel_not_found");
    assert_eq!(refusal(&receiver, "chat.postMessage", json!({"channel": "#net-dev"})).await, "no_text");
    let long = json!({"channel": "#net-dev", "text": "x".repeat(40_001)});
    assert_eq!(refusal(&receiver, "chat.postMessage", long).await, "msg_too_long");
    let orphan = json!({"channel": "#net-dev", "text": "x", "thread_ts": "1.1"});
    assert_eq!(refusal(&receiver, "chat.postMessage", orphan).await, "thread_not_found");
    let channel = say(&receiver, "hello").await["channel"].clone();
    let unknown = json!({"channel": channel, "ts": "1.1", "text": "x"});
    assert_eq!(refusal(&receiver, "chat.update", unknown).await, "message_not_found");
    // Slack takes a name for a post, but not for an update.
    let by_name = json!({"channel": "#net-prod", "ts": "1.1", "text": "x"});
    assert_eq!(refusal(&receiver, "chat.update", by_name).await, "channel_not_found");
    assert_eq!(refusal(&receiver, "chat.delete", post_to("#net-dev")).await, "unknown_method");
}

#[tokio::test]
async fn blocks_that_slack_would_not_show_are_refused() {
    let receiver = receiver().await;
    let section =
        |length: usize| json!({"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(length)}});
    let header =
        |length: usize| json!({"type": "header", "text": {"type": "plain_text", "text": "x".repeat(length)}});
    let body = |blocks: Value| json!({"channel": "#net-dev", "text": "x", "blocks": blocks});
    let bad = [
        json!([section(3_001)]),
        json!([section(0)]),
        json!([header(151)]),
        json!(vec![section(1); 51]),
        json!([{"type": "context", "elements": []}]),
        json!([{"text": "no type"}]),
        json!({"not": "a list"}),
    ];
    for blocks in bad {
        assert_eq!(
            refusal(&receiver, "chat.postMessage", body(blocks.clone())).await,
            "invalid_blocks",
            "{blocks}"
        );
    }
    let good =
        json!([header(150), section(3_000), {"type": "divider"}, {"type": "context", "elements": [{}]}]);
    assert_eq!(call(&receiver, "chat.postMessage", body(good)).await.body["ok"], true);
}

#[tokio::test]
async fn a_call_needs_a_bot_token() {
    let receiver = receiver().await;
    let url = format!("{}/chat.postMessage", receiver.slack_url());
    let body = json!({"channel": "#net-dev", "text": "hello"});
    assert_eq!(post(&url, None, &body).await.body["error"], "not_authed");
    assert_eq!(post(&url, Some("a-password"), &body).await.body["error"], "invalid_auth");
    assert!(receiver.messages().is_empty());
}

#[tokio::test]
async fn slack_can_be_down_refuse_and_limit_the_rate() {
    let receiver = receiver().await;
    receiver.set_slack(SlackMode::Down);
    assert_eq!(call(&receiver, "chat.postMessage", json!({})).await.status, 500);
    receiver.set_slack(SlackMode::Refusing("token_revoked".into()));
    assert_eq!(say(&receiver, "a").await["error"], "token_revoked");
    receiver.set_slack(SlackMode::Up);
    receiver.rate_limit_next(1, 7);
    let limited = call(&receiver, "chat.postMessage", json!({"channel": "#net-prod", "text": "b"})).await;
    assert_eq!(limited.status, 429);
    assert!(limited.head.to_lowercase().contains("retry-after: 7"), "{}", limited.head);
    assert_eq!(say(&receiver, "c").await["ok"], true);
    let answers: Vec<String> = receiver.seen().calls.into_iter().map(|call| call.answer).collect();
    assert_eq!(answers, ["500", "token_revoked", "429", "ok"]);
}

#[tokio::test]
async fn with_a_pace_the_second_message_in_a_channel_has_to_wait() {
    let receiver = receiver().await;
    receiver.set_pace(Some(Duration::from_secs(3_600)));
    assert_eq!(say(&receiver, "a").await["ok"], true);
    let second = call(&receiver, "chat.postMessage", json!({"channel": "#net-prod", "text": "b"})).await;
    assert_eq!(second.status, 429);
    let elsewhere = call(&receiver, "chat.postMessage", json!({"channel": "#net-dev", "text": "c"})).await;
    assert_eq!(elsewhere.body["ok"], true);
}

#[tokio::test]
async fn waiting_ends_with_what_was_waited_for() {
    let receiver = receiver().await;
    let waiting = receiver.wait_for("a message", SOON, |seen| seen.messages.first().cloned());
    let (message, _) = tokio::join!(waiting, say(&receiver, "it burns"));
    assert_eq!(message.unwrap().text, "it burns");
}

#[tokio::test]
async fn waiting_in_vain_tells_what_came_instead() {
    let receiver = receiver().await;
    say(&receiver, "something else").await;
    let waiting = receiver.wait_for("a page", Duration::from_millis(1), |seen| seen.pages.first().cloned());
    let error = waiting.await.unwrap_err().to_string();
    assert!(error.starts_with("a page: not within"), "{error}");
    assert!(error.contains("chat.postMessage #net-prod: something else -> ok"), "{error}");
}

#[tokio::test]
async fn a_subscription_that_leads_off_this_machine_is_not_confirmed() {
    let receiver = receiver().await;
    let confirmation = |url: &str| json!({"Type": "SubscriptionConfirmation", "TopicArn": url, "Message": "", "SubscribeURL": url});
    // The second one is this receiver itself, which answers a GET with 405: no confirmation either.
    for url in ["http://192.0.2.1/", &receiver.page_url()] {
        assert_eq!(post(&receiver.page_url(), None, &confirmation(url)).await.status, 200);
    }
    let page = json!({"Type": "Notification", "TopicArn": "arn", "Subject": "s", "Message": "m"});
    assert_eq!(post(&receiver.page_url(), None, &page).await.status, 200);
    assert_eq!(post(&receiver.page_url(), None, &json!({"Type": "Notification"})).await.status, 400);
    let page = receiver.wait_for("the page", SOON, |seen| seen.pages.first().cloned()).await.unwrap();
    assert_eq!((page.subject.as_str(), page.message.as_str()), ("s", "m"));
    assert!(receiver.seen().subscriptions.is_empty());
}
