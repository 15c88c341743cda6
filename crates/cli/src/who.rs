//! Which account each line of the fleet file is, for people.

use phonehome_accounts::AwsOrganization;
use phonehome_aws::Session;
use phonehome_cloud::AccountWithEmail;
use phonehome_cloud::table::Table;
use phonehome_fleet::{Bindings, Fleet, Identification, IdentifiedLine, LineState, Roster};
use phonehome_state::bindings;
use serde_json::{Value, json};

use crate::output::Failure;

/// The organization, what is bound, and what that comes to.
pub(crate) struct Who {
    /// All accounts, closed ones too.
    pub(crate) accounts: Vec<AccountWithEmail>,
    pub(crate) roster: Roster,
    pub(crate) bindings: Bindings,
    pub(crate) identify: Identification,
}

impl Who {
    /// Asks the organization for all its accounts. Writes nothing.
    pub(crate) async fn observe(
        session: &Session,
        table: &impl Table,
        fleet: &Fleet,
    ) -> Result<Self, Failure> {
        let accounts = AwsOrganization::new(session).accounts_with_emails().await.map_err(Failure::other)?;
        Ok(Self::of(fleet, bindings(table).await.map_err(Failure::other)?, accounts))
    }

    pub(crate) fn of(fleet: &Fleet, bindings: Bindings, accounts: Vec<AccountWithEmail>) -> Self {
        let active = accounts.iter().map(|it| &it.account).filter(|account| account.active);
        let roster = active.map(|account| (account.id.clone(), account.name.clone())).collect();
        let identify = fleet.identify(&bindings, &roster);
        Self { accounts, roster, bindings, identify }
    }

    /// Why a line has no account to work in.
    pub(crate) fn why_not(&self, identified: &IdentifiedLine) -> String {
        let IdentifiedLine { member, state } = identified;
        let line = member.line();
        match state {
            LineState::Bound { account, .. } | LineState::Found { account } => {
                format!("{line}: account {account} is closed or has left the organization")
            }
            LineState::Contested => format!("{line}: it is not clear which account it is; see below"),
            LineState::Vacant => match &member.account_id {
                Some(pinned) => format!("{line}: no active account {pinned} in the organization"),
                None => {
                    format!("{line}: no active account called {} in the organization", member.account_name)
                }
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
        let uncovered =
            self.identify.uncovered.iter().map(|(id, name)| match self.bindings.last_line_of(id) {
                Some(line) => {
                    format!("account without a line: {name} ({id}); it was {line}, which left the fleet file")
                }
                None => format!("account without a line: {name} ({id})"),
            });
        findings.chain(uncovered).collect()
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
            "accounts_without_a_line": self.identify.uncovered,
        })
    }
}
