//! EC2's describe calls: everything of a kind, page by page.
//!
//! Nothing is filtered: whether something is phonehome's is the planner's to decide, which also has to
//! know what others have. `max_results` is the highest that EC2 takes, so that most accounts are one
//! page; it also puts the call into EC2's larger token bucket, which unpaged calls do not get. Each
//! item is read as it comes: one page is in memory at a time.

use aws_sdk_ec2::types::VpcAttributeName;
use phonehome_network::{
    ElasticIp, Endpoint, FlowLog, InternetGateway, NatGateway, NetworkAcl, NetworkInterface, Peering,
    RouteTable, SecurityGroup, Subnet, Vpc,
};

use super::{AwsStack, read};
use phonehome_aws::OfSdk as _;
use phonehome_cloud::CloudError;

/// Items a page may hold, for every describe call but one. EC2 takes 5 to 1000.
const PAGE_ITEMS_MAX: i32 = 1000;
/// Items a page of DescribeRouteTables may hold. EC2 takes 5 to 100.
const PAGE_ROUTE_TABLES_MAX: i32 = 100;

type All<T> = Result<Vec<T>, CloudError>;

/// Reads every item of every page. There is no trait that all of the SDK's paginators share.
macro_rules! every_item {
    ($stack:expr, $operation:expr, $request:expr, $read:expr) => {{
        let mut items = $request.into_paginator().items().send();
        let mut seen = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| CloudError::of($operation, $stack.place(), &error))?;
            seen.extend($read(&item)?);
        }
        Ok(seen)
    }};
}

/// A VPC's settings, which DescribeVpcs does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VpcAttributes {
    pub(super) vpc_id: String,
    pub(super) dns_support: Option<bool>,
    pub(super) dns_host_names: Option<bool>,
}

impl AwsStack {
    /// For errors: where this is.
    pub(super) fn place(&self) -> String {
        format!("account {}, {}", self.spec.account, self.spec.region)
    }

    pub(super) async fn vpcs(&self) -> All<Vpc> {
        let request = self.ec2.describe_vpcs().max_results(PAGE_ITEMS_MAX);
        every_item!(self, "ec2:DescribeVpcs", request, read::vpc)
    }

    /// Two calls at once: EC2 answers one attribute a call.
    pub(super) async fn vpc_attributes(&self, vpc_id: &str) -> Result<VpcAttributes, CloudError> {
        let ask = async |attribute: VpcAttributeName| {
            let request = self.ec2.describe_vpc_attribute().vpc_id(vpc_id).attribute(attribute);
            let subject = || format!("{vpc_id} in {}", self.place());
            request.send().await.map_err(|e| CloudError::of("ec2:DescribeVpcAttribute", subject(), &e))
        };
        let (support, host_names) = tokio::try_join!(
            ask(VpcAttributeName::EnableDnsSupport),
            ask(VpcAttributeName::EnableDnsHostnames)
        )?;
        Ok(VpcAttributes {
            vpc_id: vpc_id.to_owned(),
            dns_support: support.enable_dns_support().and_then(|it| it.value()),
            dns_host_names: host_names.enable_dns_hostnames().and_then(|it| it.value()),
        })
    }

    pub(super) async fn subnets(&self) -> All<Subnet> {
        let request = self.ec2.describe_subnets().max_results(PAGE_ITEMS_MAX);
        every_item!(self, "ec2:DescribeSubnets", request, read::subnet)
    }

    pub(super) async fn internet_gateways(&self) -> All<InternetGateway> {
        let request = self.ec2.describe_internet_gateways().max_results(PAGE_ITEMS_MAX);
        every_item!(self, "ec2:DescribeInternetGateways", request, read::internet_gateway)
    }

    /// The only one of these calls that EC2 answers in one piece.
    pub(super) async fn elastic_ips(&self) -> All<ElasticIp> {
        let answer = self.ec2.describe_addresses().send().await;
        let answer = answer.map_err(|e| CloudError::of("ec2:DescribeAddresses", self.place(), &e))?;
        answer.addresses().iter().filter_map(|ip| read::elastic_ip(ip).transpose()).collect()
    }

    pub(super) async fn nat_gateways(&self) -> All<NatGateway> {
        let request = self.ec2.describe_nat_gateways().max_results(PAGE_ITEMS_MAX);
        every_item!(self, "ec2:DescribeNatGateways", request, read::nat_gateway)
    }

    pub(super) async fn route_tables(&self) -> All<RouteTable> {
        let request = self.ec2.describe_route_tables().max_results(PAGE_ROUTE_TABLES_MAX);
        every_item!(self, "ec2:DescribeRouteTables", request, read::route_table)
    }

    pub(super) async fn security_groups(&self) -> All<SecurityGroup> {
        let request = self.ec2.describe_security_groups().max_results(PAGE_ITEMS_MAX);
        let read = |group: &_| read::security_group(&self.spec.account, group);
        every_item!(self, "ec2:DescribeSecurityGroups", request, read)
    }

    pub(super) async fn network_acls(&self) -> All<NetworkAcl> {
        let request = self.ec2.describe_network_acls().max_results(PAGE_ITEMS_MAX);
        every_item!(self, "ec2:DescribeNetworkAcls", request, read::network_acl)
    }

    pub(super) async fn endpoints(&self) -> All<Endpoint> {
        let request = self.ec2.describe_vpc_endpoints().max_results(PAGE_ITEMS_MAX);
        every_item!(self, "ec2:DescribeVpcEndpoints", request, read::endpoint)
    }

    pub(super) async fn flow_logs(&self) -> All<FlowLog> {
        let request = self.ec2.describe_flow_logs().max_results(PAGE_ITEMS_MAX);
        every_item!(self, "ec2:DescribeFlowLogs", request, read::flow_log)
    }

    pub(super) async fn peerings(&self) -> All<Peering> {
        let request = self.ec2.describe_vpc_peering_connections().max_results(PAGE_ITEMS_MAX);
        every_item!(self, "ec2:DescribeVpcPeeringConnections", request, read::peering)
    }

    /// Also those that AWS manages for somebody and hides unless asked: a VPC with one is in use.
    pub(super) async fn network_interfaces(&self) -> All<NetworkInterface> {
        let request = self
            .ec2
            .describe_network_interfaces()
            .include_managed_resources(true)
            .max_results(PAGE_ITEMS_MAX);
        every_item!(self, "ec2:DescribeNetworkInterfaces", request, read::network_interface)
    }
}
