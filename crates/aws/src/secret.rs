//! Secrets.

use aws_sdk_secretsmanager::Client;

use crate::AwsError;
use crate::error::OfSdk as _;

/// Reads a secret's text.
///
/// # Errors
/// [`AwsError`] when the call fails or the secret holds no text.
pub async fn read(config: &aws_config::SdkConfig, id: &str) -> Result<String, AwsError> {
    let answer = Client::new(config).get_secret_value().secret_id(id).send().await;
    let answer = answer.map_err(|error| AwsError::of("secretsmanager:GetSecretValue", id, &error))?;
    answer.secret_string.ok_or_else(|| AwsError {
        operation: "secretsmanager:GetSecretValue",
        subject: id.to_owned(),
        code: "shape".into(),
        message: "the secret is binary; put the token in as text".into(),
    })
}
