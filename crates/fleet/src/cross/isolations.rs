//! Rules of isolations.

use std::collections::BTreeMap;

use super::Rules;
use super::connections::Reach;
use crate::checks::{expand, isolation_environments, isolation_id};
use crate::model::{Domain, Isolation};
use crate::names::{closest, listed};
use crate::reader::{Flaw, Place};

impl Rules<'_> {
    pub(super) fn isolations_make_sense(&mut self) {
        let mut seen = BTreeMap::new();
        for (place, isolation) in &self.draft.isolations.found {
            let ends = self.domain(&isolation.from).zip(self.domain(&isolation.to));
            let Some((from, to)) = ends else { continue };
            let sources = isolation_environments(isolation, from, to);
            self.reach_makes_sense(
                place,
                &Reach {
                    words: ("an isolation", "from"),
                    from,
                    to,
                    to_environment: isolation.to_environment.as_deref(),
                    listed: &isolation.environments,
                    sources,
                },
            );
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
                    && expand(&connection.check.host, connection.target_environment(environment), "")
                        == closed
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
}
