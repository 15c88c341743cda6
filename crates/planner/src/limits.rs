//! How much a plan may take away or disturb, what was used of that, and what is left.

use serde::{Deserialize, Serialize};

use crate::disruption::{Disruption, REPAIR};

/// How much one plan may take away or disturb. What it would do beyond that it lists as withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// How many resources may be deleted because they are no longer declared.
    pub deletions: u32,
    /// How many resources may be replaced by others. Only what AWS itself reports as failed ever is:
    /// it carries no traffic.
    pub replacements: u32,
    /// How many peerings may be removed, each with its routes and rules, because no connection
    /// needs them any more.
    pub peerings: u32,
    /// How many openings for the internet (entries that somebody put before those which close a network
    /// ACL) may be closed again without counting as deletions.
    pub closings: u32,
    /// How many routes of the stack's own tables may be removed because they lead to a peering that is
    /// gone: they carry nothing.
    pub dead_routes: u32,
    /// The worst that any single step may do to running traffic.
    pub disruption: Disruption,
}

impl Limits {
    /// Nothing is taken away, and no running connection is touched.
    pub const NONE: Self = Self {
        deletions: 0,
        replacements: 0,
        peerings: 0,
        closings: 0,
        dead_routes: 0,
        disruption: Disruption::None,
    };

    /// What is done without being asked: repair. What AWS reports as failed carries nothing and is
    /// replaced (in each of 8 zones). A network ACL that was opened is closed again (AWS allows 20 inbound
    /// entries), and routes that lead nowhere go, far more than a stack of 8 zones should ever have: the
    /// next sweep takes the rest. Nothing that works is taken away, detached or replaced, whatever the
    /// fleet file no longer says: it may have been cut short by mistake.
    pub const SWEEP: Self = Self {
        deletions: 0,
        replacements: 8,
        peerings: 0,
        closings: 20,
        dead_routes: 250,
        disruption: REPAIR,
    };

    /// What decommissioning a stack allows: to take away a whole one, of 8 zones with 4 subnets each.
    pub const DECOMMISSION: Self = Self { deletions: 250, disruption: Disruption::Detaches, ..Self::NONE };

    /// What is done to an adopted stack without being asked: nothing that its users could notice.
    pub const ADOPTED: Self =
        Self { disruption: Disruption::None, closings: 0, dead_routes: 0, ..Self::SWEEP };
}

impl Limits {
    /// What is left after `used`. Closings and dead routes beyond their own number count as deletions.
    #[must_use]
    pub fn minus(self, used: Self) -> Self {
        let more =
            used.closings.saturating_sub(self.closings) + used.dead_routes.saturating_sub(self.dead_routes);
        Self {
            deletions: self.deletions.saturating_sub(used.deletions + more),
            replacements: self.replacements.saturating_sub(used.replacements),
            peerings: self.peerings.saturating_sub(used.peerings),
            closings: self.closings.saturating_sub(used.closings),
            dead_routes: self.dead_routes.saturating_sub(used.dead_routes),
            disruption: self.disruption,
        }
    }
}

/// Limits that a person asks for once, in the queue or on the command line. What is not said is as usual.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitRequest {
    /// [`Limits::deletions`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletions: Option<u32>,
    /// [`Limits::replacements`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacements: Option<u32>,
    /// [`Limits::peerings`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peerings: Option<u32>,
    /// [`Limits::disruption`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disruption: Option<Disruption>,
}

impl LimitRequest {
    /// The limits it comes to where `usual` are usual.
    pub fn over(self, usual: Limits) -> Limits {
        // To allow something to be taken away is to allow what that does to its users.
        let takes = [self.deletions, self.peerings].into_iter().flatten().any(|number| number > 0);
        let implied = if takes { Limits::DECOMMISSION.disruption } else { usual.disruption };
        Limits {
            deletions: self.deletions.unwrap_or(usual.deletions),
            replacements: self.replacements.unwrap_or(usual.replacements),
            peerings: self.peerings.unwrap_or(usual.peerings),
            disruption: self.disruption.unwrap_or(implied),
            ..usual
        }
    }

    /// What of it is left when `left` of `had` is.
    #[must_use]
    pub fn minus(self, had: Limits, left: Limits) -> Self {
        let less = |asked: Option<u32>, had: u32, left: u32| {
            asked.map(|it| it.saturating_sub(had.saturating_sub(left)))
        };
        Self {
            deletions: less(self.deletions, had.deletions, left.deletions),
            replacements: less(self.replacements, had.replacements, left.replacements),
            peerings: less(self.peerings, had.peerings, left.peerings),
            disruption: self.disruption,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::NONE
    }
}
