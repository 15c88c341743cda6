//! What of a plan takes permission.

use std::collections::BTreeSet;

use phonehome_network::{Address, Ask};

use crate::{Action, Disruption, Plan, Ref};

/// To do `action` to the resource at `address`.
pub(crate) fn disturb(address: &Address, action: &Action) -> Ask {
    Ask::Disturb { address: address.clone(), id: action.subject().unwrap_or_default().to_owned() }
}

impl Plan {
    /// What the plan's steps do that is no repair.
    pub fn uses(&self) -> BTreeSet<Ask> {
        self.steps.iter().flat_map(|step| step.asks.iter().cloned()).collect()
    }

    /// The same, each once, in the order in which they are done.
    pub fn uses_in_order(&self) -> Vec<Ask> {
        let mut seen = BTreeSet::new();
        let asks = self.steps.iter().flat_map(|step| &step.asks);
        asks.filter(|ask| seen.insert(*ask)).cloned().collect()
    }

    /// What the plan would do if it had the permission.
    pub fn asks(&self) -> BTreeSet<Ask> {
        self.withheld.iter().flat_map(|held| held.asks.iter().cloned()).collect()
    }

    /// The worst that it does to running traffic, with what it asks for.
    pub fn worst(&self) -> Disruption {
        let asked = self.withheld.iter().flat_map(|held| &held.asks).map(|ask| match ask.takes_away() {
            true => Disruption::Detaches,
            false => Disruption::Replaces,
        });
        asked.max().unwrap_or_default().max(self.disruption())
    }
}

impl Action {
    /// The id of what it changes, where that exists already and is one thing.
    pub(crate) fn subject(&self) -> Option<&str> {
        let changed = match self {
            Self::Remove(removal) => return Some(removal.what().id()),
            Self::ReplaceAssociation { association_id, .. } => return Some(association_id),
            Self::AddEndpointTables { endpoint, .. } => return Some(endpoint),
            Self::AcceptPeering { peering } => return Some(peering),
            Self::AssociateRouteTable { subnet, .. } => Some(subnet),
            other => other.refs().into_iter().next(),
        };
        match changed? {
            Ref::Id(id) => Some(id),
            Ref::Output(_) => None,
        }
    }
}
