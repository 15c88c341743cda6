//! Which calls put an account right.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fleet::{Contact, ContactType, UnitPath};
use phonehome_vending::AccountFactory;

use crate::api::ParentId;
use crate::kept::Kept;
use crate::obstacle::{MOVES_A_WEEK, Obstacle, UNKEPT_MAX};
use crate::seen::{Place, Seen};
use crate::subject::Subject;

/// A call. Made twice, each does nothing, or is refused in a way that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// `CreateOrganizationalUnit`. What comes of it is seen by the next look, which decides the next step.
    CreateUnit {
        /// In what.
        parent: ParentId,
        /// Its name.
        name: String,
    },
    /// `MoveAccount`: refused where the account is not there any more.
    Move {
        /// Where it was seen.
        from: ParentId,
        /// Where it is to be.
        to: ParentId,
    },
    /// `TagResource`.
    Tag(BTreeMap<String, String>),
    /// `UntagResource`: of tags that phonehome gave, and that are not declared any more.
    Untag(BTreeSet<String>),
    /// `PutAlternateContact`.
    PutContact(ContactType, Contact),
}

impl Step {
    /// The API operation.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        match self {
            Self::CreateUnit { .. } => "organizations:CreateOrganizationalUnit",
            Self::Move { .. } => "organizations:MoveAccount",
            Self::Tag(_) => "organizations:TagResource",
            Self::Untag(_) => "organizations:UntagResource",
            Self::PutContact(..) => "account:PutAlternateContact",
        }
    }
}

/// What is to be done with an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// The calls; none where all is as declared, or only people can go on.
    pub steps: Vec<Step>,
    /// What people have to do.
    pub obstacles: BTreeSet<Obstacle>,
}

/// Decides. `factory` says whose the units are.
#[must_use]
pub fn decide(subject: &Subject, kept: &Kept, seen: &Seen, factory: AccountFactory, now_ms: u64) -> Decision {
    let mut decision = Decision::default();
    if let (Some(declared), Some(place)) = (&subject.properties.unit, &seen.place)
        && !place.is_as_declared()
    {
        match unit(subject, kept, declared, place, factory, now_ms) {
            Ok(step) => decision.steps.push(step),
            Err(obstacle) => drop(decision.obstacles.insert(obstacle)),
        }
    }
    decision.steps.extend(tags(subject, kept, seen));
    for (which, declared) in &subject.properties.contacts {
        if seen.contacts.get(which).is_some_and(|seen| seen.as_ref() != Some(declared)) {
            decision.steps.push(Step::PutContact(*which, declared.clone()));
        }
    }
    if kept.unkept >= UNKEPT_MAX && !decision.steps.is_empty() {
        decision.steps.clear();
        decision.obstacles.insert(Obstacle::Unkept);
    }
    decision
}

/// What brings an account that is elsewhere into its unit.
fn unit(
    subject: &Subject,
    kept: &Kept,
    declared: &UnitPath,
    place: &Place,
    factory: AccountFactory,
    now_ms: u64,
) -> Result<Step, Obstacle> {
    let parent = place.parent.clone();
    // AWS makes accounts in the root: there, one that phonehome made was never anywhere else.
    let is_new = subject.vended && place.parent == place.root;
    if !is_new && !kept.is_placed {
        let (declared, destination) = (declared.clone(), place.destination().cloned());
        return Err(Obstacle::Elsewhere { declared, parent, destination });
    }
    if kept.moves(now_ms) >= MOVES_A_WEEK {
        return Err(Obstacle::MovedAway { declared: declared.clone(), parent });
    }
    match (place.destination(), declared.names().get(place.units.len())) {
        (Some(to), _) => Ok(Step::Move { from: parent, to: to.clone() }),
        (None, Some(name)) if factory == AccountFactory::ControlTower => {
            Err(Obstacle::UnitMissing { declared: declared.clone(), name: name.clone() })
        }
        (None, name) => {
            let name = name.cloned().unwrap_or_default();
            Ok(Step::CreateUnit { parent: place.lowest().clone(), name })
        }
    }
}

fn tags(subject: &Subject, kept: &Kept, seen: &Seen) -> Vec<Step> {
    let Some(tags) = &seen.tags else { return vec![] };
    let declared = &subject.properties.tags;
    let owned = |(key, value): (&String, &String)| (key.clone(), value.clone());
    let missing: BTreeMap<String, String> =
        declared.iter().filter(|(key, value)| tags.get(*key) != Some(*value)).map(owned).collect();
    let given = kept.given.iter().filter(|(key, values)| {
        !declared.contains_key(*key) && tags.get(*key).is_some_and(|value| values.contains(value))
    });
    let left: BTreeSet<String> = given.map(|(key, _)| key.clone()).collect();
    let mut steps = vec![];
    // First, so that an account with as many tags as it may have has room.
    steps.extend((!left.is_empty()).then_some(Step::Untag(left)));
    steps.extend((!missing.is_empty()).then_some(Step::Tag(missing)));
    steps
}
