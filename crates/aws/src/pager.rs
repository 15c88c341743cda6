//! Where pages go.

use std::time::Duration;

use aws_sdk_sns::Client;
use aws_sdk_sns::config::retry::RetryConfig;
use phonehome_cloud::{Class, CloudError, NotPaged, Page, Pager};

use crate::Session;
use crate::error::OfSdk as _;

/// How often a page is published in one run before it goes back into the outbox.
const TRIES: u32 = 3;
/// The pause after the first try; it grows by as much with each.
const PAUSE: Duration = Duration::from_millis(200);

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

    /// One call. The SDK's own retries would hide that an earlier one had no answer.
    async fn publish(&self, page: &Page) -> Result<(), CloudError> {
        let once = aws_sdk_sns::Config::builder().retry_config(RetryConfig::disabled());
        let call = self
            .client
            .publish()
            .topic_arn(&self.topic_arn)
            .subject(page.sns_subject())
            .message_structure("json")
            .message(page.sns_message(&self.topic_arn));
        let answer = call.customize().config_override(once).send().await;
        answer.map(|_| ()).map_err(|error| CloudError::of("sns:Publish", &self.topic_arn, &error))
    }
}

impl Pager for SnsPager {
    async fn page(&self, page: &Page) -> Result<(), NotPaged> {
        let (mut in_doubt, mut tries) = (false, 1);
        loop {
            let Err(error) = self.publish(page).await else { return Ok(()) };
            let class = error.class();
            // It may have been accepted, unless SNS said no.
            in_doubt |= class == Class::Transient;
            if tries == TRIES || !matches!(class, Class::Transient | Class::Throttled) {
                return Err(NotPaged { error, in_doubt });
            }
            tokio::time::sleep(PAUSE * tries).await;
            tries += 1;
        }
    }
}
