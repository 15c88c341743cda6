//! Whether a line may become another account, or an account another line.

use super::{Bindings, Holder, Line, Roster};
use crate::members::Member;
use crate::model::Fleet;
use phonehome_text::joined;
use phonehome_wire::AccountId;

/// What rebinding a line comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebinding {
    /// The line's member.
    pub member: Member,
    /// The account that the line becomes.
    pub account: AccountId,
    /// What that account is called.
    pub account_name: String,
    /// The account that is stored as the line now, and is no longer looked after.
    pub replaces: Option<AccountId>,
    /// The line that the account is stored as now, and leaves.
    pub leaves: Option<Line>,
}

/// Why a line is not rebound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RebindRefused {
    /// The file has no such line.
    #[error(
        "{line:?} is no line of the published fleet file; a line is DOMAIN/ENVIRONMENT, such as shop/prod"
    )]
    UnknownLine {
        /// What was asked for.
        line: String,
    },
    /// There is no such account to work in.
    #[error("account {account} is no active account of the organization")]
    NotActive {
        /// The account.
        account: AccountId,
    },
    /// The management account or the hub's, which the file can pin to no line either.
    #[error("account {account} is the management account or the hub's, which is no line of a fleet file")]
    Reserved {
        /// The account.
        account: AccountId,
    },
    /// It is so already.
    #[error("{line} is account {account} already: nothing to do")]
    Already {
        /// The line.
        line: Line,
        /// The account.
        account: AccountId,
    },
    /// The file says otherwise.
    #[error(
        "the published fleet file pins {line} to account {pinned}: correct `account_id` and publish it first"
    )]
    Pinned {
        /// The line.
        line: Line,
        /// The account that the file names.
        pinned: AccountId,
    },
    /// Somebody else has the line's network.
    #[error(
        "account {} has a stack of {line}, which nobody would look after any more: its network would stay as it is, \
         unrepaired and untested, and its peerings would be undeclared. Release it first, or add --force and then run \
         `phonehome decommission {}`",
        joined(accounts),
        joined(accounts)
    )]
    StackStands {
        /// The line.
        line: Line,
        /// The accounts, at least one.
        accounts: Vec<AccountId>,
    },
    /// The account is another line of the file.
    #[error(
        "account {account} is {leaves}, a line of the published fleet file, and would no longer be it: what is \
         declared for {line} would be made in its network. Take {leaves} out of the file first, say `renamed_from` \
         there, or add --force"
    )]
    LeavesLine {
        /// The line.
        line: Line,
        /// The account.
        account: AccountId,
        /// The line that it is.
        leaves: Line,
    },
}

impl Fleet {
    /// What rebinding `line` to `account` comes to. With `force`, also where a network loses whoever
    /// looks after it, or serves another line than it was made for.
    ///
    /// # Errors
    /// [`RebindRefused`]
    pub fn rebinding(
        &self,
        line: &str,
        account: &AccountId,
        bindings: &Bindings,
        roster: &Roster,
        force: bool,
    ) -> Result<Rebinding, RebindRefused> {
        let member = self.members().into_iter().find(|it| it.line().as_str() == line);
        let member = member.ok_or_else(|| RebindRefused::UnknownLine { line: line.to_owned() })?;
        let (line, account) = (member.line(), account.to_owned());
        if [&self.organization.management_account, &self.organization.hub_account].contains(&&account) {
            return Err(RebindRefused::Reserved { account });
        }
        let name =
            roster.get(&account).ok_or_else(|| RebindRefused::NotActive { account: account.clone() })?;
        let replaces = bindings.bound.get(&line).map(|it| it.account.clone());
        if replaces.as_ref() == Some(&account) {
            return Err(RebindRefused::Already { line, account });
        }
        if let Some(pinned) = member.account_id.clone().filter(|pinned| *pinned != account) {
            return Err(RebindRefused::Pinned { line, pinned });
        }
        let leaves = bindings.lines.get(&account).cloned();
        if !force {
            self.left_behind(&member, &account, bindings, roster)?;
            // A line that this one was before is no other.
            let other = leaves.iter().filter(|it| !self.lines_of(&member).contains(it));
            let declared = |it: &&Line| self.members().iter().any(|member| member.line() == **it);
            if let Some(leaves) = other.into_iter().find(declared).cloned() {
                return Err(RebindRefused::LeavesLine { line, account, leaves });
            }
        }
        Ok(Rebinding { member, account, account_name: name.clone(), replaces, leaves })
    }

    /// Refuses where a stack of an active account would lose whoever looks after it. Where several have
    /// one, choosing between them is what rebinding is for.
    fn left_behind(
        &self,
        member: &Member,
        account: &AccountId,
        bindings: &Bindings,
        roster: &Roster,
    ) -> Result<(), RebindRefused> {
        let held: Vec<AccountId> = match bindings.holder(&self.lines_of(member), None) {
            Holder::Nobody => vec![],
            Holder::One { account, .. } => vec![account],
            Holder::Several(accounts) if accounts.contains(account) => vec![],
            Holder::Several(accounts) => accounts.into_iter().collect(),
        };
        let stands = |it: &AccountId| it != account && bindings.has_stack(it) && roster.contains_key(it);
        let accounts: Vec<AccountId> = held.into_iter().filter(stands).collect();
        if accounts.is_empty() {
            return Ok(());
        }
        Err(RebindRefused::StackStands { line: member.line(), accounts })
    }
}
