//! The receiver is as strict as Slack, and remembers what on-call and Slack were reported.

mod support;

use std::time::Duration;

use phonehome_localcloud::{Receiver, SlackMode};
use serde_json::{Value, json};
use support::{Response, SOON, get, post, post_form};

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

/// What the page is told, once it is another than it knows.
async fn shown(receiver: &Receiver, after: i64) -> Response {
    get(&format!("{}state?after={after}", receiver.view_url())).await
}

#[tokio::test]
async fn a_browser_is_told_of_every_channel_message_thread_and_page() {
    let receiver = receiver().await;
    let empty = shown(&receiver, -1).await.body;
    assert_eq!(
        empty["channels"],
        json!([{"name": "#net-dev", "messages": []}, {"name": "#net-prod", "messages": []}])
    );
    let posted = say(&receiver, "it burns").await;
    let blocks = json!([{"type": "section", "text": {"type": "mrkdwn", "text": "it *burned*"}}]);
    let edit =
        json!({"channel": posted["channel"], "ts": posted["ts"], "text": "it burned", "blocks": blocks});
    call(&receiver, "chat.update", edit).await;
    let reply = json!({"channel": "#net-prod", "text": "put out", "thread_ts": posted["ts"]});
    call(&receiver, "chat.postMessage", reply).await;
    let page =
        json!({"Type": "Notification", "TopicArn": "arn:pages", "Subject": "shop-prod", "Message": "lost"});
    assert_eq!(post(&receiver.page_url(), None, &page).await.status, 200);

    let state = shown(&receiver, -1).await.body;
    let message = &state["channels"][1]["messages"][0];
    assert_eq!(
        (&message["ts"], &message["text"], &message["edits"]),
        (&posted["ts"], &json!("it burned"), &json!(1))
    );
    assert_eq!(message["blocks"], blocks);
    assert_eq!(message["thread"][0]["text"], "put out");
    let page = &state["pages"][0];
    assert_eq!((&page["subject"], &page["message"]), (&json!("shop-prod"), &json!("lost")));
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    assert!(page["at_ms"].as_u64().is_some_and(|at| now_ms.abs_diff(u128::from(at)) < 60_000), "{page}");
}

#[tokio::test]
async fn a_browser_that_waits_is_told_of_each_change_and_of_nothing_else() {
    let receiver = receiver().await;
    let mut known = shown(&receiver, -1).await.body["revision"].as_i64().unwrap();
    let posted = say(&receiver, "it burns").await;
    let edit = json!({"channel": posted["channel"], "ts": posted["ts"], "text": "it burned"});
    let page = json!({"Type": "Notification", "TopicArn": "arn:pages", "Message": "lost"});
    let edit = async || assert_eq!(call(&receiver, "chat.update", edit.clone()).await.status, 200);
    let page = async || assert_eq!(post(&receiver.page_url(), None, &page).await.status, 200);
    known = shown(&receiver, known).await.body["revision"].as_i64().unwrap();
    for change in [0, 1] {
        let mut waiting = Box::pin(shown(&receiver, known));
        let early = tokio::time::timeout(Duration::from_millis(50), &mut waiting).await;
        assert!(early.is_err(), "told of no change");
        if change == 0 {
            edit().await
        } else {
            page().await
        }
        let told = tokio::time::timeout(SOON, waiting).await.expect("told of the change").body;
        assert_eq!(told["channels"][1]["messages"][0]["text"], "it burned");
        assert_eq!(told["pages"].as_array().map(Vec::len), Some(change));
        known = told["revision"].as_i64().unwrap();
    }
}

#[tokio::test]
async fn a_message_with_markup_arrives_as_data_and_the_page_makes_no_markup_of_it() {
    let receiver = receiver().await;
    let page_before = get(&receiver.view_url()).await;
    let markup = "<script>alert(1)</script><img src=x onerror=alert(2)>";
    say(&receiver, markup).await;
    let notice =
        json!({"Type": "Notification", "TopicArn": "arn:pages", "Subject": markup, "Message": markup});
    post(&receiver.page_url(), None, &notice).await;

    let state = shown(&receiver, -1).await;
    assert_eq!(state.body["channels"][1]["messages"][0]["text"], markup);
    assert_eq!(state.body["pages"][0]["subject"], markup);
    assert!(state.head.contains("content-type: application/json"), "{}", state.head);
    assert!(state.head.contains("x-content-type-options: nosniff"), "{}", state.head);

    let page = get(&receiver.view_url()).await;
    assert_eq!(page.text, page_before.text, "the page itself holds nothing that was sent");
    assert!(page.head.contains("content-type: text/html"), "{}", page.head);
    assert!(page.head.contains("require-trusted-types-for 'script'"), "{}", page.head);
    for sink in
        ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "srcdoc"]
    {
        assert!(!page.text.contains(sink), "{sink}");
    }
    for elsewhere in ["src=", "@import", "url(", "//cdn", "<link"] {
        assert!(!page.text.contains(elsewhere), "{elsewhere}");
    }
}

#[tokio::test]
async fn there_is_nothing_else_to_get() {
    let receiver = receiver().await;
    for path in ["page", "api/chat.postMessage", "state/x", "favicon.ico"] {
        assert_eq!(get(&format!("{}{path}", receiver.view_url())).await.status, 404, "{path}");
    }
}

/// A form, as Slack's SDKs send what only reads.
async fn read(receiver: &Receiver, method: &str, form: &str) -> Value {
    post_form(&format!("{}/{method}", receiver.slack_url()), TOKEN, form).await.body
}

#[tokio::test]
async fn a_channels_history_has_its_messages_newest_first_page_by_page_and_metadata_when_asked() {
    let receiver = receiver().await;
    let mark = json!({"event_type": "x", "event_payload": {"id": "a/1 +%"}});
    for text in ["one", "two", "three"] {
        let body = json!({"channel": "#net-prod", "text": text, "metadata": mark});
        assert_eq!(call(&receiver, "chat.postMessage", body).await.body["ok"], true);
    }
    let channels = read(&receiver, "users.conversations", "types=public_channel&limit=1").await;
    assert_eq!(channels["channels"][0]["name"], "net-dev");
    let next = channels["response_metadata"]["next_cursor"].as_str().unwrap();
    let form = format!("types=public_channel&limit=1&cursor={next}");
    let channels = read(&receiver, "users.conversations", &form).await;
    let id = channels["channels"][0]["id"].as_str().unwrap();
    let texts = |answer: &Value| {
        let messages = answer["messages"].as_array().unwrap();
        messages.iter().map(|it| it["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = read(&receiver, "conversations.history", &format!("channel={id}&limit=2")).await;
    assert_eq!(
        (texts(&first), first["messages"][0].get("metadata")),
        (vec!["three".into(), "two".into()], None)
    );
    let next = first["response_metadata"]["next_cursor"].as_str().unwrap();
    let form = format!("channel={id}&limit=2&cursor={next}&include_all_metadata=true");
    let last = read(&receiver, "conversations.history", &form).await;
    assert_eq!((texts(&last), &last["messages"][0]["metadata"]), (vec!["one".into()], &mark));
    assert_eq!(last["response_metadata"]["next_cursor"], "");
    let later =
        read(&receiver, "conversations.history", &format!("channel={id}&oldest=99999999999.000000")).await;
    assert_eq!(texts(&later), Vec::<String>::new());
    for (method, form, code) in [
        ("conversations.history", "channel=%23net-prod", "channel_not_found"),
        ("conversations.replies", &format!("channel={id}&ts=1.1"), "thread_not_found"),
    ] {
        assert_eq!(read(&receiver, method, form).await["error"], code);
    }
    receiver.set_slack(SlackMode::WithoutHistory);
    assert_eq!(read(&receiver, "users.conversations", "").await["error"], "missing_scope");
}

#[tokio::test]
async fn a_post_that_nobody_hears_of_is_shown_all_the_same() {
    let receiver = receiver().await;
    receiver.set_slack(SlackMode::Unheard);
    let answer = call(&receiver, "chat.postMessage", json!({"channel": "#net-prod", "text": "hello"})).await;
    assert_eq!((answer.status, receiver.messages().len()), (502, 1));
}
