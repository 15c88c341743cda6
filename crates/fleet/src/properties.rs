//! What an account bears in the organization by the file.

use std::collections::BTreeMap;

use crate::members::Member;
use crate::model::{Contact, ContactType, Fleet, SupportPlan, UnitPath};

/// What one account bears in the organization, as declared: all that is not here is left alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    /// Its organizational unit.
    pub unit: Option<UnitPath>,
    /// Tags by key, with what they stand for filled in.
    pub tags: BTreeMap<String, String>,
    /// Alternate contacts.
    pub contacts: BTreeMap<ContactType, Contact>,
    /// Its AWS Support plan.
    pub support_plan: Option<SupportPlan>,
}

impl Properties {
    /// Whether nothing is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A tag's value with what it stands for. An owner's name that looks like a placeholder is a name.
pub(crate) fn filled(value: &str, domain: &str, environment: &str, owner: &str) -> String {
    let names = [("{domain}", domain), ("{environment}", environment), ("{owner}", owner)];
    let (mut text, mut rest) = (String::new(), value);
    while let Some(at) = rest.find('{') {
        let (before, here) = rest.split_at(at);
        text.push_str(before);
        let known = names.iter().find_map(|(word, name)| Some((here.strip_prefix(word)?, name)));
        let (after, name) = known.unwrap_or((&here[1..], &"{"));
        text.push_str(name);
        rest = after;
    }
    text + rest
}

impl Fleet {
    /// What an account of the file bears.
    #[must_use]
    pub fn properties_of(&self, member: &Member) -> Properties {
        let Member { domain, environment, owner, .. } = member;
        let entry =
            self.domain(domain).and_then(|it| it.environments.iter().find(|it| it.name == *environment));
        let own_unit = entry.and_then(|it| it.organizational_unit.clone());
        let unit = own_unit.or_else(|| self.environment(environment)?.organizational_unit.clone());
        let Some(accounts) = &self.accounts else { return Properties { unit, ..Properties::default() } };
        let tags = accounts.tags.iter();
        let tags = tags.map(|tag| (tag.key.clone(), filled(&tag.value, domain, environment, owner)));
        let contacts = [
            (ContactType::Operations, &accounts.contacts.operations),
            (ContactType::Billing, &accounts.contacts.billing),
            (ContactType::Security, &accounts.contacts.security),
        ];
        let contacts = contacts.into_iter().filter_map(|(kind, contact)| Some((kind, contact.clone()?)));
        Properties {
            unit,
            tags: tags.collect(),
            contacts: contacts.collect(),
            support_plan: accounts.support_plan,
        }
    }
}
