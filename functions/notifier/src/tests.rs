//! What the notifier delivers, in which order, and what it does when Slack will not.

mod chat;
mod http;
mod joined;
mod limits;
mod metrics;
mod mortal;
mod once;
mod order;
mod pages;
mod refusals;
mod upgrade;

use phonehome_cloud::{SystemClock, WallClock as _};
use std::sync::{Arc, Mutex};

use phonehome_alerting::{Outgoing, OutgoingBody, SlackKind, SlackMessage, Words};
use phonehome_aws::Metrics;
use phonehome_cloud::MemoryPager;
use phonehome_cloud::table::{Doc, Expect, MemoryTable, Table, Write};
use phonehome_slack::{Chat, MessageRef, Method, Scope, SlackError};
use phonehome_state::{Keys, Outboxed, all, written_by};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::chat::ChatSource;
use crate::handler::Notifier;
use chat::{Call, FakeSlack};

fn refused(method: Method, code: &str) -> SlackError {
    SlackError::Refused { method, channel: "#net".into(), error: code.into() }
}

fn limited(method: Method, scope: Scope, retry_after_s: u32) -> SlackError {
    SlackError::Limited { method, scope, retry_after_s, answer: "HTTP 429".into() }
}

fn notifier(chat: FakeSlack) -> Notifier<MemoryTable, MemoryPager, FakeSlack> {
    Notifier {
        clock: SystemClock,
        table: MemoryTable::default().writing_only(written_by("notifier")),
        pager: MemoryPager::default(),
        chat,
        metrics: Metrics::void("notifier"),
    }
}

fn slack(text: &str, thread: Option<&str>) -> OutgoingBody {
    SlackMessage::new(Words::of(text)).thread(thread.map(Words::of)).body("#net", SlackKind::Updated)
}

fn page(subject: &str) -> OutgoingBody {
    OutgoingBody::Page {
        subject: subject.into(),
        text: "text".into(),
        resolved: false,
        title: Some(subject.into()),
        accounts: vec![],
        of: None,
        merged_into: None,
    }
}

/// The same message, in another channel.
fn in_channel(other: &str, mut body: OutgoingBody) -> OutgoingBody {
    if let OutgoingBody::Slack { channel, .. } = &mut body {
        *channel = other.to_owned();
    }
    body
}

async fn put(table: &MemoryTable, at_ms: u64, incident: &str, body: OutgoingBody) {
    let id = format!("{incident}/{at_ms}/{}", if body.is_page() { "page" } else { "slack" });
    let outgoing = Outgoing { id: id.clone(), incident_id: incident.into(), at_ms, sequence: 0, body };
    let message = Outboxed::new(outgoing);
    table.write(vec![Write::put(Keys::outbox(at_ms, &id), Expect::Absent, &message)]).await.unwrap();
}

async fn outbox(table: &MemoryTable) -> Vec<Outboxed> {
    all::<Outboxed>(table, Keys::OUTBOX).await.unwrap().into_iter().map(|(_, message)| message).collect()
}

/// What was to happen at a later moment is to happen that much earlier.
async fn let_time_pass(table: &MemoryTable, seconds: u64) {
    let earlier = |at_ms: u64| at_ms.saturating_sub(seconds * 1000);
    for (Doc { key, version, .. }, mut message) in all::<Outboxed>(table, Keys::OUTBOX).await.unwrap() {
        message.not_before_ms = earlier(message.not_before_ms);
        for hold in &mut message.holds {
            hold.until_ms = earlier(hold.until_ms);
        }
        table.write(vec![Write::put(key, Expect::Version(version), &message)]).await.unwrap();
    }
}

#[tokio::test]
async fn an_incident_has_one_message_that_is_edited_with_a_thread_of_what_changed() {
    let notifier = notifier(FakeSlack::default());
    put(&notifier.table, 1, "a", slack("opened", None)).await;
    notifier.handle().await.unwrap();
    put(&notifier.table, 2, "a", slack("worse", Some("a zone more"))).await;
    put(&notifier.table, 3, "a", slack("resolved", Some("all back"))).await;
    notifier.handle().await.unwrap();
    assert_eq!(
        notifier.chat.calls(),
        [
            "post: opened",
            "edit ts-of-opened: resolved",
            "reply to ts-of-opened: a zone more",
            "reply to ts-of-opened: all back",
        ]
    );
    assert!(outbox(&notifier.table).await.is_empty());
    let place_kept_until_s = notifier.table.expires_at_s(&Keys::slack("a", "#net")).unwrap();
    assert!(place_kept_until_s.abs_diff(SystemClock.now_ms() / 1000 + 90 * 86_400) < 60);
}

#[tokio::test]
async fn running_again_delivers_nothing_twice() {
    let notifier = notifier(FakeSlack::default());
    put(&notifier.table, 1, "a", slack("opened", None)).await;
    put(&notifier.table, 1, "a", page("wake up")).await;
    for _ in 0..3 {
        notifier.handle().await.unwrap();
    }
    assert_eq!((notifier.chat.calls().len(), notifier.pager.pages().len()), (1, 1));
}

#[tokio::test]
async fn a_page_goes_out_while_slack_is_down_and_the_slack_message_is_kept() {
    let chat = FakeSlack { no_token: true, ..FakeSlack::default() };
    let notifier = notifier(chat);
    put(&notifier.table, 1, "a", slack("opened", None)).await;
    put(&notifier.table, 1, "a", page("wake up")).await;
    notifier.handle().await.unwrap();
    assert_eq!(notifier.pager.pages(), ["wake up"]);
    let kept = outbox(&notifier.table).await;
    assert_eq!((kept.len(), kept[0].attempts), (1, 1));
    assert!(kept[0].last_error.contains("no token"), "{}", kept[0].last_error);
    assert!(kept[0].not_before_ms > 0);
    notifier.handle().await.unwrap();
    assert_eq!(notifier.metrics.counts()["Undelivered"], 1, "counted at each run, tried again or not");
}

#[tokio::test]
async fn a_message_is_not_sent_until_slack_says_ok() {
    let notifier = notifier(FakeSlack::default());
    notifier.chat.refusals.lock().unwrap().push(refused(Method::Post, "not_in_channel"));
    put(&notifier.table, 1, "a", slack("opened", None)).await;
    notifier.handle().await.unwrap();
    let kept = outbox(&notifier.table).await;
    assert!(kept[0].last_error.contains("/invite @phonehome"), "{}", kept[0].last_error);
    assert!(notifier.chat.calls().is_empty());
}

#[tokio::test]
async fn a_message_that_somebody_deleted_is_posted_anew() {
    let notifier = notifier(FakeSlack::default());
    put(&notifier.table, 1, "a", slack("opened", None)).await;
    notifier.handle().await.unwrap();
    notifier.chat.refusals.lock().unwrap().push(refused(Method::Update, "message_not_found"));
    put(&notifier.table, 2, "a", slack("resolved", Some("all back"))).await;
    notifier.handle().await.unwrap();
    assert_eq!(
        notifier.chat.calls(),
        ["post: opened", "post: resolved", "reply to ts-of-resolved: all back"]
    );
}

#[tokio::test]
async fn more_messages_than_a_transaction_holds_are_delivered_in_parts() {
    let notifier = notifier(FakeSlack::default());
    for at_ms in 0..130 {
        put(&notifier.table, at_ms, "a", slack("news", None)).await;
    }
    notifier.handle().await.unwrap();
    assert_eq!(outbox(&notifier.table).await.len(), 30);
    notifier.handle().await.unwrap();
    assert!(outbox(&notifier.table).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_thread_lines_repeats_none_that_was_delivered() {
    let refused = SlackError::Unreachable("cut off".into());
    let notifier = notifier(FakeSlack::default());
    put(&notifier.table, 1, "a", slack("opened", None)).await;
    notifier.handle().await.unwrap();
    put(&notifier.table, 2, "a", slack("worse", Some("one"))).await;
    put(&notifier.table, 3, "a", slack("worst", Some("two"))).await;
    // The edit and the first line go through, the second line does not.
    let fine = notifier.clone_with_refusal_after(2, refused).await;
    fine.handle().await.unwrap();
    let left = outbox(&notifier.table).await;
    assert_eq!(left.len(), 1, "only the line that failed is left");
    assert_eq!(left[0].outgoing.at_ms, 3);
}

#[test]
fn every_sample_event_can_wake_the_notifier() {
    let events = phonehome_samples::events("notifier");
    let names: Vec<&String> = events.keys().collect();
    assert_eq!(names, ["every-minute.json", "outbox-insert.json"]);
    let insert = events["outbox-insert.json"].clone();
    let insert: aws_lambda_events::dynamodb::Event = serde_json::from_value(insert).unwrap();
    assert_eq!(insert.records[0].event_name, "INSERT");
}
