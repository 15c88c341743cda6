//! How the SDK is configured, and the guard that keeps tests and demo away from real AWS.

use std::collections::BTreeMap;
use std::net::{IpAddr, ToSocketAddrs};
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};

use crate::AwsError;
use crate::error::OfSdk as _;

/// Set to `local` wherever the project is built, tested or shown; then only a loopback endpoint
/// is ever spoken to.
pub const CLOUD_VARIABLE: &str = "PHONEHOME_CLOUD";
const ENDPOINT_VARIABLE: &str = "AWS_ENDPOINT_URL";

/// Whether the environment names the local cloud.
#[must_use]
pub fn is_local() -> bool {
    std::env::var(CLOUD_VARIABLE).is_ok_and(|cloud| cloud == "local")
}

/// Why no connection is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloudError {
    /// Local, and nowhere to go: never a fallback to real AWS.
    #[error(
        "{CLOUD_VARIABLE}=local but {ENDPOINT_VARIABLE} is not set: refusing to fall back to real AWS. Set \
         {ENDPOINT_VARIABLE} to the local cloud's address (`cargo xtask demo --keep` prints it)"
    )]
    MissingEndpoint,
    /// Local, and the endpoint is somewhere else.
    #[error("{CLOUD_VARIABLE}=local but {variable}={endpoint} is not a loopback address: refusing to use it")]
    NotLoopback {
        /// The environment variable.
        variable: String,
        /// Its value.
        endpoint: String,
    },
    /// The variable has a value nobody knows.
    #[error("{CLOUD_VARIABLE}={0:?} is neither \"local\" nor \"aws\"")]
    UnknownCloud(String),
}

/// Where AWS is: the real one, or an endpoint on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cloud {
    /// The usual profiles, roles and endpoints.
    Aws,
    /// Only this loopback URL.
    Local(String),
}

impl Cloud {
    /// Decides from environment variables.
    ///
    /// # Errors
    /// [`CloudError`] when the environment says `local` and names no loopback endpoint.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Result<Self, CloudError> {
        match variables.get(CLOUD_VARIABLE).map(String::as_str) {
            None | Some("" | "aws") => Ok(Self::Aws),
            Some("local") => Self::local(variables),
            Some(other) => Err(CloudError::UnknownCloud(other.to_owned())),
        }
    }

    fn local(variables: &BTreeMap<String, String>) -> Result<Self, CloudError> {
        let endpoint = variables.get(ENDPOINT_VARIABLE).ok_or(CloudError::MissingEndpoint)?;
        // AWS_ENDPOINT_URL_EC2 and its like override the general one.
        for (variable, value) in variables.iter().filter(|(name, _)| name.starts_with(ENDPOINT_VARIABLE)) {
            require_loopback(variable, value)?;
        }
        Ok(Self::Local(endpoint.clone()))
    }
}

/// Refuses any URL whose host is not a loopback address.
///
/// # Errors
/// [`CloudError::NotLoopback`], naming the variable the URL came from.
pub fn require_loopback(variable: &str, url: &str) -> Result<(), CloudError> {
    let refused = || CloudError::NotLoopback { variable: variable.to_owned(), endpoint: url.to_owned() };
    let parsed = reqwest::Url::parse(url).map_err(|_| refused())?;
    let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = parsed.port_or_known_default().unwrap_or(80);
    let addresses: Vec<IpAddr> = match host.parse() {
        Ok(address) => vec![address],
        Err(_) if host == "localhost" => {
            (host.as_str(), port).to_socket_addrs().map_err(|_| refused())?.map(|a| a.ip()).collect()
        }
        Err(_) => vec![],
    };
    if !addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback) { Ok(()) } else { Err(refused()) }
}

/// The process's environment, as [`Cloud::from_variables`] takes it.
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The SDK configuration of this process. This is the only place that makes one.
///
/// # Errors
/// [`CloudError`], see [`Cloud::from_variables`].
pub async fn connect() -> Result<SdkConfig, CloudError> {
    let cloud = Cloud::from_variables(&environment())?;
    Ok(match cloud {
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
    })
}

/// The SDK configuration for an account of a local cloud, whose root a 12-digit access key is.
///
/// # Errors
/// [`CloudError::NotLoopback`] when the endpoint is anywhere but on this machine.
pub async fn in_local_cloud(endpoint: &str, account: &str, region: &str) -> Result<SdkConfig, CloudError> {
    require_loopback(ENDPOINT_VARIABLE, endpoint)?;
    let credentials = Credentials::new(account, "local", None, None, "local cloud");
    Ok(loader()
        .endpoint_url(endpoint)
        .region(Region::new(region.to_owned()))
        .credentials_provider(credentials)
        .load()
        .await)
}

/// The same local cloud as the root of another account, by the same connections.
///
/// # Errors
/// [`CloudError::NotLoopback`] when `base` is anywhere but on this machine.
pub fn as_local_account(base: &SdkConfig, account: &str) -> Result<SdkConfig, CloudError> {
    require_loopback(ENDPOINT_VARIABLE, base.endpoint_url().unwrap_or_default())?;
    let credentials = Credentials::new(account, "local", None, None, "local cloud");
    Ok(base.to_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build())
}

/// What every configuration has in common.
fn loader() -> ConfigLoader {
    #[allow(clippy::disallowed_methods, reason = "the one place where configuration is made")]
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .timeout_config(timeouts())
        .retry_config(RetryConfig::standard().with_max_attempts(4))
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

/// The configuration for a member account: `role` there, assumed with `base`'s credentials for 15
/// minutes, which is as long as a function may run.
///
/// # Errors
/// [`AwsError`]; a role that is not there (yet) is of class [`crate::Class::NotReady`].
pub async fn in_member_account(
    base: &SdkConfig,
    account: &str,
    region: &str,
    role: &str,
) -> Result<SdkConfig, AwsError> {
    let arn = format!("arn:aws:iam::{account}:role/{role}");
    let answer = aws_sdk_sts::Client::new(base)
        .assume_role()
        .role_arn(&arn)
        .role_session_name(crate::trail::SESSION_NAME)
        .duration_seconds(900)
        .send()
        .await
        .map_err(|error| AwsError::of("sts:AssumeRole", &arn, &error))?;
    let given = answer.credentials.ok_or_else(|| AwsError {
        operation: "sts:AssumeRole",
        subject: arn,
        code: "response".into(),
        message: "the answer carries no credentials".into(),
    })?;
    let credentials = Credentials::new(
        given.access_key_id,
        given.secret_access_key,
        Some(given.session_token),
        None,
        "phonehome-member",
    );
    Ok(base
        .to_builder()
        .region(Region::new(region.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(variables: &[(&str, &str)]) -> Result<Cloud, CloudError> {
        Cloud::from_variables(
            &variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        )
    }

    #[test]
    fn local_without_an_endpoint_is_an_error_and_not_real_aws() {
        assert_eq!(decide(&[(CLOUD_VARIABLE, "local")]), Err(CloudError::MissingEndpoint));
    }

    #[test]
    fn local_accepts_only_loopback_endpoints() {
        for endpoint in ["http://127.0.0.1:4566", "http://[::1]:4566", "http://localhost:4566"] {
            let cloud = decide(&[(CLOUD_VARIABLE, "local"), (ENDPOINT_VARIABLE, endpoint)]);
            assert_eq!(cloud, Ok(Cloud::Local(endpoint.to_owned())));
        }
        for endpoint in ["https://ec2.us-east-1.amazonaws.com", "http://10.0.0.1:4566", "nonsense", ""] {
            let cloud = decide(&[(CLOUD_VARIABLE, "local"), (ENDPOINT_VARIABLE, endpoint)]);
            assert!(matches!(cloud, Err(CloudError::NotLoopback { .. })), "{endpoint} gave {cloud:?}");
        }
    }

    #[test]
    fn one_services_endpoint_cannot_lead_out_of_the_local_cloud() {
        let cloud = decide(&[
            (CLOUD_VARIABLE, "local"),
            (ENDPOINT_VARIABLE, "http://127.0.0.1:4566"),
            ("AWS_ENDPOINT_URL_EC2", "https://ec2.us-east-1.amazonaws.com"),
        ]);
        assert!(cloud.unwrap_err().to_string().contains("AWS_ENDPOINT_URL_EC2"));
    }

    #[test]
    fn a_misspelt_cloud_is_an_error() {
        assert_eq!(decide(&[(CLOUD_VARIABLE, "lokal")]), Err(CloudError::UnknownCloud("lokal".into())));
    }

    #[tokio::test]
    async fn everything_cargo_runs_is_local_and_refuses_to_start_without_an_endpoint() {
        // .cargo/config.toml sets the variable for tests, demo and `cargo run`.
        assert_eq!(std::env::var(CLOUD_VARIABLE).as_deref(), Ok("local"));
        if std::env::var(ENDPOINT_VARIABLE).is_err() {
            assert_eq!(connect().await.unwrap_err(), CloudError::MissingEndpoint);
        }
    }
}
