//! Accounts that phonehome is to make.

use std::collections::BTreeMap;

use super::Rules;
use crate::emails::{EmailProblem, emails_of};
use crate::identity::Line;
use crate::model::DomainEnvironment;
use crate::place::{Flaw, Place};

impl Rules<'_> {
    /// AWS takes the address and the name of each account that phonehome would make, and no two have one address.
    pub(super) fn accounts_can_be_made(&mut self) {
        let draft = self.draft;
        let Some(pattern) = draft.vending.as_ref().and_then(|it| it.email.as_ref()) else { return };
        let mut entries: BTreeMap<Line, (&Place, usize, &DomainEnvironment)> = BTreeMap::new();
        for (place, domain) in &draft.domains.found {
            for (number, entry) in domain.environments.iter().enumerate() {
                entries.insert(Line::new(&domain.name, &entry.name), (place, number, entry));
            }
        }
        let is_given = |line: &Line| entries.get(line).is_some_and(|(.., entry)| entry.email.is_some());
        for problem in emails_of(draft.domains.values(), pattern).1 {
            let Some((place, number, entry)) = entries.get(problem.line()) else { continue };
            let (is_its, key) = match &problem {
                // That an address or an environment stands in the file twice is reported as such.
                EmailProblem::Shared { line, first, .. }
                    if line == first || (is_given(line) && is_given(first)) =>
                {
                    continue;
                }
                EmailProblem::Shared { .. } | EmailProblem::Email { .. } => (entry.email.is_some(), "email"),
                EmailProblem::Name { .. } => (entry.account_name.is_some(), "account_name"),
            };
            let key = if is_its { format!(".{key}") } else { String::new() };
            let below = format!(".environments[{number}]{key}");
            self.report(place, &below, Flaw::new(problem.to_string()).for_publishing());
        }
    }
}
