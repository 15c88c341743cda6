//! EC2's resources, as far as a stack is concerned with them.

use std::net::IpAddr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::tags::Tags;

/// A VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    /// `vpc-…`
    pub id: String,
    /// Its tags.
    pub tags: Tags,
    /// The account that it is, by its 12-digit id: another one's where that shares its subnets with the
    /// account that looks. `None`: not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Its CIDRs, the primary one first.
    pub cidrs: Vec<Ipv4Net>,
    /// Whether it is the Region's default VPC.
    pub is_default: bool,
    /// Whether it resolves names through AWS's resolver; `None`: not asked.
    pub dns_support: Option<bool>,
    /// Whether it gives host names; `None`: not asked.
    pub dns_host_names: Option<bool>,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// `subnet-…`
    pub id: String,
    /// Its tags.
    pub tags: Tags,
    /// The VPC it is in.
    pub vpc_id: String,
    /// Its CIDR.
    pub cidr: Ipv4Net,
    /// The AZ ID it is in.
    pub az_id: String,
    /// Whether what starts in it gets a public address.
    pub public_ip_on_launch: bool,
}

/// An internet gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InternetGateway {
    /// `igw-…`
    pub id: String,
    /// Its tags.
    pub tags: Tags,
    /// The VPC it is attached to.
    pub vpc_id: Option<String>,
}

/// An elastic IP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElasticIp {
    /// `eipalloc-…`
    pub allocation_id: String,
    /// Its tags.
    pub tags: Tags,
    /// The public address.
    pub public_ip: String,
    /// `eipassoc-…`, while something uses it.
    pub association_id: Option<String>,
}

/// A NAT gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NatGateway {
    /// `nat-…`
    pub id: String,
    /// Its tags.
    pub tags: Tags,
    /// The VPC it is in.
    pub vpc_id: String,
    /// The subnet it is in; `None` for a regional one, which is in none.
    pub subnet_id: Option<String>,
    /// The elastic IPs it uses.
    pub allocation_ids: Vec<String>,
    /// The public addresses that traffic through it comes from.
    #[serde(default)]
    pub public_ips: Vec<IpAddr>,
    /// The route table that AWS makes with a regional one, in the same VPC: it has no tags, and goes with
    /// the gateway.
    #[serde(default)]
    pub route_table_id: Option<String>,
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
    /// Could not be made. AWS takes it away after about an hour; it has to be replaced.
    Failed,
    /// Being deleted: still holds its elastic IP.
    Deleting,
    /// Deleted: listed for about an hour.
    Gone,
}

/// A route table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTable {
    /// `rtb-…`
    pub id: String,
    /// Its tags.
    pub tags: Tags,
    /// The VPC it is in.
    pub vpc_id: String,
    /// Whether it is the VPC's main one, which AWS makes with the VPC.
    pub main: bool,
    /// Its routes to IPv4 destinations, without the local one.
    pub routes: Vec<Route>,
    /// The subnets it is associated with.
    pub associations: Vec<Association>,
}

/// The association of a route table with a subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Association {
    /// `rtbassoc-…`
    pub id: String,
    /// The subnet.
    pub subnet_id: String,
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
    /// A VPC peering connection's id.
    Peering(String),
    /// Anything else.
    Other(String),
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    /// `sg-…`
    pub id: String,
    /// Its tags.
    pub tags: Tags,
    /// `default` for a VPC's default group.
    pub name: String,
    /// The VPC it is in.
    pub vpc_id: String,
    /// Its inbound rules.
    pub ingress: Vec<Rule>,
    /// Its outbound rules.
    pub egress: Vec<Rule>,
}

/// A rule of a security group: one protocol and range of ports from or to one peer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rule {
    /// `tcp`, `udp`, `icmp`, a protocol's number, or `-1` for all.
    pub protocol: String,
    /// First and last port (for `icmp`, type and code); `None` for all.
    pub ports: Option<(i32, i32)>,
    /// From or to where.
    pub peer: RulePeer,
}

/// From or to where a rule lets through.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RulePeer {
    /// IPv4 addresses.
    Cidr(Ipv4Net),
    /// IPv6 addresses.
    Ipv6(String),
    /// The security group itself.
    Itself,
    /// Another security group's id.
    Group(String),
    /// A prefix list's id.
    PrefixList(String),
}

/// A network ACL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAcl {
    /// `acl-…`
    pub id: String,
    /// Its tags.
    pub tags: Tags,
    /// The VPC it is in.
    pub vpc_id: String,
    /// Whether it is the one that AWS makes with the VPC, which every subnet has unless it is given
    /// another one.
    pub is_default: bool,
    /// Its entries, without the last one (32767), which AWS adds and nobody can change.
    pub entries: Vec<AclEntry>,
    /// The subnets it is associated with.
    pub associations: Vec<AclAssociation>,
}

/// The association of a network ACL with a subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclAssociation {
    /// `aclassoc-…`
    pub id: String,
    /// The subnet.
    pub subnet_id: String,
}

/// An entry of a network ACL. They are judged by number; the first that matches decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AclEntry {
    /// 1 to 32766.
    pub number: i32,
    /// Outbound instead of inbound.
    pub egress: bool,
    /// Lets through instead of refusing.
    pub allow: bool,
    /// The protocol's number, `6` for TCP; `-1` for all.
    pub protocol: String,
    /// First and last port; `None` for all.
    pub ports: Option<(i32, i32)>,
    /// From or to where; `None` for an IPv6 entry.
    pub cidr: Option<Ipv4Net>,
}

/// A gateway endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `vpce-…`
    pub id: String,
    /// Its tags.
    pub tags: Tags,
    /// The VPC it is in.
    pub vpc_id: String,
    /// `com.amazonaws.us-east-1.s3`
    pub service: String,
    /// The route tables it adds its route to.
    pub route_table_ids: Vec<String>,
    /// Whether it is on its way out: being deleted, deleted, failed or refused.
    pub is_gone: bool,
}

/// A VPC's flow log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowLog {
    /// `fl-…`
    pub id: String,
    /// Its tags.
    pub tags: Tags,
    /// What it logs: a VPC's id.
    pub resource_id: String,
    /// Where it writes: a bucket's ARN.
    pub destination: String,
}

/// A VPC peering connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peering {
    /// `pcx-…`, the same in both accounts.
    pub id: String,
    /// The tags this account gave it; the other account has its own.
    pub tags: Tags,
    /// Where it is in its life.
    pub state: PeeringState,
    /// The side that asked.
    pub requester: PeeringVpc,
    /// The side that was asked.
    pub accepter: PeeringVpc,
}

/// One side of a peering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeeringVpc {
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The VPC.
    pub vpc_id: String,
    /// Its CIDRs, where AWS tells them.
    pub cidrs: Vec<Ipv4Net>,
}

/// Where a peering is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeeringState {
    /// AWS is passing the request on.
    Initiating,
    /// The other side has to accept, within 7 days.
    PendingAcceptance,
    /// Accepted, and on its way.
    Provisioning,
    /// Works.
    Active,
    /// AWS could not make it. Listed for about 2 hours.
    Failed,
    /// The other side refused it. Listed for about 2 hours.
    Rejected,
    /// The other side did not accept it in time. Listed for about 2 hours.
    Expired,
    /// Being deleted, or deleted.
    Gone,
}

/// A network interface: something in a subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkInterface {
    /// `eni-…`
    pub id: String,
    /// The VPC it is in.
    pub vpc_id: String,
    /// The subnet it is in.
    pub subnet_id: String,
    /// What it says it is for.
    pub description: String,
}
