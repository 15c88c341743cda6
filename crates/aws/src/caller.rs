//! Who calls.

use aws_config::SdkConfig;
use aws_sdk_sts::Client;

use crate::AwsError;
use crate::error::OfSdk as _;

/// The ARN of whoever these credentials are: a user's, or that of a role's session with its name. STS
/// answers it to everybody, whatever is allowed.
///
/// # Errors
/// [`AwsError`] when there are no valid credentials.
pub async fn caller_arn(config: &SdkConfig) -> Result<String, AwsError> {
    let answer = Client::new(config).get_caller_identity().send().await;
    let answer = answer.map_err(|error| AwsError::of("sts:GetCallerIdentity", "the caller", &error))?;
    Ok(answer.arn.unwrap_or_else(|| "unknown".to_owned()))
}
