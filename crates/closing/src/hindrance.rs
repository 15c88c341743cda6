//! Why an account is not closed.

use std::fmt;

use phonehome_fleet::Line;
use phonehome_wire::{AccountId, Region};

use crate::premises::{Found, Holder, Retained};
use crate::state::AccountState;

/// Something that keeps an account from being closed. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hindrance {
    /// It is the hub's or the management account.
    Kept {
        /// Its id.
        account: AccountId,
    },
    /// phonehome has decommissioned no account of this id: it is not its to close.
    NeverOurs {
        /// Its id.
        account: AccountId,
    },
    /// A version of the fleet file in use has it as a line.
    Declared {
        /// The line.
        line: Line,
        /// Which version.
        version: u64,
    },
    /// It has a stack that is not decommissioned.
    NotReleased {
        /// Where.
        region: Region,
    },
    /// What is stored and may be about it cannot be read.
    Unread {
        /// What, and why, for people.
        what: String,
    },
    /// It is in a state in which nobody can look into it.
    NotActive {
        /// Which.
        state: AccountState,
    },
    /// It could not be looked at, which is not that nothing is there.
    Unseen {
        /// Where; `None`: anywhere.
        region: Option<Region>,
        /// What could not be seen, and why, for people.
        what: String,
    },
    /// Something is there.
    Found {
        /// Where.
        region: Region,
        /// What.
        found: Found,
    },
    /// Data of phonehome's own is there.
    Retained {
        /// Where.
        region: Region,
        /// What.
        retained: Retained,
    },
}

impl fmt::Display for Hindrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept { account } => {
                write!(
                    f,
                    "account {account} is the hub's or the management account: phonehome never closes it"
                )
            }
            Self::NeverOurs { account } => write!(
                f,
                "phonehome has decommissioned nothing of account {account}: it closes no account that it did not look \
                 after. Look whose it is, and close it by hand"
            ),
            Self::Declared { line, version } => write!(
                f,
                "version {version} of the fleet file, which is in use, has it as {line}: take the line out, publish the \
                 file, and wait until it is in force"
            ),
            Self::NotReleased { region } => {
                write!(f, "its stack in {region} is not decommissioned yet: run the same command again")
            }
            Self::Unread { what } => write!(f, "{what}: mend it first"),
            Self::NotActive { state } => {
                write!(f, "it is {state}, so that nobody can look into it: ask AWS Support")
            }
            Self::Unseen { region: Some(region), what } => write!(
                f,
                "{region} could not be looked at ({what}): that does not mean that it is empty. Let the member role look \
                 there"
            ),
            Self::Unseen { region: None, what } => {
                write!(f, "it could not be looked at ({what}): that does not mean that it is empty")
            }
            Self::Found { region, found } => write!(f, "in {region} there is {found}: take it away"),
            Self::Retained { region, retained: Retained { id, what, holder: Holder::Nobody } } => write!(
                f,
                "in {region} there is {what} {id}, whose data would be lost: copy what is needed, and delete it"
            ),
            Self::Retained {
                region,
                retained: Retained { id, what, holder: Holder::DeletedStack(stack) },
            } => write!(
                f,
                "in {region} somebody deleted the stack {stack}, which leaves {what} {id}: phonehome may not look whether it is \
                 still there. Look, copy what is needed, delete it, and say --left-data-is-gone"
            ),
            Self::Retained { region, retained: Retained { id, what, holder: Holder::Stack(stack) } } => {
                write!(
                    f,
                    "in {region} there is {what} {id} of the stack {stack}, whose data would be lost: copy what is needed, \
                 delete it, and then the stack"
                )
            }
        }
    }
}
