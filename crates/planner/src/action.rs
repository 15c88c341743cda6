//! The calls a plan is made of.

use ipnet::Ipv4Net;
use phonehome_wire::{AccountId, AzId, ProbeInput, Region};
use serde::Serialize;

use crate::Removal;
use phonehome_network::{AclEntry, Address, RemovalTarget, Rule, Tags};

/// The id of something: known already, or the outcome of an earlier step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ref {
    /// It exists.
    Id(String),
    /// The step with this address makes or finds it.
    Output(Address),
}

/// Where a route will lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefTarget {
    /// To the internet gateway.
    InternetGateway(Ref),
    /// To a NAT gateway.
    NatGateway(Ref),
    /// To a peered VPC.
    Peering(Ref),
}

/// Which way a security group's rules let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Inbound.
    Ingress,
    /// Outbound.
    Egress,
}

/// One call to AWS, with everything it needs. A new resource gets the tags of its step's address in
/// the call that makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each variant is the AWS call of that name, each field its parameter")]
pub enum Action {
    CreateVpc {
        cidr: Ipv4Net,
    },
    /// ModifyVpcAttribute: AWS takes one attribute a call.
    EnableDnsSupport {
        vpc: Ref,
    },
    EnableDnsHostNames {
        vpc: Ref,
    },
    CreateInternetGateway,
    AttachInternetGateway {
        gateway: Ref,
        vpc: Ref,
    },
    AllocateElasticIp,
    CreateSubnet {
        vpc: Ref,
        cidr: Ipv4Net,
        az_id: AzId,
    },
    /// ModifySubnetAttribute
    DisablePublicIpOnLaunch {
        subnet: Ref,
    },
    CreateRouteTable {
        vpc: Ref,
    },
    CreateRoute {
        table: Ref,
        destination: Ipv4Net,
        target: RefTarget,
    },
    ReplaceRoute {
        table: Ref,
        destination: Ipv4Net,
        target: RefTarget,
    },
    AssociateRouteTable {
        table: Ref,
        subnet: Ref,
    },
    /// ReplaceRouteTableAssociation
    ReplaceAssociation {
        association_id: String,
        table: Ref,
    },
    CreateNatGateway {
        subnet: Ref,
        allocation: Ref,
    },
    /// CreateNatGateway with the availability mode `regional`: it spans the VPC's zones and brings
    /// its own public addresses.
    CreateRegionalNatGateway {
        vpc: Ref,
    },
    CreateSecurityGroup {
        vpc: Ref,
        name: String,
        description: String,
    },
    /// DescribeSecurityGroups: its outcome is the id of the group that AWS made with the VPC.
    FindDefaultSecurityGroup {
        vpc: Ref,
    },
    AuthorizeRules {
        group: Ref,
        direction: Direction,
        rules: Vec<Rule>,
    },
    RevokeRules {
        group: Ref,
        direction: Direction,
        rules: Vec<Rule>,
    },
    /// DescribeNetworkAcls: its outcome is the id of the ACL that AWS made with the VPC.
    FindDefaultNetworkAcl {
        vpc: Ref,
    },
    CreateAclEntry {
        acl: Ref,
        entry: AclEntry,
    },
    ReplaceAclEntry {
        acl: Ref,
        entry: AclEntry,
    },
    /// DescribeRouteTables: its outcome is the id of the table that AWS made with the VPC.
    FindMainRouteTable {
        vpc: Ref,
    },
    CreateGatewayEndpoint {
        vpc: Ref,
        service: String,
        tables: Vec<Ref>,
    },
    /// ModifyVpcEndpoint
    AddEndpointTables {
        endpoint: String,
        tables: Vec<Ref>,
    },
    CreateFlowLog {
        vpc: Ref,
        destination: String,
    },
    CreatePeering {
        vpc: Ref,
        peer_account: AccountId,
        peer_region: Region,
        peer_vpc: String,
    },
    AcceptPeering {
        peering: String,
    },
    /// CreateTags
    Tag {
        resource: Ref,
        tags: Tags,
    },
    /// DeleteTags
    Untag {
        resource: String,
        keys: Vec<String>,
    },
    CreateFunction {
        name: String,
        subnet: Ref,
        security_group: Ref,
    },
    UpdateFunctionCode {
        name: String,
    },
    UpdateFunctionConfiguration {
        name: String,
        subnet: Ref,
        security_group: Ref,
    },
    PutDestination {
        name: String,
    },
    CreateSchedule {
        name: String,
        function_arn: String,
        input: ProbeInput,
    },
    UpdateSchedule {
        name: String,
        function_arn: String,
        input: ProbeInput,
    },
    /// The call that takes away what the removal names.
    Remove(Removal),
}

/// Which half of a stack a call changes. An upgrade of phonehome brings its own probe along; the network of
/// an unchanged fleet file it leaves as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionScope {
    /// What carries an account's traffic: EC2's resources, the probes' security group among them.
    Network,
    /// A probe, its schedule or where its reports go is made or taken away.
    Probe,
    /// A probe that is there already gets other code, another configuration or other checks.
    ProbeUpdate,
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

    /// Which half of a stack it changes. A call that nobody thought of here is one in the network.
    pub fn scope(&self) -> ActionScope {
        match self {
            Self::UpdateFunctionCode { .. }
            | Self::UpdateFunctionConfiguration { .. }
            | Self::UpdateSchedule { .. } => ActionScope::ProbeUpdate,
            Self::CreateFunction { .. } | Self::PutDestination { .. } | Self::CreateSchedule { .. } => {
                ActionScope::Probe
            }
            Self::Remove(removal) => match removal.what() {
                RemovalTarget::Function { .. } | RemovalTarget::Schedule { .. } => ActionScope::Probe,
                _ => ActionScope::Network,
            },
            _ => ActionScope::Network,
        }
    }

    /// What it changes or builds on.
    pub(crate) fn refs(&self) -> Vec<&Ref> {
        match self {
            Self::CreateVpc { .. } | Self::CreateInternetGateway | Self::AllocateElasticIp => vec![],
            Self::EnableDnsSupport { vpc }
            | Self::EnableDnsHostNames { vpc }
            | Self::CreateSubnet { vpc, .. }
            | Self::CreateRouteTable { vpc }
            | Self::CreateRegionalNatGateway { vpc }
            | Self::CreateSecurityGroup { vpc, .. }
            | Self::FindDefaultSecurityGroup { vpc }
            | Self::FindDefaultNetworkAcl { vpc }
            | Self::FindMainRouteTable { vpc }
            | Self::CreateFlowLog { vpc, .. }
            | Self::CreatePeering { vpc, .. } => vec![vpc],
            Self::AttachInternetGateway { gateway, vpc } => vec![gateway, vpc],
            Self::DisablePublicIpOnLaunch { subnet } => vec![subnet],
            Self::CreateRoute { table, target, .. } | Self::ReplaceRoute { table, target, .. } => {
                vec![table, target.reference()]
            }
            Self::AssociateRouteTable { table, subnet } => vec![table, subnet],
            Self::ReplaceAssociation { table, .. } => vec![table],
            Self::CreateNatGateway { subnet, allocation } => vec![subnet, allocation],
            Self::AuthorizeRules { group, .. } | Self::RevokeRules { group, .. } => vec![group],
            Self::CreateAclEntry { acl, .. } | Self::ReplaceAclEntry { acl, .. } => vec![acl],
            Self::CreateGatewayEndpoint { vpc, tables, .. } => {
                std::iter::once(vpc).chain(tables.iter()).collect()
            }
            Self::AddEndpointTables { tables, .. } => tables.iter().collect(),
            Self::Tag { resource, .. } => vec![resource],
            Self::CreateFunction { subnet, security_group, .. }
            | Self::UpdateFunctionConfiguration { subnet, security_group, .. } => {
                vec![subnet, security_group]
            }
            Self::AcceptPeering { .. }
            | Self::Untag { .. }
            | Self::UpdateFunctionCode { .. }
            | Self::PutDestination { .. }
            | Self::CreateSchedule { .. }
            | Self::UpdateSchedule { .. }
            | Self::Remove(_) => vec![],
        }
    }
}

impl RefTarget {
    /// What it refers to.
    pub fn reference(&self) -> &Ref {
        match self {
            Self::InternetGateway(reference) | Self::NatGateway(reference) | Self::Peering(reference) => {
                reference
            }
        }
    }
}
