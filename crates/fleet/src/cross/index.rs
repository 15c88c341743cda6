//! What the rules look up, gathered in one pass over the file.

use std::collections::BTreeMap;

use crate::checks::{connection_environments, isolation_environments};
use crate::draft::Draft;
use crate::model::{Connection, Domain, Environment, Isolation, Nat};

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

/// Whether the accounts of an environment reach the internet; also where the environment is unknown.
pub(super) fn has_way_out(index: &Index, environment: &str) -> bool {
    index.environments.get(environment).is_none_or(|environment| environment.nat != Nat::None)
}
