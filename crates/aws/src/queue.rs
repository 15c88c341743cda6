//! Queues.

mod batches;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{MessageAttributeValue, QueueAttributeName, SendMessageBatchRequestEntry};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use phonehome_cloud::{Cause, CloudError, DELAY_S_MAX, Message, Queue};
use std::collections::HashMap;
use std::time::Duration;

use crate::Session;
use crate::error::OfSdk as _;
use batches::{Fate, batches};

/// How many batches are under way at once.
const BATCHES_AT_ONCE: usize = 8;
/// How often what SQS did not take of a batch is sent again.
const BATCH_ROUNDS: u32 = 4;
/// The wait before the second round, a multiple of it before each further one: 0.6 s in all.
const BATCH_PAUSE: Duration = Duration::from_millis(100);

/// SQS.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// The queue with this URL.
    pub fn new(session: &Session, url: impl Into<String>) -> Self {
        Self { client: Client::new(session.config()), url: url.into() }
    }

    fn unbuildable(&self, operation: &'static str, error: &dyn std::error::Error) -> CloudError {
        CloudError::of_cause(operation, &self.url, Cause::Request(error.to_string()))
    }

    fn attributes(
        &self,
        operation: &'static str,
        attributes: &[(String, String)],
    ) -> Result<Option<HashMap<String, MessageAttributeValue>>, CloudError> {
        let mut map = HashMap::new();
        for (name, value) in attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            map.insert(name.clone(), value.map_err(|error| self.unbuildable(operation, &error))?);
        }
        Ok((!map.is_empty()).then_some(map))
    }

    /// One batch, and again what SQS did not take of it.
    async fn send_batch(&self, mut left: Vec<Message>) -> Result<(), CloudError> {
        const OPERATION: &str = "sqs:SendMessageBatch";
        for round in 1..=BATCH_ROUNDS {
            let mut entries = Vec::new();
            for (number, message) in left.iter().enumerate() {
                let entry = SendMessageBatchRequestEntry::builder()
                    .id(number.to_string())
                    .message_body(&message.body)
                    .delay_seconds(delay_s(message))
                    .set_message_attributes(self.attributes(OPERATION, &message.attributes)?)
                    .build();
                entries.push(entry.map_err(|error| self.unbuildable(OPERATION, &error))?);
            }
            let request = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries));
            let answer =
                request.send().await.map_err(|error| CloudError::of(OPERATION, &self.url, &error))?;
            let refused: Vec<Fate> = answer.failed().iter().map(Fate::of).collect();
            let Some(first) = refused.first() else { return Ok(()) };
            if round == BATCH_ROUNDS || refused.iter().any(|it| it.is_the_senders_fault) {
                let message =
                    format!("{} of {} messages were not taken: {}", refused.len(), left.len(), first.message);
                return Err(CloudError::service(OPERATION, &self.url, &first.code, message));
            }
            left = refused.iter().filter_map(|it| left.get(it.number).cloned()).collect();
            tokio::time::sleep(BATCH_PAUSE * round).await;
        }
        Ok(())
    }
}

fn delay_s(message: &Message) -> i32 {
    i32::try_from(message.delay_s.min(DELAY_S_MAX)).unwrap_or(0)
}

impl Queue for SqsQueue {
    async fn send(&self, message: Message) -> Result<(), CloudError> {
        const OPERATION: &str = "sqs:SendMessage";
        let attributes = self.attributes(OPERATION, &message.attributes)?;
        let request = self.client.send_message().queue_url(&self.url).delay_seconds(delay_s(&message));
        let request = request.message_body(message.body).set_message_attributes(attributes);
        request.send().await.map(|_| ()).map_err(|error| CloudError::of(OPERATION, &self.url, &error))
    }

    async fn send_all(&self, messages: Vec<Message>) -> Result<(), CloudError> {
        let sent = stream::iter(batches(messages)).map(|batch| self.send_batch(batch));
        sent.buffer_unordered(BATCHES_AT_ONCE).try_collect::<Vec<()>>().await.map(|_| ())
    }

    async fn waiting(&self) -> Result<u64, CloudError> {
        const OPERATION: &str = "sqs:GetQueueAttributes";
        let number = QueueAttributeName::ApproximateNumberOfMessages;
        let request = self.client.get_queue_attributes().queue_url(&self.url).attribute_names(number.clone());
        let answer = request.send().await.map_err(|error| CloudError::of(OPERATION, &self.url, &error))?;
        let number = answer.attributes().and_then(|attributes| attributes.get(&number)?.parse().ok());
        number.ok_or_else(|| {
            CloudError::of_cause(OPERATION, &self.url, Cause::Response("it carries no number".to_owned()))
        })
    }
}

#[cfg(test)]
mod tests;
