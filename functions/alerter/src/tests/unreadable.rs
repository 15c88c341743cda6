//! Items that cannot be read.

use phonehome_cloud::table::{Doc, Key};

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

/// The keys of items of which nothing is decided.
fn of_the_ledger() -> [Key; 3] {
    let stack = "111122223333/us-east-1".parse().unwrap();
    [Keys::block("10.0.0.0/18"), Keys::holder(&stack), Keys::seen(&stack)]
}

/// How many of those items were told in a run that knows nothing of earlier ones, and how many are counted.
async fn found(table: &MemoryTable, now_ms: u64) -> (usize, u64) {
    let alerter = over_table(table.clone());
    let before = alerter.notices().await.concat().matches("ledger").count();
    alerter.run(now_ms).await.unwrap();
    let told = alerter.notices().await.concat().matches("ledger").count() - before;
    (told, alerter.metrics.counts().get("UnreadableItems").copied().unwrap_or(0))
}

#[tokio::test]
async fn what_is_found_in_the_ledger_stays_told_until_somebody_looks_again_and_finds_it_mended() {
    let alerter = alerter().await;
    alerter.heard(START_MS, PathStatus::Up).await;
    for key in of_the_ledger() {
        alerter.table.put_raw(key, "nonsense");
    }
    let table = &alerter.table;
    assert_eq!(found(table, START_MS).await, (3, 3));
    assert_eq!(found(table, START_MS + 9 * MINUTE_MS).await, (0, 3), "nobody looks");
    assert_eq!(found(table, START_MS + 10 * MINUTE_MS).await, (0, 3), "it is as it was");
    let [block, ..] = of_the_ledger();
    let doc = table.get(&block).await.unwrap().unwrap();
    table
        .unrestricted()
        .write(vec![Write::delete(block.clone(), Expect::unchanged(Some(&doc)))])
        .await
        .unwrap();
    assert_eq!(found(table, START_MS + 11 * MINUTE_MS).await, (0, 3), "nobody looks");
    assert_eq!(found(table, START_MS + 20 * MINUTE_MS).await, (0, 2));
    table.put_raw(block, "nonsense");
    assert_eq!(found(table, START_MS + 21 * MINUTE_MS).await, (0, 2), "nobody looks");
    assert_eq!(found(table, START_MS + 30 * MINUTE_MS).await, (1, 3), "it has come back");
    // A clock that is put back far: somebody looks again, and what is told stays told.
    assert_eq!(found(table, START_MS - 60 * MINUTE_MS).await, (0, 3));
}

#[tokio::test]
async fn what_an_earlier_version_found_in_the_ledger_is_not_told_again() {
    let alerter = alerter().await;
    alerter.heard(START_MS, PathStatus::Up).await;
    for key in of_the_ledger() {
        alerter.table.put_raw(key, "nonsense");
    }
    let told = of_the_ledger().map(|key| format!("unreadable/{}/{}", key.partition, key.sort));
    alerter.table.put_raw(Keys::notices(), &serde_json::json!({ "told": told }).to_string());
    assert_eq!(found(&alerter.table, START_MS).await, (0, 3));
}

/// A table on which another run finds an item that cannot be read and tells it, just after it was not there yet for this
/// one.
struct Overtaken {
    table: MemoryTable,
    broken: Key,
}

impl Table for Overtaken {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.table.get(key).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        let before = self.table.query(partition).await?;
        if partition == self.broken.partition && self.table.get(&self.broken).await?.is_none() {
            self.table.put_raw(self.broken.clone(), "nonsense");
            // Not in this future, which would contain itself.
            let other = over_table(self.table.clone());
            let now_ms = START_MS + 1000;
            let run = tokio::spawn(async move { other.run(now_ms).await.map_err(|error| error.to_string()) });
            run.await.unwrap().unwrap();
        }
        Ok(before)
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.table.write(writes).await
    }
}

#[tokio::test]
async fn what_another_run_tells_meanwhile_is_not_forgotten_by_one_that_has_not_seen_it() {
    let [block, ..] = of_the_ledger();
    for broken in [block, Keys::silence("000001")] {
        let alerter = alerter().await;
        alerter.heard(START_MS, PathStatus::Up).await;
        let overtaken = over_table(Overtaken { table: alerter.table.clone(), broken: broken.clone() });
        overtaken.run(START_MS).await.unwrap();
        for minute in 1..30 {
            alerter.heard(START_MS + minute * MINUTE_MS, PathStatus::Up).await;
            alerter.run(START_MS + minute * MINUTE_MS).await.unwrap();
        }
        assert_eq!(alerter.notices().await.len(), 1, "{broken:?}");
    }
}

#[tokio::test]
async fn what_was_told_in_a_form_of_a_newer_version_fails_no_run() {
    let alerter = alerter().await;
    alerter.table.put_of_schema(Keys::notices(), phonehome_cloud::table::SCHEMA_READ + 1, "{}");
    alerter.heard(START_MS, PathStatus::Down).await;
    alerter.run(START_MS + 1000).await.unwrap();
    assert_eq!((alerter.pages().await, alerter.notices().await.len()), (1, 0));
}

/// A table that notes which partitions are read as a whole.
struct Noted {
    table: MemoryTable,
    read: std::sync::Mutex<Vec<String>>,
}

impl Table for Noted {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.table.get(key).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.read.lock().unwrap().push(partition.to_owned());
        self.table.query(partition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        self.table.write(writes).await
    }
}

#[tokio::test]
async fn the_ledger_is_read_once_in_ten_minutes_whoever_runs_and_however_often() {
    let plain = alerter().await;
    plain.heard(START_MS, PathStatus::Down).await;
    let mut looks = vec![];
    for ten_seconds in 0..190 {
        let noted = Noted { table: plain.table.clone(), read: std::sync::Mutex::default() };
        let alerter = over_table(noted);
        let now_ms = START_MS + ten_seconds * 10_000;
        alerter.run(now_ms).await.unwrap();
        let read = alerter.table.read.lock().unwrap();
        let of_ledger = read.iter().filter(|partition| partition.starts_with(Keys::LEDGER)).count();
        assert!([0, 3].contains(&of_ledger), "{read:?}");
        assert!(read.iter().any(|partition| partition == Keys::STACKS));
        if of_ledger > 0 {
            looks.push(ten_seconds / 6);
        }
    }
    assert_eq!(looks, [0, 10, 20, 30], "minutes");
}
