//! Which line is which account, how certain that is, and what stands against it.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fleet::{Line, LineState, Member, Rebinding, Roster};
use phonehome_wire::AccountId;

use crate::against::Known;
use crate::candidates::{Candidate, Candidates, Likeness};
use crate::not_bound::NotBound;
use crate::seen::SeenAccount;

/// What becomes of the lines of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposals {
    /// The lines that are no account yet, and those that were named, in the file's order.
    pub lines: Vec<Proposal>,
    /// The lines that were named and are not in the file.
    pub unknown: Vec<Line>,
    /// How many lines are an account.
    pub bound: usize,
    /// The active accounts that are no line and may be none of these, by their ids; without the management account and the
    /// hub's.
    pub unclaimed: Vec<SeenAccount>,
}

/// What becomes of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The line.
    pub line: Line,
    /// The accounts that it may be, the likeliest first. Where it was named, that one.
    pub candidates: Vec<Candidate>,
    /// Whether a person named its account.
    pub is_named: bool,
    /// What is to be stored, or why nothing is.
    pub outcome: Result<Rebinding, NotBound>,
}

/// Compares a file with the organization. `named` are the accounts that a person gave to lines by their ids.
///
/// Only what identifies an account binds it unasked: that the file has its id, or that it has the line's e-mail address
/// and no other active account has the line's name. A name has to be named.
#[must_use]
pub fn propose(known: &Known<'_>, named: &BTreeMap<Line, AccountId>) -> Proposals {
    let roster = known.roster();
    let candidates = Candidates::of(known.fleet, known.accounts);
    let taken = taken(known, named);
    let mut proposals = Proposals::default();
    for identified in known.fleet.identify(known.bindings, &roster).lines {
        let member = identified.member;
        let wanted = named.get(&member.line());
        if let (LineState::Bound { .. }, None) = (&identified.state, wanted) {
            proposals.bound += 1;
            continue;
        }
        let likely = candidates.for_member(&member, &taken);
        proposals.lines.push(match wanted {
            Some(account) => of_named(known, &member, account, &likely, &roster),
            None => of_likely(known, &member, likely, &roster),
        });
    }
    let is_known = |line: &&Line| proposals.lines.iter().any(|it| it.line == **line);
    proposals.unknown = named.keys().filter(|line| !is_known(line)).cloned().collect();
    twice(&mut proposals.lines);
    proposals.unclaimed = unclaimed(known, &proposals.lines, &taken);
    proposals
}

/// The accounts that are something already, or were named.
fn taken(known: &Known<'_>, named: &BTreeMap<Line, AccountId>) -> BTreeSet<AccountId> {
    let organization = &known.fleet.organization;
    let mut taken: BTreeSet<AccountId> =
        known.fleet.members().into_iter().filter_map(|member| member.account_id).collect();
    taken.extend(named.values().cloned());
    taken.extend([organization.management_account.clone(), organization.hub_account.clone()]);
    let ids = known.accounts.iter().map(|it| &it.id);
    taken.extend(ids.filter(|id| known.bindings.last_line_of(id).is_some()).cloned());
    taken
}

fn of_named(
    known: &Known<'_>,
    member: &Member,
    account: &AccountId,
    likely: &[Candidate],
    roster: &Roster,
) -> Proposal {
    let likeness = |it: &SeenAccount| likely.iter().find(|likely| likely.account.id == it.id);
    let seen = known.accounts.iter().find(|it| it.id == *account);
    let candidate = seen.map(|it| Candidate {
        account: it.clone(),
        likeness: likeness(it).map_or(Likeness::Resembling, |it| it.likeness),
    });
    Proposal {
        line: member.line(),
        candidates: candidate.into_iter().collect(),
        is_named: true,
        outcome: known.binding(member, account, roster),
    }
}

fn of_likely(known: &Known<'_>, member: &Member, likely: Vec<Candidate>, roster: &Roster) -> Proposal {
    let line = member.line();
    let outcome = match (certain(&likely), &member.account_id) {
        (Some(account), _) | (None, Some(account)) => known.binding(member, account, roster),
        (None, None) => Err(unsure(known, member, &likely, roster)),
    };
    Proposal { line, candidates: likely, is_named: false, outcome }
}

/// The one account that the file has, or that has the line's address while no other that can be worked in has its name.
fn certain(likely: &[Candidate]) -> Option<&AccountId> {
    let first = likely.first().filter(|it| it.likeness <= Likeness::Email)?;
    let is_other = |it: &&Candidate| it.likeness <= Likeness::Name && it.account.id != first.account.id;
    let others = likely.iter().filter(is_other).filter(|it| it.account.state.is_active());
    (others.count() == 0).then_some(&first.account.id)
}

/// Why none of these is bound: what stands against the likeliest ones, or that a person has to say which.
fn unsure(known: &Known<'_>, member: &Member, likely: &[Candidate], roster: &Roster) -> NotBound {
    let possible: Vec<_> =
        likely.iter().map(|it| (it, known.binding(member, &it.account.id, roster))).collect();
    let accounts: Vec<AccountId> =
        possible.iter().filter(|(_, it)| it.is_ok()).map(|(it, _)| it.account.id.clone()).collect();
    match possible.into_iter().find_map(|(_, outcome)| outcome.err()) {
        _ if !accounts.is_empty() => NotBound::Unsure { line: member.line(), accounts },
        Some(against) => against,
        None => NotBound::Nobody,
    }
}

/// No account becomes two lines: where it would, it becomes neither.
fn twice(lines: &mut [Proposal]) {
    let mut claims: BTreeMap<AccountId, Vec<Line>> = BTreeMap::new();
    for it in lines.iter() {
        if let Ok(rebinding) = &it.outcome {
            claims.entry(rebinding.account.clone()).or_default().push(it.line.clone());
        }
    }
    for it in lines {
        let Ok(Rebinding { account, .. }) = &it.outcome else { continue };
        if let Some(lines) = claims.get(account).filter(|lines| lines.len() > 1) {
            it.outcome = Err(NotBound::Twice { account: account.clone(), lines: lines.clone() });
        }
    }
}

fn unclaimed(known: &Known<'_>, lines: &[Proposal], taken: &BTreeSet<AccountId>) -> Vec<SeenAccount> {
    let candidates: BTreeSet<&AccountId> =
        lines.iter().flat_map(|it| &it.candidates).map(|it| &it.account.id).collect();
    let is_free =
        |it: &&SeenAccount| it.state.is_active() && !candidates.contains(&it.id) && !taken.contains(&it.id);
    let unclaimed: BTreeMap<&AccountId, &SeenAccount> =
        known.accounts.iter().filter(is_free).map(|it| (&it.id, it)).collect();
    unclaimed.into_values().cloned().collect()
}
