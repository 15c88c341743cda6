//! The network half of a stack, changed: EC2's create calls, and those that join two things.

use aws_sdk_ec2::types::{DomainType, Filter, IpPermission, ResourceType, Tag, TagSpecification};
use phonehome_network::{Action, Address, RefTarget, TAG_ADDRESS, TAG_MANAGED_BY, TAG_MANAGED_BY_VALUE};

use crate::AwsError;
use crate::executor::Ids;
use crate::stack::AwsStack;
use crate::stack_ec2::text;

fn no_id(operation: &'static str, address: &Address) -> AwsError {
    AwsError {
        operation,
        subject: address.to_string(),
        code: "response".into(),
        message: "the answer carries no id".into(),
    }
}

impl AwsStack {
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
    let (ec2, subject) = (&stack.ec2_once, address.to_string());
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
