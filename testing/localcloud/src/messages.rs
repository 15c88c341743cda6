//! What `bridge/control.py` is asked about and answers with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An account and a Region of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The 12-digit account id.
    pub account: String,
    /// The Region.
    pub region: String,
}

impl Place {
    /// This account, in this Region.
    pub fn new(account: impl Into<String>, region: impl Into<String>) -> Self {
        Self { account: account.into(), region: region.into() }
    }
}

/// An open account of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// Its 12-digit id.
    pub id: String,
    /// Its name, which others may have too.
    pub name: String,
}

/// A message that is still in its queue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct QueueMessage {
    /// SQS's id.
    pub id: String,
    /// The body.
    pub body: String,
    /// The message attributes, as text.
    pub attributes: BTreeMap<String, String>,
}

/// A metric of the namespace `phonehome`, over the last day.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Its dimensions.
    pub dimensions: BTreeMap<String, String>,
    /// The sum of its samples.
    pub sum: f64,
    /// The greatest sample.
    pub maximum: f64,
    /// How many samples there are.
    pub samples: f64,
}

/// Something that happened to a stack.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StackEvent {
    /// The logical id.
    pub resource: String,
    /// The type, `AWS::SQS::Queue`.
    pub kind: String,
    /// `CREATE_COMPLETE`, `CREATE_FAILED` …
    pub status: String,
    /// Why, or nothing.
    pub reason: String,
}

/// What one account has in one Region, without its default VPC.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Network {
    /// The VPCs.
    pub vpcs: Vec<Vpc>,
    /// The subnets in them.
    pub subnets: Vec<Subnet>,
    /// The NAT gateways in them.
    pub nat_gateways: Vec<NatGateway>,
    /// The route tables in them.
    pub route_tables: Vec<RouteTable>,
    /// The security groups in them.
    pub security_groups: Vec<SecurityGroup>,
    /// The account's peerings, also those that are gone and still shown.
    pub peerings: Vec<Peering>,
    /// The endpoints in the VPCs.
    pub endpoints: Vec<Endpoint>,
    /// The entries of the VPCs' network ACLs in the order they are tried, what comes in first; without
    /// AWS's own last ones.
    pub acl_entries: Vec<AclEntry>,
    /// The account's flow logs.
    pub flow_logs: Vec<FlowLog>,
    /// The account's functions.
    pub functions: Vec<Function>,
    /// The account's schedules.
    pub schedules: Vec<Schedule>,
}

/// A VPC.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Vpc {
    /// `vpc-…`
    pub id: String,
    /// The tag `Name`.
    pub name: String,
    /// Its addresses.
    pub cidr: String,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Subnet {
    /// `subnet-…`
    pub id: String,
    /// The tag `Name`.
    pub name: String,
    /// Its addresses.
    pub cidr: String,
    /// The zone's id, `use1-az1`.
    pub availability_zone: String,
    /// The VPC it is in.
    pub vpc: String,
}

/// A NAT gateway.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NatGateway {
    /// `nat-…`
    pub id: String,
    /// The tag `Name`.
    pub name: String,
    /// The subnet it is in.
    pub subnet: String,
    /// `pending`, `available` …
    pub state: String,
    /// Its public address, or nothing.
    pub public_ip: String,
}

/// A route table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RouteTable {
    /// `rtb-…`
    pub id: String,
    /// The tag `Name`.
    pub name: String,
    /// The subnets that are associated with it.
    pub subnets: Vec<String>,
    /// Its routes.
    pub routes: Vec<Route>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Route {
    /// Where to.
    pub destination: String,
    /// By way of what: `local`, `igw-…`, `nat-…`
    pub target: String,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SecurityGroup {
    /// `sg-…`
    pub id: String,
    /// The tag `Name`, or else the group's own name.
    pub name: String,
    /// How many rules let something in.
    pub ingress: usize,
    /// How many rules let something out.
    pub egress: usize,
    /// What it lets in, a line for each source: `tcp 443 from 10.0.2.0/23`.
    pub lets_in: Vec<String>,
}

/// A VPC peering connection.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Peering {
    /// `pcx-…`
    pub id: String,
    /// The tag `Name`; each side has its own.
    pub name: String,
    /// `pending-acceptance`, `active`, `deleted` …
    pub state: String,
    /// The account that asked for it.
    pub requester: String,
    /// The account that was asked.
    pub accepter: String,
}

/// A VPC endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Endpoint {
    /// `vpce-…`
    pub id: String,
    /// The tag `Name`.
    pub name: String,
    /// `com.amazonaws.us-east-1.s3`
    pub service: String,
    /// `available` …
    pub state: String,
    /// In how many route tables it is.
    pub route_tables: usize,
}

/// An entry of a network ACL.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AclEntry {
    /// Its rule number: the lowest that fits decides.
    pub number: u32,
    /// Whether it is about what leaves.
    pub egress: bool,
    /// Whether it allows; it denies otherwise.
    pub allow: bool,
    /// Protocol and ports, `tcp 22`.
    pub traffic: String,
    /// The other end, or nothing when that is no IPv4 block.
    pub cidr: String,
}

/// A flow log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FlowLog {
    /// `fl-…`
    pub id: String,
    /// What it is of, `vpc-…`
    pub resource: String,
    /// Where it goes, `arn:aws:s3:::…`
    pub destination: String,
}

/// In which of its Regions an account has a default VPC.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DefaultVpcs {
    /// The Regions the account has.
    pub regions: Vec<String>,
    /// Those of them with a default VPC.
    pub with_default_vpc: Vec<String>,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// `Pending`, `Active` …
    pub state: String,
    /// The subnets it runs in; none when it is in no VPC.
    pub subnets: Vec<String>,
    /// Lambda's hash of its package.
    pub code_sha256: String,
}

/// An EventBridge schedule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// `rate(1 minute)`
    pub expression: String,
    /// Whether it fires.
    pub enabled: bool,
}
