//! What was seen of a setting.

use std::fmt;

use crate::key::Unfit;

/// S3's block of public access. An account that has none blocks nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PublicAccess {
    /// New public ACLs are refused.
    pub block_public_acls: bool,
    /// Public ACLs count for nothing.
    pub ignore_public_acls: bool,
    /// New public bucket policies are refused.
    pub block_public_policy: bool,
    /// Buckets with a public policy are the account's own and AWS's services' alone.
    pub restrict_public_buckets: bool,
}

impl PublicAccess {
    /// Everything is blocked.
    pub const BLOCKED: Self = Self {
        block_public_acls: true,
        ignore_public_acls: true,
        block_public_policy: true,
        restrict_public_buckets: true,
    };
}

impl fmt::Display for PublicAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { block_public_acls, ignore_public_acls, block_public_policy, restrict_public_buckets } =
            self;
        write!(
            f,
            "BlockPublicAcls={block_public_acls}, IgnorePublicAcls={ignore_public_acls}, \
             BlockPublicPolicy={block_public_policy}, RestrictPublicBuckets={restrict_public_buckets}"
        )
    }
}

/// The key with which EBS encrypts by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultKey {
    /// AWS's own.
    Aws,
    /// The one that phonehome chose, by its ARN.
    Ours(String),
    /// One that somebody else chose, as AWS shows it.
    Theirs(String),
}

impl fmt::Display for DefaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aws => f.write_str("alias/aws/ebs"),
            Self::Ours(key) | Self::Theirs(key) => f.write_str(key),
        }
    }
}

/// The defaults of new instances' metadata.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetadataDefaults {
    /// `required`, `optional`; `None`: nothing is preferred.
    pub tokens: Option<String>,
    /// A declarative policy of the organization sets them, so that the account cannot.
    pub by_policy: bool,
    /// What that policy says to whoever tries.
    pub policy_says: Option<String>,
}

/// What was seen of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Of S3's block of public access.
    PublicAccess(PublicAccess),
    /// Of EBS encryption by default.
    Encryption {
        /// Whether it is on.
        is_on: bool,
        /// Where it is off: why it would keep instances from starting with the key that the account has chosen for it.
        unfit: Option<Unfit>,
    },
    /// Of the key with which EBS encrypts by default.
    EncryptionKey {
        /// The one that is in use.
        default: DefaultKey,
        /// The ARN of the one that is wanted; or why it cannot be used.
        wanted: Result<String, Unfit>,
    },
    /// Of the defaults of metadata.
    MetadataTokens(MetadataDefaults),
}

impl fmt::Display for Seen {
    /// The value that the setting has, as it would be set by hand.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PublicAccess(seen) => seen.fmt(f),
            Self::Encryption { is_on, .. } => f.write_str(if *is_on { "on" } else { "off" }),
            Self::EncryptionKey { default, .. } => default.fmt(f),
            Self::MetadataTokens(seen) => f.write_str(seen.tokens.as_deref().unwrap_or("no-preference")),
        }
    }
}
