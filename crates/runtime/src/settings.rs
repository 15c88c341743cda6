//! Settings from the environment.

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

/// A setting that must be there.
///
/// # Errors
/// [`SettingError::Missing`].
pub fn required(name: &'static str) -> Result<String, SettingError> {
    optional(name).ok_or(SettingError::Missing(name))
}

/// A setting that need not be there.
#[must_use]
pub fn optional(name: &'static str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
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
