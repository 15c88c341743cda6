//! Rules of isolations.

use std::collections::BTreeMap;

use super::Rules;
use super::connections::Reach;
use super::index::{Tests, Ways};
use crate::checks::{expand, isolation_id};
use crate::model::Isolation;
use crate::place::{Flaw, Place};
use crate::spelling::{closest, listed};

impl Rules<'_> {
    pub(super) fn isolations_make_sense(&mut self, tests: &Tests) {
        let mut seen = BTreeMap::new();
        let draft = self.draft;
        for (place, isolation) in &draft.isolations.found {
            let Some(ways) = self.index.of_isolation(isolation) else { continue };
            self.isolation_contradicts_nothing(place, isolation, &ways, tests);
            self.control_exists(place, isolation, &ways, tests);
            self.somebody_reaches_it(place, isolation, &ways, tests);
            let sources = ways.sources.clone();
            self.reach_makes_sense(
                place,
                &Reach {
                    words: ("an isolation", "from"),
                    to_environment: isolation.to_environment.as_deref(),
                    listed: &isolation.environments,
                    ways,
                },
            );
            for environment in sources {
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

    /// What must connect from an account cannot be closed to it as well.
    fn isolation_contradicts_nothing(
        &mut self,
        place: &Place,
        isolation: &Isolation,
        ways: &Ways,
        tests: &Tests,
    ) {
        for environment in &ways.sources {
            let target = isolation.to_environment.as_deref().unwrap_or(environment);
            let closed = expand(&isolation.host, target, "");
            if let Some(declared) = tests.declared(&ways.from.name, environment, &closed, isolation.port) {
                let endpoint = format!("{}:{}", isolation.host, isolation.port);
                let flaw = Flaw::new(format!("`{}` must reach {endpoint} and must not", ways.from.name));
                let hint = format!("it is declared as a connection on line {}", declared.line);
                return self.report(place, "", flaw.hint(hint));
            }
        }
    }

    /// Silence is proof only of what somebody reaches: else it may be dead.
    fn somebody_reaches_it(&mut self, place: &Place, isolation: &Isolation, ways: &Ways, tests: &Tests) {
        if isolation.host.is_empty() || !self.controls_complete() {
            return;
        }
        for environment in &ways.sources {
            let host =
                expand(&isolation.host, isolation.to_environment.as_deref().unwrap_or(environment), "");
            if tests.is_reached(&host, isolation.port) {
                continue;
            }
            let flaw = Flaw::new(format!(
                "nobody may connect to {host}:{} that `{}` must not reach from {environment}: its silence will prove \
                 nothing",
                isolation.port, isolation.from
            ));
            let hint = "declare a connection to it from a domain that may, or name the `environments` in which \
                        there is one";
            let place = place.below(self.root, ".host");
            return self.reader.warn(&place, flaw.hint(hint));
        }
    }

    /// The control must be a check of the same account, wherever the isolation is tested.
    fn control_exists(&mut self, place: &Place, isolation: &Isolation, ways: &Ways, tests: &Tests) {
        if isolation.control.is_empty() {
            return;
        }
        for environment in &ways.sources {
            if tests.is_control(&self.index, &isolation.from, environment, &isolation.control) {
                continue;
            }
            let flaw = Flaw::new(format!(
                "the control `{}` is not a check of `{}` in {environment}",
                isolation.control, isolation.from
            ));
            if !self.reader.may_suggest() {
                return self.report(place, ".control", flaw);
            }
            let available = tests.controls(&self.index, &isolation.from, environment);
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
}
