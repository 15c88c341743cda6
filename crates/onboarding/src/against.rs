//! What stands against binding a line to an account.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fleet::{Bindings, Fleet, Line, Member, RebindRefused, Rebinding, Roster};
use phonehome_vending::{Lines, Order, order_against};
use phonehome_wire::AccountId;

use crate::not_bound::NotBound;
use crate::seen::SeenAccount;

/// What is known.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The file whose lines are to be accounts.
    pub fleet: &'a Fleet,
    /// The versions of it that are in use; none where nothing was published yet.
    pub in_use: &'a [&'a Fleet],
    /// Which account each line is.
    pub bindings: &'a Bindings,
    /// All accounts of the organization, closed ones too.
    pub accounts: &'a [SeenAccount],
    /// All orders, by the lines that they were placed for.
    pub orders: &'a BTreeMap<Line, Order>,
    /// The lines whose orders cannot be read.
    pub unreadable: &'a BTreeSet<Line>,
}

impl Known<'_> {
    /// The accounts that can be worked in.
    pub(crate) fn roster(&self) -> Roster {
        let active = self.accounts.iter().filter(|it| it.state.is_active());
        active.map(|it| (it.id.clone(), it.name.clone())).collect()
    }

    /// What binding a member, which is no account, comes to: it takes the place of nothing.
    pub(crate) fn binding(
        &self,
        member: &Member,
        account: &AccountId,
        roster: &Roster,
    ) -> Result<Rebinding, NotBound> {
        let Self { fleet, bindings, orders, .. } = self;
        self.may_be(member, account)?;
        self.is_free(member, account)?;
        let line = member.line();
        let rebinding = fleet.rebinding(line.as_str(), account, bindings, roster, false)?;
        let lines = Lines::of(fleet, bindings);
        if bindings.is_partial() || self.unreadable.iter().any(|it| lines.are_one(it, &line)) {
            return Err(NotBound::Unreadable);
        }
        if let Some(stands) = order_against(&rebinding, orders, &lines) {
            return Err(stands.into());
        }
        self.is_published(&line, account, roster)?;
        Ok(rebinding)
    }

    /// Whether the account can be worked in, and the file gives it to no other line.
    fn may_be(&self, member: &Member, account: &AccountId) -> Result<(), NotBound> {
        match self.accounts.iter().find(|it| it.id == *account) {
            Some(seen) if !seen.state.is_active() => {
                return Err(NotBound::NotActive { account: account.clone(), state: seen.state.to_string() });
            }
            Some(_) => {}
            None => return Err(RebindRefused::NotActive { account: account.clone() }.into()),
        }
        let line = member.line();
        if let Some(pinned) = member.account_id.clone().filter(|pinned| pinned != account) {
            return Err(NotBound::Pinned { line, pinned });
        }
        let pins = self.fleet.members().into_iter().filter(|it| it.account_id.as_ref() == Some(account));
        match pins.map(|it| it.line()).find(|other| *other != line) {
            Some(other) => Err(NotBound::PinnedElsewhere { account: account.clone(), other }),
            None => Ok(()),
        }
    }

    /// Whether neither of the two is anything yet, by what is stored or by a stack.
    fn is_free(&self, member: &Member, account: &AccountId) -> Result<(), NotBound> {
        let line = member.line();
        match self.fleet.account_of(member, self.bindings) {
            Some(bound) if bound == *account => {
                return Err(RebindRefused::Already { line, account: bound }.into());
            }
            Some(bound) => return Err(NotBound::Bound { line, account: bound }),
            None => {}
        }
        match self.bindings.last_line_of(account) {
            Some(other) if *other != line => {
                Err(NotBound::Elsewhere { line, account: account.clone(), other: other.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Whether every version in use that has the line lets it be that account, and one has it, where there is any. A line
    /// that none has would be freed by the next sweep, and its account told as orphaned.
    fn is_published(&self, line: &Line, account: &AccountId, roster: &Roster) -> Result<(), NotBound> {
        let mut is_there = self.in_use.is_empty();
        for fleet in self.in_use.iter().filter(|it| it.members().iter().any(|member| member.line() == *line))
        {
            fleet.rebinding(line.as_str(), account, self.bindings, roster, false)?;
            is_there = true;
        }
        match is_there {
            true => Ok(()),
            false => Err(NotBound::Unpublished { line: line.clone(), account: account.clone() }),
        }
    }
}
