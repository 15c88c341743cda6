//! Secrets.

use aws_sdk_secretsmanager::Client;

use crate::Session;
use crate::error::OfSdk as _;
use phonehome_cloud::CloudError;

/// Reads a secret's text.
///
/// # Errors
/// [`CloudError`] when the call fails or the secret holds no text.
pub async fn read(session: &Session, id: &str) -> Result<String, CloudError> {
    let answer = Client::new(session.config()).get_secret_value().secret_id(id).send().await;
    let answer = answer.map_err(|error| CloudError::of("secretsmanager:GetSecretValue", id, &error))?;
    answer.secret_string.ok_or_else(|| CloudError {
        operation: "secretsmanager:GetSecretValue",
        subject: id.to_owned(),
        code: "shape".into(),
        message: "the secret is binary; put the token in as text".into(),
    })
}
