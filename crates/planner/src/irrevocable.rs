//! What a call gives up for good: no version of the fleet file brings it back, rolled back or published again.
//!
//! That is what others know an account by and AWS or the ledger may give to somebody else: public addresses and a
//! block. What phonehome makes again under the same address with another id is not among it, nor what somebody else
//! wrote in a VPC that is adopted: a plan shows that as it is before.

use std::collections::BTreeSet;
use std::fmt;

use phonehome_network::{Address, Ask, RemovalTarget, Resource};
use phonehome_text::joined;
use serde::Serialize;

use crate::{Action, Plan, Step, Withheld, WithheldReason};

/// What kind of thing is given up for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Irrevocable {
    /// An elastic IP with its public address. A NAT gateway alone gives up none: another one gets the same.
    ElasticIp,
    /// The public addresses that AWS gave with a regional NAT gateway.
    RegionalAddresses,
    /// A VPC, and with it the account's block: the ledger gives that to others after the quarantine.
    Vpc,
}

/// One thing that a plan gives up for good, now or with permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GivenUp {
    /// What it is.
    pub what: Irrevocable,
    /// Which resource.
    pub address: Address,
    /// Its id.
    pub id: String,
    /// The public addresses or blocks that go with it, as far as they were seen.
    pub known_as: Vec<String>,
}

impl Action {
    /// What the call gives up for good, of the resource at this address.
    pub fn gives_up(&self, at: &Address) -> Option<Irrevocable> {
        match self {
            Self::Remove(removal) => gone_with(removal.what(), at),
            // A stack without its tags is nobody's: its block is released.
            Self::Untag { .. } => (at.resource == Resource::Vpc).then_some(Irrevocable::Vpc),
            Self::CreateVpc { .. }
            | Self::EnableDnsSupport { .. }
            | Self::EnableDnsHostNames { .. }
            | Self::CreateInternetGateway
            | Self::AttachInternetGateway { .. }
            | Self::AllocateElasticIp
            | Self::CreateSubnet { .. }
            | Self::DisablePublicIpOnLaunch { .. }
            | Self::CreateRouteTable { .. }
            | Self::CreateRoute { .. }
            | Self::ReplaceRoute { .. }
            | Self::AssociateRouteTable { .. }
            | Self::ReplaceAssociation { .. }
            | Self::CreateNatGateway { .. }
            | Self::CreateRegionalNatGateway { .. }
            | Self::CreateSecurityGroup { .. }
            | Self::FindDefaultSecurityGroup { .. }
            | Self::AuthorizeRules { .. }
            | Self::RevokeRules { .. }
            | Self::FindDefaultNetworkAcl { .. }
            | Self::CreateAclEntry { .. }
            | Self::ReplaceAclEntry { .. }
            | Self::FindMainRouteTable { .. }
            | Self::CreateGatewayEndpoint { .. }
            | Self::AddEndpointTables { .. }
            | Self::CreateFlowLog { .. }
            | Self::CreatePeering { .. }
            | Self::AcceptPeering { .. }
            | Self::Tag { .. }
            | Self::CreateFunction { .. }
            | Self::UpdateFunctionCode { .. }
            | Self::UpdateFunctionConfiguration { .. }
            | Self::PutDestination { .. }
            | Self::CreateSchedule { .. }
            | Self::UpdateSchedule { .. } => None,
        }
    }
}

/// What goes for good with what is taken away.
fn gone_with(target: &RemovalTarget, at: &Address) -> Option<Irrevocable> {
    match target {
        RemovalTarget::ElasticIp { .. } => Some(Irrevocable::ElasticIp),
        RemovalTarget::Vpc { .. } => Some(Irrevocable::Vpc),
        RemovalTarget::NatGateway { .. } => {
            (at.resource == Resource::RegionalNatGateway).then_some(Irrevocable::RegionalAddresses)
        }
        RemovalTarget::Subnet { .. }
        | RemovalTarget::InternetGatewayAttachment { .. }
        | RemovalTarget::InternetGateway { .. }
        | RemovalTarget::RouteTable { .. }
        | RemovalTarget::Route { .. }
        | RemovalTarget::SecurityGroup { .. }
        | RemovalTarget::NetworkAcl { .. }
        | RemovalTarget::AclEntry { .. }
        | RemovalTarget::Endpoint { .. }
        | RemovalTarget::FlowLog { .. }
        | RemovalTarget::Peering { .. }
        | RemovalTarget::Function { .. }
        | RemovalTarget::Schedule { .. } => None,
    }
}

impl Plan {
    /// What the plan gives up for good, each thing once: what its steps do, and what it withholds.
    pub fn given_up(&self) -> Vec<GivenUp> {
        let steps = self.steps.iter().filter_map(|step| self.by_call(&step.address, &step.action));
        let held = self.withheld.iter().flat_map(|held| {
            let asked = held.asks.iter().filter_map(|ask| match ask {
                Ask::Delete(target) => self.by_removal(&held.address, target),
                Ask::Unpeer { .. } | Ask::Close { .. } | Ask::Disturb { .. } => None,
            });
            asked.chain(held.call.as_ref().and_then(|call| self.by_call(&held.address, call)))
        });
        let mut seen = BTreeSet::new();
        steps.chain(held).filter(|it| seen.insert(it.id.clone())).collect()
    }

    /// The same plan for a version that may still be taken back: what gives something up for good waits until that
    /// version is in force, and so does what comes after it.
    pub fn while_revocable(self) -> Self {
        let mut waiting: BTreeSet<Address> = BTreeSet::new();
        let mut plan = Self { steps: vec![], ..self };
        for step in self.steps {
            let gives_up = step.action.gives_up(&step.address).is_some();
            if gives_up || step.after.iter().any(|before| waiting.contains(before)) {
                waiting.insert(step.address.clone());
                plan.withheld.push(until_in_force(step));
            } else {
                plan.steps.push(step);
            }
        }
        plan
    }

    /// What waits until the version is in force.
    pub fn until_in_force(&self) -> impl Iterator<Item = &Withheld> {
        self.withheld.iter().filter(|held| held.reason == WithheldReason::UntilInForce)
    }

    /// What is withheld for any other reason.
    pub fn withheld_otherwise(&self) -> impl Iterator<Item = &Withheld> {
        self.withheld.iter().filter(|held| held.reason != WithheldReason::UntilInForce)
    }

    fn by_call(&self, at: &Address, action: &Action) -> Option<GivenUp> {
        let what = action.gives_up(at)?;
        let id = match action {
            Action::Untag { resource, .. } => resource,
            other => other.subject()?,
        };
        Some(self.given_up_as(what, at, id))
    }

    fn by_removal(&self, at: &Address, target: &RemovalTarget) -> Option<GivenUp> {
        Some(self.given_up_as(gone_with(target, at)?, at, target.id()))
    }

    fn given_up_as(&self, what: Irrevocable, at: &Address, id: &str) -> GivenUp {
        let known_as = self.names.known_as.get(id).cloned().unwrap_or_default();
        GivenUp { what, address: at.clone(), id: id.to_owned(), known_as }
    }
}

/// A step that waits until the version is in force; the permission that it has stays unused.
fn until_in_force(step: Step) -> Withheld {
    let Step { address, change, action, reason, asks, .. } = step;
    let (kind, id) = (change.kind(), action.subject().map_or_else(|| change.id(), str::to_owned));
    let (details, call) = match action {
        Action::Remove(_) => (reason, None),
        other => (change.details(&other), Some(Box::new(other))),
    };
    Withheld { address, id, kind, details, reason: WithheldReason::UntilInForce, asks, call }
}

impl Irrevocable {
    /// For people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::ElasticIp => "elastic IP",
            Self::RegionalAddresses => "public addresses",
            Self::Vpc => "VPC with block",
        }
    }
}

/// `elastic IP 198.51.100.7 (elastic-ip/use1-az1)`.
impl fmt::Display for GivenUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known_as = if self.known_as.is_empty() { self.id.clone() } else { joined(&self.known_as) };
        write!(f, "{} {known_as} ({})", self.what.in_words(), self.address)
    }
}
