//! The calls that take something away. What is gone already counts as done (see
//! [`phonehome_cloud::Class::AlreadyDone`]), so the SDK may try them again.

use phonehome_network::RemovalTarget;

use super::call::Call;
use phonehome_cloud::CloudError;

impl Call<'_> {
    #[allow(clippy::too_many_lines, reason = "one arm for each kind of resource")]
    pub(super) async fn remove(&self, target: &RemovalTarget) -> Result<(), CloudError> {
        let ec2 = &self.stack.ec2;
        match target {
            RemovalTarget::Vpc { id } => {
                ec2.delete_vpc().vpc_id(id).send().await.map_err(|e| self.error(&e))?;
            }
            RemovalTarget::Subnet { id } => {
                ec2.delete_subnet().subnet_id(id).send().await.map_err(|e| self.error(&e))?;
            }
            RemovalTarget::InternetGatewayAttachment { id, vpc_id } => {
                let request = ec2.detach_internet_gateway().internet_gateway_id(id).vpc_id(vpc_id);
                request.send().await.map_err(|e| self.error(&e))?;
            }
            RemovalTarget::InternetGateway { id } => {
                let request = ec2.delete_internet_gateway().internet_gateway_id(id);
                request.send().await.map_err(|e| self.error(&e))?;
            }
            RemovalTarget::RouteTable { id } => {
                ec2.delete_route_table().route_table_id(id).send().await.map_err(|e| self.error(&e))?;
            }
            RemovalTarget::Route { table_id, destination } => {
                let destination = destination.to_string();
                let request = ec2.delete_route().route_table_id(table_id).destination_cidr_block(destination);
                request.send().await.map_err(|e| self.error(&e))?;
            }
            RemovalTarget::NatGateway { id } => {
                ec2.delete_nat_gateway().nat_gateway_id(id).send().await.map_err(|e| self.error(&e))?;
            }
            RemovalTarget::ElasticIp { id } => {
                ec2.release_address().allocation_id(id).send().await.map_err(|e| self.error(&e))?;
            }
            RemovalTarget::SecurityGroup { id } => {
                ec2.delete_security_group().group_id(id).send().await.map_err(|e| self.error(&e))?;
            }
            RemovalTarget::NetworkAcl { id } => {
                ec2.delete_network_acl().network_acl_id(id).send().await.map_err(|e| self.error(&e))?;
            }
            RemovalTarget::AclEntry { acl_id, number, egress } => {
                let request = ec2.delete_network_acl_entry().network_acl_id(acl_id);
                let request = request.rule_number(*number).egress(*egress);
                request.send().await.map_err(|e| self.error(&e))?;
            }
            RemovalTarget::Endpoint { id } => {
                let request = ec2.delete_vpc_endpoints().vpc_endpoint_ids(id);
                let answer = request.send().await.map_err(|e| self.error(&e))?;
                self.all_done(answer.unsuccessful())?;
            }
            RemovalTarget::FlowLog { id } => {
                let request = ec2.delete_flow_logs().flow_log_ids(id);
                let answer = request.send().await.map_err(|e| self.error(&e))?;
                self.all_done(answer.unsuccessful())?;
            }
            RemovalTarget::Peering { id } => {
                let request = ec2.delete_vpc_peering_connection().vpc_peering_connection_id(id);
                request.send().await.map_err(|e| self.error(&e))?;
            }
            RemovalTarget::Function { name } => {
                let request = self.stack.lambda.delete_function().function_name(name);
                request.send().await.map_err(|e| self.error(&e))?;
            }
            RemovalTarget::Schedule { name } => {
                let request = self.stack.scheduler.delete_schedule().name(name);
                request.send().await.map_err(|e| self.error(&e))?;
            }
        }
        Ok(())
    }
}
