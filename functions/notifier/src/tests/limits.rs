//! Slack's limits, and its pace.

use std::time::Duration;

use super::*;

/// Twenty incidents, each with its first message for `#net`.
async fn twenty(table: &MemoryTable) {
    for index in 0..20 {
        put(table, index, &format!("incident-{index:02}"), slack(&format!("news {index}"), None)).await;
    }
}

fn first_call_in(channel: &'static str, error: SlackError) -> impl Fn(&Call) -> Option<SlackError> {
    let first = Mutex::new(Some(error));
    move |call| if call.channel == channel { first.lock().unwrap().take() } else { None }
}

#[tokio::test(start_paused = true)]
async fn after_a_429_a_channel_is_left_alone_for_as_long_as_slack_asks() {
    let notifier = notifier(FakeSlack::default());
    twenty(&notifier.table).await;
    put(&notifier.table, 50, "elsewhere", in_channel("#other", slack("elsewhere", None))).await;
    notifier.chat.rule(first_call_in("#net", limited(Method::Post, Scope::Channel, 30)));
    notifier.handle().await.unwrap();
    assert_eq!(notifier.chat.tried_in("#net"), 1);
    assert_eq!(notifier.chat.calls(), ["post: elsewhere"], "other channels are not concerned");

    // Not in a later run either, nor for what comes later.
    put(&notifier.table, 60, "later", slack("later", None)).await;
    for seconds in [0, 20] {
        let_time_pass(&notifier.table, seconds).await;
        notifier.handle().await.unwrap();
        assert_eq!(notifier.chat.tried_in("#net"), 1);
    }
    let refused: Vec<Outboxed> =
        outbox(&notifier.table).await.into_iter().filter(|m| m.attempts > 0).collect();
    let [refused] = refused.as_slice() else { panic!("{refused:?}") };
    assert!(refused.last_error.contains("HTTP 429 and asks to wait 30 s"), "{}", refused.last_error);
}

#[tokio::test(start_paused = true)]
async fn what_is_due_together_goes_out_at_slacks_pace() {
    let notifier = notifier(FakeSlack::default());
    twenty(&notifier.table).await;
    notifier.chat.rule(first_call_in("#net", limited(Method::Post, Scope::Channel, 30)));
    notifier.handle().await.unwrap();
    let_time_pass(&notifier.table, 31).await;
    for _ in 0..2 {
        notifier.handle().await.unwrap();
    }
    let posts: Vec<Instant> = notifier.chat.tried().into_iter().skip(1).map(|call| call.at).collect();
    assert_eq!(posts.len(), 20);
    assert!(outbox(&notifier.table).await.is_empty());
    let closest = posts.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| !gap.is_zero()).min().unwrap();
    assert!(closest >= Duration::from_secs(1), "{closest:?}");
    // Two runs one right after the other are the only two posts without a second between them.
    assert_eq!(posts.windows(2).filter(|pair| pair[1] == pair[0]).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_thread_keeps_slacks_pace_and_what_is_left_stays_due() {
    let notifier = notifier(FakeSlack::default());
    for at_ms in 0..40 {
        put(&notifier.table, at_ms, "a", slack("news", Some("line"))).await;
    }
    let begin = Instant::now();
    notifier.handle().await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(16), "a run has its time: {:?}", begin.elapsed());
    let left = outbox(&notifier.table).await;
    assert!((20..40).contains(&left.len()), "{} left", left.len());
    assert!(
        left.iter().all(|m| (m.attempts, m.not_before_ms, m.last_error.as_str()) == (0, 0, "")),
        "{left:?}"
    );
    for _ in 0..3 {
        notifier.handle().await.unwrap();
    }
    assert!(outbox(&notifier.table).await.is_empty());
    assert_eq!(notifier.chat.calls().iter().filter(|call| call.ends_with(": line")).count(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_slow_keeps_no_other_waiting() {
    let notifier = notifier(FakeSlack::default());
    for index in 0..30 {
        put(&notifier.table, index, &format!("{index}"), in_channel("#busy", slack("news", None))).await;
    }
    put(&notifier.table, 99, "last", in_channel("#quiet", slack("quiet", None))).await;
    let begin = Instant::now();
    notifier.handle().await.unwrap();
    let quiet = notifier.chat.tried().into_iter().find(|call| call.channel == "#quiet").unwrap();
    assert_eq!(quiet.at, begin);
}

#[tokio::test(start_paused = true)]
async fn the_one_that_waits_longest_goes_first() {
    let notifier = notifier(FakeSlack::default());
    for (at_ms, incident) in [(1, "z"), (2, "m"), (3, "a")] {
        put(&notifier.table, at_ms, incident, slack(incident, None)).await;
    }
    notifier.handle().await.unwrap();
    assert_eq!(notifier.chat.calls(), ["post: z", "post: m", "post: a"]);
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_edits_stops_them_in_all_channels_and_new_messages_go_out() {
    let notifier = notifier(FakeSlack::default());
    for (incident, channel) in [("a", "#one"), ("b", "#two")] {
        put(&notifier.table, 1, incident, in_channel(channel, slack("opened", None))).await;
    }
    notifier.handle().await.unwrap();
    for (incident, channel) in [("a", "#one"), ("b", "#two")] {
        put(&notifier.table, 2, incident, in_channel(channel, slack("worse", None))).await;
    }
    put(&notifier.table, 3, "c", in_channel("#two", slack("new", None))).await;
    notifier
        .chat
        .rule(|call| (call.method == Method::Update).then(|| limited(Method::Update, Scope::Method, 60)));
    for _ in 0..2 {
        notifier.handle().await.unwrap();
        let edits = notifier.chat.tried().into_iter().filter(|call| call.method == Method::Update).count();
        assert_eq!(edits, 1);
    }
    assert_eq!(notifier.chat.calls(), ["post: opened", "post: opened", "post: new"]);
}

#[tokio::test(start_paused = true)]
async fn posts_limited_in_two_channels_are_a_limit_on_posting() {
    let notifier = notifier(FakeSlack::default());
    for channel in ["#one", "#two", "#three", "#zero"] {
        put(&notifier.table, 1, channel, in_channel(channel, slack("opened", None))).await;
    }
    notifier.chat.rule(|_| Some(limited(Method::Post, Scope::Channel, 60)));
    notifier.handle().await.unwrap();
    assert_eq!(notifier.chat.tried().len(), 2);
    notifier.handle().await.unwrap();
    assert_eq!(notifier.chat.tried().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_everything_stops_everything_for_as_long_as_slack_asks() {
    let notifier = notifier(FakeSlack::default());
    for channel in ["#one", "#two"] {
        put(&notifier.table, 1, channel, in_channel(channel, slack("opened", None))).await;
    }
    notifier.chat.rule(first_call_in("#one", limited(Method::Post, Scope::Workspace, 3600)));
    notifier.handle().await.unwrap();
    // Longer than any pause of phonehome's own.
    let_time_pass(&notifier.table, 3500).await;
    notifier.handle().await.unwrap();
    assert_eq!(notifier.chat.tried().len(), 1);
    let_time_pass(&notifier.table, 100).await;
    notifier.handle().await.unwrap();
    assert!(outbox(&notifier.table).await.is_empty());
}

#[tokio::test]
async fn an_outbox_of_before_holds_were_stored_is_readable() {
    let old = json!({
        "outgoing": {"id": "a/1/slack", "incident_id": "a", "at_ms": 1, "body": slack("opened", None)},
        "attempts": 3, "not_before_ms": 0, "last_error": "Slack asks to wait 30 s",
    });
    let notifier = notifier(FakeSlack::default());
    let write = Write::put(Keys::outbox(1, "a/1/slack"), Expect::Absent, &old);
    notifier.table.write(vec![write]).await.unwrap();
    notifier.handle().await.unwrap();
    assert_eq!(notifier.chat.calls(), ["post: opened"]);
}
