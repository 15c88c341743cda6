//! Which accounts reach each other, directly or by way of others.

use std::collections::{BTreeMap, VecDeque};

use super::Rules;
use crate::model::ForbiddenPair;
use crate::place::{Flaw, Place};

/// An account: a domain's name and the name of one of its environments.
type Account<'a> = (&'a str, &'a str);

/// A step of a path: to which account, and where the connection is declared.
#[derive(Clone, Copy)]
struct Step<'a> {
    to: usize,
    declared: &'a Place,
}

/// The accounts of a file, in its order, by their numbers, and the connections between them.
#[derive(Default)]
struct Graph<'a> {
    /// Their environments and names.
    accounts: Vec<(&'a str, String)>,
    numbers: BTreeMap<Account<'a>, usize>,
    steps: Vec<Vec<Step<'a>>>,
}

/// What can be reached from the accounts of one environment.
struct Reached<'a> {
    /// The step by which an account was reached first, and from which one.
    from: Vec<Option<(usize, Step<'a>)>>,
    /// The account of each environment that is reached by the shortest path.
    nearest: BTreeMap<&'a str, usize>,
}

impl<'a> Rules<'a> {
    /// For each pair the shortest path that should not be, in either direction, as the example of why not.
    pub(super) fn forbidden_environments_are_out_of_reach(&mut self) {
        let draft = self.draft;
        if draft.forbidden.found.is_empty() {
            return;
        }
        let graph = self.graph();
        let mut searched: BTreeMap<&str, Reached> = BTreeMap::new();
        for (place, pair) in &draft.forbidden.found {
            let ForbiddenPair { from, to } = pair;
            // A pair of one environment has been reported already.
            if from == to {
                continue;
            }
            let mut path = |from: &'a str, to: &str| {
                let reached = searched.entry(from).or_insert_with(|| graph.search(from));
                reached.path_into(to)
            };
            let forth = path(from, to).map(|path| (format!("{from} can reach {to}"), path));
            // The pair is refused in both directions: the routes of a peering lead both ways, whichever
            // side opens the connections.
            let found = forth.or_else(|| {
                let what = format!("{to} can reach {from}, and a peering is two-way");
                path(to, from).map(|path| (what, path))
            });
            let Some((what, path)) = found else { continue };
            let flaw = Flaw::new(format!(
                "{what}, which `forbidden_environments` (line {}) rules out: {}",
                place.line,
                graph.shown(&path)
            ));
            let hint = "remove a connection of this path, or the pair if it may be so";
            // The last step is the one that enters the environment.
            let last = path.last().map_or(place, |(_, step)| step.declared);
            self.report(last, "", flaw.hint(hint).for_publishing());
        }
    }

    fn graph(&self) -> Graph<'a> {
        let draft = self.draft;
        let mut graph = Graph::default();
        for domain in draft.domains.values() {
            for entry in &domain.environments {
                let account = (domain.name.as_str(), entry.name.as_str());
                graph.numbers.entry(account).or_insert(graph.accounts.len());
                graph.accounts.push((&entry.name, entry.account_name(&domain.name)));
            }
        }
        graph.steps.resize(graph.accounts.len(), vec![]);
        for ((declared, connection), ways) in draft.connections.found.iter().zip(&self.index.ways) {
            let Some(ways) = ways else { continue };
            for source in &ways.sources {
                let target = connection.target_environment(source);
                let numbers = &graph.numbers;
                let ends = numbers.get(&(ways.from.name.as_str(), *source));
                // What one of the domains lacks has been reported already.
                let Some((from, to)) = ends.zip(numbers.get(&(ways.to.name.as_str(), target))) else {
                    continue;
                };
                if let Some(steps) = graph.steps.get_mut(*from) {
                    steps.push(Step { to: *to, declared });
                }
            }
        }
        graph
    }
}

impl<'a> Graph<'a> {
    /// A breadth-first search from all accounts of an environment. Of several shortest paths the one
    /// counts whose accounts and connections stand first in the file.
    fn search(&self, environment: &str) -> Reached<'a> {
        let mut reached = Reached { from: vec![None; self.accounts.len()], nearest: BTreeMap::new() };
        let mut seen: Vec<bool> = self.accounts.iter().map(|(of, _)| *of == environment).collect();
        let sources = seen.iter().enumerate().filter(|(_, is_source)| **is_source);
        let mut queue: VecDeque<usize> = sources.map(|(account, _)| account).collect();
        while let Some(account) = queue.pop_front() {
            for step in self.steps.get(account).into_iter().flatten() {
                let known = seen.get_mut(step.to).is_none_or(|seen| std::mem::replace(seen, true));
                if known {
                    continue;
                }
                if let Some(from) = reached.from.get_mut(step.to) {
                    *from = Some((account, *step));
                }
                if let Some((environment, _)) = self.accounts.get(step.to) {
                    reached.nearest.entry(environment).or_insert(step.to);
                }
                queue.push_back(step.to);
            }
        }
        reached
    }

    /// A path for a message: `shop-dev → hub-shared (line 5) → ledger-prod (line 7)`.
    fn shown(&self, path: &[(usize, Step)]) -> String {
        let mut text =
            path.first().map(|(start, _)| self.account_name(*start)).unwrap_or_default().to_owned();
        for (_, Step { to, declared }) in path {
            text.push_str(&format!(" → {} (line {})", self.account_name(*to), declared.line));
        }
        text
    }

    fn account_name(&self, account: usize) -> &str {
        self.accounts.get(account).map(|(_, name)| name.as_str()).unwrap_or_default()
    }
}

impl<'a> Reached<'a> {
    /// The steps into the nearest account of an environment, each with where it begins; at least one.
    fn path_into(&self, environment: &str) -> Option<Vec<(usize, Step<'a>)>> {
        let mut account = *self.nearest.get(environment)?;
        let mut steps = vec![];
        while let Some(Some((before, step))) = self.from.get(account) {
            steps.push((*before, *step));
            account = *before;
        }
        steps.reverse();
        Some(steps)
    }
}
