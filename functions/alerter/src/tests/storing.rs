//! How decisions of any size are stored, and what one that cannot be stored does to the others.

use phonehome_alerting::{Decision, Incident, Outgoing, PathStatus, decide};
use phonehome_cloud::CloudError;
use phonehome_cloud::table::{Doc, Key, MemoryTable, Table, TableError, Write};
use phonehome_state::{Keys, Outboxed, all};
use phonehome_watching::{Gathered, Storing, gather};
use serde_json::json;

use super::{MINUTE_MS, START_MS, alerter, over_table};

/// A table as DynamoDB is: of what is too large it takes nothing. Documents whose text contains `refused` are.
struct Limited {
    table: MemoryTable,
    refused: &'static str,
    /// How many writes each transaction had.
    parts: std::sync::Mutex<Vec<usize>>,
}

impl Limited {
    fn over(table: &MemoryTable, refused: &'static str) -> Self {
        Self { table: table.clone(), refused, parts: std::sync::Mutex::default() }
    }
}

impl Table for Limited {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        self.table.get(key).await
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        self.table.query(partition).await
    }

    async fn write(&self, writes: Vec<Write>) -> Result<(), TableError> {
        let is_refused = |write: &Write| {
            write.key.partition == Keys::INCIDENTS
                && write.body.as_ref().is_some_and(|body| body.contains(self.refused))
        };
        if writes.len() > 100 || writes.iter().any(is_refused) {
            let error = CloudError::service(
                "dynamodb:TransactWriteItems",
                "x",
                "ValidationException",
                "Item size has exceeded the maximum allowed size",
            );
            return Err(TableError::Aws(error));
        }
        self.parts.lock().unwrap().push(writes.len());
        self.table.write(writes).await
    }
}

async fn decided(table: &MemoryTable) -> (Gathered, Decision) {
    let run = over_table(table.clone());
    let gathered = gather(&run.table, &run.known, START_MS + 1000, &run.pace).await.unwrap();
    let decision = decide(&gathered.world);
    (gathered, decision)
}

/// As many incidents as asked for, all alike but for their ids.
fn many(decision: &Decision, count: usize) -> Vec<Incident> {
    let incident = &decision.incidents[0];
    let numbered = |number| Incident { id: format!("{}-{number:03}", incident.id), ..incident.clone() };
    (0..count).map(numbered).collect()
}

#[tokio::test]
async fn a_large_decision_is_stored_in_few_parts_none_of_which_dynamodb_refuses() {
    let alerter = alerter().await;
    alerter.heard(START_MS, PathStatus::Down).await;
    let (gathered, mut decision) = decided(&alerter.table).await;
    decision.incidents = many(&decision, 250);
    let table = Limited::over(&alerter.table, "nothing is refused");
    let mut storing = Storing { table: &table, revision: gathered.revision, now_ms: START_MS + 1000 };
    assert!(storing.decision(&decision, &gathered.stored).await.unwrap().is_empty());
    assert_eq!(all::<Incident>(&alerter.table, Keys::INCIDENTS).await.unwrap().len(), 250);
    assert_eq!(*table.parts.lock().unwrap(), [100, 100, 53], "of each one takes the revision");
}

#[tokio::test]
async fn one_incident_that_cannot_be_stored_keeps_no_other_from_being_told() {
    let alerter = alerter().await;
    alerter.heard(START_MS, PathStatus::Down).await;
    let (gathered, mut decision) = decided(&alerter.table).await;
    decision.incidents = many(&decision, 250);
    let table = Limited::over(&alerter.table, "-120\"");
    let mut storing = Storing { table: &table, revision: gathered.revision, now_ms: START_MS + 1000 };
    let unstored = storing.decision(&decision, &gathered.stored).await.unwrap();
    assert_eq!(unstored.len(), 1, "{unstored:?}");
    let stored = all::<Incident>(&alerter.table, Keys::INCIDENTS).await.unwrap();
    assert_eq!(stored.len(), 249);
    assert!(stored.iter().all(|(_, incident)| !incident.id.ends_with("-120")));
}

#[tokio::test]
async fn that_an_incident_cannot_be_stored_is_told_once_where_phonehomes_own_trouble_is() {
    let alerter = alerter().await;
    alerter.heard(START_MS, PathStatus::Down).await;
    let limited = over_table(Limited::over(&alerter.table, "shop"));
    for minute in 0..3 {
        alerter.heard(START_MS + minute * MINUTE_MS, PathStatus::Down).await;
        limited.run(START_MS + minute * MINUTE_MS + 1000).await.unwrap();
    }
    let told = all::<Outboxed>(&alerter.table, Keys::OUTBOX).await.unwrap();
    let texts: Vec<String> = told.iter().map(|(_, it)| json!(it.outgoing.body).to_string()).collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(texts[0].contains("an incident cannot be stored") && texts[0].contains("shop"), "{texts:?}");
}

#[tokio::test]
async fn an_incident_of_two_hundred_channels_is_stored_behind_its_messages_and_its_page_with_it() {
    let alerter = alerter().await;
    alerter.heard(START_MS, PathStatus::Down).await;
    let (gathered, mut decision) = decided(&alerter.table).await;
    let page = decision.outbox.iter().find(|it| it.body.is_page()).unwrap().clone();
    let slack = decision.outbox.iter().find(|it| !it.body.is_page()).unwrap().clone();
    let message = |number| Outgoing { id: format!("{}-{number}", slack.id), ..slack.clone() };
    decision.outbox = [page].into_iter().chain((0..200).map(message)).collect();
    let table = Limited::over(&alerter.table, "nothing is refused");
    let mut storing = Storing { table: &table, revision: gathered.revision, now_ms: START_MS + 1000 };
    storing.decision(&decision, &gathered.stored).await.unwrap();
    assert_eq!(*table.parts.lock().unwrap(), [100, 100, 5]);
    assert_eq!(all::<Outboxed>(&alerter.table, Keys::OUTBOX).await.unwrap().len(), 201);
    // Who dies before the incident is stored has paged nobody.
    let before = Limited::over(&MemoryTable::default(), "shop");
    let mut storing =
        Storing { table: &before, revision: phonehome_cloud::table::Expect::Absent, now_ms: START_MS + 1000 };
    assert_eq!(storing.decision(&decision, &gathered.stored).await.unwrap().len(), 1);
    let paged = all::<Outboxed>(&before.table, Keys::OUTBOX).await.unwrap();
    assert!(!paged.is_empty() && paged.iter().all(|(_, it)| !it.outgoing.body.is_page()));
}
