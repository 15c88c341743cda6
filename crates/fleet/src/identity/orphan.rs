//! Accounts whose line left the file.

use std::collections::BTreeMap;

use phonehome_wire::AccountId;

use super::{Bindings, Line, Roster};
use crate::model::Fleet;

/// An account that is a line which no version in use has. Its network stays as it is: nobody repairs it, nobody is told
/// when it breaks, and it costs what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// The account's id.
    pub account: AccountId,
    /// Its name.
    pub account_name: String,
    /// The line that it was.
    pub line: Line,
}

/// The active accounts that are orphaned by these versions: that are, by what is stored, by a stack or by what they were
/// made for (`made`), a line which none of the versions has under any name, and that none of them names otherwise. A line
/// that was renamed or rebound orphans nobody, nor does one that a version still has.
#[must_use]
pub fn orphans(
    versions: &[&Fleet],
    bindings: &Bindings,
    roster: &Roster,
    made: &BTreeMap<AccountId, Line>,
) -> Vec<Orphan> {
    let mut versions = versions.iter();
    let Some(first) = versions.next() else { return vec![] };
    let mut orphans = orphans_of(first, bindings, roster, made);
    for version in versions {
        let others = orphans_of(version, bindings, roster, made);
        orphans.retain(|orphan| others.contains(orphan));
    }
    orphans
}

fn orphans_of(
    fleet: &Fleet,
    bindings: &Bindings,
    roster: &Roster,
    made: &BTreeMap<AccountId, Line>,
) -> Vec<Orphan> {
    // Who is named in a finding may be a line: people have to say so first.
    let uncovered = fleet.identify(bindings, roster).uncovered.into_iter();
    let orphan = |(account, account_name): (AccountId, String)| {
        let line = bindings.last_line_of(&account).or_else(|| made.get(&account))?.clone();
        Some(Orphan { account, account_name, line })
    };
    uncovered.filter_map(orphan).filter(|orphan| fleet.member_at(&orphan.line).is_none()).collect()
}
