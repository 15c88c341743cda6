//! What becomes of a message for each of Slack's codes.

use super::*;
use phonehome_cloud::{SystemClock, WallClock as _};

/// What becomes of a new message.
#[derive(Debug, PartialEq)]
enum Fate {
    /// Its text goes out without blocks.
    PlainText,
    /// It is kept, and the channel's others are tried.
    KeptAlone,
    /// It is kept, and this channel is left alone in this run.
    ChannelStopped,
    /// It is kept, and Slack is left alone in this run.
    AllStopped,
}

/// Every post with blocks into `#net` is refused.
async fn fate_of(code: &'static str) -> Fate {
    let notifier = notifier(FakeSlack::default());
    put(&notifier.table, 1, "a", slack("first", None)).await;
    put(&notifier.table, 2, "b", slack("second", None)).await;
    put(&notifier.table, 3, "c", in_channel("#other", slack("other", None))).await;
    notifier.chat.rule(move |call| {
        (call.channel == "#net" && call.blocks.is_some()).then(|| refused(Method::Post, code))
    });
    notifier.handle().await.unwrap();
    let calls = notifier.chat.calls();
    let plain = calls.contains(&"post: first".to_owned());
    let other = calls.contains(&"post: other".to_owned());
    let kept: Vec<Outboxed> = outbox(&notifier.table).await;
    if !plain {
        assert!(kept[0].last_error.contains(code), "{code}: {}", kept[0].last_error);
        assert!(kept[0].not_before_ms > SystemClock.now_ms(), "{code}: with a pause");
        notifier.handle().await.unwrap();
        assert!(notifier.metrics.counts()["Undelivered"] >= 1, "{code}: the alarm tells");
    }
    match (plain, notifier.chat.tried_in("#net"), other) {
        (true, 4, true) => Fate::PlainText,
        (false, 2.., true) if kept[1].attempts > 0 => Fate::KeptAlone,
        (false, _, true) => Fate::ChannelStopped,
        (false, _, false) => Fate::AllStopped,
        other => panic!("{code}: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn each_code_has_its_fate() {
    let fates = [
        (
            Fate::PlainText,
            "invalid_blocks invalid_blocks_format msg_blocks_too_long msg_too_long too_many_attachments \
             invalid_attachments invalid_arguments a_code_of_next_year",
        ),
        (Fate::KeptAlone, "internal_error fatal_error service_unavailable request_timeout"),
        (
            Fate::ChannelStopped,
            "channel_not_found not_in_channel is_archived restricted_action no_permission \
             restricted_action_read_only_channel messages_tab_disabled",
        ),
        (
            Fate::AllStopped,
            "invalid_auth not_authed token_revoked token_expired account_inactive missing_scope \
             ekm_access_denied org_login_required team_access_not_granted",
        ),
    ];
    for (fate, codes) in fates {
        for code in codes.split_whitespace() {
            assert_eq!(fate_of(code).await, fate, "{code}");
        }
    }
}

/// What becomes of an edit.
async fn calls_after_a_refused_edit(code: &'static str) -> Vec<String> {
    let notifier = notifier(FakeSlack::default());
    put(&notifier.table, 1, "a", slack("opened", None)).await;
    notifier.handle().await.unwrap();
    put(&notifier.table, 2, "a", slack("resolved", Some("all back"))).await;
    let empty = json!([]);
    notifier.chat.rule(move |call| {
        let may =
            call.text != "opened" && call.method == Method::Update && call.blocks.as_ref() != Some(&empty);
        may.then(|| refused(Method::Update, code))
    });
    notifier.handle().await.unwrap();
    notifier.chat.calls().split_off(1)
}

#[tokio::test(start_paused = true)]
async fn a_message_that_can_no_longer_be_edited_is_posted_anew() {
    let anew = ["post: resolved", "reply to ts-of-resolved: all back"];
    let plain = ["edit ts-of-opened: resolved", "reply to ts-of-opened: all back"];
    let cases: [(&[&str], &str); 3] = [
        (
            &anew,
            "message_not_found cant_update_message edit_window_closed update_failed thread_not_found \
             channel_not_found is_archived not_in_channel a_code_of_next_year",
        ),
        (&plain, "invalid_blocks invalid_blocks_format msg_blocks_too_long msg_too_long"),
        (&[], "invalid_auth token_revoked missing_scope internal_error fatal_error"),
    ];
    for (calls, codes) in cases {
        for code in codes.split_whitespace() {
            assert_eq!(calls_after_a_refused_edit(code).await, calls, "{code}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_as_plain_text_too_is_given_up_after_a_while_and_kept() {
    let notifier = notifier(FakeSlack::default());
    put(&notifier.table, 1, "bad", slack("bad", None)).await;
    put(&notifier.table, 2, "good", slack("good", None)).await;
    notifier.chat.rule(|call| (call.text == "bad").then(|| refused(Method::Post, "msg_too_long")));
    let mut kept_until_s = None;
    for _ in 0..30 {
        notifier.handle().await.unwrap();
        let (doc, _) = all::<Outboxed>(&notifier.table, Keys::OUTBOX).await.unwrap().remove(0);
        kept_until_s = kept_until_s.or(notifier.table.expires_at_s(&doc.key));
        let_time_pass(&notifier.table, 15 * 60).await;
    }
    assert_eq!(notifier.chat.calls(), ["post: good"], "in nobody's way");
    let tried = notifier.chat.tried_in("#net");
    assert!((10..30).contains(&tried), "tried {tried} times");
    let kept = outbox(&notifier.table).await;
    assert!(kept[0].given_up && kept[0].last_error.contains("msg_too_long"), "{kept:?}");
    let kept_until_s = kept_until_s.unwrap();
    assert!(kept_until_s.abs_diff(SystemClock.now_ms() / 1000 + 90 * 86_400) < 86_400);
    assert!(notifier.metrics.counts()["Undelivered"] >= 29, "counted at each run");
    // What comes of the same incident later has another content.
    put(&notifier.table, 3, "bad", slack("better", None)).await;
    notifier.handle().await.unwrap();
    assert_eq!(notifier.chat.calls(), ["post: good", "post: better"]);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_slack_will_never_take_keeps_the_next_ones_of_its_thread_only_for_a_while() {
    let notifier = notifier(FakeSlack::default());
    put(&notifier.table, 1, "a", slack("opened", None)).await;
    put(&notifier.table, 2, "a", slack("worse", Some("bad line"))).await;
    put(&notifier.table, 3, "a", slack("worst", Some("good line"))).await;
    notifier.chat.rule(|call| (call.text == "bad line").then(|| refused(Method::Post, "msg_too_long")));
    for _ in 0..20 {
        notifier.handle().await.unwrap();
        let_time_pass(&notifier.table, 15 * 60).await;
    }
    let kept = outbox(&notifier.table).await;
    assert_eq!(kept.iter().map(|m| (m.outgoing.at_ms, m.given_up)).collect::<Vec<_>>(), [(2, true)]);
    assert!(notifier.chat.calls().contains(&"reply to ts-of-worst: good line".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_thread_that_is_gone_goes_on_under_a_new_message() {
    let notifier = notifier(FakeSlack::default());
    put(&notifier.table, 1, "a", slack("opened", None)).await;
    notifier.handle().await.unwrap();
    put(&notifier.table, 2, "a", slack("worse", Some("one"))).await;
    put(&notifier.table, 3, "a", slack("worst", Some("two"))).await;
    notifier.chat.rule(|call| {
        (call.thread.as_deref() == Some("ts-of-opened")).then(|| refused(Method::Post, "thread_not_found"))
    });
    notifier.handle().await.unwrap();
    assert_eq!(
        notifier.chat.calls().split_off(1),
        ["edit ts-of-opened: worst", "post: worst", "reply to ts-of-worst: one", "reply to ts-of-worst: two"]
    );
    // The new place is the one that is remembered.
    put(&notifier.table, 4, "a", slack("resolved", None)).await;
    notifier.handle().await.unwrap();
    assert_eq!(notifier.chat.calls().last().unwrap(), "edit ts-of-worst: resolved");
}

#[tokio::test(start_paused = true)]
async fn where_there_can_be_no_thread_its_lines_stand_in_the_channel() {
    let notifier = notifier(FakeSlack::default());
    put(&notifier.table, 1, "a", slack("opened", Some("one"))).await;
    notifier.chat.rule(|call| {
        call.thread.is_some().then(|| refused(Method::Post, "restricted_action_non_threadable_channel"))
    });
    notifier.handle().await.unwrap();
    assert_eq!(notifier.chat.calls(), ["post: opened", "post: opened", "post: one"]);
    assert!(outbox(&notifier.table).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_line_that_slack_does_not_take_now_waits_for_its_new_thread() {
    let notifier = notifier(FakeSlack::default());
    put(&notifier.table, 1, "a", slack("opened", None)).await;
    notifier.handle().await.unwrap();
    put(&notifier.table, 2, "a", slack("worse", Some("one"))).await;
    notifier.chat.rule(|call| match call.thread.as_deref()? {
        "ts-of-opened" => Some(refused(Method::Post, "thread_not_found")),
        _ => Some(refused(Method::Post, "internal_error")),
    });
    notifier.handle().await.unwrap();
    assert_eq!(notifier.chat.calls().split_off(1), ["edit ts-of-opened: worse", "post: worse"]);
    assert_eq!(outbox(&notifier.table).await.len(), 1, "it is no line for the channel");
}

#[tokio::test(start_paused = true)]
async fn a_place_that_cannot_be_read_is_found_anew() {
    let notifier = notifier(FakeSlack::default());
    let place = Write::put(Keys::slack("a", "#net"), Expect::Absent, &"nonsense");
    notifier.table.write(vec![place]).await.unwrap();
    put(&notifier.table, 1, "a", slack("opened", None)).await;
    notifier.handle().await.unwrap();
    put(&notifier.table, 2, "a", slack("resolved", None)).await;
    notifier.handle().await.unwrap();
    assert_eq!(notifier.chat.calls(), ["post: opened", "edit ts-of-opened: resolved"]);
}
