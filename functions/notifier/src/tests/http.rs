//! Against Slack's stand-in, by HTTP.

use std::time::Duration;

use phonehome_cloud::SystemClock;
use phonehome_localcloud::{Receiver, SlackMode};
use phonehome_slack::Slack;

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
