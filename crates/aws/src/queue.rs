//! Queues.

use std::future::Future;
use std::sync::{Arc, Mutex};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;

use crate::AwsError;
use crate::error::OfSdk as _;

/// SQS's longest delay of one message, in seconds.
pub const DELAY_S_MAX: u32 = 900;

/// A message to send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// The text, at most 256 KB.
    pub body: String,
    /// How long it stays hidden, in seconds, at most [`DELAY_S_MAX`].
    pub delay_s: u32,
    /// String attributes, at most 10.
    pub attributes: Vec<(String, String)>,
}

/// Somewhere to send messages to.
pub trait Queue: Send + Sync {
    /// Sends one message.
    fn send(&self, message: Message) -> impl Future<Output = Result<(), AwsError>> + Send;
}

/// SQS.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    url: String,
}

impl SqsQueue {
    /// The queue with this URL.
    pub fn new(config: &aws_config::SdkConfig, url: impl Into<String>) -> Self {
        Self { client: Client::new(config), url: url.into() }
    }
}

impl Queue for SqsQueue {
    async fn send(&self, message: Message) -> Result<(), AwsError> {
        let mut request = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(message.body)
            .delay_seconds(i32::try_from(message.delay_s.min(DELAY_S_MAX)).unwrap_or(0));
        for (name, value) in message.attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            let value = value.map_err(|error| AwsError {
                operation: "sqs:SendMessage",
                subject: self.url.clone(),
                code: "request".into(),
                message: error.to_string(),
            })?;
            request = request.message_attributes(name, value);
        }
        request.send().await.map(|_| ()).map_err(|error| AwsError::of("sqs:SendMessage", &self.url, &error))
    }
}

/// A queue in memory that keeps what was sent.
#[derive(Debug, Clone, Default)]
pub struct MemoryQueue {
    sent: Arc<Mutex<Vec<Message>>>,
}

impl MemoryQueue {
    /// What was sent so far.
    #[allow(clippy::unwrap_used, reason = "a poisoned lock means a test already panicked")]
    pub fn sent(&self) -> Vec<Message> {
        self.sent.lock().unwrap().clone()
    }
}

impl Queue for MemoryQueue {
    #[allow(clippy::unwrap_used, reason = "a poisoned lock means a test already panicked")]
    async fn send(&self, message: Message) -> Result<(), AwsError> {
        self.sent.lock().unwrap().push(message);
        Ok(())
    }
}
