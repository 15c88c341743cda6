//! Batches of queue records.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsMessage};
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
    for record in event["Records"].as_array().into_iter().flatten() {
        let message_id = record["messageId"].as_str().unwrap_or_default();
        let span = tracing::info_span!("record", message_id);
        let handled = one_record(record, message_id, dead_letters, metrics, &mut handle);
        if handled.instrument(span).await.is_err() {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = message_id.to_owned();
            response.batch_item_failures.push(failure);
        }
    }
    response
}

/// The record must come again.
struct Again;

async fn one_record<Q: Queue>(
    record: &Value,
    message_id: &str,
    dead_letters: &Q,
    metrics: &Metrics,
    handle: &mut impl AsyncFnMut(&Record) -> Result<(), Refusal>,
) -> Result<(), Again> {
    let result = match decode(record) {
        Ok(record) => handle(&record).await,
        Err(refusal) => Err(refusal),
    };
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
            dead_letter(dead_letters, body, message_id, &reason).await
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
    Ok(Record { body, sent_ms })
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
