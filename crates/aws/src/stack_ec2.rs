//! The network half of a stack, seen: EC2's describe calls.

use aws_sdk_ec2::types::{Filter, IpPermission, NatGatewayState, Tag};
use ipnet::Ipv4Net;
use phonehome_network::{
    Address, ElasticIp, InternetGateway, NatGateway, NatState, Route, RouteTable, RouteTarget, SecurityGroup,
    Subnet, TAG_ADDRESS, TAG_MANAGED_BY, TAG_MANAGED_BY_VALUE, Vpc,
};

use crate::AwsError;
use crate::stack::AwsStack;

/// Items a page of a describe call may hold.
const PAGE_ITEMS_MAX: i32 = 200;

fn ours() -> Filter {
    Filter::builder().name(format!("tag:{TAG_MANAGED_BY}")).values(TAG_MANAGED_BY_VALUE).build()
}

/// The address in a resource's tags; `None` when phonehome did not make it. Asked again here,
/// although the calls filter by tag: not every endpoint honours every filter.
fn address_of(tags: &[Tag]) -> Option<Address> {
    let value = |key: &str| tags.iter().find(|tag| tag.key() == Some(key)).and_then(|tag| tag.value());
    (value(TAG_MANAGED_BY) == Some(TAG_MANAGED_BY_VALUE)).then_some(())?;
    Some(Address(value(TAG_ADDRESS)?.to_owned()))
}

pub(crate) fn text(value: Option<&str>) -> String {
    value.unwrap_or_default().to_owned()
}

fn cidr(operation: &'static str, value: Option<&str>) -> Result<Ipv4Net, AwsError> {
    value.unwrap_or_default().parse().map_err(|_| AwsError {
        operation,
        subject: text(value),
        code: "response".into(),
        message: "the answer carries no CIDR where there must be one".into(),
    })
}

impl AwsStack {
    pub(crate) async fn vpcs(&self) -> Result<Vec<Vpc>, AwsError> {
        const OPERATION: &str = "ec2:DescribeVpcs";
        let answer = self.ec2.describe_vpcs().filters(ours()).max_results(PAGE_ITEMS_MAX).into_paginator();
        let all = answer.items().send().collect::<Result<Vec<_>, _>>().await;
        let all = all.map_err(|error| AwsError::of(OPERATION, &self.spec.account, &error))?;
        all.iter()
            .filter_map(|vpc| Some((vpc, address_of(vpc.tags())?)))
            .map(|(vpc, address)| {
                Ok(Vpc { id: text(vpc.vpc_id()), address, cidr: cidr(OPERATION, vpc.cidr_block())? })
            })
            .collect()
    }

    pub(crate) async fn subnets(&self) -> Result<Vec<Subnet>, AwsError> {
        const OPERATION: &str = "ec2:DescribeSubnets";
        let answer = self.ec2.describe_subnets().filters(ours()).max_results(PAGE_ITEMS_MAX).into_paginator();
        let all = answer.items().send().collect::<Result<Vec<_>, _>>().await;
        let all = all.map_err(|error| AwsError::of(OPERATION, &self.spec.account, &error))?;
        all.iter()
            .filter_map(|subnet| Some((subnet, address_of(subnet.tags())?)))
            .map(|(subnet, address)| {
                Ok(Subnet {
                    id: text(subnet.subnet_id()),
                    address,
                    vpc_id: text(subnet.vpc_id()),
                    cidr: cidr(OPERATION, subnet.cidr_block())?,
                    az_id: text(subnet.availability_zone_id()),
                })
            })
            .collect()
    }

    pub(crate) async fn internet_gateways(&self) -> Result<Vec<InternetGateway>, AwsError> {
        let answer = self
            .ec2
            .describe_internet_gateways()
            .filters(ours())
            .max_results(PAGE_ITEMS_MAX)
            .into_paginator();
        let all = answer.items().send().collect::<Result<Vec<_>, _>>().await;
        let all =
            all.map_err(|error| AwsError::of("ec2:DescribeInternetGateways", &self.spec.account, &error))?;
        Ok(all
            .iter()
            .filter_map(|gateway| {
                Some(InternetGateway {
                    id: text(gateway.internet_gateway_id()),
                    address: address_of(gateway.tags())?,
                    vpc_id: gateway.attachments().first().and_then(|at| at.vpc_id()).map(str::to_owned),
                })
            })
            .collect())
    }

    pub(crate) async fn elastic_ips(&self) -> Result<Vec<ElasticIp>, AwsError> {
        let answer = self.ec2.describe_addresses().filters(ours()).send().await;
        let answer =
            answer.map_err(|error| AwsError::of("ec2:DescribeAddresses", &self.spec.account, &error))?;
        Ok(answer
            .addresses()
            .iter()
            .filter_map(|ip| {
                Some(ElasticIp {
                    allocation_id: text(ip.allocation_id()),
                    address: address_of(ip.tags())?,
                    public_ip: text(ip.public_ip()),
                })
            })
            .collect())
    }

    pub(crate) async fn nat_gateways(&self) -> Result<Vec<NatGateway>, AwsError> {
        let answer =
            self.ec2.describe_nat_gateways().filter(ours()).max_results(PAGE_ITEMS_MAX).into_paginator();
        let all = answer.items().send().collect::<Result<Vec<_>, _>>().await;
        let all = all.map_err(|error| AwsError::of("ec2:DescribeNatGateways", &self.spec.account, &error))?;
        Ok(all
            .iter()
            .filter_map(|nat| {
                Some(NatGateway {
                    id: text(nat.nat_gateway_id()),
                    address: address_of(nat.tags())?,
                    subnet_id: text(nat.subnet_id()),
                    state: match nat.state() {
                        Some(NatGatewayState::Available) => NatState::Available,
                        Some(NatGatewayState::Pending) => NatState::Pending,
                        _ => NatState::Gone,
                    },
                })
            })
            .collect())
    }

    pub(crate) async fn route_tables(&self) -> Result<Vec<RouteTable>, AwsError> {
        let answer = self.ec2.describe_route_tables().filters(ours()).max_results(100).into_paginator();
        let all = answer.items().send().collect::<Result<Vec<_>, _>>().await;
        let all = all.map_err(|error| AwsError::of("ec2:DescribeRouteTables", &self.spec.account, &error))?;
        Ok(all
            .iter()
            .filter_map(|table| {
                Some(RouteTable {
                    id: text(table.route_table_id()),
                    address: address_of(table.tags())?,
                    vpc_id: text(table.vpc_id()),
                    routes: table.routes().iter().filter_map(route).collect(),
                    subnet_ids: table
                        .associations()
                        .iter()
                        .filter_map(|association| association.subnet_id().map(str::to_owned))
                        .collect(),
                })
            })
            .collect())
    }

    /// Ours, and every VPC's default one: found by name, because one call cannot ask for both "has
    /// the tag" and "is a default group".
    pub(crate) async fn security_groups(&self) -> Result<Vec<SecurityGroup>, AwsError> {
        let names = Filter::builder().name("group-name").values("default").values("phonehome-probe").build();
        let answer =
            self.ec2.describe_security_groups().filters(names).max_results(PAGE_ITEMS_MAX).into_paginator();
        let all = answer.items().send().collect::<Result<Vec<_>, _>>().await;
        let all =
            all.map_err(|error| AwsError::of("ec2:DescribeSecurityGroups", &self.spec.account, &error))?;
        Ok(all
            .iter()
            .map(|group| SecurityGroup {
                id: text(group.group_id()),
                address: address_of(group.tags()),
                name: text(group.group_name()),
                vpc_id: text(group.vpc_id()),
                ingress_rules: rule_count(group.ip_permissions()),
                egress_rules: rule_count(group.ip_permissions_egress()),
            })
            .collect())
    }
}

/// A permission may hold several sources; each is a rule.
fn rule_count(permissions: &[IpPermission]) -> usize {
    permissions
        .iter()
        .map(|rule| {
            rule.ip_ranges().len()
                + rule.ipv6_ranges().len()
                + rule.prefix_list_ids().len()
                + rule.user_id_group_pairs().len()
        })
        .sum()
}

fn route(route: &aws_sdk_ec2::types::Route) -> Option<Route> {
    let target = match (route.gateway_id(), route.nat_gateway_id()) {
        (Some("local"), _) => return None,
        (_, Some(nat)) => RouteTarget::NatGateway(nat.to_owned()),
        (Some(gateway), _) if gateway.starts_with("igw-") => RouteTarget::InternetGateway(gateway.to_owned()),
        (Some(other), _) => RouteTarget::Other(other.to_owned()),
        _ => RouteTarget::Other(
            [route.transit_gateway_id(), route.vpc_peering_connection_id(), route.network_interface_id()]
                .into_iter()
                .flatten()
                .next()
                .unwrap_or("unknown")
                .to_owned(),
        ),
    };
    Some(Route { destination: route.destination_cidr_block()?.parse().ok()?, target })
}
