//! Secrets.

use aws_sdk_secretsmanager::Client;

use crate::Session;
use crate::error::OfSdk as _;
use phonehome_cloud::{Cause, CloudError};

/// Reads a secret's text.
///
/// # Errors
/// [`CloudError`] when the call fails or the secret holds no text.
pub async fn read(session: &Session, id: &str) -> Result<String, CloudError> {
    let answer = Client::new(session.config()).get_secret_value().secret_id(id).send().await;
    let answer = answer.map_err(|error| CloudError::of("secretsmanager:GetSecretValue", id, &error))?;
    answer.secret_string.ok_or_else(|| {
        let problem = "the secret is binary; put the token in as text".to_owned();
        CloudError::of_cause("secretsmanager:GetSecretValue", id, Cause::Response(problem))
    })
}
