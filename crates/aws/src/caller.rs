//! Who calls.

use aws_sdk_sts::Client;

use crate::Session;
use crate::error::OfSdk as _;
use phonehome_cloud::CloudError;

/// The ARN of whoever these credentials are: a user's, or that of a role's session with its name. STS
/// answers it to everybody, whatever is allowed.
///
/// # Errors
/// [`CloudError`] when there are no valid credentials.
pub async fn caller_arn(session: &Session) -> Result<String, CloudError> {
    let answer = Client::new(session.config()).get_caller_identity().send().await;
    let answer = answer.map_err(|error| CloudError::of("sts:GetCallerIdentity", "the caller", &error))?;
    Ok(answer.arn.unwrap_or_else(|| "unknown".to_owned()))
}
