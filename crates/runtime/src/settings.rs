//! Logs, settings, the clock.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use tracing_subscriber::EnvFilter;

/// A setting that is missing or wrong: the function does not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// The variable is not set.
    #[error("the environment variable {0} is not set; infra/hub.yaml sets it")]
    Missing(&'static str),
    /// The variable is not a number.
    #[error("the environment variable {name}={value:?} is not a whole number")]
    NotANumber {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: String,
    },
}

/// Writes logs as JSON lines to standard output, from `RUST_LOG`'s level up (default `info`).
pub fn start_logs() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .without_time()
        .with_env_filter(filter)
        .init();
}

/// The end of a function's `main`: an error is logged in words, as `main` itself would not.
pub fn exit_code<E: std::fmt::Display>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the function does not start");
            ExitCode::FAILURE
        }
    }
}

/// A setting that must be there.
///
/// # Errors
/// [`SettingError::Missing`].
pub fn required(name: &'static str) -> Result<String, SettingError> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or(SettingError::Missing(name))
}

/// A number, `default` when it is not set.
///
/// # Errors
/// [`SettingError::NotANumber`].
pub fn number(name: &'static str, default: u32) -> Result<u32, SettingError> {
    match std::env::var(name) {
        Err(_) => Ok(default),
        Ok(value) => value.parse().map_err(|_| SettingError::NotANumber { name, value }),
    }
}

/// Now, in milliseconds since the Unix epoch.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
