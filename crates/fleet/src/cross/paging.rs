//! Whether whoever is to be paged is.

use std::collections::BTreeSet;

use super::Rules;
use crate::model::{AlertSeverity, Domain, Environment};
use crate::place::Flaw;

impl Rules<'_> {
    /// An environment that pages, of which no alert is ever paged, is a trap.
    pub(super) fn paging_reaches_someone(&mut self) {
        let draft = self.draft;
        for (place, environment) in draft.environments.found.iter().filter(|(_, e)| e.paging) {
            if draft.alert_routes.complete && self.pages(environment) == Some(false) {
                let flaw =
                    Flaw::new(format!("`{}` has `paging: true`, but nobody is paged", environment.name));
                let hint = "give the alert route its incidents take `page: true`, or remove `paging`";
                self.report(place, ".paging", flaw.hint(hint).for_publishing());
            }
        }
        for (place, route) in &draft.alert_routes.found {
            let quiet = |name: &String| self.index.environments.get(name.as_str()).is_some_and(|e| !e.paging);
            if route.page && !route.environments.is_empty() && route.environments.iter().all(quiet) {
                let flaw = Flaw::new("this route never pages: none of its environments has `paging: true`");
                let hint = "add `paging: true` to the environment, or remove `page`";
                self.report(place, ".page", flaw.hint(hint).for_publishing());
            }
        }
    }

    /// Whether a route that pages takes any account of an environment; `None` when it has none.
    fn pages(&self, environment: &Environment) -> Option<bool> {
        let has = |domain: &&Domain| domain.has_environment(&environment.name);
        let mut left: BTreeSet<&str> =
            self.draft.domains.values().filter(has).map(|domain| domain.name.as_str()).collect();
        if left.is_empty() {
            return None;
        }
        // Each route takes what none before it has taken.
        for route in self.draft.alert_routes.values().filter(|it| it.severity != Some(AlertSeverity::Note)) {
            if !route.environments.is_empty() && !route.environments.contains(&environment.name) {
                continue;
            }
            let before = left.len();
            if route.domains.is_empty() {
                left.clear();
            }
            for domain in &route.domains {
                left.remove(domain.as_str());
            }
            if route.page && left.len() < before {
                return Some(true);
            }
        }
        Some(false)
    }
}
