//! Which accounts reach each other, directly or by way of others.

use std::collections::{BTreeMap, VecDeque};

use super::Rules;
use crate::checks::connection_environments;
use crate::model::{DomainEnvironment, ForbiddenPair};
use crate::reader::{Flaw, Place};

/// An account: a domain's name and the name of one of its environments.
type Account<'a> = (&'a str, &'a str);

/// A step of a path: to which account, and where the connection is declared.
#[derive(Clone, Copy)]
struct Step<'a> {
    to: Account<'a>,
    declared: &'a Place,
}

/// The accounts of a file, in its order, and the connections between them.
struct Graph<'a> {
    accounts: Vec<(Account<'a>, String)>,
    steps: BTreeMap<Account<'a>, Vec<Step<'a>>>,
}

/// How to get from an account to another: each step in order, at least one.
struct Path<'a> {
    start: Account<'a>,
    steps: Vec<Step<'a>>,
}

impl<'a> Rules<'a> {
    /// For each pair the shortest path that should not be, in either direction, as the example of why not.
    pub(super) fn forbidden_environments_are_out_of_reach(&mut self) {
        let graph = self.graph();
        for (place, pair) in &self.draft.forbidden.found {
            let ForbiddenPair { from, to } = pair;
            // A pair of one environment has been reported already.
            if from == to {
                continue;
            }
            let forth = graph.shortest_path(from, to).map(|path| (format!("{from} can reach {to}"), path));
            // The pair is refused in both directions: the routes of a peering lead both ways, whichever
            // side opens the connections.
            let two_way = || format!("{to} can reach {from}, and a peering is two-way");
            let back = || graph.shortest_path(to, from).map(|path| (two_way(), path));
            let Some((what, path)) = forth.or_else(back) else { continue };
            let flaw = Flaw::new(format!(
                "{what}, which `forbidden_environments` (line {}) rules out: {}",
                place.line,
                graph.shown(&path)
            ));
            let hint = "remove a connection of this path, or the pair if it may be so";
            // The last step is the one that enters the environment.
            let last = path.steps.last().map_or(place, |step| step.declared);
            self.report(last, "", flaw.hint(hint));
        }
    }

    fn graph(&self) -> Graph<'a> {
        let mut graph = Graph { accounts: vec![], steps: BTreeMap::new() };
        for domain in self.draft.domains.values() {
            let account = |entry: &'a DomainEnvironment| {
                ((domain.name.as_str(), entry.name.as_str()), entry.account_name(&domain.name))
            };
            graph.accounts.extend(domain.environments.iter().map(account));
        }
        for (declared, connection) in &self.draft.connections.found {
            let Some((from, to)) = self.domain(&connection.from).zip(self.domain(&connection.to)) else {
                continue;
            };
            for source in connection_environments(connection, from, to) {
                let target = connection.target_environment(source);
                // What one of the domains lacks has been reported already.
                if from.has_environment(source) && to.has_environment(target) {
                    let step = Step { to: (&to.name, target), declared };
                    graph.steps.entry((&from.name, source)).or_default().push(step);
                }
            }
        }
        graph
    }
}

impl<'a> Graph<'a> {
    /// The shortest path from any account of an environment to any of another, by breadth-first
    /// search. Of several the one whose accounts and connections stand first in the file.
    fn shortest_path(&self, from: &str, to: &str) -> Option<Path<'a>> {
        let sources = self.accounts.iter().map(|(account, _)| *account).filter(|account| account.1 == from);
        let mut queue: VecDeque<Account> = sources.collect();
        let mut reached: BTreeMap<Account, Option<(Account, Step)>> =
            queue.iter().map(|account| (*account, None)).collect();
        while let Some(account) = queue.pop_front() {
            for step in self.steps.get(&account).into_iter().flatten() {
                if reached.contains_key(&step.to) {
                    continue;
                }
                reached.insert(step.to, Some((account, *step)));
                if step.to.1 == to {
                    return Some(path_to(step.to, &reached));
                }
                queue.push_back(step.to);
            }
        }
        None
    }

    /// A path for a message: `shop-dev → hub-shared (line 5) → ledger-prod (line 7)`.
    fn shown(&self, path: &Path) -> String {
        let mut text = self.account_name(path.start).to_owned();
        for Step { to, declared } in &path.steps {
            text.push_str(&format!(" → {} (line {})", self.account_name(*to), declared.line));
        }
        text
    }

    fn account_name(&self, account: Account) -> &str {
        let found = self.accounts.iter().find(|(known, _)| *known == account);
        found.map(|(_, name)| name.as_str()).unwrap_or_default()
    }
}

/// The way back from an account to where the search began, turned round.
fn path_to<'a>(
    end: Account<'a>,
    reached: &BTreeMap<Account<'a>, Option<(Account<'a>, Step<'a>)>>,
) -> Path<'a> {
    let (mut start, mut steps) = (end, vec![]);
    while let Some(Some((before, step))) = reached.get(&start) {
        steps.push(*step);
        start = *before;
    }
    steps.reverse();
    Path { start, steps }
}
