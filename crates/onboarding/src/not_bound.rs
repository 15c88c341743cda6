//! Why a line is not bound.

use phonehome_fleet::{Line, RebindRefused};
use phonehome_text::joined;
use phonehome_vending::OrderStands;
use phonehome_wire::AccountId;

/// Why a line is not bound to an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotBound {
    /// Nothing speaks for any account.
    #[error("no account has its address or its name, nor looks like it")]
    Nobody,
    /// What speaks for an account does not identify it: a person says which it is.
    #[error("say which it is: {}", joined(accounts.iter().map(|account| format!("--bind {line}={account}"))))]
    Unsure {
        /// The line.
        line: Line,
        /// The accounts that it may be, the likeliest first.
        accounts: Vec<AccountId>,
    },
    /// It is bound already, and nothing is bound over that.
    #[error("{line} is account {account} already; `phonehome rebind {line} ID` says that it is another one")]
    Bound {
        /// The line.
        line: Line,
        /// The account that it is.
        account: AccountId,
    },
    /// The account is another line.
    #[error(
        "account {account} is {other} already; `phonehome rebind {line} {account}` says that it is {line}"
    )]
    Elsewhere {
        /// The line.
        line: Line,
        /// The account.
        account: AccountId,
        /// What it is.
        other: Line,
    },
    /// The file gives the account to another line.
    #[error("the fleet file pins account {account} to {other}: correct `account_id`")]
    PinnedElsewhere {
        /// The account.
        account: AccountId,
        /// The other line.
        other: Line,
    },
    /// The file gives the line another account.
    #[error("the fleet file pins {line} to account {pinned}: correct `account_id`")]
    Pinned {
        /// The line.
        line: Line,
        /// The account that the file has.
        pinned: AccountId,
    },
    /// Two lines would be one account.
    #[error("account {account} would be {} at once: say which it is with --bind", joined(lines))]
    Twice {
        /// The account.
        account: AccountId,
        /// The lines, in the file's order; at least two.
        lines: Vec<Line>,
    },
    /// The account cannot be worked in.
    #[error(
        "account {account} cannot be worked in: {state}. Within 90 days of its closing AWS Support brings it back"
    )]
    NotActive {
        /// The account.
        account: AccountId,
        /// What it is, in words.
        state: String,
    },
    /// A file is in force that does not have the line: its account would be told as one that left it.
    #[error(
        "{line} is no line of a version in use: write `account_id: \"{account}\"` into the fleet file, or publish it without \
         --allow-create and run this again"
    )]
    Unpublished {
        /// The line.
        line: Line,
        /// The account.
        account: AccountId,
    },
    /// As `phonehome rebind` refuses it.
    #[error(transparent)]
    Refused(#[from] RebindRefused),
    /// An account is being made.
    #[error(transparent)]
    Ordered(#[from] OrderStands),
    /// Half a view binds nothing.
    #[error("what may bind an account, or the line's order, cannot be read: restore the item of the table")]
    Unreadable,
}
