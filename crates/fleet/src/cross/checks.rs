//! Rules of teams' own checks, and of how much an account can be given to test.

use std::collections::BTreeMap;

use super::Rules;
use super::tested::{Load, Tests};
use crate::checks::team_check_id;
use crate::limits::{CHECK_BYTES_MAX, INPUT_BYTES_MAX, MAX_CHECKS};
use crate::parts::PARTS_MAX;
use crate::place::Flaw;

impl Rules<'_> {
    /// A check has an id within its domain, and is tested somewhere.
    pub(super) fn team_checks_make_sense(&mut self) {
        let mut seen: BTreeMap<(&str, String), usize> = BTreeMap::new();
        let draft = self.draft;
        for (place, check) in &draft.checks.found {
            let id = team_check_id(check);
            if let Some(line) = seen.get(&(&check.from, id.clone())) {
                let flaw = Flaw::new(format!("`{id}` is declared twice for `{}`", check.from));
                self.report(place, ".name", flaw.hint(format!("the first is on line {line}")));
            }
            seen.entry((&check.from, id)).or_insert(place.line);
            let Some(from) = self.index.domains.get(check.from.as_str()).copied() else { continue };
            for (index, environment) in check.environments.iter().enumerate() {
                self.has_environment(place, index, environment, from);
            }
        }
    }

    /// What a probe is given has to fit into its inputs, each of which has to fit into one event with its report.
    pub(super) fn accounts_have_few_enough_checks(&mut self, tests: &Tests) {
        for (place, id, bytes) in &tests.large {
            let flaw =
                Flaw::new(format!("`{id}` takes {bytes} bytes; a check has at most {CHECK_BYTES_MAX}"));
            let hint = "take shorter texts: a part of the body is enough, and a part of a header's value";
            self.report(place, "", flaw.hint(hint).for_publishing());
        }
        for (place, domain) in &self.draft.domains.found {
            for (index, entry) in domain.environments.iter().enumerate() {
                let load = tests.load(&self.index, &domain.name, &entry.name);
                if !load.fits {
                    let flaw = too_many(&entry.account_name(&domain.name), &load);
                    self.report(place, &format!(".environments[{index}]"), flaw.for_publishing());
                }
            }
        }
    }
}

/// That an account has more checks than the inputs of a probe take, and what to do.
fn too_many(account: &str, load: &Load) -> Flaw {
    let Load { checks, control, .. } = load;
    let inputs = format!("{PARTS_MAX} inputs of {MAX_CHECKS} checks and {INPUT_BYTES_MAX} bytes each");
    let flaw = Flaw::new(format!("the {checks} checks of `{account}` do not fit into {inputs}"));
    match control {
        // With itself.
        Some((id, named)) if named + 1 > MAX_CHECKS => {
            let hint = format!("`{id}` is the control of {named}, which stay in one input with it");
            flaw.hint(format!("{hint}: let some of them name another"))
        }
        _ => flaw.hint("take some away, or give them shorter texts: 900 of up to 600 bytes fit".to_owned()),
    }
}
