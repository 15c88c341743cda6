//! What is wrong with who is who, in words.

use std::fmt;

use super::Line;
use crate::members::Member;
use crate::spelling::LISTED_MAX;
use phonehome_text::list;
use phonehome_wire::AccountId;

/// Something that people have to put right. Nothing that stands changes because of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// A line is an account, and another account has its name, or a stack of it.
    Second {
        /// The line's member.
        member: Member,
        /// The account that it is, and stays.
        bound: AccountId,
        /// The account that is not, and gets nothing.
        other: AccountId,
    },
    /// A line is no account yet, and several active accounts have its name.
    Namesakes {
        /// The line's member.
        member: Member,
        /// Their ids, ascending; at least two.
        accounts: Vec<AccountId>,
    },
    /// Several accounts have stacks of one line, from a time when names decided.
    Stacks {
        /// The line's member.
        member: Member,
        /// Their ids, ascending; at least two.
        accounts: Vec<AccountId>,
    },
    /// The file pins a line to another account than the one it is.
    Pinned {
        /// The line's member.
        member: Member,
        /// The account that it is, and stays.
        bound: AccountId,
        /// The account that the file names.
        pinned: AccountId,
    },
    /// The account that the file pins a line to, or that has its name, is another line already, and for a
    /// name: one that the file has no more.
    Elsewhere {
        /// The line's member.
        member: Member,
        /// The account that the file names.
        account: AccountId,
        /// The line that it is, and stays.
        line: Line,
    },
    /// An account that a line is has another name than the file says.
    Renamed {
        /// The line's member.
        member: Member,
        /// The account.
        account: AccountId,
        /// What it is called in the organization.
        name: String,
    },
}

impl Finding {
    /// The member of the line that it is about: whoever hears of that one hears of this.
    pub fn member(&self) -> &Member {
        match self {
            Self::Second { member, .. }
            | Self::Namesakes { member, .. }
            | Self::Stacks { member, .. }
            | Self::Pinned { member, .. }
            | Self::Elsewhere { member, .. }
            | Self::Renamed { member, .. } => member,
        }
    }

    /// What tells it from every other one: it is reported once under this key. At most some hundred bytes.
    pub fn key(&self) -> String {
        let line = self.member().line();
        match self {
            Self::Second { bound, other, .. } => format!("second/{line}/{bound}/{other}"),
            Self::Namesakes { accounts, .. } => format!("namesakes/{line}/{}", digest(accounts)),
            Self::Stacks { accounts, .. } => format!("stacks/{line}/{}", digest(accounts)),
            Self::Pinned { bound, pinned, .. } => format!("pinned/{line}/{bound}/{pinned}"),
            Self::Elsewhere { account, line: other, .. } => format!("elsewhere/{line}/{account}/{other}"),
            Self::Renamed { account, name, .. } => format!("renamed/{line}/{account}/{name}"),
        }
    }

    /// The accounts that it is about.
    pub fn accounts(&self) -> Vec<&AccountId> {
        match self {
            Self::Second { bound, other, .. } => vec![bound, other],
            Self::Namesakes { accounts, .. } | Self::Stacks { accounts, .. } => accounts.iter().collect(),
            Self::Pinned { bound, pinned, .. } => vec![bound, pinned],
            Self::Elsewhere { account, .. } | Self::Renamed { account, .. } => vec![account],
        }
    }
}

/// Of however many accounts there are: the first four, and how many.
fn digest(accounts: &[AccountId]) -> String {
    format!("{}/{}", accounts.iter().take(4).cloned().collect::<Vec<_>>().join("+"), accounts.len())
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Member { account_name: declared, .. } = self.member();
        let line = self.member().line();
        match self {
            Self::Second { bound, other, .. } => write!(
                f,
                "{line} is account {bound}, and account {other} claims to be {declared} too: {bound} goes on as it \
                 is, {other} gets nothing. Rename the one that is not {declared}, or run `phonehome rebind {line} \
                 {other}` if that is the right one"
            ),
            Self::Namesakes { accounts, .. } => write!(
                f,
                "{} active accounts are called {declared} ({}), and {line} is bound to none of them yet: nothing is \
                 made in any. Pin the right one with `account_id`, or rename the others",
                accounts.len(),
                list(accounts, LISTED_MAX)
            ),
            Self::Stacks { accounts, .. } => write!(
                f,
                "{} accounts have a stack of {line} ({}): nothing is changed in any of them. Run `phonehome rebind \
                 {line} ID` with the id of the right one, then `phonehome decommission` of the others",
                accounts.len(),
                list(accounts, LISTED_MAX)
            ),
            Self::Pinned { bound, pinned, .. } => write!(
                f,
                "the fleet file pins {line} to account {pinned}, but it is account {bound}, which goes on as it is. \
                 Correct `account_id`, or run `phonehome rebind {line} {pinned}` if the file is right"
            ),
            Self::Elsewhere { account, line: other, .. } => write!(
                f,
                "the fleet file says that {line} is account {account}, but that is {other} and stays it. If {line} is \
                 {other} under a new name, say so with `renamed_from`, or run `phonehome rebind {line} {account}`; if \
                 not, correct `account_id` or `account_name`"
            ),
            Self::Renamed { account, name, .. } => write!(
                f,
                "{declared} ({account}) is now called {name}. It goes on as {line}, by its id: correct \
                 `account_name`, or pin it with `account_id`"
            ),
        }
    }
}
