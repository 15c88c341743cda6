//! The network half of a stack: EC2.

use aws_sdk_ec2::types::{
    DomainType, Filter, IpPermission, NatGatewayState, ResourceType, Tag, TagSpecification,
};
use ipnet::Ipv4Net;
use phonehome_network::{
    Action, Address, ElasticIp, InternetGateway, NatGateway, NatState, RefTarget, Route, RouteTable,
    RouteTarget, SecurityGroup, Subnet, TAG_ADDRESS, TAG_MANAGED_BY, TAG_MANAGED_BY_VALUE, Vpc,
};

use crate::AwsError;
use crate::executor::Ids;
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

fn text(value: Option<&str>) -> String {
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

fn no_id(operation: &'static str, address: &Address) -> AwsError {
    AwsError {
        operation,
        subject: address.to_string(),
        code: "response".into(),
        message: "the answer carries no id".into(),
    }
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

    async fn default_group(
        &self,
        vpc_id: &str,
    ) -> Result<Option<aws_sdk_ec2::types::SecurityGroup>, AwsError> {
        let answer = self
            .ec2
            .describe_security_groups()
            .filters(Filter::builder().name("vpc-id").values(vpc_id).build())
            .filters(Filter::builder().name("group-name").values("default").build())
            .send()
            .await
            .map_err(|error| AwsError::of("ec2:DescribeSecurityGroups", vpc_id, &error))?;
        Ok(answer.security_groups.unwrap_or_default().into_iter().next())
    }

    /// Takes away exactly the rules that are seen; none seen, nothing done.
    async fn empty_default_group(&self, vpc_id: &str) -> Result<Option<String>, AwsError> {
        let Some(group) = self.default_group(vpc_id).await? else {
            return Err(AwsError {
                operation: "ec2:DescribeSecurityGroups",
                subject: vpc_id.to_owned(),
                code: "InvalidGroup.NotFound".into(),
                message: "the VPC's default security group is not visible yet".into(),
            });
        };
        let id = text(group.group_id());
        if !group.ip_permissions().is_empty() {
            let rules: Vec<IpPermission> = group.ip_permissions().to_vec();
            let call = self.ec2.revoke_security_group_ingress().group_id(&id).set_ip_permissions(Some(rules));
            call.send().await.map_err(|e| AwsError::of("ec2:RevokeSecurityGroupIngress", &id, &e))?;
        }
        if !group.ip_permissions_egress().is_empty() {
            let rules: Vec<IpPermission> = group.ip_permissions_egress().to_vec();
            let call = self.ec2.revoke_security_group_egress().group_id(&id).set_ip_permissions(Some(rules));
            call.send().await.map_err(|e| AwsError::of("ec2:RevokeSecurityGroupEgress", &id, &e))?;
        }
        Ok(Some(id))
    }

    fn tags(&self, kind: ResourceType, address: &Address) -> TagSpecification {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        let declared = self.spec.tags.iter().map(|(key, value)| tag(key, value));
        TagSpecification::builder()
            .resource_type(kind)
            .set_tags(Some(
                [
                    tag("Name", &self.spec.name_tag(address)),
                    tag(TAG_MANAGED_BY, TAG_MANAGED_BY_VALUE),
                    tag(TAG_ADDRESS, &address.0),
                ]
                .into_iter()
                .chain(declared)
                .collect(),
            ))
            .build()
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

/// Makes one EC2 call.
pub(crate) async fn perform(
    stack: &AwsStack,
    address: &Address,
    action: &Action,
    ids: &Ids,
) -> Result<Option<String>, AwsError> {
    match action {
        Action::CreateVpc { .. }
        | Action::CreateInternetGateway
        | Action::AllocateElasticIp
        | Action::CreateSubnet { .. }
        | Action::CreateRouteTable { .. }
        | Action::CreateNatGateway { .. }
        | Action::CreateSecurityGroup { .. } => create(stack, address, action, ids).await.map(Some),
        Action::EmptyDefaultSecurityGroup { vpc } => stack.empty_default_group(&ids.resolve(vpc)?).await,
        _ => connect(stack, address, action, ids).await.map(|()| None),
    }
}

/// The calls that make something with an id; each carries its ownership tags.
async fn create(stack: &AwsStack, address: &Address, action: &Action, ids: &Ids) -> Result<String, AwsError> {
    let (ec2, subject) = (&stack.ec2, address.to_string());
    let tags = |kind| stack.tags(kind, address);
    let (operation, id) = match action {
        Action::CreateVpc { cidr } => {
            let call =
                ec2.create_vpc().cidr_block(cidr.to_string()).tag_specifications(tags(ResourceType::Vpc));
            let made = call.send().await.map_err(|e| AwsError::of("ec2:CreateVpc", subject, &e))?;
            ("ec2:CreateVpc", made.vpc.and_then(|vpc| vpc.vpc_id))
        }
        Action::CreateInternetGateway => {
            let call = ec2.create_internet_gateway().tag_specifications(tags(ResourceType::InternetGateway));
            let made =
                call.send().await.map_err(|e| AwsError::of("ec2:CreateInternetGateway", subject, &e))?;
            ("ec2:CreateInternetGateway", made.internet_gateway.and_then(|made| made.internet_gateway_id))
        }
        Action::AllocateElasticIp => {
            let call = ec2
                .allocate_address()
                .domain(DomainType::Vpc)
                .tag_specifications(tags(ResourceType::ElasticIp));
            let made = call.send().await.map_err(|e| AwsError::of("ec2:AllocateAddress", subject, &e))?;
            ("ec2:AllocateAddress", made.allocation_id)
        }
        Action::CreateSubnet { vpc, cidr, az_id } => {
            let call = ec2
                .create_subnet()
                .vpc_id(ids.resolve(vpc)?)
                .cidr_block(cidr.to_string())
                .availability_zone_id(az_id)
                .tag_specifications(tags(ResourceType::Subnet));
            let made = call.send().await.map_err(|e| AwsError::of("ec2:CreateSubnet", subject, &e))?;
            ("ec2:CreateSubnet", made.subnet.and_then(|subnet| subnet.subnet_id))
        }
        Action::CreateRouteTable { vpc } => {
            let call = ec2
                .create_route_table()
                .vpc_id(ids.resolve(vpc)?)
                .tag_specifications(tags(ResourceType::RouteTable));
            let made = call.send().await.map_err(|e| AwsError::of("ec2:CreateRouteTable", subject, &e))?;
            ("ec2:CreateRouteTable", made.route_table.and_then(|table| table.route_table_id))
        }
        Action::CreateNatGateway { subnet, allocation } => {
            let call = ec2
                .create_nat_gateway()
                .subnet_id(ids.resolve(subnet)?)
                .allocation_id(ids.resolve(allocation)?)
                .tag_specifications(tags(ResourceType::Natgateway));
            let made = call.send().await.map_err(|e| AwsError::of("ec2:CreateNatGateway", subject, &e))?;
            ("ec2:CreateNatGateway", made.nat_gateway.and_then(|nat| nat.nat_gateway_id))
        }
        Action::CreateSecurityGroup { vpc, name, description } => {
            let call = ec2
                .create_security_group()
                .vpc_id(ids.resolve(vpc)?)
                .group_name(name)
                .description(description)
                .tag_specifications(tags(ResourceType::SecurityGroup));
            let made = call.send().await.map_err(|e| AwsError::of("ec2:CreateSecurityGroup", subject, &e))?;
            ("ec2:CreateSecurityGroup", made.group_id)
        }
        _ => ("none", None),
    };
    id.ok_or_else(|| no_id(operation, address))
}

/// The calls that join two things.
async fn connect(stack: &AwsStack, address: &Address, action: &Action, ids: &Ids) -> Result<(), AwsError> {
    let (ec2, subject) = (&stack.ec2, address.to_string());
    match action {
        Action::AttachInternetGateway { gateway, vpc } => {
            let call = ec2
                .attach_internet_gateway()
                .internet_gateway_id(ids.resolve(gateway)?)
                .vpc_id(ids.resolve(vpc)?);
            call.send().await.map_err(|e| AwsError::of("ec2:AttachInternetGateway", subject, &e))?;
        }
        Action::CreateRoute { table, destination, target } => {
            let call = ec2
                .create_route()
                .route_table_id(ids.resolve(table)?)
                .destination_cidr_block(destination.to_string());
            let call = match target {
                RefTarget::InternetGateway(id) => call.gateway_id(ids.resolve(id)?),
                RefTarget::NatGateway(id) => call.nat_gateway_id(ids.resolve(id)?),
            };
            call.send().await.map_err(|e| AwsError::of("ec2:CreateRoute", subject, &e))?;
        }
        Action::ReplaceRoute { table, destination, target } => {
            let call = ec2
                .replace_route()
                .route_table_id(ids.resolve(table)?)
                .destination_cidr_block(destination.to_string());
            let call = match target {
                RefTarget::InternetGateway(id) => call.gateway_id(ids.resolve(id)?),
                RefTarget::NatGateway(id) => call.nat_gateway_id(ids.resolve(id)?),
            };
            call.send().await.map_err(|e| AwsError::of("ec2:ReplaceRoute", subject, &e))?;
        }
        Action::AssociateRouteTable { table, subnet } => {
            let call = ec2
                .associate_route_table()
                .route_table_id(ids.resolve(table)?)
                .subnet_id(ids.resolve(subnet)?);
            call.send().await.map_err(|e| AwsError::of("ec2:AssociateRouteTable", subject, &e))?;
        }
        _ => {}
    }
    Ok(())
}
