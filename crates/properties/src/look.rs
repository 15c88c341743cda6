//! Looks at what an account bears: what is declared, and nothing else.

use std::collections::BTreeSet;

use phonehome_fleet::UnitPath;
use phonehome_wire::AccountId;

use crate::api::PropertiesApi;
use crate::kept::Kept;
use crate::obstacle::{Failed, Obstacle};
use crate::seen::{Place, Seen};
use crate::subject::Subject;

/// What was seen, and what could not be.
#[derive(Debug, Default)]
pub(crate) struct Look {
    pub(crate) seen: Seen,
    /// Why something was not seen, or not taken by AWS.
    pub(crate) obstacles: BTreeSet<Obstacle>,
}

/// Looks. What the role may not read keeps nothing else from being seen.
pub(crate) async fn look(api: &impl PropertiesApi, subject: &Subject, kept: &Kept) -> Result<Look, Failed> {
    let mut look = Look::default();
    let properties = &subject.properties;
    if let Some(declared) = &properties.unit {
        look.seen.place = look.or_obstacle(place(api, &subject.account, declared).await)?;
    }
    if !properties.tags.is_empty() || !kept.given.is_empty() {
        let tags = api.tags(&subject.account).await.map_err(Failed::of);
        look.seen.tags = look.or_obstacle(tags)?;
    }
    for which in properties.contacts.keys() {
        let contact = api.contact(&subject.account, *which).await.map_err(Failed::of);
        if let Some(contact) = look.or_obstacle(contact)? {
            look.seen.contacts.insert(*which, contact);
        }
    }
    Ok(look)
}

impl Look {
    fn or_obstacle<R>(&mut self, seen: Result<R, Failed>) -> Result<Option<R>, Failed> {
        match seen {
            Ok(seen) => Ok(Some(seen)),
            Err(Failed::Obstacle(obstacle)) => {
                self.obstacles.insert(obstacle);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }
}

/// Where an account is, and which units of the declared path there are.
async fn place(api: &impl PropertiesApi, account: &AccountId, declared: &UnitPath) -> Result<Place, Failed> {
    let parent = api.parent_of(account).await.map_err(Failed::of)?;
    let root = api.root().await.map_err(Failed::of)?;
    let mut place = Place { parent, root, units: vec![], depth: declared.names().len() };
    for name in declared.names() {
        let there = api.units_in(place.lowest()).await.map_err(Failed::of)?;
        match there.into_iter().find(|unit| unit.name == *name) {
            Some(unit) => place.units.push(unit),
            None => break,
        }
    }
    Ok(place)
}
