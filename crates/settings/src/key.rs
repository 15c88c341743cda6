//! Keys that EBS may encrypt with by default.

use std::fmt;

/// A key as KMS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its ARN.
    pub arn: String,
    /// Whether it is one of AWS's own.
    pub is_aws: bool,
    /// `Enabled`, `Disabled`, `PendingDeletion`
    pub state: String,
    /// Whether it is symmetric and for encryption: EBS takes no other.
    pub is_symmetric: bool,
}

/// Why a key cannot be the default of EBS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// There is none of that name.
    Missing {
        /// The alias.
        alias: String,
    },
    /// It is disabled, or about to be deleted: no instance would start.
    NotEnabled {
        /// The key.
        key: String,
        /// Its state.
        state: String,
    },
    /// EBS encrypts with symmetric keys alone.
    NotSymmetric {
        /// The key.
        key: String,
    },
    /// Auto Scaling may not use it: instances of its groups would be terminated while they start.
    AutoScaling {
        /// The key.
        key: String,
        /// Auto Scaling's role.
        role: String,
        /// What neither the key's policy nor a grant lets that role do: `CreateGrant`.
        lacking: Vec<&'static str>,
    },
    /// It cannot be found out: the role may not read it.
    Unreadable {
        /// The key, or its alias.
        key: String,
        /// `kms:GetKeyPolicy`
        operation: &'static str,
        /// AWS's message.
        said: String,
    },
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { alias } => {
                write!(f, "the account has no key {alias} in the Region: make one with that alias")
            }
            Self::NotEnabled { key, state } => {
                write!(
                    f,
                    "the key {key} is {state}, and no instance would start: enable it, or name another one"
                )
            }
            Self::NotSymmetric { key } => {
                write!(
                    f,
                    "the key {key} is not a symmetric one for encryption, which EBS demands: name another one"
                )
            }
            Self::AutoScaling { key, role, lacking } => write!(
                f,
                "Auto Scaling may not use the key {key} (its role {role} lacks {}), so that no instance of its groups would \
                 start: allow it in the key's policy, or by a grant (aws kms create-grant --key-id {key} \
                 --grantee-principal {role} --operations {})",
                lacking.join(", "),
                crate::auto_scaling::NEEDED.join(" ")
            ),
            Self::Unreadable { key, operation, said } => write!(
                f,
                "whether Auto Scaling may use the key {key} is not known, for the member role may not call {operation} \
                 ({said}): let the key's policy allow that to the account (its root), and deploy \
                 infra/member-role.yaml with AccountSettings=true"
            ),
        }
    }
}
