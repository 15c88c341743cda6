//! Where the cloud is, and the guard that keeps tests and demo away from real AWS.

use std::collections::BTreeMap;
use std::net::{IpAddr, ToSocketAddrs};

/// Set to `local` wherever the project is built, tested or shown; then only a loopback endpoint
/// is ever spoken to.
pub const CLOUD_VARIABLE: &str = "PHONEHOME_CLOUD";
/// Where the local cloud listens.
pub const ENDPOINT_VARIABLE: &str = "AWS_ENDPOINT_URL";

/// Whether the environment names the local cloud.
#[must_use]
pub fn is_local() -> bool {
    std::env::var(CLOUD_VARIABLE).is_ok_and(|cloud| cloud == "local")
}

/// Why no connection is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
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
    /// [`EndpointError`] when the environment says `local` and names no loopback endpoint.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Result<Self, EndpointError> {
        match variables.get(CLOUD_VARIABLE).map(String::as_str) {
            None | Some("" | "aws") => Ok(Self::Aws),
            Some("local") => Self::local(variables),
            Some(other) => Err(EndpointError::UnknownCloud(other.to_owned())),
        }
    }

    fn local(variables: &BTreeMap<String, String>) -> Result<Self, EndpointError> {
        let endpoint = variables.get(ENDPOINT_VARIABLE).ok_or(EndpointError::MissingEndpoint)?;
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
/// [`EndpointError::NotLoopback`], naming the variable the URL came from.
pub fn require_loopback(variable: &str, url: &str) -> Result<(), EndpointError> {
    let refused = || EndpointError::NotLoopback { variable: variable.to_owned(), endpoint: url.to_owned() };
    let parsed = url::Url::parse(url).map_err(|_| refused())?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(variables: &[(&str, &str)]) -> Result<Cloud, EndpointError> {
        Cloud::from_variables(
            &variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        )
    }

    #[test]
    fn local_without_an_endpoint_is_an_error_and_not_real_aws() {
        assert_eq!(decide(&[(CLOUD_VARIABLE, "local")]), Err(EndpointError::MissingEndpoint));
    }

    #[test]
    fn local_accepts_only_loopback_endpoints() {
        for endpoint in ["http://127.0.0.1:4566", "http://[::1]:4566", "http://localhost:4566"] {
            let cloud = decide(&[(CLOUD_VARIABLE, "local"), (ENDPOINT_VARIABLE, endpoint)]);
            assert_eq!(cloud, Ok(Cloud::Local(endpoint.to_owned())));
        }
        for endpoint in ["https://ec2.us-east-1.amazonaws.com", "http://10.0.0.1:4566", "nonsense", ""] {
            let cloud = decide(&[(CLOUD_VARIABLE, "local"), (ENDPOINT_VARIABLE, endpoint)]);
            assert!(matches!(cloud, Err(EndpointError::NotLoopback { .. })), "{endpoint} gave {cloud:?}");
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
        assert_eq!(decide(&[(CLOUD_VARIABLE, "lokal")]), Err(EndpointError::UnknownCloud("lokal".into())));
    }
}
