//! Domains and environments that had other names before.

use super::Rules;
use crate::place::{Flaw, Place};

impl Rules<'_> {
    /// What something was before is nothing now, and was no other thing: so no two lines have been one,
    /// and none leads back to itself.
    pub(super) fn former_names_are_free(&mut self) {
        let domains = &self.draft.domains.found;
        let names: Vec<_> =
            domains.iter().map(|(_, it)| (it.name.as_str(), it.renamed_from.as_deref())).collect();
        for (index, (place, domain)) in domains.iter().enumerate() {
            self.former_name("domain", &names, index, place, ".renamed_from");
            let environments = &domain.environments;
            let names: Vec<_> =
                environments.iter().map(|it| (it.name.as_str(), it.renamed_from.as_deref())).collect();
            for number in 0..environments.len() {
                let below = format!(".environments[{number}].renamed_from");
                self.former_name("environment of this domain", &names, number, place, &below);
            }
        }
    }

    /// `names` are the names there are, each with the one that it had before.
    fn former_name(
        &mut self,
        kind: &str,
        names: &[(&str, Option<&str>)],
        index: usize,
        place: &Place,
        below: &str,
    ) {
        let (name, Some(former)) = names[index] else { return };
        let flaw = if former == name {
            Flaw::new(format!("`{former}` is the name it has")).hint("give the one that it had before")
        } else if names.iter().any(|(other, _)| *other == former) {
            Flaw::new(format!("`{former}` is still there, as another {kind}"))
                .hint("take that one out, or move single accounts with `phonehome rebind`")
        } else if names[..index].iter().any(|(_, earlier)| *earlier == Some(former)) {
            Flaw::new(format!("`{former}` has become another {kind} already"))
                .hint("only one of them can take its accounts over")
        } else {
            return;
        };
        self.report(place, below, flaw);
    }
}
