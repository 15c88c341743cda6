//! Which version of the fleet file each account is to have: the one in force, or while another one is rolled out that
//! one, once the account's turn has come.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::Ipv4Net;
use phonehome_cloud::table::{Doc, Table};
use phonehome_fleet::{AddressPool, Bindings, Fleet, Member, Mixed};
use phonehome_rollout::Versions;
use phonehome_wire::{AccountId, Region};

use crate::in_force::{InForce, RollingOut, read, usable};
use crate::probe_code::ProbeRelease;
use crate::published::Accepted;
use crate::{Keys, StateError, bindings};

/// The fleet files in use.
#[derive(Debug, Clone)]
pub struct InUse {
    /// The one in force: of every account whose turn has not come, and for all that is no account's.
    pub base: Arc<InForce>,
    /// The one that is rolled out, where some account has it.
    pub rolling: Option<Rolling>,
}

/// A version that is rolled out.
#[derive(Debug, Clone)]
pub struct Rolling {
    /// What it is.
    pub target: Arc<InForce>,
    /// The accounts whose turn has come.
    pub turned: BTreeSet<AccountId>,
}

/// The fleet files in use as they were read last: one of a hundred accounts takes milliseconds to check, and
/// functions look at it every minute.
#[derive(Debug, Default)]
pub struct LastRead {
    base: Mutex<Option<(Doc, Arc<InForce>)>>,
    target: Mutex<Option<(Doc, Arc<InForce>)>>,
}

impl LastRead {
    /// The fleet in force, as [`crate::in_force()`] has it. It is looked for in the table each time, and checked when it
    /// is another one than before.
    ///
    /// # Errors
    /// As [`crate::in_force()`].
    pub async fn in_force<T: Table>(&self, table: &T) -> Result<Arc<InForce>, StateError> {
        read(table, |doc| known(&self.base, doc)).await.map(|(base, _)| base)
    }

    /// The same with what is rolled out. What is stored of that and cannot be used is as if no account had its turn;
    /// then no permission counts, and [`InForce::unreadable`] says why.
    ///
    /// # Errors
    /// As [`crate::in_force()`].
    pub async fn in_use<T: Table>(&self, table: &T) -> Result<InUse, StateError> {
        // The roll-out first. Should it end before the file in force is read, that is the newer one, and every
        // account's; the other way round the older one would be.
        let doc = table.get(&Keys::rollout()).await?;
        let (base, number) = read(table, |doc| known(&self.base, doc)).await?;
        let Some(doc) = doc else { return Ok(InUse { base, rolling: None }) };
        let versions = match doc.read::<RollingOut>() {
            Ok(RollingOut { versions }) => versions,
            Err(problem) => {
                return Ok(InUse::without(&base, &format!("the roll-out cannot be read: {problem}")));
            }
        };
        let Versions { base: over, target, turned } = versions;
        if turned.is_empty() || Some(over) != number {
            return Ok(InUse { base, rolling: None });
        }
        match self.target(table, target).await? {
            Ok(target) => Ok(InUse { base, rolling: Some(Rolling { target, turned }) }),
            Err(problem) => {
                let problem = format!("version {target}, which is rolled out, cannot be used: {problem}");
                Ok(InUse::without(&base, &problem))
            }
        }
    }

    /// A version; or why it cannot be used.
    async fn target<T: Table>(
        &self,
        table: &T,
        number: u64,
    ) -> Result<Result<Arc<InForce>, StateError>, StateError> {
        match table.get(&Keys::version(number)).await? {
            Some(doc) => Ok(known(&self.target, &doc)),
            None => Ok(Err(StateError::NoVersion(number))),
        }
    }
}

/// A document's fleet, which is checked when it is another one than before.
fn known(last: &Mutex<Option<(Doc, Arc<InForce>)>>, doc: &Doc) -> Result<Arc<InForce>, StateError> {
    if let Some((_, known)) = locked(last).as_ref().filter(|(known, _)| known == doc) {
        return Ok(Arc::clone(known));
    }
    let found = Arc::new(usable(doc)?);
    *locked(last) = Some((doc.clone(), Arc::clone(&found)));
    Ok(found)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one assignment, so that what a panic left is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Which fleet file each account is to have.
///
/// # Errors
/// As [`crate::in_force()`].
pub async fn desired<T: Table>(table: &T) -> Result<Desired, StateError> {
    let in_use = LastRead::default().in_use(table).await?;
    match in_use.rolling {
        Some(_) => Ok(in_use.desired(&bindings(table).await?)),
        None => Ok(in_use.desired(&Bindings::default())),
    }
}

impl InUse {
    /// The one in force alone, for this reason.
    fn without(base: &InForce, problem: &str) -> Self {
        tracing::error!(problem, version = base.number, "the version that is rolled out cannot be used");
        let unreadable = base.unreadable.clone().unwrap_or_else(|| problem.to_owned());
        let base = InForce { accepted: Accepted::default(), unreadable: Some(unreadable), ..base.clone() };
        Self { base: Arc::new(base), rolling: None }
    }

    /// Which of them each account is to have. Who is who (`bindings`) matters while one is rolled out.
    #[must_use]
    pub fn desired(self, bindings: &Bindings) -> Desired {
        let Self { base, rolling } = self;
        let rolling = rolling.map(|rolling| {
            let mixed = Mixed::of(&base.fleet, &rolling.target.fleet, &rolling.turned, bindings);
            (rolling, mixed)
        });
        Desired { base, rolling }
    }
}

/// Which fleet file each account is to have.
#[derive(Debug, Clone)]
pub struct Desired {
    base: Arc<InForce>,
    rolling: Option<(Rolling, Mixed)>,
}

/// The version that an account is to have.
#[derive(Debug, Clone, Copy)]
pub struct Version<'d> {
    /// Its number; 0 where that is not known.
    pub number: u64,
    /// What it declares; without connections to accounts that have another version which does not.
    pub fleet: &'d Fleet,
    /// What was accepted with it.
    pub accepted: &'d Accepted,
    /// The certificate authorities that its probes trust beside the public ones, as PEM.
    pub authorities: Option<&'d str>,
    /// The code that its probes have; `None` for the one that the running provisioner came with.
    pub probes: Option<&'d ProbeRelease>,
}

impl Desired {
    /// The fleet in force: for all that is no account's.
    #[must_use]
    pub fn in_force(&self) -> &InForce {
        &self.base
    }

    /// The version that is rolled out, and the accounts whose turn has come; `None` while there are none.
    #[must_use]
    pub fn rolling(&self) -> Option<&Rolling> {
        self.rolling.as_ref().map(|(rolling, _)| rolling)
    }

    /// Whether an account is to have the version that is rolled out.
    #[must_use]
    pub fn has_turned(&self, account: &AccountId) -> bool {
        self.rolling().is_some_and(|rolling| rolling.turned.contains(account))
    }

    /// The version that an account is yet to get; `None` while there is none, or it has it.
    #[must_use]
    pub fn awaited_by(&self, account: &AccountId) -> Option<&InForce> {
        let rolling = self.rolling().filter(|rolling| !rolling.turned.contains(account));
        rolling.map(|rolling| &*rolling.target)
    }

    /// The version that an account is to have.
    #[must_use]
    pub fn of(&self, account: &AccountId) -> Version<'_> {
        match &self.rolling {
            Some((Rolling { target, turned }, mixed)) if turned.contains(account) => {
                target.version(&mixed.target)
            }
            Some((_, mixed)) => self.base.version(&mixed.base),
            None => self.base.version(&self.base.fleet),
        }
    }

    /// Every member with the version that it is to have; a line that is no account yet has the one in force.
    #[must_use]
    pub fn members(&self, bindings: &Bindings) -> Vec<(&Fleet, Member)> {
        let mut members = Vec::new();
        for (fleet, is_target) in self.fleets().zip([false, true]) {
            for member in fleet.members() {
                let account = fleet.account_of(&member, bindings);
                if account.is_some_and(|account| self.has_turned(&account)) == is_target {
                    members.push((fleet, member));
                }
            }
        }
        members
    }

    /// The addresses that are for others in a Region by one of two versions in use: those of its pools that are of
    /// another environment. `own`: the pools of an account of this environment by its own version. Empty while there is
    /// one version alone, whose pools do not overlap.
    #[must_use]
    pub fn kept(&self, own: &[&AddressPool], environment: &str, region: &Region) -> Vec<Ipv4Net> {
        if self.rolling.is_none() {
            return vec![];
        }
        let is_own = |fleet: &Fleet, pool: &AddressPool| {
            own.iter().any(|own| own.name == pool.name)
                || fleet.pools_for(environment, region).any(|own| own.name == pool.name)
        };
        let of_fleet = |fleet: &Fleet| {
            let pools =
                fleet.address_pools.iter().filter(|pool| pool.region == *region && !is_own(fleet, pool));
            pools.map(|pool| pool.cidr).collect::<Vec<_>>()
        };
        self.fleets().flat_map(of_fleet).collect()
    }

    /// What every version in use declares, with what accounts of the other one leave it.
    pub fn fleets(&self) -> impl Iterator<Item = &Fleet> {
        let mixed = self.rolling.as_ref().map(|(_, mixed)| mixed);
        let base = mixed.map_or(&self.base.fleet, |mixed| &mixed.base);
        std::iter::once(base).chain(mixed.map(|mixed| &mixed.target))
    }
}

impl InForce {
    fn version<'v>(&'v self, fleet: &'v Fleet) -> Version<'v> {
        let Self { number, accepted, authorities, probes, .. } = self;
        let (authorities, probes) = (authorities.as_deref(), probes.as_ref());
        Version { number: *number, fleet, accepted, authorities, probes }
    }
}

#[cfg(test)]
mod tests;
