//! The ids of access keys.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The id of an access key, `AKIA…`: 16 to 128 letters and digits
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKeyMetadata.html>). It is no secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId(String);

/// What is no id of an access key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the id of an access key: 16 to 128 letters, digits and underscores")]
pub struct BadKeyId(String);

impl KeyId {
    /// The version of the secret that holds this key. It is the token of the call that stores it, too: stored twice, it is
    /// one version. 64 characters, as many as Secrets Manager takes.
    #[must_use]
    pub fn version(&self) -> String {
        let digest = Sha256::digest(format!("access key {}", self.0));
        digest.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

impl FromStr for KeyId {
    type Err = BadKeyId;

    fn from_str(id: &str) -> Result<Self, BadKeyId> {
        let fits =
            (16..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        // What came in its place may be anything: it is shown as far as an id would go.
        if fits { Ok(Self(id.to_owned())) } else { Err(BadKeyId(id.chars().take(16).collect())) }
    }
}

impl TryFrom<String> for KeyId {
    type Error = BadKeyId;

    fn try_from(id: String) -> Result<Self, BadKeyId> {
        id.parse()
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.0
    }
}

impl AsRef<str> for KeyId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
