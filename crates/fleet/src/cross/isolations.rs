//! Rules of isolations.

use std::collections::BTreeMap;

use super::Rules;
use super::connections::Reach;
use super::index::Ways;
use super::tested::Tests;
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
        if isolation.host.is_empty() {
            return;
        }
        for environment in &ways.sources {
            let closed = endpoint(isolation, environment);
            if let Some(declared) = tests.declared(&ways.from.name, environment, &closed) {
                let shown = format!("{}:{}", isolation.host, isolation.port);
                let flaw = Flaw::new(format!("`{}` must reach {shown} and must not", ways.from.name));
                let hint = format!("it is declared as a {} on line {}", declared.what, declared.place.line);
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
            let closed = endpoint(isolation, environment);
            let place = place.below(self.root, ".host");
            match tests.is_reached(&closed) {
                Some(true) => {}
                Some(false) => {
                    let flaw = Flaw::new(format!(
                        "what may connect to {closed} is not tested each minute: that `{}` must not reach it will \
                         not be proven",
                        isolation.from
                    ));
                    let hint = "take `every_minutes` out of the check of one connection to it: what others reach has \
                                to be known of the same minutes";
                    return self.reader.warn(&place, flaw.hint(hint));
                }
                None => {
                    let flaw = Flaw::new(format!(
                        "nobody may connect to {closed} that `{}` must not reach from {environment}: its silence \
                         will prove nothing",
                        isolation.from
                    ));
                    let hint = "declare a connection to it from a domain that may, or name the `environments` in \
                                which there is one";
                    return self.reader.warn(&place, flaw.hint(hint));
                }
            }
        }
    }

    /// The control must be a check of the same account, wherever the isolation is tested, and whenever.
    fn control_exists(&mut self, place: &Place, isolation: &Isolation, ways: &Ways, tests: &Tests) {
        if isolation.control.is_empty() {
            return;
        }
        let every = isolation.every_minutes.unwrap_or(self.draft.probing.isolations_every_minutes);
        for environment in &ways.sources {
            let control = tests.control(&self.index, &isolation.from, environment, &isolation.control);
            let flaw = match control {
                Some(minutes) if every.is_multiple_of(minutes) => continue,
                Some(minutes) => seldom(&isolation.control, minutes, every),
                None => match self.no_control(isolation, environment, tests) {
                    Some(flaw) => flaw,
                    None => return,
                },
            };
            return self.report(place, ".control", flaw);
        }
    }

    /// What to say of a control that is no check of the account; `None` where it may be one that could not be
    /// read.
    fn no_control(&mut self, isolation: &Isolation, environment: &str, tests: &Tests) -> Option<Flaw> {
        let Isolation { from, control, .. } = isolation;
        if tests.is_lookup(from, environment, control) {
            let flaw = Flaw::new(format!("the control `{control}` only looks up a name"));
            return Some(flaw.hint("name a check that connects to something"));
        }
        let flaw = Flaw::new(format!("the control `{control}` is not a check of `{from}` in {environment}"));
        if !self.reader.may_suggest() {
            return Some(flaw);
        }
        let available = tests.controls(&self.index, from, environment);
        let available: Vec<&str> = available.iter().map(String::as_str).collect();
        match closest(control, available.iter().copied()) {
            Some(meant) => Some(flaw.hint(format!("did you mean `{meant}`?"))),
            None if !self.controls_complete() => None,
            None if available.is_empty() => Some(flaw.hint(
                "there is none: declare a connection of that domain, or a host under `probing.egress`",
            )),
            None => Some(flaw.hint(format!("there are {}", listed(&available)))),
        }
    }
}

/// Both are tested by the same clock: the control is there in each turn of the isolation when that is a multiple.
fn seldom(control: &str, minutes: u32, every: u32) -> Flaw {
    let flaw = format!(
        "the control `{control}` is tested every {minutes} minutes, and the isolation every {every}: some of its \
         turns would have no control"
    );
    Flaw::new(flaw).hint(format!("test the control each minute, or the isolation every {minutes} minutes"))
}

/// What must not be reached from an environment, as a check's target.
fn endpoint(isolation: &Isolation, environment: &str) -> String {
    let environment = isolation.to_environment.as_deref().unwrap_or(environment);
    format!("{}:{}", expand(&isolation.host, environment, ""), isolation.port)
}
