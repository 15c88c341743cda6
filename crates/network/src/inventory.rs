//! What is seen in an account: only what carries phonehome's tag or hangs on something that does.

use ipnet::Ipv4Net;
use phonehome_wire::ProbeInput;
use serde::{Deserialize, Serialize};

use crate::Address;

/// What was observed of one stack. Every describe call behind it succeeded; when one fails there
/// is no inventory, so nothing is ever planned on half a view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// VPCs that carry the tag.
    pub vpcs: Vec<Vpc>,
    /// Subnets that carry the tag.
    pub subnets: Vec<Subnet>,
    /// Internet gateways that carry the tag.
    pub internet_gateways: Vec<InternetGateway>,
    /// Elastic IPs that carry the tag.
    pub elastic_ips: Vec<ElasticIp>,
    /// NAT gateways that carry the tag, in any state.
    pub nat_gateways: Vec<NatGateway>,
    /// Route tables that carry the tag.
    pub route_tables: Vec<RouteTable>,
    /// Security groups that carry the tag, and every VPC's default one.
    pub security_groups: Vec<SecurityGroup>,
    /// Probe functions, found by name.
    pub functions: Vec<Function>,
    /// Probe schedules, found by name.
    pub schedules: Vec<Schedule>,
}

/// A VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    /// `vpc-…`
    pub id: String,
    /// From its tag.
    pub address: Address,
    /// Its primary CIDR.
    pub cidr: Ipv4Net,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// `subnet-…`
    pub id: String,
    /// From its tag.
    pub address: Address,
    /// The VPC it is in.
    pub vpc_id: String,
    /// Its CIDR.
    pub cidr: Ipv4Net,
    /// The AZ ID it is in.
    pub az_id: String,
}

/// An internet gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InternetGateway {
    /// `igw-…`
    pub id: String,
    /// From its tag.
    pub address: Address,
    /// The VPC it is attached to.
    pub vpc_id: Option<String>,
}

/// An elastic IP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElasticIp {
    /// `eipalloc-…`
    pub allocation_id: String,
    /// From its tag.
    pub address: Address,
    /// The public address.
    pub public_ip: String,
}

/// A NAT gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NatGateway {
    /// `nat-…`
    pub id: String,
    /// From its tag.
    pub address: Address,
    /// The subnet it is in.
    pub subnet_id: String,
    /// Where it is in its life.
    pub state: NatState,
}

/// Where a NAT gateway is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NatState {
    /// Being made: takes 84–124 s on AWS.
    Pending,
    /// Works.
    Available,
    /// Could not be made, is going or gone: counts as absent.
    Gone,
}

/// A route table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTable {
    /// `rtb-…`
    pub id: String,
    /// From its tag.
    pub address: Address,
    /// The VPC it is in.
    pub vpc_id: String,
    /// Its routes, without the local one.
    pub routes: Vec<Route>,
    /// The subnets it is associated with.
    pub subnet_ids: Vec<String>,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The destination CIDR.
    pub destination: Ipv4Net,
    /// Where it leads.
    pub target: RouteTarget,
}

/// Where a route leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteTarget {
    /// An internet gateway's id.
    InternetGateway(String),
    /// A NAT gateway's id.
    NatGateway(String),
    /// Anything else.
    Other(String),
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// `sg-…`
    pub id: String,
    /// From its tag; `None` for a VPC's default group.
    pub address: Option<Address>,
    /// `default` for a VPC's default group.
    pub name: String,
    /// The VPC it is in.
    pub vpc_id: String,
    /// How many inbound rules it has.
    pub ingress_rules: usize,
    /// How many outbound rules it has.
    pub egress_rules: usize,
}

/// A probe function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Lambda's hash of its code.
    pub code_sha256: String,
    /// The subnets it is attached to.
    pub subnet_ids: Vec<String>,
    /// Its security groups.
    pub security_group_ids: Vec<String>,
    /// Its role's ARN.
    pub role_arn: String,
    /// Memory in MB.
    pub memory_mb: i32,
    /// Time limit in seconds.
    pub timeout_s: i32,
    /// Where it is in its life.
    pub state: FunctionState,
    /// Where a successful asynchronous invocation's result goes, and how often a failed one is
    /// tried again.
    pub destination: Option<String>,
}

/// Where a function is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FunctionState {
    /// Being made, or being changed: refuses further changes.
    Pending,
    /// Works. An `Inactive` function counts as such: its next invocation wakes it.
    Active,
    /// Could not be made.
    Failed,
}

/// A probe's schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// `rate(1 minute)`
    pub expression: String,
    /// Whether it fires.
    pub enabled: bool,
    /// The ARN it invokes.
    pub target_arn: String,
    /// The role it invokes with.
    pub role_arn: String,
    /// What it sends, when that can be read as a probe's input.
    pub input: Option<ProbeInput>,
}
