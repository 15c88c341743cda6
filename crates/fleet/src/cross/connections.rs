//! Rules of connections, and what isolations have in common with them.

use std::collections::BTreeMap;

use super::Rules;
use super::index::Ways;
use crate::checks::connection_id;
use crate::model::{Connection, Domain};
use crate::names::Kind;
use crate::place::{Flaw, Place};
use crate::spelling::listed;

/// From which environments of a domain to which of another a connection or an isolation goes.
pub(super) struct Reach<'a> {
    /// What it is, for messages: `a connection` and `to`.
    pub(super) words: (&'static str, &'static str),
    pub(super) to_environment: Option<&'a str>,
    /// What the file lists under `environments`.
    pub(super) listed: &'a [String],
    /// What follows from all of this.
    pub(super) ways: Ways<'a>,
}

impl<'a> Rules<'a> {
    /// Checks are distinguished by their ids, and an account's ways to another by the port.
    pub(super) fn connections_are_distinct(&mut self) {
        let mut seen: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        let draft = self.draft;
        for (index, (place, connection)) in draft.connections.found.iter().enumerate() {
            for (port, environment) in self.tests_of(index, connection) {
                let Connection { from, to, .. } = connection;
                let id = connection_id(connection, port);
                let target = connection.target_environment(environment);
                let claims = [
                    format!("`{id}` is declared twice for {environment}"),
                    // Two ids may mean the same: one with `to_environment` and one without.
                    format!(
                        "port {port} from `{from}` in {environment} to `{to}` in {target} is declared twice"
                    ),
                ];
                let earlier = claims.iter().find_map(|claim| {
                    let (first, line) = seen.get(claim)?;
                    (*first != index).then_some((claim, line))
                });
                if let Some((claim, line)) = earlier {
                    let flaw = Flaw::new(claim).hint(format!("the first is on line {line}"));
                    self.report(place, "", flaw);
                    // Once is enough, however many environments there are.
                    break;
                }
                seen.extend(claims.map(|claim| (claim, (index, place.line))));
            }
        }
    }

    /// Each port in each source environment of the connection with this index.
    fn tests_of(&self, index: usize, connection: &'a Connection) -> Vec<(u16, &'a str)> {
        let sources = self.index.ways.get(index).and_then(Option::as_ref).map(|ways| &ways.sources);
        let sources = sources.into_iter().flatten();
        sources.flat_map(|environment| connection.ports.iter().map(|port| (*port, *environment))).collect()
    }

    pub(super) fn connections_have_environments(&mut self) {
        let draft = self.draft;
        for (index, (place, connection)) in draft.connections.found.iter().enumerate() {
            let Some(ways) = self.index.ways.get(index).cloned().flatten() else { continue };
            self.reach_makes_sense(
                place,
                &Reach {
                    words: ("a connection", "to"),
                    to_environment: connection.to_environment.as_deref(),
                    listed: &connection.environments,
                    ways,
                },
            );
        }
    }

    pub(super) fn reach_makes_sense(&mut self, place: &Place, reach: &Reach) {
        let Reach { words: (what, preposition), to_environment, listed: environments, ways } = reach;
        let Ways { from, to, sources } = ways;
        let Some(target) = to_environment else {
            // A domain's connection to itself has been reported already.
            if from.name != to.name {
                self.both_have_environments(place, from, to, environments);
            }
            return;
        };
        if self.reader.names.is_declared(Kind::Environment, target) && !to.has_environment(target) {
            let flaw = Flaw::new(format!("the domain `{}` has no environment `{target}`", to.name));
            self.report(place, ".to_environment", flaw.hint(environments_of(to)));
        } else if sources.is_empty() {
            let flaw = Flaw::new(format!("`{}` has no environment but `{target}`", from.name));
            self.report(place, ".to_environment", flaw.hint("nothing would be tested"));
        }
        for (index, environment) in environments.iter().enumerate() {
            self.has_environment(place, index, environment, from);
            if from.name == to.name && environment == target {
                let flaw = format!("{what} of `{}`'s {environment} {preposition} itself", from.name);
                self.report(place, &format!(".environments[{index}]"), Flaw::new(flaw));
            }
        }
    }

    fn both_have_environments(&mut self, place: &Place, from: &Domain, to: &Domain, environments: &[String]) {
        let in_common = from.environments.iter().any(|entry| to.has_environment(&entry.name));
        if environments.is_empty() && !in_common {
            let flaw = Flaw::new(format!("`{}` and `{}` have no environment in common", from.name, to.name));
            self.report(place, "", flaw.hint("nothing would be tested"));
        }
        for (index, environment) in environments.iter().enumerate() {
            self.has_environment(place, index, environment, from);
            self.has_environment(place, index, environment, to);
        }
    }

    pub(super) fn has_environment(
        &mut self,
        place: &Place,
        index: usize,
        environment: &str,
        domain: &Domain,
    ) {
        let declared = self.reader.names.is_declared(Kind::Environment, environment);
        if declared && !domain.has_environment(environment) {
            let flaw = Flaw::new(format!("the domain `{}` has no environment `{environment}`", domain.name));
            self.report(place, &format!(".environments[{index}]"), flaw.hint(environments_of(domain)));
        }
    }
}

fn environments_of(domain: &Domain) -> String {
    let has: Vec<&str> = domain.environments.iter().map(|entry| entry.name.as_str()).collect();
    format!("it has {}", listed(&has))
}
