//! The whole file against the whole organization.

use std::collections::{BTreeMap, BTreeSet};

use super::{Bindings, Finding, Holder, Line, Roster, Stored};
use crate::members::Member;
use crate::model::Fleet;
use phonehome_wire::AccountId;

/// Who is who, and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identification {
    /// Every line of the file, in its order.
    pub lines: Vec<IdentifiedLine>,
    /// What people have to put right.
    pub findings: Vec<Finding>,
    /// The active accounts that no line of the file is or may be, with their names; without the
    /// management account and the hub's.
    pub uncovered: Roster,
}

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentifiedLine {
    /// Its member.
    pub member: Member,
    /// Which account it is.
    pub state: LineState,
}

/// Which account a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineState {
    /// This one, as is stored or as its stack says.
    Bound {
        /// Its id.
        account: AccountId,
        /// Where that is stored.
        stored: Stored,
    },
    /// This one, which was never met before: it can be bound now.
    Found {
        /// Its id.
        account: AccountId,
    },
    /// None.
    Vacant,
    /// Nobody can say which of several; a [`Finding`] names them.
    Contested,
}

impl LineState {
    /// The account that the line is, or can be bound to now.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Bound { account, .. } | Self::Found { account } => Some(account),
            Self::Vacant | Self::Contested => None,
        }
    }
}

impl Identification {
    /// The line that an account is, or can be bound to now.
    pub fn of(&self, account: &AccountId) -> Option<&IdentifiedLine> {
        self.lines.iter().find(|it| it.state.account() == Some(account))
    }

    /// What concerns an account.
    pub fn about<'a>(&'a self, account: &'a AccountId) -> impl Iterator<Item = &'a Finding> {
        self.findings.iter().filter(move |it| it.accounts().contains(&account))
    }
}

impl Fleet {
    /// Says which account each line is or becomes. A line that is an account stays it. One that is none
    /// becomes the account that the file pins, or else the only active account of its name that is
    /// nothing else: of two accounts of one name it is neither.
    pub fn identify(&self, bindings: &Bindings, roster: &Roster) -> Identification {
        let members = self.members();
        let holders: Vec<Holder> =
            members.iter().map(|it| bindings.holder(&self.lines_of(it), it.account_id.as_ref())).collect();
        let declared = members.iter().map(Member::line).collect();
        let mut identifier =
            Identifier { bindings, roster, taken: BTreeMap::new(), declared, findings: vec![] };
        for (member, holder) in members.iter().zip(&holders) {
            if let Holder::One { account, .. } = holder {
                identifier.taken.insert(account.clone(), member.line());
            }
        }
        for (account, line) in &bindings.lines {
            identifier.taken.entry(account.clone()).or_insert_with(|| line.clone());
        }
        // One that is pinned is that line, whatever its name.
        let pins = members.iter().filter_map(|it| Some((it.account_id.clone()?, it.line())));
        let pins: BTreeMap<AccountId, Line> = pins.collect();
        let lines: Vec<IdentifiedLine> = members
            .iter()
            .zip(holders)
            .map(|(member, holder)| {
                let state = identifier.state(member, holder, &pins);
                IdentifiedLine { member: member.clone(), state }
            })
            .collect();
        let mut covered: BTreeSet<&AccountId> = lines.iter().filter_map(|it| it.state.account()).collect();
        covered.extend(identifier.findings.iter().flat_map(Finding::accounts));
        covered.extend([&self.organization.management_account, &self.organization.hub_account]);
        let uncovered = roster.iter().filter(|(id, _)| !covered.contains(id));
        let uncovered = uncovered.map(|(id, name)| (id.clone(), name.clone())).collect();
        Identification { lines, findings: identifier.findings, uncovered }
    }
}

struct Identifier<'a> {
    bindings: &'a Bindings,
    roster: &'a Roster,
    /// The accounts that are a line already, of the file or of an older one.
    taken: BTreeMap<AccountId, Line>,
    /// The lines of the file.
    declared: BTreeSet<Line>,
    findings: Vec<Finding>,
}

impl Identifier<'_> {
    fn state(&mut self, member: &Member, holder: Holder, pins: &BTreeMap<AccountId, Line>) -> LineState {
        match holder {
            Holder::One { account, stored } => {
                self.held(member, &account, pins);
                LineState::Bound { account, stored }
            }
            Holder::Several(accounts) => {
                let accounts = accounts.into_iter().collect();
                self.findings.push(Finding::Stacks { member: member.clone(), accounts });
                LineState::Contested
            }
            Holder::Nobody if self.bindings.partial => LineState::Vacant,
            Holder::Nobody => match &member.account_id {
                Some(pinned) => self.pinned(member, pinned),
                None => self.named(member, pins),
            },
        }
    }

    /// A line that is an account already. Of one that is closed or has left nothing is said: it is about
    /// to be freed.
    fn held(&mut self, member: &Member, account: &AccountId, pins: &BTreeMap<AccountId, Line>) {
        let Some(name) = self.roster.get(account) else { return };
        let mut others: BTreeSet<AccountId> = self.standing(member).cloned().collect();
        match &member.account_id {
            Some(pinned) if pinned != account => {
                let (member, bound, pinned) = (member.clone(), account.clone(), pinned.clone());
                self.findings.push(Finding::Pinned { member, bound, pinned });
            }
            Some(_) => {}
            None => {
                let unknown = self.namesakes(member).filter(|id| !self.is_other(id, member, pins));
                others.extend(unknown.cloned());
                if *name != member.account_name {
                    let (member, account, name) = (member.clone(), account.clone(), name.clone());
                    self.findings.push(Finding::Renamed { member, account, name });
                }
            }
        }
        for other in others.into_iter().filter(|it| it != account && member.account_id.as_ref() != Some(it)) {
            let (member, bound) = (member.clone(), account.clone());
            self.findings.push(Finding::Second { member, bound, other });
        }
    }

    /// A line that is none yet, and that the file gives an id.
    fn pinned(&mut self, member: &Member, pinned: &AccountId) -> LineState {
        match self.taken.get(pinned) {
            Some(line) => self.elsewhere(member, pinned, &line.clone()),
            None if self.roster.contains_key(pinned) => LineState::Found { account: pinned.clone() },
            None => LineState::Vacant,
        }
    }

    /// A line that is none yet, and has only a name.
    fn named(&mut self, member: &Member, pins: &BTreeMap<AccountId, Line>) -> LineState {
        let accounts: Vec<AccountId> = self.namesakes(member).cloned().collect();
        match accounts.as_slice() {
            [] => LineState::Vacant,
            // Renamed to this line's name, it stays what it is.
            [only] if self.is_other(only, member, pins) => match self.bindings.last_line_of(only).cloned() {
                Some(line) if !self.declared.contains(&line) => self.elsewhere(member, only, &line),
                _ => LineState::Vacant,
            },
            [only] => LineState::Found { account: only.clone() },
            _ => {
                self.findings.push(Finding::Namesakes { member: member.clone(), accounts });
                LineState::Contested
            }
        }
    }

    fn elsewhere(&mut self, member: &Member, account: &AccountId, line: &Line) -> LineState {
        let (member, account, line) = (member.clone(), account.clone(), line.clone());
        self.findings.push(Finding::Elsewhere { member, account, line });
        LineState::Contested
    }

    fn namesakes(&self, member: &Member) -> impl Iterator<Item = &AccountId> {
        self.roster.iter().filter(|(_, name)| **name == member.account_name).map(|(id, _)| id)
    }

    /// Whether an account is known to be another line than this member's.
    fn is_other(&self, account: &AccountId, member: &Member, pins: &BTreeMap<AccountId, Line>) -> bool {
        let line = member.line();
        let known = self.taken.get(account).or_else(|| self.bindings.last_line_of(account));
        [known, pins.get(account)].into_iter().flatten().any(|it| *it != line)
    }

    /// The accounts that have a stack of this line and are bound to none.
    fn standing(&self, member: &Member) -> impl Iterator<Item = &AccountId> {
        self.bindings.standing.get(&member.line()).into_iter().flatten()
    }
}
