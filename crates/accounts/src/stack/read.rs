//! EC2's answers, as the planner sees them. Nothing is decided here: what is of no concern to a stack
//! is `None`, what should be there and is not is an error.

use aws_sdk_ec2::types::{
    self as ec2, AvailabilityMode, NatGatewayAddressStatus, NatGatewayState, RouteTableAssociationStateCode,
    RuleAction, VpcCidrBlockStateCode, VpcPeeringConnectionStateReasonCode, VpcPeeringConnectionVpcInfo,
};
use phonehome_network::{
    AclAssociation, AclEntry, Association, ElasticIp, Endpoint, FlowLog, InternetGateway, NatGateway,
    NatState, NetworkAcl, NetworkInterface, Peering, PeeringState, PeeringVpc, Route, RouteTable,
    RouteTarget, SecurityGroup, Subnet, Vpc,
};

use super::fields::{cidr, id, tags, text};
use super::rules::rules;
use phonehome_cloud::CloudError;

/// What a reader makes of one item; `None`: it is of no concern.
pub(super) type Read<T> = Result<Option<T>, CloudError>;

/// The highest number that an entry of a network ACL can be given. AWS's own last entries have higher
/// ones: 32767, and 32768 for IPv6.
const ACL_NUMBER_MAX: i32 = 32_766;

pub(super) fn vpc(seen: &ec2::Vpc) -> Read<Vpc> {
    const OPERATION: &str = "ec2:DescribeVpcs";
    let id = id(OPERATION, seen.vpc_id())?;
    let mut cidrs = vec![cidr(OPERATION, &id, seen.cidr_block())?];
    for block in seen.cidr_block_association_set() {
        let state = block.cidr_block_state().and_then(|state| state.state());
        let further = cidr(OPERATION, &id, block.cidr_block())?;
        if state == Some(&VpcCidrBlockStateCode::Associated) && !cidrs.contains(&further) {
            cidrs.push(further);
        }
    }
    let is_default = seen.is_default().unwrap_or_default();
    let tags = tags(seen.tags());
    let owner = seen.owner_id().filter(|owner| !owner.is_empty()).map(str::to_owned);
    Ok(Some(Vpc { id, tags, owner, cidrs, is_default, dns_support: None, dns_host_names: None }))
}

/// A subnet for IPv6 only is of no concern: the stack has none, and it takes no IPv4 address.
pub(super) fn subnet(seen: &ec2::Subnet) -> Read<Subnet> {
    const OPERATION: &str = "ec2:DescribeSubnets";
    let id = id(OPERATION, seen.subnet_id())?;
    if seen.ipv6_native() == Some(true) && seen.cidr_block().is_none() {
        return Ok(None);
    }
    Ok(Some(Subnet {
        tags: tags(seen.tags()),
        vpc_id: text(seen.vpc_id()),
        cidr: cidr(OPERATION, &id, seen.cidr_block())?,
        az_id: text(seen.availability_zone_id()),
        public_ip_on_launch: seen.map_public_ip_on_launch().unwrap_or_default(),
        id,
    }))
}

pub(super) fn internet_gateway(seen: &ec2::InternetGateway) -> Read<InternetGateway> {
    Ok(Some(InternetGateway {
        id: id("ec2:DescribeInternetGateways", seen.internet_gateway_id())?,
        tags: tags(seen.tags()),
        vpc_id: seen.attachments().iter().find_map(|attachment| attachment.vpc_id().map(str::to_owned)),
    }))
}

pub(super) fn elastic_ip(seen: &ec2::Address) -> Read<ElasticIp> {
    Ok(Some(ElasticIp {
        allocation_id: id("ec2:DescribeAddresses", seen.allocation_id())?,
        tags: tags(seen.tags()),
        public_ip: text(seen.public_ip()),
        association_id: seen.association_id().filter(|id| !id.is_empty()).map(str::to_owned),
    }))
}

pub(super) fn nat_gateway(seen: &ec2::NatGateway) -> Read<NatGateway> {
    let is_regional = seen.availability_mode() == Some(&AvailabilityMode::Regional);
    let addresses = seen.nat_gateway_addresses().iter();
    let in_use = addresses.clone().filter(|it| it.status() != Some(&NatGatewayAddressStatus::Failed));
    Ok(Some(NatGateway {
        id: id("ec2:DescribeNatGateways", seen.nat_gateway_id())?,
        tags: tags(seen.tags()),
        vpc_id: text(seen.vpc_id()),
        subnet_id: seen.subnet_id().filter(|id| !is_regional && !id.is_empty()).map(str::to_owned),
        allocation_ids: addresses.filter_map(|it| it.allocation_id().map(str::to_owned)).collect(),
        public_ips: in_use.filter_map(|it| it.public_ip()?.parse().ok()).collect(),
        route_table_id: seen.route_table_id().filter(|id| !id.is_empty()).map(str::to_owned),
        state: match seen.state() {
            Some(NatGatewayState::Available) => NatState::Available,
            Some(NatGatewayState::Failed) => NatState::Failed,
            Some(NatGatewayState::Deleting) => NatState::Deleting,
            Some(NatGatewayState::Deleted) => NatState::Gone,
            // A state that nobody knows yet: it is waited for, and no second one is made.
            _ => NatState::Pending,
        },
    }))
}

pub(super) fn route_table(seen: &ec2::RouteTable) -> Read<RouteTable> {
    const OPERATION: &str = "ec2:DescribeRouteTables";
    let id = id(OPERATION, seen.route_table_id())?;
    let routes = seen.routes().iter().filter_map(|it| route(&id, it).transpose());
    Ok(Some(RouteTable {
        tags: tags(seen.tags()),
        vpc_id: text(seen.vpc_id()),
        main: seen.associations().iter().any(|it| it.main() == Some(true)),
        routes: routes.collect::<Result<_, _>>()?,
        associations: seen.associations().iter().filter_map(association).collect(),
        id,
    }))
}

/// Not the local route, which is always there; and only what leads to IPv4 addresses: a gateway
/// endpoint's route leads to a prefix list, and is the endpoint's.
fn route(table_id: &str, seen: &ec2::Route) -> Read<Route> {
    let Some(destination) = seen.destination_cidr_block() else { return Ok(None) };
    let other = [
        seen.gateway_id(),
        seen.transit_gateway_id(),
        seen.network_interface_id(),
        seen.instance_id(),
        seen.local_gateway_id(),
        seen.carrier_gateway_id(),
        seen.core_network_arn(),
        seen.odb_network_arn(),
    ];
    let target = match (seen.gateway_id(), seen.nat_gateway_id(), seen.vpc_peering_connection_id()) {
        (Some("local"), ..) => return Ok(None),
        (_, Some(nat), _) => RouteTarget::NatGateway(nat.to_owned()),
        (.., Some(peering)) => RouteTarget::Peering(peering.to_owned()),
        (Some(gateway), ..) if gateway.starts_with("igw-") => {
            RouteTarget::InternetGateway(gateway.to_owned())
        }
        _ => RouteTarget::Other(other.into_iter().flatten().next().unwrap_or("unknown").to_owned()),
    };
    let destination = cidr("ec2:DescribeRouteTables", table_id, Some(destination))?;
    Ok(Some(Route { destination, target }))
}

/// Not the main one, nor one with a gateway: those have no subnet.
fn association(seen: &ec2::RouteTableAssociation) -> Option<Association> {
    let state = seen.association_state().and_then(|state| state.state());
    let is_gone = matches!(
        state,
        Some(RouteTableAssociationStateCode::Disassociating | RouteTableAssociationStateCode::Disassociated)
    );
    let subnet_id = seen.subnet_id().filter(|_| !is_gone)?;
    Some(Association { id: text(seen.route_table_association_id()), subnet_id: subnet_id.to_owned() })
}

pub(super) fn security_group(account: &str, seen: &ec2::SecurityGroup) -> Read<SecurityGroup> {
    let id = id("ec2:DescribeSecurityGroups", seen.group_id())?;
    Ok(Some(SecurityGroup {
        tags: tags(seen.tags()),
        name: text(seen.group_name()),
        vpc_id: text(seen.vpc_id()),
        ingress: rules(&id, account, seen.ip_permissions())?,
        egress: rules(&id, account, seen.ip_permissions_egress())?,
        id,
    }))
}

pub(super) fn network_acl(seen: &ec2::NetworkAcl) -> Read<NetworkAcl> {
    let id = id("ec2:DescribeNetworkAcls", seen.network_acl_id())?;
    let entries = seen.entries().iter().filter_map(|it| acl_entry(&id, it).transpose());
    let associations = seen.associations().iter().filter_map(|it| {
        let subnet_id = it.subnet_id()?.to_owned();
        Some(AclAssociation { id: text(it.network_acl_association_id()), subnet_id })
    });
    Ok(Some(NetworkAcl {
        tags: tags(seen.tags()),
        vpc_id: text(seen.vpc_id()),
        is_default: seen.is_default().unwrap_or_default(),
        entries: entries.collect::<Result<_, _>>()?,
        associations: associations.collect(),
        id,
    }))
}

fn acl_entry(acl_id: &str, seen: &ec2::NetworkAclEntry) -> Read<AclEntry> {
    const OPERATION: &str = "ec2:DescribeNetworkAcls";
    let number = seen.rule_number().unwrap_or_default();
    if number > ACL_NUMBER_MAX {
        return Ok(None);
    }
    let protocol = text(seen.protocol());
    let ports = seen.port_range().and_then(|ports| ports.from().zip(ports.to()));
    Ok(Some(AclEntry {
        number,
        egress: seen.egress().unwrap_or_default(),
        allow: seen.rule_action() == Some(&RuleAction::Allow),
        ports: ports.filter(|_| protocol != "-1"),
        protocol,
        cidr: seen.cidr_block().map(|block| cidr(OPERATION, acl_id, Some(block))).transpose()?,
    }))
}

/// Of a gateway endpoint. Interface endpoints are somebody's way to a service, and show as network
/// interfaces.
pub(super) fn endpoint(seen: &ec2::VpcEndpoint) -> Read<Endpoint> {
    // The API writes both in either case; the SDK knows one.
    let is = |value: Option<&str>, what: &str| value.is_some_and(|value| value.eq_ignore_ascii_case(what));
    if !is(seen.vpc_endpoint_type().map(|it| it.as_str()), "gateway") {
        return Ok(None);
    }
    let state = seen.state().map(|state| state.as_str());
    let gone = ["deleting", "deleted", "failed", "rejected", "expired"];
    Ok(Some(Endpoint {
        id: id("ec2:DescribeVpcEndpoints", seen.vpc_endpoint_id())?,
        tags: tags(seen.tags()),
        vpc_id: text(seen.vpc_id()),
        service: text(seen.service_name()),
        route_table_ids: seen.route_table_ids().to_vec(),
        is_gone: gone.into_iter().any(|gone| is(state, gone)),
    }))
}

/// Of a whole VPC; those of a subnet or a network interface are somebody else's.
pub(super) fn flow_log(seen: &ec2::FlowLog) -> Read<FlowLog> {
    let Some(resource_id) = seen.resource_id().filter(|id| id.starts_with("vpc-")) else { return Ok(None) };
    Ok(Some(FlowLog {
        id: id("ec2:DescribeFlowLogs", seen.flow_log_id())?,
        tags: tags(seen.tags()),
        resource_id: resource_id.to_owned(),
        destination: text(seen.log_destination().or(seen.log_group_name())),
    }))
}

pub(super) fn peering(seen: &ec2::VpcPeeringConnection) -> Read<Peering> {
    use VpcPeeringConnectionStateReasonCode as Code;
    let id = id("ec2:DescribeVpcPeeringConnections", seen.vpc_peering_connection_id())?;
    Ok(Some(Peering {
        tags: tags(seen.tags()),
        state: match seen.status().and_then(|status| status.code()) {
            Some(Code::InitiatingRequest) => PeeringState::Initiating,
            Some(Code::PendingAcceptance) => PeeringState::PendingAcceptance,
            Some(Code::Active) => PeeringState::Active,
            Some(Code::Failed) => PeeringState::Failed,
            Some(Code::Rejected) => PeeringState::Rejected,
            Some(Code::Expired) => PeeringState::Expired,
            Some(Code::Deleted | Code::Deleting) => PeeringState::Gone,
            // Also a state that nobody knows yet: it is waited for, and no second one is made.
            _ => PeeringState::Provisioning,
        },
        requester: peering_vpc(&id, seen.requester_vpc_info())?,
        accepter: peering_vpc(&id, seen.accepter_vpc_info())?,
        id,
    }))
}

/// Of the other side AWS tells the CIDRs only while the peering is active.
fn peering_vpc(
    peering_id: &str,
    seen: Option<&VpcPeeringConnectionVpcInfo>,
) -> Result<PeeringVpc, CloudError> {
    let Some(seen) = seen else {
        return Ok(PeeringVpc {
            account: String::new(),
            region: String::new(),
            vpc_id: String::new(),
            cidrs: vec![],
        });
    };
    let mut blocks: Vec<&str> = seen.cidr_block_set().iter().filter_map(|block| block.cidr_block()).collect();
    if blocks.is_empty() {
        blocks.extend(seen.cidr_block().filter(|block| !block.is_empty()));
    }
    let cidrs = blocks.into_iter().map(|it| cidr("ec2:DescribeVpcPeeringConnections", peering_id, Some(it)));
    Ok(PeeringVpc {
        account: text(seen.owner_id()),
        region: text(seen.region()),
        vpc_id: text(seen.vpc_id()),
        cidrs: cidrs.collect::<Result<_, _>>()?,
    })
}

pub(super) fn network_interface(seen: &ec2::NetworkInterface) -> Read<NetworkInterface> {
    Ok(Some(NetworkInterface {
        id: id("ec2:DescribeNetworkInterfaces", seen.network_interface_id())?,
        vpc_id: text(seen.vpc_id()),
        subnet_id: text(seen.subnet_id()),
        description: text(seen.description()),
    }))
}

#[cfg(test)]
mod tests;
