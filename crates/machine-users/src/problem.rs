//! What people are to know of a machine user's keys, and what they can do.

use std::fmt;

use phonehome_cloud::MemberRoleLacks;

use crate::key::KeyId;

/// What is wrong with a machine user's keys, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// The user or its secret is not there, though the stack that makes both is.
    Missing {
        /// What is not there, with its name.
        what: String,
    },
    /// The secret holds what phonehome did not put there.
    ForeignSecret,
    /// There is a key that phonehome did not make.
    ForeignKey {
        /// The key.
        key: KeyId,
    },
    /// Another key is needed, and the user has as many as IAM allows.
    NoRoom {
        /// Those that it has.
        keys: Vec<KeyId>,
    },
    /// Somebody switched off the key that the secret hands out: another one takes its place.
    SwitchedOffByHand {
        /// The key.
        key: KeyId,
    },
    /// Somebody deleted the key that the secret hands out: another one takes its place.
    Gone {
        /// The key.
        key: KeyId,
    },
    /// The overlap is over, and the old key is still used.
    OldKeyUsed {
        /// The old key.
        key: KeyId,
        /// Until when it works all the same; milliseconds since the Unix epoch.
        until_ms: u64,
    },
    /// No key of the user was used for long.
    Unused {
        /// When one last was, or the first one was made; milliseconds since the Unix epoch.
        since_ms: u64,
    },
    /// The member role may not do what is needed.
    Denied {
        /// `iam:ListAccessKeys`
        operation: String,
        /// AWS's message.
        said: String,
    },
    /// AWS does not take a call.
    Rejected {
        /// The operation.
        operation: String,
        /// AWS's message.
        said: String,
    },
}

/// The day, `2026-11-27`.
struct Day(u64);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = i64::try_from(self.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        match time {
            Some(time) => write!(f, "{}", time.strftime("%Y-%m-%d")),
            None => f.write_str("a day that no calendar has"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { what } => write!(
                f,
                "{what} is not there, though the stack of the starter pack made it: somebody deleted it. Take the machine user \
                 out of the fleet file, or have the stack make it again (detect-stack-drift shows it)"
            ),
            Self::ForeignSecret => f.write_str(
                "its secret holds what phonehome did not put there, so that no key of it is known: nothing is changed, and no key \
                 rotated. Put the former version back (aws secretsmanager list-secret-version-ids shows it, \
                 update-secret-version-stage moves AWSCURRENT); where that is gone, declare a machine user of another name",
            ),
            Self::ForeignKey { key } => write!(
                f,
                "it has the key {key}, which phonehome did not make and does not rotate: delete it (aws iam delete-access-key) \
                 once nobody works with it. The key to work with is in the secret"
            ),
            Self::NoRoom { keys } => {
                let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
                write!(
                    f,
                    "another key is due, and IAM allows no more than the two that it has ({}): delete the one that is not in the \
                     secret (aws iam delete-access-key)",
                    keys.join(", ")
                )
            }
            Self::SwitchedOffByHand { key } => write!(
                f,
                "somebody switched off its key {key}: another one takes its place in the secret. If the key was in wrong hands, \
                 look at what was done with it (CloudTrail, accessKeyId)"
            ),
            Self::Gone { key } => write!(
                f,
                "somebody deleted its key {key}: another one takes its place in the secret. If the key was in wrong hands, look \
                 at what was done with it (CloudTrail, accessKeyId)"
            ),
            Self::OldKeyUsed { key, until_ms } => write!(
                f,
                "its old key {key} is still used: whoever works with it has to read the secret again. It is switched off on {}",
                Day(*until_ms)
            ),
            Self::Unused { since_ms } => write!(
                f,
                "no key of it was used since {}: take it out of the fleet file if nobody needs it",
                Day(*since_ms)
            ),
            Self::Denied { operation, said } => {
                let doing = &format!("call {operation}");
                MemberRoleLacks { doing, said, parameter: "StarterPack" }.fmt(f)
            }
            Self::Rejected { operation, said } => write!(f, "AWS does not take {operation} ({said})"),
        }
    }
}
