//! What a person has seen in a plan and accepted: exactly that, and nothing beyond it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Action, Address, Disruption, Doomed, Plan, Ref, Rule};

/// The worst that a repair does to running traffic: it leads back what somebody has led away, and
/// closes what somebody has opened. What cuts off, or puts another in the place of what works, is no
/// repair.
pub const REPAIR: Disruption = Disruption::ResetsConnections;

/// One thing that is not done unasked. Two are the same when they do the same to the same resource:
/// what is made again under the same name has another id, and is another matter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// To delete something that is no longer declared.
    Delete(Doomed),
    /// To remove a peering with all its routes and rules.
    Unpeer {
        /// `pcx-…`
        id: String,
    },
    /// To close what a declared connection had opened, while its peering stays.
    Close {
        /// `sg-…`
        group_id: String,
        /// What it lets in.
        rule: Rule,
    },
    /// To change or replace something, with what that does to its users.
    Disturb {
        /// Which resource of the stack.
        address: Address,
        /// The id of what is changed, or of what another takes the place of; empty where it has none.
        id: String,
    },
}

impl Ask {
    /// Whether it names something by an id that AWS gives only once: then it cannot hit anything but
    /// what was seen, however often it is tried.
    pub fn is_of_one_life(&self) -> bool {
        match self {
            Self::Unpeer { .. } => true,
            Self::Delete(doomed) => !matches!(
                doomed,
                Doomed::Route { .. }
                    | Doomed::AclEntry { .. }
                    | Doomed::InternetGatewayAttachment { .. }
                    | Doomed::Function { .. }
                    | Doomed::Schedule { .. }
            ),
            Self::Close { .. } | Self::Disturb { .. } => false,
        }
    }

    /// Whether it takes something away, rather than changes it.
    pub fn takes_away(&self) -> bool {
        !matches!(self, Self::Disturb { .. })
    }

    /// To do `action` to the resource at `address`.
    pub(crate) fn disturb(address: &Address, action: &Action) -> Self {
        Self::Disturb { address: address.clone(), id: action.subject().unwrap_or_default().to_owned() }
    }
}

/// What may be done beyond the limits, each thing by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Permission(BTreeSet<Ask>);

impl Permission {
    /// Nothing.
    pub const NONE: Self = Self(BTreeSet::new());

    /// Whether it allows this.
    pub fn allows(&self, ask: &Ask) -> bool {
        self.0.contains(ask)
    }

    /// Whether it allows nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What it allows.
    pub fn asks(&self) -> impl Iterator<Item = &Ask> {
        self.0.iter()
    }

    /// The same without what is used up.
    #[must_use]
    pub fn without(&self, used: &BTreeSet<Ask>) -> Self {
        Self(self.0.difference(used).cloned().collect())
    }
}

impl FromIterator<Ask> for Permission {
    fn from_iter<I: IntoIterator<Item = Ask>>(asks: I) -> Self {
        Self(asks.into_iter().collect())
    }
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
