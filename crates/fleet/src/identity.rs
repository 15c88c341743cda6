//! Which account each line of the file is.
//!
//! Names are not identities: two accounts of an organization can have one name, and each can change its
//! own. So a name only ever leads to a *first* binding; from then on the account's id decides. What is
//! bound ([`Bindings`]) is stored; what is decided about it is decided here, without a table or a clock.

mod finding;
mod identify;
mod orphan;
mod rebind;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use phonehome_wire::AccountId;
use serde::{Deserialize, Serialize};

use crate::members::Member;
use crate::model::Fleet;

pub use finding::Finding;
pub use identify::{Identification, IdentifiedLine, LineState};
pub use orphan::{Orphan, orphans};
pub use rebind::{RebindRefused, Rebinding};

/// The organization's active accounts: their names by their 12-digit ids.
pub type Roster = BTreeMap<AccountId, String>;

/// A line of the fleet file: one environment of one domain, written `shop/prod`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Line(String);

impl Line {
    /// The line of a domain and an environment.
    pub fn new(domain: &str, environment: &str) -> Self {
        Self(format!("{domain}/{environment}"))
    }

    /// As it is written, and stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// That a line is an account, as it is stored. It holds until somebody rebinds the line, or the account
/// is closed or leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The line.
    pub line: Line,
    /// The account's 12-digit id.
    pub account: AccountId,
    /// The account's name when it was bound; for people.
    #[serde(default)]
    pub account_name: String,
    /// Since when; milliseconds since the Unix epoch.
    #[serde(default)]
    pub bound_at_ms: u64,
}

/// What is known of who is who: the stored bindings, and the stacks there are. A stack binds the line
/// that its document names, as long as nothing is stored of either: stacks are older than bindings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bindings {
    bound: BTreeMap<Line, Binding>,
    lines: BTreeMap<AccountId, Line>,
    /// The line of each account that has a stack, stored or not.
    stacks: BTreeMap<AccountId, Line>,
    /// The accounts that have a stack of a line, and no binding.
    standing: BTreeMap<Line, BTreeSet<AccountId>>,
    partial: bool,
}

/// Where a binding is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// Under the line.
    Here,
    /// Under the line that it was before.
    At(Line),
    /// Nowhere: a stack that is older than bindings says so.
    Nowhere,
}

/// Who is a line already.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Holder {
    Nobody,
    One {
        account: AccountId,
        stored: Stored,
    },
    /// Nobody can say which.
    Several(BTreeSet<AccountId>),
}

impl Bindings {
    /// From the stored bindings, and the line and account of every stack that is not given up. Of an
    /// account with stacks of several lines the last one counts.
    pub fn new(
        bound: impl IntoIterator<Item = Binding>,
        stacks: impl IntoIterator<Item = (Line, AccountId)>,
    ) -> Self {
        let bound: BTreeMap<Line, Binding> = bound.into_iter().map(|it| (it.line.clone(), it)).collect();
        let lines: BTreeMap<AccountId, Line> =
            bound.values().map(|it| (it.account.clone(), it.line.clone())).collect();
        let stacks: BTreeMap<AccountId, Line> =
            stacks.into_iter().map(|(line, account)| (account, line)).collect();
        let mut standing: BTreeMap<Line, BTreeSet<AccountId>> = BTreeMap::new();
        for (account, line) in stacks.iter().filter(|(account, _)| !lines.contains_key(*account)) {
            standing.entry(line.clone()).or_default().insert(account.clone());
        }
        Self { bound, lines, stacks, standing, partial: false }
    }

    /// The same, where something that may bind an account could not be read: then nothing is bound for the
    /// first time, for it may be bound already.
    #[must_use]
    pub fn partial(self, partial: bool) -> Self {
        Self { partial, ..self }
    }

    /// Whether something that may bind an account could not be read.
    pub fn is_partial(&self) -> bool {
        self.partial
    }

    /// The line that an account is stored as.
    pub fn line_of(&self, account: &AccountId) -> Option<&Line> {
        self.lines.get(account)
    }

    /// The accounts that are stored as a line, whether or not the file has it still.
    pub fn accounts(&self) -> impl Iterator<Item = &AccountId> {
        self.lines.keys()
    }

    /// The line that an account is stored as, or that its stack is of.
    pub fn last_line_of(&self, account: &AccountId) -> Option<&Line> {
        self.line_of(account).or_else(|| self.stacks.get(account))
    }

    /// Whether an account has a stack that is not given up.
    pub fn has_stack(&self, account: &AccountId) -> bool {
        self.stacks.contains_key(account)
    }

    /// Who is the line whose present key is the first of `lines`, and its former ones the others.
    fn holder(&self, lines: &[Line], pinned: Option<&AccountId>) -> Holder {
        if let Some(binding) = lines.first().and_then(|line| self.bound.get(line)) {
            return Holder::One { account: binding.account.clone(), stored: Stored::Here };
        }
        let formerly = lines.iter().filter_map(|line| self.bound.get(line));
        let mut held: BTreeMap<&AccountId, Stored> =
            formerly.map(|it| (&it.account, Stored::At(it.line.clone()))).collect();
        let standing = lines.iter().filter_map(|line| self.standing.get(line)).flatten();
        held.extend(standing.map(|account| (account, Stored::Nowhere)));
        let chosen = match held.len() {
            1 => held.iter().next(),
            _ => held.iter().find(|(account, _)| Some(**account) == pinned),
        };
        match chosen {
            Some((account, stored)) => Holder::One { account: (*account).clone(), stored: stored.clone() },
            None if held.is_empty() => Holder::Nobody,
            None => Holder::Several(held.into_keys().cloned().collect()),
        }
    }
}

impl Member {
    /// The member's line.
    pub fn line(&self) -> Line {
        Line::new(&self.domain, &self.environment)
    }
}

impl Fleet {
    /// The member's line, and those that `renamed_from` says it was before.
    pub fn lines_of(&self, member: &Member) -> Vec<Line> {
        let domain = self.domain(&member.domain);
        let entry = domain.and_then(|it| it.environments.iter().find(|it| it.name == member.environment));
        let former_domain = domain.and_then(|it| it.renamed_from.as_deref());
        let former_environment = entry.and_then(|it| it.renamed_from.as_deref());
        let mut lines = Vec::new();
        for domain in [Some(member.domain.as_str()), former_domain].into_iter().flatten() {
            for environment in [Some(member.environment.as_str()), former_environment].into_iter().flatten() {
                lines.push(Line::new(domain, environment));
            }
        }
        lines
    }

    /// The member whose line this is, or was before it was renamed.
    pub fn member_at(&self, line: &Line) -> Option<Member> {
        self.members().into_iter().find(|member| self.lines_of(member).contains(line))
    }

    /// The id of the account that a member is; `None` while it is none, or while nobody can say which.
    pub fn account_of(&self, member: &Member, bindings: &Bindings) -> Option<AccountId> {
        match bindings.holder(&self.lines_of(member), member.account_id.as_ref()) {
            Holder::One { account, .. } => Some(account),
            Holder::Nobody | Holder::Several(_) => None,
        }
    }

    /// The members that are an account, by its id.
    pub fn bound_members(&self, bindings: &Bindings) -> BTreeMap<AccountId, Member> {
        let members = self.members().into_iter();
        members.filter_map(|member| Some((self.account_of(&member, bindings)?, member))).collect()
    }

    /// The member that an account is. Its name is of no account: only ids identify.
    pub fn member_for(&self, account_id: &AccountId, bindings: &Bindings) -> Option<Member> {
        self.members().into_iter().find(|it| self.account_of(it, bindings).as_ref() == Some(account_id))
    }

    /// The member that the file names with an account's id or name. It may be that one, never met before,
    /// which [`Fleet::identify`] says; until then this is for telling people only.
    pub fn named(&self, account_id: &AccountId, account_name: &str) -> Option<Member> {
        self.members().into_iter().find(|member| match &member.account_id {
            Some(pinned) => pinned == account_id,
            None => member.account_name == account_name,
        })
    }
}
