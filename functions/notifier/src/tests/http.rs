//! Against Slack's stand-in, by HTTP.

use std::time::Duration;

use phonehome_cloud::SystemClock;
use phonehome_localcloud::{Receiver, SlackMode};
use phonehome_slack::{Post, Slack};

use super::*;

struct ByHttp(Slack);

impl ChatSource for ByHttp {
    type Chat = Slack;

    async fn open(&self) -> Result<Slack, String> {
        Ok(self.0.clone())
    }
}

async fn world(incidents: u64) -> (Notifier<MemoryTable, MemoryPager, ByHttp>, Receiver) {
    let receiver = Receiver::start(&["#net"]).await.unwrap();
    let notifier = Notifier {
        clock: SystemClock,
        table: MemoryTable::default(),
        pager: MemoryPager::default(),
        chat: ByHttp(Slack::at(receiver.slack_url(), "xoxb-test".into())),
        metrics: Metrics::void("notifier"),
    };
    for index in 0..incidents {
        put(&notifier.table, index, &format!("incident-{index:02}"), slack(&format!("news {index}"), None))
            .await;
    }
    (notifier, receiver)
}

#[tokio::test]
async fn a_429_for_the_first_of_twenty_is_one_call() {
    let (notifier, slack) = world(20).await;
    slack.rate_limit_next(1, 30);
    for _ in 0..2 {
        notifier.handle().await.unwrap();
        assert_eq!(slack.seen().calls.len(), 1);
    }
    assert_eq!(outbox(&notifier.table).await.len(), 20);
}

#[tokio::test]
async fn a_503_is_named_and_its_retry_after_counts() {
    let (notifier, slack) = world(3).await;
    slack.set_slack(SlackMode::Failing { status: 503, retry_after_s: Some(60) });
    notifier.handle().await.unwrap();
    slack.set_slack(SlackMode::Up);
    let_time_pass(&notifier.table, 55).await;
    notifier.handle().await.unwrap();
    assert_eq!(slack.seen().calls.len(), 1);
    let reason = &outbox(&notifier.table).await[0].last_error;
    assert_eq!(reason, "Slack answered chat.postMessage with HTTP 503 and asks to wait 60 s");
}

#[tokio::test]
async fn blocks_that_slack_refuses_go_out_as_plain_text() {
    let (notifier, slack) = world(1).await;
    slack.set_slack(SlackMode::RefusingBlocks("msg_blocks_too_long".into()));
    notifier.handle().await.unwrap();
    let messages = slack.messages();
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!((message.text.as_str(), &message.blocks), ("news 0", &None));
    assert!(outbox(&notifier.table).await.is_empty());
}

#[tokio::test]
async fn what_is_due_together_trips_no_limit() {
    let (notifier, slack) = world(3).await;
    slack.set_pace(Some(Duration::from_secs(1)));
    notifier.handle().await.unwrap();
    let answers: Vec<String> = slack.seen().calls.into_iter().map(|call| call.answer).collect();
    assert_eq!(answers, ["ok", "ok", "ok"]);
}

/// What is in the outbox is tried again a while later.
async fn later(notifier: &Notifier<MemoryTable, MemoryPager, ByHttp>) {
    let_time_pass(&notifier.table, 60).await;
    notifier.handle().await.unwrap();
    assert!(outbox(&notifier.table).await.is_empty());
}

#[tokio::test]
async fn a_post_whose_answer_got_lost_is_found_again_among_what_others_said() {
    // Whether the fleet file has the channel's name or its id.
    for channel in ["#net", "C0000000000"] {
        let (notifier, receiver) = world(0).await;
        let now_ms = SystemClock.now_ms();
        put(&notifier.table, now_ms, "a", in_channel(channel, slack("opened", None))).await;
        receiver.set_slack(SlackMode::Unheard);
        notifier.handle().await.unwrap();
        receiver.set_slack(SlackMode::Up);
        // More than a page of the history has.
        let others = Slack::at(receiver.slack_url(), "xoxb-others".into());
        for _ in 0..120 {
            let post = Post { channel: "#net", text: "opened", blocks: None, thread: None, mark: None };
            others.post(post).await.unwrap();
        }
        put(&notifier.table, now_ms + 1, "a", in_channel(channel, slack("worse", None))).await;
        later(&notifier).await;
        let ours: Vec<_> = receiver.messages().into_iter().filter(|it| it.metadata.is_some()).collect();
        let [ours] = ours.as_slice() else { panic!("{channel}: {ours:?}") };
        assert_eq!((ours.text.as_str(), ours.edits), ("worse", 1));
    }
}

#[tokio::test]
async fn a_line_whose_answer_got_lost_is_found_again_in_its_thread() {
    let (notifier, receiver) = world(1).await;
    notifier.handle().await.unwrap();
    put(&notifier.table, 9, "incident-00", slack("worse", Some("a zone more"))).await;
    receiver.set_slack(SlackMode::Unheard);
    notifier.handle().await.unwrap();
    receiver.set_slack(SlackMode::Up);
    later(&notifier).await;
    let [message] = receiver.messages().try_into().unwrap();
    let lines: Vec<String> = message.thread.into_iter().map(|line| line.text).collect();
    assert_eq!(lines, ["a zone more"]);
}

#[tokio::test]
async fn a_token_that_may_not_read_posts_what_is_in_doubt_once_more() {
    let (notifier, receiver) = world(1).await;
    receiver.set_slack(SlackMode::Unheard);
    notifier.handle().await.unwrap();
    receiver.set_slack(SlackMode::WithoutHistory);
    later(&notifier).await;
    assert_eq!(receiver.messages().len(), 2);
    let refused: Vec<_> =
        receiver.seen().calls.into_iter().filter(|call| call.answer == "missing_scope").collect();
    assert!(!refused.is_empty(), "it was asked");
}
