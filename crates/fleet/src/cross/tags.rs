//! Tags of accounts, with what they stand for filled in.

use super::Rules;
use crate::place::Flaw;
use crate::properties::filled;
use crate::rules::is_tag_text;

/// Characters of a tag's value (<https://docs.aws.amazon.com/organizations/latest/APIReference/API_Tag.html>).
const VALUE_MAX: usize = 256;

impl Rules<'_> {
    /// What an owner may be called a tag may not.
    pub(super) fn tags_are_taken_with_every_lines_names(&mut self) {
        let draft = self.draft;
        let Some((place, accounts)) = &draft.accounts else { return };
        for (index, tag) in accounts.tags.iter().enumerate() {
            let mut lines = draft.domains.values().flat_map(|domain| {
                let values = domain
                    .environments
                    .iter()
                    .map(move |it| (domain, it, filled(&tag.value, &domain.name, &it.name, &domain.owner)));
                values.filter(|(_, _, value)| !is_tag_text(value) || value.chars().count() > VALUE_MAX)
            });
            if let Some((domain, environment, value)) = lines.next() {
                let line = format!("{}/{}", domain.name, environment.name);
                let flaw = format!("the tag `{}` of {line} would be `{value}`", tag.key);
                let hint = format!(
                    "AWS takes at most {VALUE_MAX} letters, digits, spaces and characters of _.:/=+-@: change the value, \
                     or the owner's name"
                );
                self.report(place, &format!(".tags[{index}].value"), Flaw::new(flaw).hint(hint));
            }
        }
    }
}
