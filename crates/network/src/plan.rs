//! A plan: the difference between spec and inventory, as data.

use ipnet::Ipv4Net;
use phonehome_wire::ProbeInput;
use serde::{Deserialize, Serialize};

use crate::Address;

/// What has to be done to a stack. Empty when it is as declared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "a plan changes nothing until it is applied"]
pub struct Plan {
    /// The steps. A step comes later in the list than everything it must come after.
    pub steps: Vec<Step>,
    /// What is on its way without our doing.
    pub waits: Vec<Wait>,
}

impl Plan {
    /// Nothing to do, and only the way out may still be on its way.
    pub fn network_ready(&self) -> bool {
        self.steps.is_empty() && self.waits.iter().all(|wait| wait.egress_only)
    }

    /// Nothing to do and nothing to wait for.
    pub fn is_settled(&self) -> bool {
        self.steps.is_empty() && self.waits.is_empty()
    }
}

/// One resource's difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which resource; unique within a plan.
    pub address: Address,
    /// What kind of change it is, for people.
    pub change: Change,
    /// The call to make.
    pub action: Action,
    /// Why, for people.
    pub reason: String,
    /// The steps of this plan that must be done before.
    pub after: Vec<Address>,
}

/// What kind of change. There is no variant that deletes or replaces: a plan cannot say it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// The id of something: known already, or the outcome of an earlier step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ref {
    /// It exists.
    Id(String),
    /// The step with this address makes it.
    Output(Address),
}

/// Where a route will lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefTarget {
    /// To the internet gateway.
    InternetGateway(Ref),
    /// To a NAT gateway.
    NatGateway(Ref),
}

/// One call to AWS, with everything it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each variant is the AWS call of that name, each field its parameter")]
pub enum Action {
    CreateVpc { cidr: Ipv4Net },
    CreateInternetGateway,
    AllocateElasticIp,
    CreateSubnet { vpc: Ref, cidr: Ipv4Net, az_id: String },
    AttachInternetGateway { gateway: Ref, vpc: Ref },
    CreateRouteTable { vpc: Ref },
    CreateRoute { table: Ref, destination: Ipv4Net, target: RefTarget },
    ReplaceRoute { table: Ref, destination: Ipv4Net, target: RefTarget },
    AssociateRouteTable { table: Ref, subnet: Ref },
    CreateNatGateway { subnet: Ref, allocation: Ref },
    CreateSecurityGroup { vpc: Ref, name: String, description: String },
    EmptyDefaultSecurityGroup { vpc: Ref },
    CreateFunction { name: String, subnet: Ref, security_group: Ref },
    UpdateFunctionCode { name: String },
    UpdateFunctionConfiguration { name: String, subnet: Ref, security_group: Ref },
    PutDestination { name: String },
    CreateSchedule { name: String, function_arn: String, input: ProbeInput },
    UpdateSchedule { name: String, function_arn: String, input: ProbeInput },
}

/// Something that is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Which resource.
    pub address: Address,
    /// Its id or name.
    pub id: String,
    /// For people: what is waited for.
    pub what: String,
    /// Only the way out of the VPC needs it, not the network itself.
    pub egress_only: bool,
}

/// Why no plan can be made. Nothing is changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Two resources carry the same address.
    #[error(
        "{address}: {} resources carry this address ({}); phonehome will not guess. Keep one and remove the \
         tag {} from the others",
        ids.len(), ids.join(", "), crate::TAG_ADDRESS
    )]
    Ambiguous {
        /// The address.
        address: Address,
        /// Every resource that carries it.
        ids: Vec<String>,
    },
    /// Something exists under the right address but can only be mended by replacing it.
    #[error(
        "{address} ({id}) has {found}, declared is {declared}; this cannot be changed in place, and phonehome does not replace it"
    )]
    Immutable {
        /// The address.
        address: Address,
        /// The resource's id.
        id: String,
        /// What is seen.
        found: String,
        /// What is declared.
        declared: String,
    },
}

impl Action {
    /// The addresses whose outcome this action needs.
    pub fn outputs(&self) -> Vec<&Address> {
        self.refs()
            .into_iter()
            .filter_map(|reference| match reference {
                Ref::Output(address) => Some(address),
                Ref::Id(_) => None,
            })
            .collect()
    }

    fn refs(&self) -> Vec<&Ref> {
        match self {
            Self::CreateVpc { .. } | Self::CreateInternetGateway | Self::AllocateElasticIp => vec![],
            Self::CreateSubnet { vpc, .. }
            | Self::CreateRouteTable { vpc }
            | Self::CreateSecurityGroup { vpc, .. }
            | Self::EmptyDefaultSecurityGroup { vpc } => vec![vpc],
            Self::AttachInternetGateway { gateway, vpc } => vec![gateway, vpc],
            Self::CreateRoute { table, target, .. } | Self::ReplaceRoute { table, target, .. } => {
                vec![table, target.reference()]
            }
            Self::AssociateRouteTable { table, subnet } => vec![table, subnet],
            Self::CreateNatGateway { subnet, allocation } => vec![subnet, allocation],
            Self::CreateFunction { subnet, security_group, .. }
            | Self::UpdateFunctionConfiguration { subnet, security_group, .. } => {
                vec![subnet, security_group]
            }
            Self::UpdateFunctionCode { .. }
            | Self::PutDestination { .. }
            | Self::CreateSchedule { .. }
            | Self::UpdateSchedule { .. } => vec![],
        }
    }
}

impl RefTarget {
    /// What it refers to.
    pub fn reference(&self) -> &Ref {
        match self {
            Self::InternetGateway(reference) | Self::NatGateway(reference) => reference,
        }
    }
}
