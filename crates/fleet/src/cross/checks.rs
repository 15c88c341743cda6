//! Rules of teams' own checks, and of how much an account can be given to test.

use std::collections::BTreeMap;

use super::Rules;
use super::tested::{Load, Tests};
use crate::checks::team_check_id;
use crate::limits::{CHECK_BYTES_MAX, INPUT_BYTES_MAX, MAX_CHECKS};
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

    /// What a probe is given, and its report, have to fit into one event.
    pub(super) fn accounts_have_few_enough_checks(&mut self, tests: &Tests) {
        for (place, id, bytes) in &tests.large {
            let flaw =
                Flaw::new(format!("`{id}` takes {bytes} bytes; a check has at most {CHECK_BYTES_MAX}"));
            let hint = "take shorter texts: a part of the body is enough, and a part of a header's value";
            self.report(place, "", flaw.hint(hint).for_publishing());
        }
        for (place, domain) in &self.draft.domains.found {
            for (index, entry) in domain.environments.iter().enumerate() {
                let Load { checks, bytes } = tests.load(&self.index, &domain.name, &entry.name);
                let account = entry.account_name(&domain.name);
                let (what, can_have) = if checks > MAX_CHECKS {
                    (format!("`{account}` has {checks} checks"), MAX_CHECKS.to_string())
                } else if bytes > INPUT_BYTES_MAX {
                    let what = format!("the {checks} checks of `{account}` take {bytes} bytes");
                    (what, format!("{INPUT_BYTES_MAX} bytes of them"))
                } else {
                    continue;
                };
                let hint =
                    format!("an account can have {can_have}; a probe's report would not fit into an event");
                let flaw = Flaw::new(what).hint(hint).for_publishing();
                self.report(place, &format!(".environments[{index}]"), flaw);
            }
        }
    }
}
