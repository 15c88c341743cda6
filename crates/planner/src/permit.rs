//! What a plan may take away, and the proof that it may.
//!
//! A [`Removal`] or [`Replacement`] cannot be made without a [`Permit`], a permit cannot be made
//! outside this file, and this file gives none beyond [`Limits`] and [`Permission`], or on half a view.

use crate::Allowance;
use crate::Limits;
use crate::NeededPermission;
use crate::WithheldReason;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::Disruption;
use crate::disruption::REPAIR;
use phonehome_network::{Ask, Inventory, Kind, Permission, RemovalTarget};

/// Proof that a plan may take one resource away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Permit(Grant);

/// Which limit a permit counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Grant {
    Deletion,
    Replacement,
    Peering,
    Closing,
    DeadRoute,
}

/// A resource to be taken away, with the permit to do so. It cannot be made without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removal {
    what: RemovalTarget,
    permit: Permit,
}

impl Removal {
    pub(crate) fn new(what: RemovalTarget, permit: Permit) -> Self {
        Self { what, permit }
    }

    /// Whether it belongs to a peering, and goes or stays with it.
    pub fn is_of_peering(&self) -> bool {
        matches!(self.permit.0, Grant::Peering)
    }

    /// Whether nothing that works is lost by it.
    pub fn is_repair(&self) -> bool {
        self.permit.is_repair()
    }

    /// What is taken away.
    pub fn what(&self) -> &RemovalTarget {
        &self.what
    }
}

/// A resource to be replaced by another one, with the permit to do so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replacement {
    /// What is seen, for people.
    before: String,
    /// What will be, for people.
    after: String,
    permit: Permit,
}

impl Replacement {
    pub(crate) fn new(before: String, after: String, permit: Permit) -> Self {
        Self { before, after, permit }
    }

    /// What is seen, for people.
    pub fn before(&self) -> &str {
        &self.before
    }

    /// What will be, for people.
    pub fn after(&self) -> &str {
        &self.after
    }
}

/// How a stack is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decommission {
    /// Everything that phonehome made is taken away.
    Remove,
    /// The network stays, and is no longer phonehome's: it loses phonehome's tags. The probes, functions
    /// and schedules, are taken away all the same: they are phonehome's own machinery, and nothing would
    /// read what they report.
    Forget,
}

/// Hands out permits, up to the limits and for what a person has accepted.
pub(crate) struct Budget<'a> {
    limits: Limits,
    accepted: Option<&'a Permission>,
    seen: &'a Inventory,
    given: BTreeMap<Grant, BTreeSet<Ask>>,
}

/// Why there is no permit.
pub(crate) enum Refusal {
    /// Something that it depends on could not be seen: nobody can allow that.
    Unseen(Kind),
    /// It takes a permission.
    Withheld(NeededPermission),
}

impl<'a> Budget<'a> {
    pub(crate) fn new(limits: &Limits, seen: &'a Inventory) -> Self {
        Self { limits: *limits, accepted: None, seen, given: BTreeMap::new() }
    }

    /// From here on also what a person has accepted.
    pub(crate) fn accept(&mut self, accepted: &'a Permission) {
        self.accepted = Some(accepted);
    }

    /// Whether a person has accepted just this.
    pub(crate) fn is_accepted(&self, ask: &Ask) -> bool {
        self.accepted.is_some_and(|accepted| accepted.allows(ask))
    }

    /// Whether a change of this kind may be made.
    pub(crate) fn may_disturb(&self, disruption: Disruption, ask: &Ask) -> bool {
        disruption <= self.limits.disruption || self.is_accepted(ask)
    }

    /// A permit for one thing (a resource, or a peering with all that hangs on it), which must have
    /// been decided with everything in view that `needs` names.
    pub(crate) fn permit(&mut self, grant: Grant, ask: &Ask, needs: &[Kind]) -> Result<Permit, Refusal> {
        if let Some(kind) = needs.iter().find(|kind| !self.seen.has_seen(**kind)) {
            return Err(Refusal::Unseen(*kind));
        }
        if self.is_accepted(ask) {
            let is_more = matches!(grant, Grant::Closing | Grant::DeadRoute);
            return Ok(Permit(if is_more { Grant::Deletion } else { grant }));
        }
        let (max, option) = match grant {
            // Beyond their own number they count as deletions.
            Grant::Closing if self.allows(grant, ask, self.limits.closings) => {
                (self.limits.closings, Allowance::Delete)
            }
            Grant::DeadRoute if self.allows(grant, ask, self.limits.dead_routes) => {
                (self.limits.dead_routes, Allowance::Delete)
            }
            Grant::Closing | Grant::DeadRoute => return self.permit(Grant::Deletion, ask, needs),
            Grant::Deletion => (self.limits.deletions, Allowance::Delete),
            Grant::Replacement => (self.limits.replacements, Allowance::Replace),
            Grant::Peering => (self.limits.peerings, Allowance::Unpeer),
        };
        let given = self.given.entry(grant).or_default();
        if !given.contains(ask) && given.len() >= max as usize {
            return Err(Refusal::Withheld(NeededPermission { option, allowed: max }));
        }
        given.insert(ask.clone());
        Ok(Permit(grant))
    }

    /// Whether one more is within a limit, or has its permit already.
    fn allows(&self, grant: Grant, ask: &Ask, max: u32) -> bool {
        self.given.get(&grant).map_or(max > 0, |given| given.contains(ask) || given.len() < max as usize)
    }
}

impl Permit {
    /// What was given for a repair: nothing that works is lost.
    pub(crate) fn is_repair(&self) -> bool {
        matches!(self.0, Grant::Closing | Grant::DeadRoute | Grant::Replacement)
    }

    /// What it does to running traffic that the thing is gone.
    pub(crate) fn disruption(&self) -> Disruption {
        match self.0 {
            // What leads nowhere, or has failed, carries nothing.
            Grant::DeadRoute | Grant::Replacement => Disruption::None,
            Grant::Closing => REPAIR,
            Grant::Deletion | Grant::Peering => Disruption::Detaches,
        }
    }
}

impl Refusal {
    /// Why it is withheld, and what would be asked for.
    pub(crate) fn explain(self, ask: Ask) -> (WithheldReason, Vec<Ask>) {
        match self {
            Self::Unseen(kind) => (WithheldReason::Unseen(kind), vec![]),
            Self::Withheld(needed) => (WithheldReason::NeedsPermission(needed), vec![ask]),
        }
    }
}
