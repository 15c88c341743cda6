//! What phonehome cannot, or will not, put right by itself.

use std::fmt;

use phonehome_cloud::{Class, CloudError};
use phonehome_fleet::UnitPath;
use phonehome_wire::AccountId;
use serde::{Deserialize, Serialize};

use crate::api::ParentId;

/// How often an account is moved within a week. Whoever moves it back each time has a reason, or is a program.
pub const MOVES_A_WEEK: usize = 3;

/// How many looks in a row may end with something otherwise than declared although AWS took every call.
pub const UNKEPT_MAX: u32 = 3;

/// Why an account does not bear what is declared. Told once, for as long as it lasts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// An account that was there before is in another unit, and phonehome never had it in the declared one: a move
    /// changes which policies apply to it, so people make the first one.
    Elsewhere {
        /// Where it is to be.
        declared: UnitPath,
        /// Where it is.
        parent: ParentId,
        /// The declared unit's id; `None`: there is none.
        destination: Option<ParentId>,
    },
    /// A declared unit is missing where Control Tower makes the units.
    UnitMissing {
        /// The declared path.
        declared: UnitPath,
        /// The first name of it that is missing.
        name: String,
    },
    /// Somebody moved the account away each time that it was moved back.
    MovedAway {
        /// Where it is to be.
        declared: UnitPath,
        /// Where it is.
        parent: ParentId,
    },
    /// The role may not do it.
    Denied {
        /// `organizations:MoveAccount`
        operation: String,
        /// AWS's message.
        said: String,
    },
    /// AWS does not take it.
    Refused {
        /// `organizations:TagResource`
        operation: String,
        /// AWS's message.
        said: String,
    },
    /// AWS took every call, and what it shows is still otherwise.
    Unkept,
}

/// What an error of a call means for the account whose properties are looked after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failed {
    /// Something changed meanwhile: look again.
    LookAgain,
    /// The account has left the organization.
    Gone,
    /// People have to do something.
    Obstacle(Obstacle),
    /// Try again later.
    Later(CloudError),
}

/// Codes that say that what was seen is not so any more
/// (<https://docs.aws.amazon.com/organizations/latest/APIReference/API_MoveAccount.html>, `_CreateOrganizationalUnit`).
const CHANGED: [&str; 5] = [
    "DestinationParentNotFoundException",
    "DuplicateAccountException",
    "DuplicateOrganizationalUnitException",
    "ParentNotFoundException",
    "SourceParentNotFoundException",
];

/// Codes that say that there is no such account
/// (`API_ListParents`: ChildNotFoundException; `API_TagResource`: TargetNotFoundException).
const GONE: [&str; 3] = ["AccountNotFoundException", "ChildNotFoundException", "TargetNotFoundException"];

impl Failed {
    pub(crate) fn of(error: CloudError) -> Self {
        let operation = error.operation.to_owned();
        let said = || error.cause.to_string();
        match error.code() {
            Some(code) if CHANGED.contains(&code) => return Self::LookAgain,
            Some(code) if GONE.contains(&code) => return Self::Gone,
            Some("ConcurrentModificationException") => return Self::Later(error),
            _ => {}
        }
        match error.class() {
            // The role in the management account is not there: no account is too young here.
            Class::AccountNotReady if error.operation == "sts:AssumeRole" => {
                Self::Obstacle(Obstacle::Denied { operation, said: said() })
            }
            Class::Denied => Self::Obstacle(Obstacle::Denied { operation, said: said() }),
            Class::Invalid => Self::Obstacle(Obstacle::Refused { operation, said: said() }),
            _ => Self::Later(error),
        }
    }
}

impl Obstacle {
    /// Whether both have one cause: told of one account, it is not told of another.
    #[must_use]
    pub fn is_the_same_cause(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Denied { operation, .. }, Self::Denied { operation: others, .. }) => operation == others,
            (Self::UnitMissing { .. }, Self::UnitMissing { .. })
            | (Self::Refused { .. }, Self::Refused { .. })
            | (Self::Elsewhere { .. }, Self::Elsewhere { .. }) => self == other,
            _ => false,
        }
    }

    /// Whether it is the same of one account: AWS's messages may have ids of requests in them.
    #[must_use]
    pub fn is_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Refused { operation, .. }, Self::Refused { operation: others, .. }) => operation == others,
            _ => self == other || self.is_the_same_cause(other),
        }
    }

    /// Whether it is what AWS answered.
    #[must_use]
    pub(crate) fn is_an_answer(&self) -> bool {
        matches!(self, Self::Denied { .. } | Self::Refused { .. })
    }

    /// Whether it is what AWS answered to a call.
    #[must_use]
    pub(crate) fn is_answer_to(&self, asked: &str) -> bool {
        matches!(self, Self::Denied { operation, .. } | Self::Refused { operation, .. } if operation == asked)
    }

    /// What people are told of an account.
    #[must_use]
    pub fn of_account<'a>(&'a self, account: &'a AccountId) -> impl fmt::Display + 'a {
        OfAccount { obstacle: self, account }
    }
}

struct OfAccount<'a> {
    obstacle: &'a Obstacle,
    account: &'a AccountId,
}

impl fmt::Display for OfAccount<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = self.account;
        match self.obstacle {
            Obstacle::Elsewhere { declared, parent, destination } => {
                write!(
                    f,
                    "it is in {parent}, and the file says the unit {declared}. It was there before phonehome looked after \
                     it, and another unit has other policies: move it once by hand, and phonehome keeps it there"
                )?;
                match destination {
                    Some(to) => write!(
                        f,
                        " (aws organizations move-account --account-id {account} --source-parent-id {parent} \
                         --destination-parent-id {to})"
                    ),
                    None => f.write_str(" (that unit is not there yet), or declare the unit that it is in"),
                }
            }
            Obstacle::UnitMissing { declared, name } => write!(
                f,
                "the unit {declared} is not there: {name} is missing. Units are Control Tower's in this organization: make \
                 it there and register it, or declare another one"
            ),
            Obstacle::MovedAway { declared, parent } => write!(
                f,
                "it was moved back to the unit {declared} {MOVES_A_WEEK} times within a week, and is in {parent} again: it \
                 is not moved any more for now. Find out who moves it (CloudTrail, MoveAccount), or declare the unit that \
                 it is in"
            ),
            Obstacle::Denied { operation, said } if operation.starts_with("account:") => write!(
                f,
                "phonehome may not call {operation} ({said}): enable trusted access once (aws organizations \
                 enable-aws-service-access --service-principal account.amazonaws.com), and deploy infra/management.yaml \
                 again with KeepProperties=true"
            ),
            Obstacle::Denied { operation, said } => {
                write!(
                    f,
                    "phonehome may not call {operation} ({said}): deploy infra/management.yaml again with \
                     KeepProperties=true"
                )
            }
            Obstacle::Refused { operation, said } => {
                write!(f, "AWS does not take what the file declares ({operation}: {said}): correct it")
            }
            Obstacle::Unkept => write!(
                f,
                "AWS took every call {UNKEPT_MAX} times and still shows something else than the file declares: compare the \
                 two, and declare what AWS shows"
            ),
        }
    }
}
