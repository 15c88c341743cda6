//! Rules that concern more than one value of a fleet file.

use std::collections::{BTreeMap, BTreeSet};

use crate::checks::{
    connection_environments, connection_id, egress_id, expand, isolation_environments, isolation_id,
};
use crate::draft::Draft;
use crate::model::{Connection, Domain, Isolation, Nat};
use crate::names::{Kind, closest, listed};
use crate::reader::{Flaw, Place, Reader};
use crate::rules;
use crate::yaml::Node;

/// Checks made in one account and Region, at most. Request and response of a probe's run travel
/// together in one event of at most 256 KB (EventBridge); a check takes up to about 0.4 KB of the
/// one and 0.5 KB of the other.
const MAX_CHECKS: usize = 200;

/// Reports every rule that the draft breaks.
pub(crate) fn check(draft: &Draft, root: &Node, reader: &mut Reader) {
    let mut rules = Rules { draft, root, reader };
    rules.pools_do_not_overlap();
    rules.every_region_has_a_pool();
    rules.pools_have_room();
    rules.connections_are_distinct();
    rules.connections_have_environments();
    rules.isolations_make_sense();
    rules.paging_reaches_someone();
    rules.accounts_have_few_enough_checks();
}

struct Rules<'a> {
    draft: &'a Draft,
    root: &'a Node,
    reader: &'a mut Reader,
}

impl<'a> Rules<'a> {
    fn report(&mut self, place: &Place, below: &str, flaw: Flaw) {
        let place = place.below(self.root, below);
        self.reader.report(&place, flaw);
    }

    /// The domain of a name, unless its environments are unknown.
    fn domain(&self, name: &str) -> Option<&'a Domain> {
        let mut domains = self.draft.domains.values();
        domains.find(|domain| domain.name == name && !domain.environments.is_empty())
    }

    fn pools_do_not_overlap(&mut self) {
        let pools = &self.draft.pools.found;
        for (index, (place, pool)) in pools.iter().enumerate() {
            for (earlier_place, earlier) in &pools[..index] {
                let readable = pool.cidr.prefix_len() > 0 && earlier.cidr.prefix_len() > 0;
                let overlap = pool.cidr.contains(&earlier.cidr) || earlier.cidr.contains(&pool.cidr);
                if readable && overlap {
                    let flaw = Flaw::new(format!(
                        "{} overlaps {} of the address pool `{}`",
                        pool.cidr, earlier.cidr, earlier.name
                    ));
                    let hint = format!("that pool is on line {}", earlier_place.line);
                    self.report(place, ".cidr", flaw.hint(hint));
                }
            }
        }
    }

    fn every_region_has_a_pool(&mut self) {
        let pools = &self.draft.pools;
        let all_known = pools.complete && pools.values().all(|pool| !pool.region.is_empty());
        for (place, region) in self.draft.regions.found.iter().filter(|_| all_known) {
            let named = pools.values().any(|pool| pool.region == region.name);
            if !named && rules::region(&region.name).is_ok() {
                let flaw = Flaw::new(format!("the Region {} has no address pool", region.name));
                let hint = "no account could get a network there: add a pool, or remove the Region";
                self.report(place, ".name", flaw.hint(hint));
            }
        }
    }

    /// A pool must have a block for each account that can get one from nowhere else.
    fn pools_have_room(&mut self) {
        for (place, pool) in &self.draft.pools.found {
            let depends = |environment: &str| {
                let environment = self.draft.environments.values().find(|e| e.name == environment);
                environment.is_some_and(|e| {
                    let mut here = self
                        .draft
                        .pools
                        .values()
                        .filter(|p| p.region == pool.region && e.pools.contains(&p.name));
                    here.next().is_some_and(|first| first.name == pool.name) && here.next().is_none()
                })
            };
            let accounts = self.draft.domains.values().flat_map(|domain| &domain.environments);
            let needed = accounts.filter(|entry| depends(&entry.name)).count() as u64;
            if needed > pool.blocks() {
                let flaw = Flaw::new(format!(
                    "{needed} accounts need a block of the address pool `{}`, which has {}",
                    pool.name,
                    pool.blocks()
                ));
                let hint = "make the blocks smaller, or give the environment a further pool in the Region";
                self.report(place, ".block", flaw.hint(hint));
            }
        }
    }

    /// Checks are told apart by domains and port, so those may occur once in an environment.
    fn connections_are_distinct(&mut self) {
        let mut seen: BTreeMap<(String, &str), (usize, usize)> = BTreeMap::new();
        for (index, (place, connection)) in self.draft.connections.found.iter().enumerate() {
            for (port, environment) in self.tests_of(connection) {
                let id = connection_id(connection, port);
                match seen.get(&(id.clone(), environment)) {
                    Some((first, line)) if *first != index => {
                        let flaw = Flaw::new(format!("`{id}` is declared twice for {environment}"));
                        self.report(place, "", flaw.hint(format!("the first is on line {line}")));
                        // Once is enough, however many environments there are.
                        break;
                    }
                    _ => seen.insert((id, environment), (index, place.line)),
                };
            }
        }
    }

    /// Each port in each environment of a connection.
    fn tests_of(&self, connection: &'a Connection) -> Vec<(u16, &'a str)> {
        let (Some(from), Some(to)) = (self.domain(&connection.from), self.domain(&connection.to)) else {
            return vec![];
        };
        let environments = connection_environments(connection, from, to);
        let ports = connection.ports.iter();
        ports.flat_map(|port| environments.iter().map(|environment| (*port, *environment))).collect()
    }

    fn connections_have_environments(&mut self) {
        for (place, connection) in &self.draft.connections.found {
            let ends = self.domain(&connection.from).zip(self.domain(&connection.to));
            let Some((from, to)) = ends.filter(|(from, to)| from.name != to.name) else { continue };
            if connection.environments.is_empty() {
                self.share_an_environment(place, from, to);
            }
            for (index, environment) in connection.environments.iter().enumerate() {
                self.has_environment(place, index, environment, &[from, to]);
            }
        }
    }

    fn share_an_environment(&mut self, place: &Place, from: &Domain, to: &Domain) {
        if !from.environments.iter().any(|entry| to.has_environment(&entry.name)) {
            let flaw = Flaw::new(format!("`{}` and `{}` have no environment in common", from.name, to.name));
            self.report(place, "", flaw.hint("nothing would be tested"));
        }
    }

    fn has_environment(&mut self, place: &Place, index: usize, environment: &str, domains: &[&Domain]) {
        if !self.reader.names.is_declared(Kind::Environment, environment) {
            return;
        }
        for domain in domains.iter().filter(|domain| !domain.has_environment(environment)) {
            let has: Vec<&str> = domain.environments.iter().map(|entry| entry.name.as_str()).collect();
            let flaw = Flaw::new(format!("the domain `{}` has no environment `{environment}`", domain.name));
            let hint = format!("it has {}", listed(&has));
            self.report(place, &format!(".environments[{index}]"), flaw.hint(hint));
        }
    }

    fn isolations_make_sense(&mut self) {
        let mut seen = BTreeMap::new();
        for (place, isolation) in &self.draft.isolations.found {
            let ends = self.domain(&isolation.from).zip(self.domain(&isolation.to));
            let Some((from, to)) = ends else { continue };
            if isolation.environments.is_empty() && isolation.to_environment.is_none() && from.name != to.name
            {
                self.share_an_environment(place, from, to);
            }
            self.isolation_environments_exist(place, isolation, from, to);
            self.isolation_contradicts_nothing(place, isolation, from, to);
            self.control_exists(place, isolation, from, to);
            for environment in isolation_environments(isolation, from, to) {
                // The Region changes nothing here: it is the same for both.
                let id = isolation_id(isolation, environment, "");
                match seen.insert((id.clone(), environment), place.line) {
                    Some(line) if !isolation.host.is_empty() => {
                        let flaw = Flaw::new(format!("`{id}` is declared twice for {environment}"));
                        self.report(place, "", flaw.hint(format!("the first is on line {line}")));
                        break;
                    }
                    _ => {}
                }
            }
        }
    }

    fn isolation_environments_exist(
        &mut self,
        place: &Place,
        isolation: &Isolation,
        from: &Domain,
        to: &Domain,
    ) {
        if let Some(target) = &isolation.to_environment {
            let declared = self.reader.names.is_declared(Kind::Environment, target);
            if declared && !to.has_environment(target) {
                let flaw = Flaw::new(format!("the domain `{}` has no environment `{target}`", to.name));
                self.report(place, ".to_environment", flaw);
            } else if isolation_environments(isolation, from, to).is_empty() {
                let flaw = Flaw::new(format!("`{}` has no environment but `{target}`", from.name));
                self.report(place, ".to_environment", flaw.hint("nothing would be tested"));
            }
        }
        let domains = match isolation.to_environment {
            Some(_) => vec![from],
            None => vec![from, to],
        };
        for (index, environment) in isolation.environments.iter().enumerate() {
            self.has_environment(place, index, environment, &domains);
            if from.name == to.name && isolation.to_environment.as_ref() == Some(environment) {
                let flaw = Flaw::new(format!("an isolation of `{}`'s {environment} from itself", from.name));
                self.report(place, &format!(".environments[{index}]"), flaw);
            }
        }
    }

    /// What must connect from an account cannot be closed to it as well.
    fn isolation_contradicts_nothing(
        &mut self,
        place: &Place,
        isolation: &Isolation,
        from: &Domain,
        to: &Domain,
    ) {
        for environment in isolation_environments(isolation, from, to) {
            let target = isolation.to_environment.as_deref().unwrap_or(environment);
            let closed = expand(&isolation.host, target, "");
            let contradiction = self.draft.connections.found.iter().find(|(_, connection)| {
                connection.from == isolation.from
                    && expand(&connection.check.host, environment, "") == closed
                    && self.tests_of(connection).contains(&(isolation.port, environment))
            });
            if let Some((connection, _)) = contradiction {
                let endpoint = format!("{}:{}", isolation.host, isolation.port);
                let flaw = Flaw::new(format!("`{}` must reach {endpoint} and must not", from.name));
                let hint = format!("it is declared as a connection on line {}", connection.line);
                return self.report(place, "", flaw.hint(hint));
            }
        }
    }

    /// The control must be a check of the same account, wherever the isolation is tested.
    fn control_exists(&mut self, place: &Place, isolation: &Isolation, from: &Domain, to: &Domain) {
        if isolation.control.is_empty() {
            return;
        }
        for environment in isolation_environments(isolation, from, to) {
            let available = self.controls(&isolation.from, environment);
            if available.contains(&isolation.control) {
                continue;
            }
            let flaw = Flaw::new(format!(
                "the control `{}` is not a check of `{}` in {environment}",
                isolation.control, isolation.from
            ));
            let available: Vec<&str> = available.iter().map(String::as_str).collect();
            let flaw = match closest(&isolation.control, available.iter().copied()) {
                Some(meant) => flaw.hint(format!("did you mean `{meant}`?")),
                None if !self.controls_complete() => return,
                None if available.is_empty() => flaw.hint(
                    "there is none: declare a connection of that domain, or a host under `probing.egress`",
                ),
                None => flaw.hint(format!("there are {}", listed(&available))),
            };
            return self.report(place, ".control", flaw);
        }
    }

    /// The checks of an account that must succeed, by id.
    fn controls(&self, domain: &str, environment: &str) -> BTreeSet<String> {
        let connections = self.draft.connections.values().filter(|connection| connection.from == domain);
        let tests = connections.flat_map(|connection| {
            let tests = self.tests_of(connection).into_iter();
            tests.filter(|(_, e)| *e == environment).map(|(port, _)| connection_id(connection, port))
        });
        let nat = self.draft.environments.values().find(|e| e.name == environment).map(|e| e.nat);
        let egress = self.draft.probing.egress.iter().filter(|_| nat != Some(Nat::None)).map(egress_id);
        tests.chain(egress).collect()
    }

    fn controls_complete(&self) -> bool {
        let Draft { connections, domains, egress_complete, .. } = self.draft;
        connections.complete
            && domains.complete
            && domains.values().all(|domain| !domain.environments.is_empty())
            && *egress_complete
            && connections.values().all(|connection| !connection.ports.is_empty())
    }

    /// An environment that pages, of which no alert is ever paged, is a trap.
    fn paging_reaches_someone(&mut self) {
        let Draft { environments, domains, alert_routes, .. } = self.draft;
        for (place, environment) in environments.found.iter().filter(|(_, e)| e.paging) {
            let members: Vec<&Domain> =
                domains.values().filter(|domain| domain.has_environment(&environment.name)).collect();
            let pages = |domain: &&Domain| {
                let mut routes = alert_routes.values();
                routes
                    .find(|route| route.matches(&environment.name, &domain.name))
                    .is_some_and(|route| route.page)
            };
            let silent = alert_routes.complete && !members.is_empty() && !members.iter().any(pages);
            if silent {
                let flaw =
                    Flaw::new(format!("`{}` has `paging: true`, but nobody is paged", environment.name));
                let hint = "give the alert route its incidents take `page: true`, or remove `paging`";
                self.report(place, ".paging", flaw.hint(hint));
            }
        }
        for (place, route) in &alert_routes.found {
            let quiet = |name: &String| environments.values().any(|e| e.name == *name && !e.paging);
            if route.page && !route.environments.is_empty() && route.environments.iter().all(quiet) {
                let flaw = Flaw::new("this route never pages: none of its environments has `paging: true`");
                self.report(
                    place,
                    ".page",
                    flaw.hint("add `paging: true` to the environment, or remove `page`"),
                );
            }
        }
    }

    fn accounts_have_few_enough_checks(&mut self) {
        for (place, domain) in &self.draft.domains.found {
            for (index, entry) in domain.environments.iter().enumerate() {
                let isolations =
                    self.draft.isolations.values().filter(|i| i.from == domain.name).filter(|i| {
                        let to = self.domain(&i.to);
                        to.is_some_and(|to| {
                            isolation_environments(i, domain, to).contains(&entry.name.as_str())
                        })
                    });
                let count = self.controls(&domain.name, &entry.name).len() + isolations.count();
                if count > MAX_CHECKS {
                    let flaw =
                        Flaw::new(format!("`{}` has {count} checks", entry.account_name(&domain.name)));
                    let hint = format!(
                        "an account can have {MAX_CHECKS}; a probe's report would not fit into an event"
                    );
                    self.report(place, &format!(".environments[{index}]"), flaw.hint(hint));
                }
            }
        }
    }
}
