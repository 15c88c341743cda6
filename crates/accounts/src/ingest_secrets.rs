//! The secrets that ingest keys of an observability vendor are stored in, on Secrets Manager.

use aws_sdk_secretsmanager::Client;
use phonehome_aws::{OfSdk as _, Session};
use phonehome_cloud::CloudError;
use phonehome_observability::{NewIngestKey, Secrets, Versions};
use phonehome_wire::Region;
use serde_json::json;

const DESCRIBE: &str = "secretsmanager:DescribeSecret";
const PUT: &str = "secretsmanager:PutSecretValue";

/// The label of the version that a secret hands out
/// (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html>).
const CURRENT: &str = "AWSCURRENT";

/// The secrets of one account in the Region of a session: a pack keeps them in its home Region.
#[derive(Debug)]
pub struct AwsIngestSecrets {
    client: Client,
}

impl AwsIngestSecrets {
    /// Those of the session's account and Region.
    pub fn new(session: &Session) -> Self {
        Self { client: Client::new(session.config()) }
    }
}

impl Secrets for AwsIngestSecrets {
    async fn versions(&self, _: &Region, secret: &str) -> Result<Option<Versions>, CloudError> {
        let answer = self.client.describe_secret().secret_id(secret).send().await;
        let shown = match answer.map_err(|error| CloudError::of(DESCRIBE, secret, &error)) {
            Err(error) if error.says_missing() => return Ok(None),
            answer => answer?,
        };
        if shown.deleted_date().is_some() {
            return Ok(None);
        }
        let mut labels = shown.version_ids_to_stages.unwrap_or_default().into_iter();
        let current = labels.find(|(_, labels)| labels.iter().any(|label| label == CURRENT));
        Ok(Some(Versions { current: current.map(|(version, _)| version) }))
    }

    async fn store(&self, _: &Region, secret: &str, key: &NewIngestKey) -> Result<(), CloudError> {
        // As Firehose reads it where it sends to an HTTP endpoint
        // (<https://docs.aws.amazon.com/firehose/latest/dev/secrets-manager-structure.html>).
        let text = json!({ "api_key": key.value }).to_string();
        let request = self.client.put_secret_value().secret_id(secret).client_request_token(key.id.version());
        let answer = request.secret_string(text).send().await;
        answer.map(drop).map_err(|error| CloudError::of(PUT, secret, &error))
    }
}
