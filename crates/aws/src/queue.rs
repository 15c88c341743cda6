//! Queues.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;
use phonehome_cloud::{Cause, CloudError, DELAY_S_MAX, Message, Queue};

use crate::Session;
use crate::error::OfSdk as _;

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
}

impl Queue for SqsQueue {
    async fn send(&self, message: Message) -> Result<(), CloudError> {
        let mut request = self
            .client
            .send_message()
            .queue_url(&self.url)
            .message_body(message.body)
            .delay_seconds(i32::try_from(message.delay_s.min(DELAY_S_MAX)).unwrap_or(0));
        for (name, value) in message.attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            let value = value.map_err(|error| {
                CloudError::of_cause("sqs:SendMessage", &self.url, Cause::Request(error.to_string()))
            })?;
            request = request.message_attributes(name, value);
        }
        request.send().await.map(|_| ()).map_err(|error| CloudError::of("sqs:SendMessage", &self.url, &error))
    }
}
