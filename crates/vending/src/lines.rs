//! Which lines there are, under which names, and which account each of them is.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fleet::{Bindings, Fleet, Line};
use phonehome_wire::AccountId;

use crate::order::Order;

/// The lines of the fleet file and their accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    declared: BTreeSet<Line>,
    /// What lines are called now, by what they are or were called: the file has no name of a line as a former one.
    renamed: BTreeMap<Line, Line>,
    bound: BTreeMap<AccountId, Line>,
}

impl Lines {
    /// The lines of a fleet file, with the accounts that they are.
    #[must_use]
    pub fn of(fleet: &Fleet, bindings: &Bindings) -> Self {
        let members = fleet.members();
        let declared: BTreeSet<Line> = members.iter().map(phonehome_fleet::Member::line).collect();
        let names =
            members.iter().flat_map(|it| fleet.lines_of(it).into_iter().map(|former| (former, it.line())));
        let renamed: BTreeMap<Line, Line> = names.collect();
        let stored = bindings.accounts().filter_map(|it| Some((it.clone(), bindings.line_of(it)?.clone())));
        let mut bound: BTreeMap<AccountId, Line> = stored.collect();
        // Those of which only a stack says so, too.
        bound.extend(
            fleet.bound_members(bindings).into_iter().map(|(account, member)| (account, member.line())),
        );
        Self { declared, renamed, bound }
    }

    /// These lines, none of which had another name before, with these accounts.
    pub fn new(
        declared: impl IntoIterator<Item = Line>,
        bound: impl IntoIterator<Item = (AccountId, Line)>,
    ) -> Self {
        let (declared, bound) = (declared.into_iter().collect(), bound.into_iter().collect());
        Self { declared, renamed: BTreeMap::new(), bound }
    }

    /// What a line is called now.
    #[must_use]
    pub fn present<'a>(&'a self, line: &'a Line) -> &'a Line {
        self.renamed.get(line).unwrap_or(line)
    }

    /// The orders by what their lines are called now.
    pub(crate) fn orders<'a>(&'a self, orders: &'a BTreeMap<Line, Order>) -> BTreeMap<&'a Line, &'a Order> {
        let orders = orders.values();
        let mut by_line: BTreeMap<&Line, &Order> =
            orders.clone().map(|order| (self.present(&order.line), order)).collect();
        // Under its own name rather than a former one.
        by_line.extend(orders.map(|order| (&order.line, order)));
        by_line
    }

    /// Whether two names are one line's.
    #[must_use]
    pub fn are_one(&self, one: &Line, other: &Line) -> bool {
        self.present(one) == self.present(other)
    }

    /// Whether the file has a line, under whatever name.
    #[must_use]
    pub fn declares(&self, line: &Line) -> bool {
        self.declared.contains(self.present(line))
    }

    /// The line that an account is.
    #[must_use]
    pub fn line_of(&self, account: &AccountId) -> Option<&Line> {
        self.bound.get(account)
    }
}
