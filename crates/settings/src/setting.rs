//! Which settings there are, what is wanted of them, and the steps that tighten them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A setting of an account, in the order in which they are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// S3's block of public access, of the whole account.
    PublicAccess,
    /// EBS encryption by default, of the account in the Region.
    Encryption,
    /// The key with which EBS encrypts by default there.
    EncryptionKey,
    /// Whether new instances there answer by IMDSv2 alone.
    MetadataTokens,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PublicAccess => "S3 public access block",
            Self::Encryption => "EBS encryption by default",
            Self::EncryptionKey => "EBS default key",
            Self::MetadataTokens => "IMDSv2 by default",
        })
    }
}

/// What is declared of an account in a Region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Whether S3 is to block public access. It is the account's, so it is wanted in one of its Regions alone.
    #[serde(default)]
    pub public_access_blocked: bool,
    /// Whether EBS is to encrypt by default.
    #[serde(default)]
    pub encrypted: bool,
    /// The alias of the key with which, `alias/volumes`; `None`: whichever the account has.
    #[serde(default)]
    pub key: Option<String>,
    /// Whether new instances are to answer by IMDSv2 alone.
    #[serde(default)]
    pub tokens_required: bool,
}

impl Wanted {
    /// Whether nothing is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The settings of which something is wanted.
    #[must_use]
    pub fn settings(&self) -> Vec<Setting> {
        let all = [
            (self.public_access_blocked, Setting::PublicAccess),
            (self.encrypted, Setting::Encryption),
            (self.encrypted && self.key.is_some(), Setting::EncryptionKey),
            (self.tokens_required, Setting::MetadataTokens),
        ];
        all.into_iter().filter_map(|(is_wanted, setting)| is_wanted.then_some(setting)).collect()
    }
}

/// One call that tightens a setting. There is none that loosens one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// All four of S3's settings.
    BlockPublicAccess,
    /// EBS encryption by default.
    Encrypt,
    /// The key with which EBS encrypts by default, by its ARN.
    SetKey {
        /// The key's ARN.
        arn: String,
    },
    /// IMDSv2 for new instances. The other defaults are left as they are.
    RequireTokens,
}
