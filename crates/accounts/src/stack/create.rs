//! The calls that make a resource with an id. Each is tried once and carries the resource's tags, so
//! that a resource is never there without saying whose it is.

use aws_sdk_ec2::types::{
    AvailabilityMode, DestinationFileFormat, DestinationOptionsRequest, DomainType, FlowLogsResourceType,
    LogDestinationType, ResourceType, TrafficType, VpcEndpointType,
};
use ipnet::Ipv4Net;
use phonehome_planner::Ref;

use super::call::{Call, Made};

/// How long a flow log gathers before it writes, in seconds. AWS allows 60 and 600; the long one makes
/// fewer and larger files, and nothing here waits for them.
const FLOW_LOG_INTERVAL_S: i32 = 600;

impl Call<'_> {
    pub(super) async fn create_vpc(&self, cidr: Ipv4Net) -> Made {
        let tags = self.tags(ResourceType::Vpc);
        let request = self.stack.ec2_once.create_vpc().cidr_block(cidr.to_string()).tag_specifications(tags);
        let made = request.send().await.map_err(|e| self.error(&e))?;
        self.made(made.vpc.and_then(|vpc| vpc.vpc_id))
    }

    pub(super) async fn create_internet_gateway(&self) -> Made {
        let tags = self.tags(ResourceType::InternetGateway);
        let request = self.stack.ec2_once.create_internet_gateway().tag_specifications(tags);
        let made = request.send().await.map_err(|e| self.error(&e))?;
        self.made(made.internet_gateway.and_then(|gateway| gateway.internet_gateway_id))
    }

    pub(super) async fn allocate_elastic_ip(&self) -> Made {
        let tags = self.tags(ResourceType::ElasticIp);
        let request = self.stack.ec2_once.allocate_address().domain(DomainType::Vpc).tag_specifications(tags);
        let made = request.send().await.map_err(|e| self.error(&e))?;
        self.made(made.allocation_id)
    }

    pub(super) async fn create_subnet(&self, vpc: &Ref, cidr: Ipv4Net, az_id: &str) -> Made {
        let request = self
            .stack
            .ec2_once
            .create_subnet()
            .vpc_id(self.id(vpc)?)
            .cidr_block(cidr.to_string())
            .availability_zone_id(az_id)
            .tag_specifications(self.tags(ResourceType::Subnet));
        let made = request.send().await.map_err(|e| self.error(&e))?;
        self.made(made.subnet.and_then(|subnet| subnet.subnet_id))
    }

    pub(super) async fn create_route_table(&self, vpc: &Ref) -> Made {
        let request = self.stack.ec2_once.create_route_table().vpc_id(self.id(vpc)?);
        let request = request.tag_specifications(self.tags(ResourceType::RouteTable));
        let made = request.send().await.map_err(|e| self.error(&e))?;
        self.made(made.route_table.and_then(|table| table.route_table_id))
    }

    pub(super) async fn create_nat_gateway(&self, subnet: &Ref, allocation: &Ref) -> Made {
        let request = self
            .stack
            .ec2_once
            .create_nat_gateway()
            .subnet_id(self.id(subnet)?)
            .allocation_id(self.id(allocation)?)
            .tag_specifications(self.tags(ResourceType::Natgateway));
        let made = request.send().await.map_err(|e| self.error(&e))?;
        self.made(made.nat_gateway.and_then(|nat| nat.nat_gateway_id))
    }

    /// It is in no subnet, and AWS gives it its public addresses.
    pub(super) async fn create_regional_nat_gateway(&self, vpc: &Ref) -> Made {
        let request = self
            .stack
            .ec2_once
            .create_nat_gateway()
            .availability_mode(AvailabilityMode::Regional)
            .vpc_id(self.id(vpc)?)
            .tag_specifications(self.tags(ResourceType::Natgateway));
        let made = request.send().await.map_err(|e| self.error(&e))?;
        self.made(made.nat_gateway.and_then(|nat| nat.nat_gateway_id))
    }

    pub(super) async fn create_security_group(&self, vpc: &Ref, name: &str, description: &str) -> Made {
        let request = self
            .stack
            .ec2_once
            .create_security_group()
            .vpc_id(self.id(vpc)?)
            .group_name(name)
            .description(description)
            .tag_specifications(self.tags(ResourceType::SecurityGroup));
        let made = request.send().await.map_err(|e| self.error(&e))?;
        self.made(made.group_id)
    }

    pub(super) async fn create_gateway_endpoint(&self, vpc: &Ref, service: &str, tables: &[Ref]) -> Made {
        let request = self
            .stack
            .ec2_once
            .create_vpc_endpoint()
            .vpc_endpoint_type(VpcEndpointType::Gateway)
            .vpc_id(self.id(vpc)?)
            .service_name(service)
            .set_route_table_ids(Some(self.all_ids(tables)?))
            .tag_specifications(self.tags(ResourceType::VpcEndpoint));
        let made = request.send().await.map_err(|e| self.error(&e))?;
        self.made(made.vpc_endpoint.and_then(|endpoint| endpoint.vpc_endpoint_id))
    }

    /// All traffic, to a bucket, as gzipped text in one folder a day. Parquet would be smaller to
    /// query, but costs more per gigabyte and cannot be read without a tool.
    pub(super) async fn create_flow_log(&self, vpc: &Ref, destination: &str) -> Made {
        let layout = DestinationOptionsRequest::builder()
            .file_format(DestinationFileFormat::PlainText)
            .hive_compatible_partitions(false)
            .per_hour_partition(false)
            .build();
        let request = self
            .stack
            .ec2_once
            .create_flow_logs()
            .resource_type(FlowLogsResourceType::Vpc)
            .resource_ids(self.id(vpc)?)
            .traffic_type(TrafficType::All)
            .log_destination_type(LogDestinationType::S3)
            .log_destination(destination)
            .max_aggregation_interval(FLOW_LOG_INTERVAL_S)
            .destination_options(layout)
            .tag_specifications(self.tags(ResourceType::VpcFlowLog));
        let made = request.send().await.map_err(|e| self.error(&e))?;
        self.all_done(made.unsuccessful())?;
        self.made(made.flow_log_ids.and_then(|ids| ids.into_iter().next()))
    }

    pub(super) async fn create_peering(
        &self,
        vpc: &Ref,
        peer_account: &str,
        peer_region: &str,
        peer_vpc: &str,
    ) -> Made {
        let request = self
            .stack
            .ec2_once
            .create_vpc_peering_connection()
            .vpc_id(self.id(vpc)?)
            .peer_owner_id(peer_account)
            .peer_region(peer_region)
            .peer_vpc_id(peer_vpc)
            .tag_specifications(self.tags(ResourceType::VpcPeeringConnection));
        let made = request.send().await.map_err(|e| self.error(&e))?;
        self.made(made.vpc_peering_connection.and_then(|peering| peering.vpc_peering_connection_id))
    }
}
