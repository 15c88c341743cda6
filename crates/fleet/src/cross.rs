//! Rules that concern more than one value of a fleet file.

mod connections;
mod isolations;
mod reachability;
mod renames;

use std::collections::BTreeSet;

use crate::checks::{connection_id, egress_id, isolation_environments};
use crate::draft::Draft;
use crate::model::{AddressPool, Domain, Nat};
use crate::names::Kind;
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
    rules.former_names_are_free();
    rules.pools_do_not_overlap();
    rules.every_region_has_a_pool();
    rules.pools_have_room();
    rules.connections_are_distinct();
    rules.connections_have_environments();
    rules.isolations_make_sense();
    rules.forbidden_environments_are_out_of_reach();
    rules.adopted_networks_are_where_one_belongs();
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

    /// An account has a network only where its environment has a pool.
    fn adopted_networks_are_where_one_belongs(&mut self) {
        let Draft { domains, environments, pools, .. } = self.draft;
        for (place, domain) in &domains.found {
            for (index, entry) in domain.environments.iter().enumerate() {
                let Some(region) = &entry.adopt_region else { continue };
                let Some(environment) = environments.values().find(|e| e.name == entry.name) else {
                    continue;
                };
                let names = &environment.pools;
                let readable = names.iter().all(|name| pools.values().any(|pool| pool.name == *name));
                let here = |pool: &AddressPool| names.contains(&pool.name) && pool.region == *region;
                let known = self.reader.names.is_declared(Kind::Region, region);
                if readable && known && !pools.values().any(here) {
                    let flaw = Flaw::new(format!(
                        "the environment `{}` has no address pool in {region}",
                        entry.name
                    ));
                    let hint = "its accounts have no network there: add a pool to it, or name another Region";
                    self.report(place, &format!(".environments[{index}].adopt_region"), flaw.hint(hint));
                }
            }
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
