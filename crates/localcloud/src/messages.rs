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
