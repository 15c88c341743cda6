//! Finds the one resource that an address stands for.

use super::{Planner, has_our_tags};
use crate::Disruption;
use crate::{Action, Change, LinkSpec, PlanError, Ref};
use phonehome_network::{Address, TAG_ADOPTED, Tagged, Tags};
use phonehome_text::joined;

/// How something without any tag of phonehome becomes the stack's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// A peering that the other account asked for.
    Accepted,
    /// It is the adopted VPC, or in it, and fits. It is marked ([`TAG_ADOPTED`]): phonehome's role can
    /// delete nothing that has the mark.
    Adopted,
}

impl Taken {
    fn reason(self) -> &'static str {
        match self {
            Self::Accepted => "the other account asked for it",
            Self::Adopted => "fits, and becomes phonehome's",
        }
    }
}

/// What was found for an address.
pub(super) struct Located<'a, T> {
    pub(super) item: Option<&'a T>,
    address: Address,
}

impl<T: Tagged> Located<'_, T> {
    /// Its id, or a reference to the step that will make it.
    pub(super) fn reference(&self) -> Ref {
        let made = || Ref::Output(self.address.clone());
        self.item.map_or_else(made, |item| Ref::Id(item.id().to_owned()))
    }
}

impl<'a> Planner<'a> {
    /// The one resource with this address: the one whose tags say so, or else the only one that has
    /// lost its tags (or is to be adopted) and that `looks_like` it. Plans to put its tags right.
    ///
    /// # Errors
    /// [`PlanError::Ambiguous`], [`PlanError::Candidates`]: more than one.
    pub(super) fn locate<T: Tagged>(
        &mut self,
        address: &Address,
        all: impl IntoIterator<Item = &'a T>,
        looks_like: impl Fn(&T) -> bool,
    ) -> Result<Located<'a, T>, PlanError> {
        let all: Vec<&'a T> = all.into_iter().collect();
        let tagged = all.iter().copied().filter(|item| item.address().as_ref() == Some(address));
        let item = match only(tagged) {
            Ok(Some(item)) => Some(item),
            Err(ids) => return Err(PlanError::Ambiguous { address: Box::new(address.clone()), ids }),
            Ok(None) => {
                let untagged =
                    all.iter().copied().filter(|item| item.address().is_none() && looks_like(item));
                let untagged = untagged.filter(|item| !self.found.contains(item.id()));
                only(untagged)
                    .map_err(|ids| PlanError::Candidates { address: Box::new(address.clone()), ids })?
            }
        };
        if let Some(item) = item {
            self.found.insert(item.id().to_owned());
            self.keep_tags(address, item.id(), item.tags());
        }
        Ok(Located { item, address: address.clone() })
    }

    /// What was located for this address before.
    pub(super) fn located<T: Tagged>(&self, address: &Address, all: &'a [T]) -> Option<&'a T> {
        let tagged = all.iter().find(|item| item.address().as_ref() == Some(address));
        tagged.or_else(|| {
            let tags = Address::tags(address);
            let step = self.plan.steps.iter().find(|step| step.address == tags)?;
            let Action::Tag { resource: Ref::Id(id), .. } = &step.action else { return None };
            all.iter().find(|item| item.id() == id)
        })
    }

    /// The id of what was located for this address before, or a reference to the step that makes it.
    pub(super) fn reference<T: Tagged>(&self, address: &Address, all: &'a [T]) -> Ref {
        let made = || Ref::Output(address.clone());
        self.located(address, all).map_or_else(made, |item| Ref::Id(item.id().to_owned()))
    }

    /// Plans to put the tags of a resource of the stack right: those that are missing or other.
    pub(super) fn keep_tags(&mut self, address: &Address, id: &str, tags: &Tags) {
        let mut lacking = self.lacking_tags(address, tags);
        if lacking.is_empty() {
            return;
        }
        let taken = self.taken(address, tags);
        if taken == Some(Taken::Adopted) {
            lacking.insert(TAG_ADOPTED.to_owned(), "true".to_owned());
        }
        let (change, reason) = match taken {
            Some(taken) => (Change::Adopt { id: id.to_owned() }, taken.reason()),
            None => {
                let before = lacking.keys().map(|key| describe(key, tags.get(key)));
                let after = lacking.iter().map(|(key, value)| describe(key, Some(value)));
                (Change::Update { before: joined(before), after: joined(after) }, "has lost tags")
            }
        };
        let action = Action::Tag { resource: Ref::Id(id.to_owned()), tags: lacking };
        self.push(Address::tags(address), change, Disruption::None, action, reason, vec![]);
    }

    /// How something becomes the stack's; `None` when it was, and lost tags.
    fn taken(&self, address: &Address, tags: &Tags) -> Option<Taken> {
        let accepts = |link: &LinkSpec| !link.requester && self.peering_address(link) == *address;
        match (has_our_tags(tags), self.spec.adopt.is_some()) {
            (false, _) if self.spec.links.iter().any(accepts) => Some(Taken::Accepted),
            (false, true) => Some(Taken::Adopted),
            _ => None,
        }
    }
}

fn describe(key: &str, value: Option<&String>) -> String {
    value.map_or_else(|| format!("no {key}"), |value| format!("{key}={value}"))
}

/// The only one, none, or the ids of several.
fn only<'a, T: Tagged>(items: impl Iterator<Item = &'a T>) -> Result<Option<&'a T>, Vec<String>> {
    let found: Vec<&T> = items.collect();
    if found.len() > 1 {
        let mut ids: Vec<String> = found.iter().map(|item| item.id().to_owned()).collect();
        ids.sort();
        return Err(ids);
    }
    Ok(found.first().copied())
}
