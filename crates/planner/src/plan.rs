//! A plan: the difference between spec and inventory, as data.

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::names::Names;
use crate::price::MonthlyPrice;
use crate::{Action, Disruption, Replacement, Withheld};
use phonehome_network::{Address, Ask, Kind, Rule};

/// What has to be done to a stack. Empty when it is as declared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[must_use = "a plan changes nothing until it is applied"]
pub struct Plan {
    /// The steps. A step comes later in the list than everything it must come after.
    pub steps: Vec<Step>,
    /// What is on its way without our doing.
    pub waits: Vec<Wait>,
    /// What would have to be done but may not: see [`crate::Limits`].
    pub withheld: Vec<Withheld>,
    /// What will have to be done when something else is there that is waited for or could not be seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub postponed: Vec<Address>,
    /// What is in the VPC but not phonehome's. It is never touched.
    pub unmanaged: Vec<Unmanaged>,
    /// Kinds that the spec is concerned with and that could not be seen.
    pub unseen: Vec<Kind>,
    /// Where the stack is.
    pub located: Located,
    /// What the stack's NAT gateways cost, when the plan is about a network that has any.
    pub price: Option<MonthlyPrice>,
    /// What its ids and addresses stand for.
    #[serde(skip)]
    pub names: Names,
}

impl Plan {
    /// Nothing to do and nothing to wait for.
    pub fn is_converged(&self) -> bool {
        self.steps.is_empty() && self.waits.is_empty()
    }

    /// When it goes on, where something of it is allowed and the hour has no more removals; milliseconds since the Unix
    /// epoch.
    pub fn next_hour_ms(&self) -> Option<u64> {
        self.withheld.iter().filter_map(|it| it.reason.next_hour_ms()).max()
    }

    /// The worst that any of its steps does to running traffic.
    pub fn disruption(&self) -> Disruption {
        self.steps.iter().map(|step| step.disruption).max().unwrap_or_default()
    }
}

/// What was recognised as the stack's network, whether or not it has its tags.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Located {
    /// Its VPC, once there is one.
    pub vpc_id: Option<String>,
    /// The CIDRs of its private subnets that are there, in the order of the zones.
    pub private_subnets: Vec<Ipv4Net>,
    /// What the inbound group lets in for a declared connection, or still does for one that was declared.
    #[serde(skip)]
    pub opened: Vec<Rule>,
}

/// One resource's difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Which resource; unique within a plan.
    pub address: Address,
    /// What kind of change it is, for people.
    pub change: Change,
    /// What it does to running traffic.
    pub disruption: Disruption,
    /// The call to make.
    pub action: Action,
    /// Why, for people.
    pub reason: String,
    /// The steps of this plan that must be done before.
    pub after: Vec<Address>,
    /// What it does that is no repair; each of these was allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<Ask>,
}

/// What kind of change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is not there.
    Create,
    /// It is there and differs.
    Update {
        /// What is seen, for people.
        before: String,
        /// What will be, for people.
        after: String,
    },
    /// It cannot be mended, and another takes its place.
    Replace(Replacement),
    /// It is no longer declared. The step's action is a [`crate::Removal`].
    Delete {
        /// What is seen, for people.
        before: String,
    },
    /// It is there, made by somebody else (or has lost its tags), and becomes phonehome's.
    Adopt {
        /// Its id, when it is known already.
        id: String,
    },
    /// It stays as it is and is no longer phonehome's.
    Forget {
        /// Its id.
        id: String,
    },
}

/// Something that is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// Which resource.
    pub address: Address,
    /// Its id or name.
    pub id: String,
    /// For people: what is waited for.
    pub what: String,
    /// What cannot work before.
    pub holds_up: Readiness,
}

/// What may be ready on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// The network itself, and its probes.
    Network,
    /// The way out of the VPC.
    Egress,
    /// A declared connection to another account.
    Connections,
}

/// Something in the VPC that is not phonehome's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unmanaged {
    /// Its id.
    pub id: String,
    /// For people: what it is.
    pub what: String,
}

/// Why no plan can be made. Nothing is changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Two resources carry the same address.
    #[error(
        "{address}: {} resources carry this address ({}); phonehome will not guess. Keep one and remove the \
         tag {} from the others",
        ids.len(), ids.join(", "), phonehome_network::TAG_ADDRESS
    )]
    Ambiguous {
        /// The address.
        address: Box<Address>,
        /// Every resource that carries it.
        ids: Vec<String>,
    },
    /// Several existing resources could be taken for one address.
    #[error(
        "{address}: {} resources could be it ({}); phonehome will not guess. Put the tags {}={address} and \
         {}={} on the one it should be",
        ids.len(), ids.join(", "), phonehome_network::TAG_ADDRESS, phonehome_network::TAG_MANAGED_BY, phonehome_network::TAG_MANAGED_BY_VALUE
    )]
    Candidates {
        /// The address.
        address: Box<Address>,
        /// Every resource that could be it.
        ids: Vec<String>,
    },
    /// Something exists under the right address but can only be mended by replacing it.
    #[error(
        "{address} ({id}) has {found}, declared is {declared}; this cannot be changed in place, and phonehome does not replace it"
    )]
    Immutable {
        /// The address.
        address: Box<Address>,
        /// The resource's id.
        id: String,
        /// What is seen.
        found: String,
        /// What is declared.
        declared: String,
    },
    /// What is to be adopted is not there.
    #[error(
        "{id} is to be adopted (`adopt` in the fleet file) but there is no such VPC in this account and \
         Region; there are: {}", if there.is_empty() { "none".to_owned() } else { there.join(", ") }
    )]
    NothingToAdopt {
        /// The declared VPC.
        id: String,
        /// The VPCs there are.
        there: Vec<String>,
    },
    /// An existing VPC has no room for what is missing from it.
    #[error(
        "{address} is missing from {vpc_id}, and its place {cidr} is not free: {taken_by}. Free it, or tag the \
         subnet that should be it with {}={address} and {}={}",
        phonehome_network::TAG_ADDRESS,
        phonehome_network::TAG_MANAGED_BY,
        phonehome_network::TAG_MANAGED_BY_VALUE
    )]
    NoRoom {
        /// What is missing.
        address: Box<Address>,
        /// The VPC.
        vpc_id: String,
        /// Where it would be.
        cidr: String,
        /// What is there.
        taken_by: String,
    },
    /// Something that everything else depends on cannot be seen.
    #[error("not all {} could be seen, and nothing can be planned without them", kind.plural())]
    Blind {
        /// The kind.
        kind: Kind,
    },
}
