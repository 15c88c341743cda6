//! Where pages go.

use aws_sdk_sns::Client;
use phonehome_cloud::{CloudError, Pager};

use crate::Session;
use crate::error::OfSdk as _;

/// An SNS topic.
#[derive(Debug, Clone)]
pub struct SnsPager {
    client: Client,
    topic_arn: String,
}

impl SnsPager {
    /// The topic with this ARN.
    pub fn new(session: &Session, topic_arn: impl Into<String>) -> Self {
        Self { client: Client::new(session.config()), topic_arn: topic_arn.into() }
    }
}

impl Pager for SnsPager {
    async fn page(&self, subject: &str, text: &str) -> Result<(), CloudError> {
        self.client
            .publish()
            .topic_arn(&self.topic_arn)
            .subject(subject)
            .message(text)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| CloudError::of("sns:Publish", &self.topic_arn, &error))
    }
}
