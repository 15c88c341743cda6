//! What the vendor calls things.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The id of an account at the vendor: a number, never given a second time. It is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VendorAccountId(u32);

impl VendorAccountId {
    /// The account of this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for VendorAccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The id of an ingest key, 1 to 128 letters, digits, `-` and `_`. It is not the key, and no secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IngestKeyId(String);

/// What is no id of an ingest key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what came as the id of a key is none: 1 to 128 letters, digits, `-` and `_`")]
pub struct BadIngestKeyId;

impl IngestKeyId {
    /// The version of the secret that holds this key. It is the token of the call that stores it, too: stored twice, it is
    /// one version. 64 characters, as many as Secrets Manager takes.
    #[must_use]
    pub fn version(&self) -> String {
        let digest = Sha256::digest(format!("ingest key {}", self.0));
        digest.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

impl FromStr for IngestKeyId {
    type Err = BadIngestKeyId;

    fn from_str(id: &str) -> Result<Self, BadIngestKeyId> {
        let fits = (1..=128).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        // Nothing of what came in its place is shown: it may be the key itself.
        if fits { Ok(Self(id.to_owned())) } else { Err(BadIngestKeyId) }
    }
}

impl TryFrom<String> for IngestKeyId {
    type Error = BadIngestKeyId;

    fn try_from(id: String) -> Result<Self, BadIngestKeyId> {
        id.parse()
    }
}

impl From<IngestKeyId> for String {
    fn from(id: IngestKeyId) -> Self {
        id.0
    }
}

impl AsRef<str> for IngestKeyId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IngestKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
