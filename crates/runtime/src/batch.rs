//! Batches of queue records.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsMessage, SqsMessageAttribute};
use futures_util::FutureExt as _;
use futures_util::stream::{self, StreamExt as _};
use phonehome_aws::Metrics;
use phonehome_cloud::{Message, Queue};
use serde_json::Value;
use tracing::Instrument as _;

/// Why a record was not handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It can never be handled: it goes to the dead-letter queue with this reason.
    Bad(String),
    /// It could not be handled now: the queue delivers it again.
    Later(String),
}

/// What a queue delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What it says.
    pub body: String,
    /// When it came into the queue, by SQS's clock (`SentTimestamp`), however often it was delivered since;
    /// milliseconds since the Unix epoch. Absent where the queue does not say.
    pub sent_ms: Option<u64>,
    /// The attributes that its sender gave it, those that are texts: at most 10.
    pub attributes: BTreeMap<String, String>,
}

/// The longest reason a dead letter carries, in characters.
const REASON_CHARS_MAX: usize = 1000;

/// Handles each record of an SQS event by itself, in a span with its message id.
///
/// A record that is not even an SQS message, or that `handle`
/// calls bad, is moved to `dead_letters` with its reason and counts as handled; if that fails, or
/// `handle` says later, its id is answered, so that the queue delivers it (and it alone) again.
pub async fn each_record<Q: Queue>(
    event: &Value,
    dead_letters: &Q,
    metrics: &Metrics,
    mut handle: impl AsyncFnMut(&Record) -> Result<(), Refusal>,
) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for record in records(event) {
        let message_id = message_id(record);
        let one = async {
            let result = match decode(record) {
                Ok(record) => handle(&record).await,
                Err(refusal) => Err(refusal),
            };
            conclude(record, result, dead_letters, metrics).await
        };
        if one.instrument(tracing::info_span!("record", message_id)).await.is_err() {
            response.batch_item_failures.push(again(message_id));
        }
    }
    response
}

/// How the records of a batch are handled side by side.
#[derive(Debug, Clone, Copy)]
pub struct SideBySide {
    /// How many at once.
    pub at_once: usize,
    /// How long one may take: less than the function, which would take the others down with it.
    pub time_max: Duration,
}

/// The same as [`each_record`], several records at once. One that takes too long is given up, and one in which
/// the code panics ends by itself: both come again, and disturb no other.
pub async fn each_record_side_by_side<Q: Queue>(
    event: &Value,
    dead_letters: &Q,
    metrics: &Metrics,
    SideBySide { at_once, time_max }: SideBySide,
    handle: impl AsyncFn(&Record) -> Result<(), Refusal>,
) -> SqsBatchResponse {
    let handle = &handle;
    let all = records(event).map(|record| {
        let message_id = message_id(record);
        let one = async move {
            let result = match decode(record) {
                Ok(record) => alone(time_max, handle(&record)).await,
                Err(refusal) => Err(refusal),
            };
            conclude(record, result, dead_letters, metrics).await
        };
        let one = one.instrument(tracing::info_span!("record", message_id));
        async move { one.await.err().map(|Again| again(message_id)) }
    });
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures =
        stream::iter(all).buffer_unordered(at_once.max(1)).filter_map(std::future::ready).collect().await;
    response
}

/// One record's work, that ends by itself whatever happens in it.
async fn alone(time_max: Duration, work: impl Future<Output = Result<(), Refusal>>) -> Result<(), Refusal> {
    // What the work holds is dropped with it; what it shares with others is in locks that a panic poisons.
    let work = AssertUnwindSafe(work).catch_unwind();
    match tokio::time::timeout(time_max, work).await {
        Ok(Ok(result)) => result,
        // The panic's message is in the log, by the process's hook.
        Ok(Err(_)) => Err(Refusal::Later("the code panicked, see the line before".to_owned())),
        Err(_) => Err(Refusal::Later(format!("not done within {} s", time_max.as_secs()))),
    }
}

fn records(event: &Value) -> impl Iterator<Item = &Value> {
    event["Records"].as_array().into_iter().flatten()
}

fn message_id(record: &Value) -> &str {
    record["messageId"].as_str().unwrap_or_default()
}

fn again(message_id: &str) -> BatchItemFailure {
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = message_id.to_owned();
    failure
}

/// The record must come again.
struct Again;

/// What becomes of a record after it was handled, or was not.
async fn conclude<Q: Queue>(
    record: &Value,
    result: Result<(), Refusal>,
    dead_letters: &Q,
    metrics: &Metrics,
) -> Result<(), Again> {
    let kept = match result {
        Ok(()) => {
            metrics.count("Handled", 1);
            Ok(())
        }
        Err(Refusal::Later(reason)) => Err(reason),
        Err(Refusal::Bad(reason)) => {
            metrics.count("Refused", 1);
            tracing::error!(reason, "record refused, kept in the dead-letter queue");
            let body = record["body"].as_str().unwrap_or_default().to_owned();
            dead_letter(dead_letters, body, message_id(record), &reason).await
        }
    };
    kept.map_err(|reason| {
        metrics.count("Retried", 1);
        tracing::warn!(reason, "record not handled, will come again");
        Again
    })
}

fn decode(record: &Value) -> Result<Record, Refusal> {
    let message: SqsMessage = serde_json::from_value(record.clone())
        .map_err(|error| Refusal::Bad(format!("not an SQS record: {error}")))?;
    let sent_ms = message.attributes.get("SentTimestamp").and_then(|sent| sent.parse().ok());
    let body = message.body.ok_or_else(|| Refusal::Bad("the SQS record has no body".to_owned()))?;
    let text = |(name, attribute): (String, SqsMessageAttribute)| Some((name, attribute.string_value?));
    let attributes = message.message_attributes.into_iter().filter_map(text).collect();
    Ok(Record { body, sent_ms, attributes })
}

async fn dead_letter<Q: Queue>(
    dead_letters: &Q,
    body: String,
    message_id: &str,
    reason: &str,
) -> Result<(), String> {
    // SQS takes no empty body, nor control characters in an attribute.
    let body = if body.is_empty() { "(no body)".to_owned() } else { body };
    let reason: String = reason
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .take(REASON_CHARS_MAX)
        .collect();
    let attributes =
        vec![("reason".to_owned(), reason), ("message_id".to_owned(), format!("id:{message_id}"))];
    dead_letters
        .send(Message { body, delay_s: 0, attributes })
        .await
        .map_err(|error| format!("could not be moved to the dead-letter queue: {error}"))
}

#[cfg(test)]
mod tests {
    use phonehome_cloud::MemoryQueue;
    use serde_json::json;

    use super::*;

    async fn handle_all(event: Value, dead: &MemoryQueue) -> (SqsBatchResponse, Vec<String>, Metrics) {
        let metrics = Metrics::void("test");
        let mut seen = Vec::new();
        let response = each_record(&event, dead, &metrics, async |record| {
            seen.push(record.body.clone());
            match record.body.as_str() {
                "bad" => Err(Refusal::Bad("it is\nbad".to_owned())),
                "later" => Err(Refusal::Later("not now".to_owned())),
                _ => Ok(()),
            }
        })
        .await;
        (response, seen, metrics)
    }

    #[tokio::test]
    async fn a_bad_record_is_kept_with_its_reason_and_disturbs_no_other() {
        let dead = MemoryQueue::default();
        let event = json!({"Records": [
            {"messageId": "1", "body": "good"}, {"messageId": "2", "body": "bad"}, {"messageId": "3", "body": "good"},
        ]});
        let (response, seen, metrics) = handle_all(event, &dead).await;
        assert_eq!(seen, ["good", "bad", "good"]);
        assert!(response.batch_item_failures.is_empty());
        let letters = dead.sent();
        assert_eq!((letters.len(), letters[0].body.as_str()), (1, "bad"));
        assert_eq!(letters[0].attributes[0], ("reason".to_owned(), "it is bad".to_owned()));
        assert_eq!(metrics.counts()["Refused"], 1);
        assert_eq!(metrics.counts()["Handled"], 2);
    }

    #[tokio::test]
    async fn only_the_record_that_must_come_again_comes_again() {
        let dead = MemoryQueue::default();
        let event =
            json!({"Records": [{"messageId": "1", "body": "good"}, {"messageId": "2", "body": "later"}]});
        let (response, _, _) = handle_all(event, &dead).await;
        let ids: Vec<&str> =
            response.batch_item_failures.iter().map(|f| f.item_identifier.as_str()).collect();
        assert_eq!(ids, ["2"]);
        assert!(dead.sent().is_empty());
    }

    #[tokio::test]
    async fn a_record_that_is_no_sqs_message_is_kept_too() {
        let dead = MemoryQueue::default();
        let event = json!({"Records": [{"messageId": "1", "body": 7}, {"messageId": "2"}, "nonsense"]});
        let (response, seen, _) = handle_all(event, &dead).await;
        assert!(seen.is_empty() && response.batch_item_failures.is_empty());
        assert_eq!(dead.sent().len(), 3);
    }

    const AT_ONCE: SideBySide = SideBySide { at_once: 3, time_max: Duration::from_secs(55) };

    /// Bodies are seconds that a record takes, or what becomes of it.
    async fn side_by_side(bodies: &[&str], dead: &MemoryQueue) -> (Vec<String>, Duration, Metrics) {
        let metrics = Metrics::void("test");
        let started = tokio::time::Instant::now();
        let records = bodies.iter().enumerate();
        let records: Vec<Value> =
            records.map(|(number, body)| json!({"messageId": number.to_string(), "body": body})).collect();
        let event = json!({"Records": records});
        let response = each_record_side_by_side(&event, dead, &metrics, AT_ONCE, async |record| match record
            .body
            .as_str()
        {
            "bad" => Err(Refusal::Bad("it is bad".to_owned())),
            "later" => Err(Refusal::Later("not now".to_owned())),
            "panic" => panic!("a test's panic"),
            seconds => {
                tokio::time::sleep(Duration::from_secs(seconds.parse().unwrap())).await;
                Ok(())
            }
        })
        .await;
        let again = response.batch_item_failures.into_iter().map(|it| it.item_identifier).collect();
        (again, started.elapsed(), metrics)
    }

    #[tokio::test(start_paused = true)]
    async fn records_are_handled_side_by_side_up_to_the_limit() {
        let dead = MemoryQueue::default();
        let (again, took, metrics) = side_by_side(&["10"; 7], &dead).await;
        assert_eq!((again.len(), took.as_secs()), (0, 30), "three times: 3, 3 and 1");
        assert_eq!(metrics.counts()["Handled"], 7);
    }

    #[tokio::test(start_paused = true)]
    async fn of_records_side_by_side_each_has_its_own_fate() {
        let dead = MemoryQueue::default();
        let (again, took, metrics) = side_by_side(&["1", "bad", "later", "panic", "600", "2"], &dead).await;
        assert_eq!(again, ["2", "3", "4"], "later, the panic and what takes too long");
        assert_eq!(took.as_secs(), 55);
        let letters = dead.sent();
        assert_eq!((letters.len(), letters[0].body.as_str()), (1, "bad"));
        let counts = metrics.counts();
        assert_eq!((counts["Handled"], counts["Refused"], counts["Retried"]), (2, 1, 3));
    }

    #[tokio::test]
    async fn a_record_has_those_of_its_senders_attributes_that_are_texts() {
        let event = json!({"Records": [
            {"messageId": "1", "body": "a", "messageAttributes": {
                "by": {"stringValue": "sweep", "dataType": "String"},
                "bytes": {"binaryValue": "AA==", "dataType": "Binary"},
            }},
            {"messageId": "2", "body": "b", "messageAttributes": {}},
            {"messageId": "3", "body": "c"},
        ]});
        let mut attributes = Vec::new();
        let (dead, metrics) = (MemoryQueue::default(), Metrics::void("test"));
        each_record(&event, &dead, &metrics, async |record| {
            attributes.push(record.attributes.clone());
            Ok(())
        })
        .await;
        let by = BTreeMap::from([("by".to_owned(), "sweep".to_owned())]);
        assert_eq!(attributes, [by, BTreeMap::new(), BTreeMap::new()]);
    }

    #[tokio::test]
    async fn a_record_says_when_it_came_into_the_queue_where_the_queue_says_so() {
        let event = json!({"Records": [
            {"messageId": "1", "body": "a", "attributes": {"SentTimestamp": "1793873700000"}},
            {"messageId": "2", "body": "b", "attributes": {"SentTimestamp": "soon"}},
            {"messageId": "3", "body": "c"},
        ]});
        let mut sent = Vec::new();
        let (dead, metrics) = (MemoryQueue::default(), Metrics::void("test"));
        each_record(&event, &dead, &metrics, async |record| {
            sent.push(record.sent_ms);
            Ok(())
        })
        .await;
        assert_eq!(sent, [Some(1_793_873_700_000), None, None]);
    }
}
