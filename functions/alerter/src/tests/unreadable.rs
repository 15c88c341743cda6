//! Items that cannot be read.

use super::*;

#[tokio::test]
async fn an_unreadable_document_neither_ends_what_it_hides_nor_stops_the_others_and_is_reported_once() {
    for (key, part) in [
        (Keys::paths(&probe(ZONES[0]).part(0)), "paths | 444455556666"),
        (Keys::heartbeat(&probe(ZONES[0]).part(0)), "heartbeats | 444455556666"),
        (Keys::incident("20260101T000000Z-x"), "incidents | 20260101T000000Z-x"),
        (Keys::silence("000001"), "silences | 000001"),
        (Keys::stack(&"111122223333/us-east-1".parse().unwrap()), "stacks | 111122223333"),
        (Keys::refusals(&"111122223333".parse().unwrap()), "refusals | 111122223333"),
        (Keys::block("10.0.0.0/18"), "ledger | 10.0.0.0/18"),
        (Keys::holder(&"111122223333/us-east-1".parse().unwrap()), "ledger/holders | 111122223333"),
        (Keys::seen(&"111122223333/us-east-1".parse().unwrap()), "ledger/seen | 111122223333"),
    ] {
        for body in ["", "\"nonsense\"", "{\"added\":1}", "[[[["] {
            let alerter = alerter().await;
            alerter.heard(START_MS, PathStatus::Up).await;
            alerter.table.put_raw(key.clone(), body);
            alerter.run(START_MS + 1000).await.unwrap();
            assert!(alerter.notices().await[0].contains(part), "{part}: {:?}", alerter.notices().await);
            assert_eq!(alerter.metrics.counts()["UnreadableItems"], 1, "{part}");
            // Everything else goes on: a lost connection pages, and its end is reported.
            let raw = alerter.table.get(&key).await.unwrap().unwrap();
            alerter.heard(START_MS + MINUTE_MS, PathStatus::Down).await;
            alerter.table.put_raw(key.clone(), body);
            alerter.run(START_MS + MINUTE_MS + 1000).await.unwrap();
            assert_eq!(alerter.pages().await, 1, "{part}");
            assert_eq!(alerter.notices().await.len(), 1, "{part}");
            assert_eq!(alerter.table.get(&key).await.unwrap().unwrap().body, raw.body, "it is kept");
        }
    }
}

#[tokio::test]
async fn an_incident_stays_open_while_its_paths_or_its_stack_cannot_be_read() {
    for key in [Keys::paths(&probe(ZONES[0]).part(0)), Keys::stack(&stack_id())] {
        let alerter = alerter().await;
        alerter.heard(START_MS, PathStatus::Down).await;
        alerter.run(START_MS + 1000).await.unwrap();
        let whole = alerter.table.get(&key).await.unwrap().unwrap().body;
        alerter.heard(START_MS + MINUTE_MS, PathStatus::Up).await;
        alerter.table.put_raw(key.clone(), "{}}");
        alerter.run(START_MS + MINUTE_MS + 1000).await.unwrap();
        let open = all::<Incident>(&alerter.table, Keys::INCIDENTS).await.unwrap();
        assert_eq!(open.len(), 1, "{key:?}");
        // Mended by hand.
        alerter.table.put_raw(key.clone(), &whole);
        alerter.heard(START_MS + MINUTE_MS, PathStatus::Up).await;
        alerter.run(START_MS + 2 * MINUTE_MS).await.unwrap();
        assert!(all::<Incident>(&alerter.table, Keys::INCIDENTS).await.unwrap().is_empty(), "{key:?}");
    }
}

#[tokio::test]
async fn an_unreadable_incident_stays_and_its_cause_is_reported_once() {
    let alerter = alerter().await;
    alerter.heard(START_MS, PathStatus::Down).await;
    alerter.run(START_MS + 1000).await.unwrap();
    let (doc, _) = all::<Incident>(&alerter.table, Keys::INCIDENTS).await.unwrap().remove(0);
    // Of a newer version: what is about is still to be seen, so nothing is reported again …
    alerter.table.put_raw(doc.key.clone(), &doc.body.replace("\"kind\":\"", "\"kind\":\"newer_"));
    alerter.run(START_MS + 2000).await.unwrap();
    assert_eq!(alerter.pages().await, 1);
    // … and nonsense: then the cause is reported once more, and once.
    alerter.table.put_raw(doc.key.clone(), "nonsense");
    for run in 3..6 {
        alerter.run(START_MS + run * 1000).await.unwrap();
        assert_eq!(alerter.pages().await, 2, "run {run}");
    }
    assert_eq!(alerter.table.get(&doc.key).await.unwrap().unwrap().body, "nonsense");
}
