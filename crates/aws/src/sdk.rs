//! How the SDK is configured.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use phonehome_cloud::endpoint::{Cloud, ENDPOINT_VARIABLE, EndpointError, environment, require_loopback};
use phonehome_cloud::{Cause, CloudError};
use phonehome_wire::partition;

use crate::error::OfSdk as _;

/// A configured SDK: where AWS is, in which Region, and with whose credentials. Clones share connections.
#[derive(Debug, Clone)]
pub struct Session(SdkConfig);

impl Session {
    /// What the SDK's clients are made of.
    pub fn config(&self) -> &SdkConfig {
        &self.0
    }

    /// The same, with attempts that are given up after `attempt` and tried again after about `backoff`:
    /// for a local cloud, which answers sooner than AWS.
    #[must_use]
    pub fn with_pace(&self, attempt: Duration, backoff: Duration) -> Self {
        let timeouts = timeouts().to_builder().operation_attempt_timeout(attempt).build();
        let retries = retries().with_initial_backoff(backoff);
        Self(self.0.to_builder().timeout_config(timeouts).retry_config(retries).build())
    }

    /// The same account's, in another Region.
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        Self(self.0.to_builder().region(Region::new(region.to_owned())).build())
    }

    /// The Region it speaks to, where one is set.
    pub fn region(&self) -> Option<&str> {
        self.0.region().map(Region::as_ref)
    }
}

/// The SDK configuration of this process. This is the only place that makes one.
///
/// # Errors
/// [`EndpointError`], see [`Cloud::from_variables`].
pub async fn connect() -> Result<Session, EndpointError> {
    let cloud = Cloud::from_variables(&environment())?;
    Ok(Session(match cloud {
        Cloud::Aws => loader().load().await,
        // Credentials and Region from the environment only: no profile, no metadata service.
        Cloud::Local(endpoint) => {
            let region = std::env::var("AWS_REGION").unwrap_or_else(|_| "us-east-1".to_owned());
            loader()
                .endpoint_url(endpoint)
                .region(Region::new(region))
                .credentials_provider(aws_config::environment::EnvironmentVariableCredentialsProvider::new())
                .load()
                .await
        }
    }))
}

/// The SDK configuration for an account of a local cloud, whose root a 12-digit access key is.
///
/// # Errors
/// [`EndpointError::NotLoopback`] when the endpoint is anywhere but on this machine.
pub async fn in_local_cloud(endpoint: &str, account: &str, region: &str) -> Result<Session, EndpointError> {
    require_loopback(ENDPOINT_VARIABLE, endpoint)?;
    let credentials = Credentials::new(account, "local", None, None, "local cloud");
    let config = loader()
        .endpoint_url(endpoint)
        .region(Region::new(region.to_owned()))
        .credentials_provider(credentials)
        .load()
        .await;
    Ok(Session(config))
}

/// The same local cloud as the root of another account, by the same connections.
///
/// # Errors
/// [`EndpointError::NotLoopback`] when `base` is anywhere but on this machine.
pub fn as_local_account(base: &Session, account: &str) -> Result<Session, EndpointError> {
    require_loopback(ENDPOINT_VARIABLE, base.0.endpoint_url().unwrap_or_default())?;
    let credentials = Credentials::new(account, "local", None, None, "local cloud");
    let config =
        base.0.to_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build();
    Ok(Session(config))
}

/// What every configuration has in common.
fn loader() -> ConfigLoader {
    #[allow(clippy::disallowed_methods, reason = "the one place where configuration is made")]
    aws_config::defaults(BehaviorVersion::v2026_01_12()).timeout_config(timeouts()).retry_config(retries())
}

fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(4)
}

/// How long one attempt of a call may take.
pub const ATTEMPT_TIME_MAX: Duration = Duration::from_secs(10);

/// Bounds on every call: an attempt that hangs must not eat a function's whole time limit.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(ATTEMPT_TIME_MAX)
        .operation_timeout(Duration::from_secs(40))
        .build()
}

/// The name of phonehome's own sessions in member accounts: CloudTrail shows it.
pub const SESSION_NAME: &str = "phonehome";

/// The configuration for a member account: `role` there, assumed with `base`'s credentials for 15
/// minutes, which is as long as a function may run.
///
/// # Errors
/// [`CloudError`]; a role that is not there (yet) is of class `NotReady`.
pub async fn in_member_account(
    base: &Session,
    account: &str,
    region: &str,
    role: &str,
) -> Result<Session, CloudError> {
    let arn = format!("arn:{}:iam::{account}:role/{role}", partition(region));
    let answer = aws_sdk_sts::Client::new(base.config())
        .assume_role()
        .role_arn(&arn)
        .role_session_name(SESSION_NAME)
        .duration_seconds(900)
        .send()
        .await
        .map_err(|error| CloudError::of("sts:AssumeRole", &arn, &error))?;
    let given = answer.credentials.ok_or_else(|| {
        CloudError::of_cause("sts:AssumeRole", arn, Cause::Response("it carries no credentials".into()))
    })?;
    let credentials = Credentials::new(
        given.access_key_id,
        given.secret_access_key,
        Some(given.session_token),
        None,
        "phonehome-member",
    );
    let config = base
        .0
        .to_builder()
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    Ok(Session(config))
}

#[cfg(test)]
mod tests {
    use phonehome_cloud::endpoint::CLOUD_VARIABLE;

    use super::*;

    #[tokio::test]
    async fn everything_cargo_runs_is_local_and_refuses_to_start_without_an_endpoint() {
        // .cargo/config.toml sets the variable for tests, demo and `cargo run`.
        assert_eq!(std::env::var(CLOUD_VARIABLE).as_deref(), Ok("local"));
        if std::env::var(ENDPOINT_VARIABLE).is_err() {
            assert_eq!(connect().await.unwrap_err(), EndpointError::MissingEndpoint);
        }
    }
}
