//! What the rules look up, gathered in one pass over the file.

use std::collections::{BTreeMap, BTreeSet};

use crate::checks::{connection_environments, connection_id, egress_id, expand, isolation_environments};
use crate::draft::Draft;
use crate::limits::{MAX_CHECKS, TESTS_MAX};
use crate::model::{Connection, Domain, Environment, Isolation, Nat};
use crate::place::Place;

/// Names of a file, each with what first has it.
pub(super) struct Index<'a> {
    /// Without those whose environments are unknown.
    pub(super) domains: BTreeMap<&'a str, &'a Domain>,
    pub(super) environments: BTreeMap<&'a str, &'a Environment>,
    /// How many accounts each environment has.
    pub(super) accounts: BTreeMap<&'a str, u64>,
    /// The ways of each connection, in the file's order; none where a domain is unknown.
    pub(super) ways: Vec<Option<Ways<'a>>>,
}

/// Between which accounts a connection or an isolation goes.
#[derive(Clone)]
pub(super) struct Ways<'a> {
    pub(super) from: &'a Domain,
    pub(super) to: &'a Domain,
    /// From which environments.
    pub(super) sources: Vec<&'a str>,
}

impl<'a> Index<'a> {
    pub(super) fn of(draft: &'a Draft) -> Self {
        let mut index = Self {
            domains: BTreeMap::new(),
            environments: BTreeMap::new(),
            accounts: BTreeMap::new(),
            ways: vec![],
        };
        for environment in draft.environments.values() {
            index.environments.entry(&environment.name).or_insert(environment);
        }
        for domain in draft.domains.values().filter(|domain| !domain.environments.is_empty()) {
            index.domains.entry(&domain.name).or_insert(domain);
            for entry in &domain.environments {
                *index.accounts.entry(&entry.name).or_default() += 1;
            }
        }
        index.ways = draft.connections.values().map(|connection| index.of_connection(connection)).collect();
        index
    }

    fn of_connection(&self, connection: &'a Connection) -> Option<Ways<'a>> {
        let (from, to) = self.ends(&connection.from, &connection.to)?;
        Some(Ways { from, to, sources: connection_environments(connection, from, to) })
    }

    pub(super) fn of_isolation(&self, isolation: &'a Isolation) -> Option<Ways<'a>> {
        let (from, to) = self.ends(&isolation.from, &isolation.to)?;
        Some(Ways { from, to, sources: isolation_environments(isolation, from, to) })
    }

    fn ends(&self, from: &str, to: &str) -> Option<(&'a Domain, &'a Domain)> {
        self.domains.get(from).copied().zip(self.domains.get(to).copied())
    }
}

/// What is tested from each account, by domain and environment.
pub(super) struct Tests<'a> {
    accounts: BTreeMap<(&'a str, &'a str), Account<'a>>,
    /// The ids of the egress checks, of every account that has a way out.
    egress: BTreeSet<String>,
    /// What somebody must reach.
    reached: BTreeSet<(String, u16)>,
}

/// What is tested from one account.
#[derive(Default)]
struct Account<'a> {
    connections: BTreeSet<String>,
    /// What must be reached, and where that is declared.
    endpoints: BTreeMap<(String, u16), &'a Place>,
    isolations: usize,
}

impl<'a> Tests<'a> {
    /// All of them; or where the file passes [`TESTS_MAX`].
    pub(super) fn of(draft: &'a Draft, index: &Index<'a>) -> Result<Self, &'a Place> {
        let mut left = TESTS_MAX;
        let mut count = |place, tests: usize| match left.checked_sub(tests) {
            Some(rest) => {
                left = rest;
                Ok(())
            }
            None => Err(place),
        };
        let egress = draft.probing.egress.iter();
        let mut reached: BTreeSet<_> = egress.map(|target| (target.host.clone(), target.port)).collect();
        let mut accounts: BTreeMap<_, Account> = BTreeMap::new();
        for ((place, connection), ways) in draft.connections.found.iter().zip(&index.ways) {
            let Some(ways) = ways else { continue };
            count(place, connection.ports.len() * ways.sources.len())?;
            for environment in &ways.sources {
                let account = accounts.entry((ways.from.name.as_str(), *environment)).or_default();
                let host = expand(&connection.check.host, connection.target_environment(environment), "");
                for port in &connection.ports {
                    account.connections.insert(connection_id(connection, *port));
                    account.endpoints.entry((host.clone(), *port)).or_insert(place);
                    reached.insert((host.clone(), *port));
                }
            }
        }
        for (place, isolation) in &draft.isolations.found {
            let Some(ways) = index.of_isolation(isolation) else { continue };
            count(place, ways.sources.len())?;
            for environment in &ways.sources {
                let account = accounts.entry((ways.from.name.as_str(), *environment)).or_default();
                account.isolations += 1;
            }
        }
        Ok(Self { accounts, egress: draft.probing.egress.iter().map(egress_id).collect(), reached })
    }

    /// Where it is declared that an account must reach an endpoint.
    pub(super) fn declared(
        &self,
        domain: &str,
        environment: &str,
        host: &str,
        port: u16,
    ) -> Option<&'a Place> {
        let account = self.accounts.get(&(domain, environment))?;
        account.endpoints.get(&(host.to_owned(), port)).copied()
    }

    /// Whether it is declared that anybody must reach an endpoint.
    pub(super) fn is_reached(&self, host: &str, port: u16) -> bool {
        self.reached.contains(&(host.to_owned(), port))
    }

    /// Whether a check of an account that must succeed has this id.
    pub(super) fn is_control(&self, index: &Index, domain: &str, environment: &str, id: &str) -> bool {
        let account = self.accounts.get(&(domain, environment));
        account.is_some_and(|account| account.connections.contains(id))
            || (has_way_out(index, environment) && self.egress.contains(id))
    }

    /// The checks of an account that must succeed, by id.
    pub(super) fn controls(&self, index: &Index, domain: &str, environment: &str) -> BTreeSet<String> {
        let account = self.accounts.get(&(domain, environment));
        let connections = account.into_iter().flat_map(|account| &account.connections);
        let egress = self.egress.iter().filter(|_| has_way_out(index, environment));
        connections.chain(egress).cloned().collect()
    }

    /// How many checks an account has, when they are too many.
    pub(super) fn too_many(&self, index: &Index, domain: &str, environment: &str) -> Option<usize> {
        let account = self.accounts.get(&(domain, environment));
        let declared = account.map_or(0, |account| account.connections.len() + account.isolations);
        let egress = if has_way_out(index, environment) { self.egress.len() } else { 0 };
        Some(declared + egress).filter(|count| *count > MAX_CHECKS)
    }
}

fn has_way_out(index: &Index, environment: &str) -> bool {
    index.environments.get(environment).is_none_or(|environment| environment.nat != Nat::None)
}
