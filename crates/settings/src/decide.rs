//! From what is wanted and what is seen of one setting to what comes of it.

use crate::key::Unfit;
use crate::problem::Problem;
use crate::seen::{DefaultKey, MetadataDefaults, PublicAccess, Seen};
use crate::setting::{Setting, Step};

/// What comes of a setting that is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is as declared.
    AsDeclared {
        /// Not by the account: a policy of the organization sets it.
        by_policy: bool,
    },
    /// It is otherwise, as strict, and stays: somebody in the account chose it.
    Stays {
        /// What was chosen.
        value: String,
    },
    /// One call tightens it.
    Set(Step),
    /// Nothing is done, and people are told.
    Told(Problem),
}

impl Seen {
    /// The setting that it is of.
    #[must_use]
    pub fn setting(&self) -> Setting {
        match self {
            Self::PublicAccess(_) => Setting::PublicAccess,
            Self::Encryption { .. } => Setting::Encryption,
            Self::EncryptionKey { .. } => Setting::EncryptionKey,
            Self::MetadataTokens(_) => Setting::MetadataTokens,
        }
    }
}

/// What comes of a setting that is declared and is seen like this.
#[must_use]
pub fn decide(seen: &Seen) -> Decision {
    match seen {
        Seen::PublicAccess(PublicAccess::BLOCKED) => as_declared(),
        Seen::PublicAccess(_) => Decision::Set(Step::BlockPublicAccess),
        Seen::Encryption { is_on: true, .. } => as_declared(),
        Seen::Encryption { is_on: false, unfit: None } => Decision::Set(Step::Encrypt),
        Seen::Encryption { is_on: false, unfit: Some(unfit) } => unfit_key(Setting::Encryption, unfit),
        Seen::EncryptionKey { default, wanted } => key(default, wanted),
        Seen::MetadataTokens(seen) => tokens(seen),
    }
}

fn as_declared() -> Decision {
    Decision::AsDeclared { by_policy: false }
}

fn unfit_key(setting: Setting, unfit: &Unfit) -> Decision {
    Decision::Told(Problem::UnfitKey { setting, unfit: unfit.clone() })
}

fn key(default: &DefaultKey, wanted: &Result<String, Unfit>) -> Decision {
    match (default, wanted) {
        (DefaultKey::Ours(now) | DefaultKey::Theirs(now), Ok(wanted)) if now == wanted => as_declared(),
        // Whoever chose a key of the account's own had a reason, whatever is to be said of the declared one.
        (DefaultKey::Theirs(value), _) => Decision::Stays { value: value.clone() },
        (DefaultKey::Aws | DefaultKey::Ours(_), Err(unfit)) => unfit_key(Setting::EncryptionKey, unfit),
        (DefaultKey::Aws | DefaultKey::Ours(_), Ok(arn)) => Decision::Set(Step::SetKey { arn: arn.clone() }),
    }
}

fn tokens(seen: &MetadataDefaults) -> Decision {
    match (seen.tokens.as_deref(), seen.by_policy) {
        (Some("required"), by_policy) => Decision::AsDeclared { by_policy },
        (_, true) => Decision::Told(Problem::DeclarativePolicy { said: seen.policy_says.clone() }),
        (_, false) => Decision::Set(Step::RequireTokens),
    }
}
