//! A message that joins an incident stands in that one's thread, and what changes of it too.

use super::*;

/// A message about drift that joins the incident `a`.
fn drift(text: &str, thread: Option<&str>) -> OutgoingBody {
    SlackMessage::new(Words::of(text))
        .joining(Some("a"))
        .thread(thread.map(Words::of))
        .body("#net", SlackKind::Updated)
}

#[tokio::test]
async fn what_joins_an_incident_is_a_reply_there_and_its_changes_too_also_after_the_end() {
    let notifier = notifier(FakeSlack::default());
    put(&notifier.table, 1, "a", slack("opened", None)).await;
    notifier.handle().await.unwrap();
    put(&notifier.table, 2, "drift/1", drift("drifted", None)).await;
    notifier.handle().await.unwrap();
    put(&notifier.table, 3, "a", slack("resolved", Some("all back"))).await;
    notifier.handle().await.unwrap();
    put(&notifier.table, 4, "drift/1", drift("drifted: alice", Some("by alice"))).await;
    notifier.handle().await.unwrap();
    notifier.handle().await.unwrap();
    assert_eq!(
        notifier.chat.calls(),
        [
            "post: opened",
            "reply to ts-of-opened: drifted",
            "edit ts-of-opened: resolved",
            "reply to ts-of-opened: all back",
            "edit ts-of-drifted: drifted: alice",
            "reply to ts-of-opened: by alice",
        ]
    );
    assert!(outbox(&notifier.table).await.is_empty());
}

#[tokio::test]
async fn it_comes_after_the_message_that_it_joins_whatever_the_clocks_say() {
    let notifier = notifier(FakeSlack::default());
    put(&notifier.table, 1, "drift/1", drift("drifted", None)).await;
    put(&notifier.table, 2, "a", slack("opened", None)).await;
    notifier.handle().await.unwrap();
    assert_eq!(notifier.chat.calls(), ["post: opened", "reply to ts-of-opened: drifted"]);
}

#[tokio::test]
async fn while_another_invocation_has_the_message_that_it_joins_it_waits() {
    let notifier = notifier(FakeSlack::default());
    put(&notifier.table, 1, "a", slack("opened", None)).await;
    put(&notifier.table, 2, "drift/1", drift("drifted", None)).await;
    let claimed = outbox(&notifier.table).await.remove(0).claimed(SystemClock.now_ms());
    let key = Keys::outbox(1, &claimed.outgoing.id);
    notifier.table.write(vec![Write::put(key, Expect::Version(1), &claimed)]).await.unwrap();
    notifier.handle().await.unwrap();
    assert!(notifier.chat.calls().is_empty(), "{:?}", notifier.chat.calls());
    let_time_pass(&notifier.table, 61).await;
    notifier.handle().await.unwrap();
    assert_eq!(notifier.chat.calls(), ["post: opened", "reply to ts-of-opened: drifted"]);
}

#[tokio::test]
async fn where_the_incident_has_no_message_it_stands_by_itself_and_goes_on_there() {
    let notifier = notifier(FakeSlack::default());
    put(&notifier.table, 1, "drift/1", drift("drifted", None)).await;
    notifier.handle().await.unwrap();
    // Silenced until now.
    put(&notifier.table, 2, "a", slack("opened", None)).await;
    put(&notifier.table, 3, "drift/1", drift("drifted: alice", Some("by alice"))).await;
    notifier.handle().await.unwrap();
    assert_eq!(
        notifier.chat.calls(),
        [
            "post: drifted",
            "post: opened",
            "edit ts-of-drifted: drifted: alice",
            "reply to ts-of-drifted: by alice"
        ]
    );
}

#[tokio::test]
async fn where_the_thread_is_gone_it_stands_by_itself() {
    let notifier = notifier(FakeSlack::default());
    put(&notifier.table, 1, "a", slack("opened", None)).await;
    notifier.handle().await.unwrap();
    notifier.chat.delete("opened");
    put(&notifier.table, 2, "drift/1", drift("drifted", None)).await;
    notifier.handle().await.unwrap();
    assert_eq!(notifier.chat.calls(), ["post: opened", "post: drifted"]);
    assert!(outbox(&notifier.table).await.is_empty());
}

#[tokio::test]
async fn a_place_of_the_release_before_is_one_by_itself_and_reads_as_one() {
    let notifier = notifier(FakeSlack::default());
    let key = Keys::slack("drift/1", "#net");
    notifier.table.unrestricted().put_raw(key, &json!({ "channel": "#net", "ts": "ts-of-old" }).to_string());
    put(&notifier.table, 2, "drift/1", drift("drifted: alice", Some("by alice"))).await;
    notifier.handle().await.unwrap();
    assert_eq!(notifier.chat.calls(), ["edit ts-of-old: drifted: alice", "reply to ts-of-old: by alice"]);
    put(&notifier.table, 3, "a", slack("opened", None)).await;
    put(&notifier.table, 4, "drift/2", drift("drifted", None)).await;
    notifier.handle().await.unwrap();
    let stored = notifier.table.get(&Keys::slack("drift/2", "#net")).await.unwrap().unwrap();
    assert_eq!(stored.read::<MessageRef>().unwrap().ts, "ts-of-drifted", "the release before reads it");
}
