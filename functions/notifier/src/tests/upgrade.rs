//! What the notifier leaves in the table, and that it delivers what the release before decided.

use phonehome_cloud::{SystemClock, WallClock as _};
use std::collections::{BTreeMap, BTreeSet};

use phonehome_releases::{Release, Scenario};
use phonehome_samples::stored;

use super::*;

#[tokio::test]
async fn what_is_stored_of_messages_and_their_places_is_read_by_the_release_before() {
    let began_ms = SystemClock.now_ms();
    let notifier = notifier(FakeSlack::default());
    put(&notifier.table, began_ms, "delivered", slack("opened", None)).await;
    notifier.handle().await.unwrap();
    notifier.chat.rule(|call| match call.channel.as_str() {
        "#slow" => Some(limited(Method::Post, Scope::Channel, 30)),
        "#refused" => Some(refused(Method::Post, "not_in_channel")),
        _ => Some(SlackError::Unreachable("cut off".into())),
    });
    put(&notifier.table, began_ms, "limited", in_channel("#slow", slack("opened", None))).await;
    put(&notifier.table, began_ms, "refused", in_channel("#refused", slack("opened", None))).await;
    put(&notifier.table, began_ms, "unreachable", slack("worse", Some("a zone more"))).await;
    notifier.handle().await.unwrap();
    put(&notifier.table, began_ms, "paged", page("wake up")).await;
    Scenario::new("outbox", began_ms).table(stored(&notifier.table));
}

#[tokio::test(start_paused = true)]
async fn every_page_and_message_that_an_older_release_decided_is_delivered_once() {
    for release in Release::all() {
        let notifier = notifier(FakeSlack::default());
        let mut messages = 0;
        let mut pages: BTreeMap<String, usize> = BTreeMap::new();
        for scenario in release.names("table") {
            let docs = release.table(&scenario).into_iter();
            for (_, sort, body) in docs.filter(|(partition, ..)| partition == Keys::OUTBOX) {
                let mut message: Outboxed = serde_json::from_value(body).unwrap();
                messages += 1;
                // What pause is left of a recording is over.
                (message.not_before_ms, message.holds) = (0, vec![]);
                message.outgoing.incident_id = format!("{scenario}/{}", message.outgoing.incident_id);
                if message.outgoing.body.is_page() {
                    *pages.entry(message.outgoing.incident_id.clone()).or_default() += 1;
                }
                let key = phonehome_cloud::table::key(Keys::OUTBOX, format!("{scenario}/{sort}"));
                notifier.table.write(vec![Write::put(key, Expect::Absent, &message)]).await.unwrap();
            }
        }
        assert!(pages.len() >= 2 && messages > 10, "{}: {pages:?} of {messages}", release.version);
        for _ in 0..20 {
            notifier.handle().await.unwrap();
        }
        // What began and ended before anybody was told is told to nobody.
        let lasting = pages.values().filter(|messages| **messages == 1).count();
        assert_eq!(notifier.pager.pages().len(), lasting, "{}", release.version);
        assert!(notifier.pager.pages().iter().all(|subject| subject.starts_with("ALARM: ")));
        let left = outbox(&notifier.table).await;
        assert!(left.is_empty(), "{}: {left:?}", release.version);
        let posts = notifier.chat.calls().iter().filter(|call| call.starts_with("post: ")).count();
        let told: BTreeSet<_> = notifier
            .table
            .query(Keys::slack("", "").partition.as_str())
            .await
            .unwrap()
            .into_iter()
            .map(|doc| doc.key.sort)
            .collect();
        assert_eq!(posts, told.len(), "{}: one message for each incident and channel", release.version);
    }
}

#[tokio::test]
async fn fields_that_a_newer_release_added_to_a_message_survive_its_attempts() {
    let notifier = notifier(FakeSlack { no_token: true, ..FakeSlack::default() });
    put(&notifier.table, 1, "a", slack("opened", None)).await;
    let doc = notifier.table.all().remove(0);
    let mut body: Value = doc.read().unwrap();
    (body["added"], body["outgoing"]["added"]) = (1.into(), 2.into());
    notifier.table.put_raw(doc.key, &body.to_string());
    notifier.handle().await.unwrap();
    let (_, _, body) = stored(&notifier.table).remove(0);
    assert_eq!(
        (&body["attempts"], &body["added"], &body["outgoing"]["added"]),
        (&json!(1), &json!(1), &json!(2))
    );
}

#[tokio::test]
async fn for_a_page_of_a_newer_schema_somebody_is_paged_once_and_it_is_kept() {
    let notifier = notifier(FakeSlack::default());
    put(&notifier.table, 1, "a", page("wake up")).await;
    let doc = notifier.table.all().remove(0);
    notifier.table.put_of_schema(doc.key.clone(), u32::MAX, &doc.body);
    for _ in 0..3 {
        notifier.handle().await.unwrap();
    }
    assert_eq!(notifier.pager.pages().len(), 1, "{:?}", notifier.pager.pages());
    let kept = notifier.table.get(&doc.key).await.unwrap().unwrap();
    assert_eq!((kept.body, kept.schema), (doc.body, u32::MAX));
}
