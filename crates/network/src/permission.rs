//! What a person has seen in a plan and accepted: exactly that, and nothing beyond it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Address, RemovalTarget, Rule};

/// One thing that is not done unasked. Two are the same when they do the same to the same resource:
/// what is made again under the same name has another id, and is another matter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// To delete something that is no longer declared.
    Delete(RemovalTarget),
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
            Self::Delete(target) => !matches!(
                target,
                RemovalTarget::Route { .. }
                    | RemovalTarget::AclEntry { .. }
                    | RemovalTarget::InternetGatewayAttachment { .. }
                    | RemovalTarget::Function { .. }
                    | RemovalTarget::Schedule { .. }
            ),
            Self::Close { .. } | Self::Disturb { .. } => false,
        }
    }

    /// Whether it may give something up that no rollback brings back. Each such thing has an id of its own, so that what
    /// was accepted long ago cannot hit another one.
    pub fn may_give_up(&self) -> bool {
        let Self::Delete(target) = self else { return false };
        matches!(
            target,
            RemovalTarget::ElasticIp { .. } | RemovalTarget::NatGateway { .. } | RemovalTarget::Vpc { .. }
        )
    }

    /// Whether it takes something away, rather than changes it.
    pub fn takes_away(&self) -> bool {
        !matches!(self, Self::Disturb { .. })
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
