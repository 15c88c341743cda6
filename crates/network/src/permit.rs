//! What a plan may take away, and the proof that it may.
//!
//! A [`Removal`] or [`Replacement`] cannot be made without a [`Permit`], a permit cannot be made
//! outside this file, and this file gives none beyond [`Limits`] or on half a view.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Disruption, Inventory, Kind};
use ipnet::Ipv4Net;

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

    /// What a sweep may do without being asked: repair. What AWS reports as failed is replaced (in
    /// each of 8 zones), and connections that left the fleet file are removed, 3 at a time: a fleet
    /// file that was cut short by mistake takes away no more before somebody sees it. A network ACL that
    /// was opened is closed again (AWS allows 20 inbound entries), and dead routes go, far more than a
    /// stack of 8 zones should ever have: the next sweep takes the rest.
    pub const SWEEP: Self = Self {
        deletions: 0,
        replacements: 8,
        peerings: 3,
        closings: 20,
        dead_routes: 250,
        disruption: Disruption::Detaches,
    };

    /// What releasing a stack allows: to take away a whole one, of 8 zones with 4 subnets each.
    pub const RELEASE: Self = Self { deletions: 250, disruption: Disruption::Detaches, ..Self::NONE };

    /// What is done to an adopted stack without being asked: nothing that its users could notice.
    pub const ADOPTED: Self =
        Self { disruption: Disruption::None, peerings: 0, closings: 0, dead_routes: 0, ..Self::SWEEP };
}

impl Default for Limits {
    fn default() -> Self {
        Self::NONE
    }
}

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
    what: Doomed,
    permit: Permit,
}

impl Removal {
    pub(crate) fn new(what: Doomed, permit: Permit) -> Self {
        Self { what, permit }
    }

    /// What is taken away.
    pub fn what(&self) -> &Doomed {
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

/// One call that takes something away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each variant is the AWS resource of that name, each field its id")]
pub enum Doomed {
    Vpc { id: String },
    Subnet { id: String },
    InternetGatewayAttachment { id: String, vpc_id: String },
    InternetGateway { id: String },
    RouteTable { id: String },
    Route { table_id: String, destination: Ipv4Net },
    NatGateway { id: String },
    ElasticIp { id: String },
    SecurityGroup { id: String },
    NetworkAcl { id: String },
    AclEntry { acl_id: String, number: i32, egress: bool },
    Endpoint { id: String },
    FlowLog { id: String },
    Peering { id: String },
    Function { name: String },
    Schedule { name: String },
}

impl Doomed {
    /// The id, or the name, of what is taken away; of a route, its table's.
    pub fn id(&self) -> &str {
        match self {
            Self::Vpc { id }
            | Self::Subnet { id }
            | Self::InternetGatewayAttachment { id, .. }
            | Self::InternetGateway { id }
            | Self::RouteTable { id }
            | Self::NatGateway { id }
            | Self::ElasticIp { id }
            | Self::SecurityGroup { id }
            | Self::NetworkAcl { id }
            | Self::Endpoint { id }
            | Self::FlowLog { id }
            | Self::Peering { id } => id,
            Self::Route { table_id, .. } => table_id,
            Self::AclEntry { acl_id, .. } => acl_id,
            Self::Function { name } | Self::Schedule { name } => name,
        }
    }
}

/// How a stack is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Release {
    /// Everything that phonehome made is taken away.
    Remove,
    /// The network stays, and is no longer phonehome's: it loses phonehome's tags. The probes, functions
    /// and schedules, are taken away all the same: they are phonehome's own machinery, and nothing would
    /// read what they report.
    Forget,
}

/// Hands out permits, up to the limits.
pub(crate) struct Budget<'a> {
    limits: Limits,
    seen: &'a Inventory,
    given: BTreeMap<Grant, BTreeSet<String>>,
}

impl<'a> Budget<'a> {
    pub(crate) fn new(limits: &Limits, seen: &'a Inventory) -> Self {
        Self { limits: *limits, seen, given: BTreeMap::new() }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A permit for one unit (a resource, or a peering with all that hangs on it), which must have
    /// been decided with everything in view that `needs` names.
    ///
    /// # Errors
    /// Why not, for people.
    pub(crate) fn permit(&mut self, grant: Grant, unit: &str, needs: &[Kind]) -> Result<Permit, String> {
        if let Some(kind) = needs.iter().find(|kind| !self.seen.has_seen(**kind)) {
            return Err(format!("not all {} could be seen", kind.plural()));
        }
        let (max, option) = match grant {
            // Beyond their own number they count as deletions.
            Grant::Closing if self.allows(grant, unit, self.limits.closings) => {
                (self.limits.closings, "--allow-delete")
            }
            Grant::DeadRoute if self.allows(grant, unit, self.limits.dead_routes) => {
                (self.limits.dead_routes, "--allow-delete")
            }
            Grant::Closing | Grant::DeadRoute => return self.permit(Grant::Deletion, unit, needs),
            Grant::Deletion => (self.limits.deletions, "--allow-delete"),
            Grant::Replacement => (self.limits.replacements, "--allow-replace"),
            Grant::Peering => (self.limits.peerings, "--allow-unpeer"),
        };
        let given = self.given.entry(grant).or_default();
        if !given.contains(unit) && given.len() >= max as usize {
            return Err(match max {
                0 => format!("needs permission ({option})"),
                1 => format!("needs permission: only 1 is allowed in one plan ({option})"),
                _ => format!("needs permission: only {max} are allowed in one plan ({option})"),
            });
        }
        given.insert(unit.to_owned());
        Ok(Permit(grant))
    }

    /// Whether one more unit is within a limit, or has its permit already.
    fn allows(&self, grant: Grant, unit: &str, max: u32) -> bool {
        self.given.get(&grant).map_or(max > 0, |given| given.contains(unit) || given.len() < max as usize)
    }
}
