//! Whether an account may be closed.

use phonehome_fleet::Line;
use phonehome_wire::{AccountId, Region};

use crate::hindrance::Hindrance;
use crate::premises::{LOOKED_AT, Premises, RegionSeen, found};
use crate::state::AccountState;

/// What is known of an account that is to be closed.
#[derive(Debug, Clone)]
pub struct Case<'a> {
    /// The account.
    pub account: &'a AccountId,
    /// Where it is in its life.
    pub state: &'a AccountState,
    /// The accounts that are never closed: the hub's and the management account, of every version in use.
    pub kept: Vec<AccountId>,
    /// Whether phonehome has decommissioned it.
    pub is_decommissioned: bool,
    /// The lines that it is, or is named as, each with the number of a version in use.
    pub declared: Vec<(Line, u64)>,
    /// Where it has a stack.
    pub stacks: Vec<Region>,
    /// What is stored and may be about it and cannot be read, for people.
    pub unread: Vec<String>,
    /// What is in it.
    pub premises: &'a Premises,
}

/// That an account may be closed. Only [`clear()`] makes one, and [`crate::ClosingApi::close`] takes nothing else.
#[derive(Debug, PartialEq, Eq)]
pub struct Cleared(AccountId);

impl Cleared {
    /// Which.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.0
    }
}

/// Whether an account may be closed: only where all of it could be looked at, and nothing is there.
///
/// # Errors
/// Everything that keeps it from being closed.
pub fn clear(case: &Case<'_>) -> Result<Cleared, Vec<Hindrance>> {
    let mut hindrances = of_records(case);
    if case.state.is_active() {
        hindrances.extend(look(case.account, case.premises));
    } else {
        hindrances.push(Hindrance::NotActive { state: case.state.clone() });
    }
    if hindrances.is_empty() { Ok(Cleared(case.account.clone())) } else { Err(hindrances) }
}

fn of_records(case: &Case<'_>) -> Vec<Hindrance> {
    let account = case.account.clone();
    let mut hindrances = Vec::new();
    if case.kept.contains(&account) {
        hindrances.push(Hindrance::Kept { account: account.clone() });
    }
    if !case.is_decommissioned {
        hindrances.push(Hindrance::NeverOurs { account });
    }
    let declared = case.declared.iter().cloned();
    hindrances.extend(declared.map(|(line, version)| Hindrance::Declared { line, version }));
    hindrances.extend(case.stacks.iter().cloned().map(|region| Hindrance::NotReleased { region }));
    hindrances.extend(case.unread.iter().cloned().map(|what| Hindrance::Unread { what }));
    hindrances
}

/// What is in the way in an account itself: everything that is there, and everything that could not be seen.
#[must_use]
pub fn look(account: &AccountId, premises: &Premises) -> Vec<Hindrance> {
    let nowhere = |what: String| vec![Hindrance::Unseen { region: None, what }];
    match &premises.regions {
        Err(error) => nowhere(error.to_string()),
        // Every account has some.
        Ok(regions) if regions.is_empty() => nowhere("no Region of it is known".to_owned()),
        Ok(regions) => regions.iter().flat_map(|(region, seen)| of_region(account, region, seen)).collect(),
    }
}

fn of_region(account: &AccountId, region: &Region, seen: &RegionSeen) -> Vec<Hindrance> {
    let unseen = |what: String| Hindrance::Unseen { region: Some(region.clone()), what };
    let mut hindrances = Vec::new();
    match &seen.inventory {
        Err(error) => hindrances.push(unseen(error.to_string())),
        Ok(inventory) => {
            let kinds = LOOKED_AT.into_iter().filter(|kind| !inventory.has_seen(*kind));
            hindrances.extend(kinds.map(|kind| unseen(format!("its role may not see {}", kind.plural()))));
            let found = found(inventory, account).into_iter();
            hindrances.extend(found.map(|found| Hindrance::Found { region: region.clone(), found }));
        }
    }
    match &seen.retained {
        Err(error) => hindrances.push(unseen(error.to_string())),
        Ok(retained) => {
            let retained = retained.iter().cloned();
            hindrances
                .extend(retained.map(|retained| Hindrance::Retained { region: region.clone(), retained }));
        }
    }
    hindrances
}
