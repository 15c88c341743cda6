//! What phonehome does not do by itself, or cannot, and what people can do about it.

use std::fmt;

use phonehome_cloud::{CloudError, MemberRoleLacks};

use crate::key::Unfit;
use crate::setting::Setting;

/// What AWS said, without what is another text each time: a message that says the same is told once.
pub(crate) fn said(error: &CloudError) -> String {
    let text = error.cause.to_string();
    let same = text.split("Encoded authorization failure message").next().unwrap_or_default();
    same.trim_end().to_owned()
}

/// Why a setting is not as declared, and stays so until somebody does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The member role may not look at it.
    Denied {
        /// `ec2:GetEbsEncryptionByDefault`
        operation: &'static str,
        /// AWS's message.
        said: String,
    },
    /// The role may look at it and not set it, though one statement of infra/member-role.yaml allows both: a policy of the
    /// organization, or a boundary, is above it.
    Above {
        /// `s3:PutAccountPublicAccessBlock`
        operation: &'static str,
        /// AWS's message.
        said: String,
    },
    /// A declarative policy of the organization sets it otherwise.
    DeclarativePolicy {
        /// What the policy says to whoever tries.
        said: Option<String>,
    },
    /// A key cannot be the one with which EBS encrypts by default.
    UnfitKey {
        /// The setting that waits for it.
        setting: Setting,
        /// Why.
        unfit: Unfit,
    },
    /// It was set so often within a week, and is otherwise again.
    NotLasting {
        /// How often.
        times: usize,
        /// What it is.
        shown: String,
    },
    /// AWS does not take a call.
    Rejected {
        /// The operation.
        operation: &'static str,
        /// AWS's message.
        said: String,
    },
    /// It could not be looked at, or set, so often.
    Failing {
        /// How often.
        times: u32,
        /// The last error.
        said: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied { operation, said } => {
                let doing = &format!("call {operation}");
                MemberRoleLacks { doing, said, parameter: "AccountSettings" }.fmt(f)
            }
            Self::Above { operation, said } => write!(
                f,
                "a policy above the account does not let {operation} be called ({said}): look for a service control policy, \
                 a declarative or an S3 policy of the organization, and set it there, or take it out of the fleet file for \
                 this account. It is not tried again for a month, unless the fleet file declares something else or the \
                 setting changes"
            ),
            Self::DeclarativePolicy { said } => {
                f.write_str("a declarative policy of the organization sets it otherwise")?;
                if let Some(said) = said {
                    write!(f, " ({said})")?;
                }
                f.write_str(": change that policy (HttpTokens: required), or take it out of the fleet file for this account")
            }
            Self::UnfitKey { setting: Setting::Encryption, unfit } => write!(
                f,
                "it is off, and the key that the account has chosen for it would not do: {unfit}. Or let EBS use AWS's own \
                 (aws ec2 reset-ebs-default-kms-key-id)"
            ),
            Self::UnfitKey { unfit, .. } => unfit.fmt(f),
            Self::NotLasting { times, shown } => write!(
                f,
                "it was set {times} times within a week, and is {shown} again: find out who sets it (CloudTrail), or take it \
                 out of the fleet file for this account"
            ),
            Self::Rejected { operation, said } => write!(f, "AWS does not take {operation} ({said})"),
            Self::Failing { times, said } => write!(f, "it could not be looked at, {times} times ({said})"),
        }
    }
}
