//! Where pages go.

use std::future::Future;
use std::sync::{Arc, Mutex};

use aws_sdk_sns::Client;

use crate::AwsError;
use crate::error::OfSdk as _;

/// Somewhere that wakes people.
pub trait Pager: Send + Sync {
    /// Publishes one page. `subject`: at most 100 ASCII characters, as SNS demands.
    fn page(&self, subject: &str, text: &str) -> impl Future<Output = Result<(), AwsError>> + Send;
}

/// An SNS topic.
#[derive(Debug, Clone)]
pub struct SnsPager {
    client: Client,
    topic_arn: String,
}

impl SnsPager {
    /// The topic with this ARN.
    pub fn new(config: &aws_config::SdkConfig, topic_arn: impl Into<String>) -> Self {
        Self { client: Client::new(config), topic_arn: topic_arn.into() }
    }
}

impl Pager for SnsPager {
    async fn page(&self, subject: &str, text: &str) -> Result<(), AwsError> {
        self.client
            .publish()
            .topic_arn(&self.topic_arn)
            .subject(subject)
            .message(text)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::of("sns:Publish", &self.topic_arn, &error))
    }
}

/// A pager in memory that keeps what was paged.
#[derive(Debug, Clone, Default)]
pub struct MemoryPager {
    pages: Arc<Mutex<Vec<String>>>,
}

impl MemoryPager {
    /// The subjects paged so far.
    #[allow(clippy::unwrap_used, reason = "a poisoned lock means a test already panicked")]
    pub fn pages(&self) -> Vec<String> {
        self.pages.lock().unwrap().clone()
    }
}

impl Pager for MemoryPager {
    #[allow(clippy::unwrap_used, reason = "a poisoned lock means a test already panicked")]
    async fn page(&self, subject: &str, _text: &str) -> Result<(), AwsError> {
        self.pages.lock().unwrap().push(subject.to_owned());
        Ok(())
    }
}
