//! Which account each line of the fleet file is, for people.

use std::collections::BTreeMap;

use phonehome_accounts::AwsOrganization;
use phonehome_aws::Session;
use phonehome_cloud::table::Table;
use phonehome_cloud::{Account, AccountWithEmail};
use phonehome_fleet::{Bindings, Fleet, Identification, IdentifiedLine, Line, LineState, Roster, orphans};
use phonehome_state::{bindings, versions_in_use};
use phonehome_vending::made;
use phonehome_wire::AccountId;
use serde_json::{Value, json};

use crate::orphaned::OrphanedAccount;
use crate::output::Failure;

/// The organization, what is bound, and what that comes to.
pub(crate) struct Who {
    /// All accounts, closed ones too.
    pub(crate) accounts: Vec<AccountWithEmail>,
    pub(crate) roster: Roster,
    pub(crate) bindings: Bindings,
    pub(crate) identify: Identification,
    /// The accounts that are no line of the file any more.
    pub(crate) orphaned: Vec<OrphanedAccount>,
    /// The accounts that are closed, being closed or suspended, with their names.
    closed: Roster,
    /// Which line each account was made for.
    made: BTreeMap<AccountId, Line>,
}

impl Who {
    /// Asks the organization for all its accounts. Writes nothing.
    pub(crate) async fn observe(
        session: &Session,
        table: &impl Table,
        fleet: &Fleet,
    ) -> Result<Self, Failure> {
        let accounts = AwsOrganization::new(session).accounts_with_emails().await.map_err(Failure::other)?;
        let who = Self::of(fleet, bindings(table).await.map_err(Failure::other)?, accounts);
        let made = made(table).await.map_err(Failure::other)?;
        let orphaned = orphans(&[fleet], &who.bindings, &who.roster, &made);
        Ok(Self { orphaned: OrphanedAccount::all(table, orphaned).await?, made, ..who })
    }

    /// Without what only the table tells of orphaned accounts.
    pub(crate) fn of(fleet: &Fleet, bindings: Bindings, accounts: Vec<AccountWithEmail>) -> Self {
        let named = |account: &Account| (account.id.clone(), account.name.clone());
        let all = accounts.iter().map(|it| &it.account);
        let roster: Roster = all.clone().filter(|account| account.active).map(named).collect();
        let closed = all.filter(|account| !account.active).map(named).collect();
        let identify = fleet.identify(&bindings, &roster);
        let (orphaned, made) = (vec![], BTreeMap::new());
        Self { accounts, roster, bindings, identify, orphaned, closed, made }
    }

    /// The same of what is in force, where an account is orphaned only if no version in use has its line.
    pub(crate) async fn observe_in_use(
        session: &Session,
        table: &impl Table,
        in_force: &Fleet,
    ) -> Result<Self, Failure> {
        let who = Self::observe(session, table, in_force).await?;
        let versions = versions_in_use(table).await.map_err(Failure::other)?;
        let versions: Vec<&Fleet> = versions.iter().map(|version| &version.fleet).collect();
        let orphans = orphans(&versions, &who.bindings, &who.roster, &who.made);
        Ok(Self { orphaned: OrphanedAccount::all(table, orphans).await?, ..who })
    }

    /// Why a line has no account to work in.
    pub(crate) fn why_not(&self, identified: &IdentifiedLine) -> String {
        let IdentifiedLine { member, state } = identified;
        let line = member.line();
        match state {
            LineState::Bound { account, .. } | LineState::Found { account } => match self.closed.get(account)
            {
                Some(_) => closed(&line, account),
                None => format!(
                    "{line}: account {account} has left the organization, and none is made in its place: take the line \
                     out of the file, or give it another `account_name` (and `email`) and permit an account for it"
                ),
            },
            LineState::Contested => format!("{line}: it is not clear which account it is; see below"),
            LineState::Vacant => match &member.account_id {
                Some(pinned) if self.closed.contains_key(pinned) => closed(&line, pinned),
                Some(pinned) => format!("{line}: no active account {pinned} in the organization"),
                None => match self.closed.iter().find(|(_, name)| **name == member.account_name) {
                    Some((account, _)) => closed(&line, account),
                    None => {
                        format!(
                            "{line}: no active account called {} in the organization",
                            member.account_name
                        )
                    }
                },
            },
        }
    }

    /// The lines that have no account to work in.
    fn vacant(&self) -> Vec<String> {
        let is_vacant =
            |it: &&IdentifiedLine| it.state.account().is_none_or(|id| !self.roster.contains_key(id));
        self.identify.lines.iter().filter(is_vacant).map(|it| self.why_not(it)).collect()
    }

    /// The lines whose account is closed or has left.
    pub(crate) fn closed(&self) -> Vec<String> {
        let is_closed =
            |it: &&IdentifiedLine| it.state.account().is_some_and(|id| !self.roster.contains_key(id));
        self.identify.lines.iter().filter(is_closed).map(|it| self.why_not(it)).collect()
    }

    /// What people have to put right, and which accounts no line covers; a line each.
    pub(crate) fn notes(&self) -> Vec<String> {
        let findings = self.identify.findings.iter().map(|finding| format!("who is who: {finding}"));
        let orphaned = self.orphaned.iter().map(ToString::to_string);
        let uncovered = self.uncovered().into_iter();
        let uncovered = uncovered.map(|(id, name)| format!("account without a line: {name} ({id})"));
        findings.chain(orphaned).chain(uncovered).collect()
    }

    /// The accounts that no line covers and that never were one.
    fn uncovered(&self) -> Roster {
        let is_orphaned = |id: &AccountId| self.orphaned.iter().any(|it| it.orphan.account == *id);
        let uncovered = self.identify.uncovered.iter().filter(|(id, _)| !is_orphaned(id));
        uncovered.map(|(id, name)| (id.clone(), name.clone())).collect()
    }

    /// The same for machines.
    pub(crate) fn as_json(&self) -> Value {
        let findings: Vec<_> = self
            .identify
            .findings
            .iter()
            .map(|it| json!({"line": it.member().line(), "accounts": it.accounts(), "finding": it.to_string()}))
            .collect();
        json!({
            "findings": findings,
            "lines_without_an_account": self.vacant(),
            "accounts_without_a_line": self.uncovered(),
            "orphaned": self.orphaned.iter().map(OrphanedAccount::json).collect::<Vec<_>>(),
        })
    }
}

/// What is to be done about a line whose account is closed: no other one is made by itself.
fn closed(line: &Line, account: &AccountId) -> String {
    format!(
        "{line}: account {account} is closed, being closed or suspended, and none is made in its place. Within 90 days of \
         its closing AWS Support brings it back; or give the line another `account_name` (and `email`) and permit an \
         account for it; or take the line out of the file"
    )
}
