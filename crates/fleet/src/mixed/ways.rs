//! Where ways of several connections lead.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use phonehome_wire::AccountId;

use crate::identity::Line;
use crate::model::ForbiddenPair;

/// An end of a connection: the account, or the line while it is none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    Account(AccountId),
    Line(Line),
}

/// A way that a connection opens: from whom, to whom, at which TCP port.
pub(super) type Way = (End, End, u16);

/// Whether one of two environments can be reached from the other, in whichever direction: a peering is two-way.
pub(super) fn forbidden_way(
    ways: &BTreeSet<Way>,
    environments: &BTreeMap<End, String>,
    pair: &ForbiddenPair,
) -> bool {
    leads(ways, environments, (&pair.from, &pair.to)) || leads(ways, environments, (&pair.to, &pair.from))
}

fn leads(ways: &BTreeSet<Way>, environments: &BTreeMap<End, String>, (from, to): (&str, &str)) -> bool {
    let mut steps: BTreeMap<&End, Vec<&End>> = BTreeMap::new();
    for (source, target, _) in ways {
        steps.entry(source).or_default().push(target);
    }
    let sources = environments.iter().filter(|(_, environment)| *environment == from);
    let mut seen: BTreeSet<&End> = sources.map(|(end, _)| end).collect();
    let mut queue: VecDeque<&End> = seen.iter().copied().collect();
    while let Some(end) = queue.pop_front() {
        for next in steps.get(end).into_iter().flatten() {
            if seen.insert(next) {
                if environments.get(*next).is_some_and(|it| it == to) {
                    return true;
                }
                queue.push_back(next);
            }
        }
    }
    false
}
