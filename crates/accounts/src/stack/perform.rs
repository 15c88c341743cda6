//! Each action is one call.

use phonehome_network::Address;
use phonehome_planner::Action;

use super::AwsStack;
use super::call::{Call, Made};
use phonehome_executor::Ids;

/// Makes the call; returns the id of what it made or found.
pub(super) async fn perform(stack: &AwsStack, address: &Address, action: &Action, ids: &Ids) -> Made {
    let call = Call { stack, ids, address, operation: action.operation() };
    match action {
        Action::CreateVpc { cidr } => call.create_vpc(*cidr).await,
        Action::EnableDnsSupport { vpc } => call.enable_dns_support(vpc).await,
        Action::EnableDnsHostNames { vpc } => call.enable_dns_host_names(vpc).await,
        Action::CreateInternetGateway => call.create_internet_gateway().await,
        Action::AttachInternetGateway { gateway, vpc } => call.attach_internet_gateway(gateway, vpc).await,
        Action::AllocateElasticIp => call.allocate_elastic_ip().await,
        Action::CreateSubnet { vpc, cidr, az_id } => call.create_subnet(vpc, *cidr, az_id).await,
        Action::DisablePublicIpOnLaunch { subnet } => call.disable_public_ip_on_launch(subnet).await,
        Action::CreateRouteTable { vpc } => call.create_route_table(vpc).await,
        Action::CreateRoute { table, destination, target } => {
            call.create_route(table, *destination, target).await
        }
        Action::ReplaceRoute { table, destination, target } => {
            call.replace_route(table, *destination, target).await
        }
        Action::AssociateRouteTable { table, subnet } => call.associate_route_table(table, subnet).await,
        Action::ReplaceAssociation { association_id, table } => {
            call.replace_association(association_id, table).await
        }
        Action::CreateNatGateway { subnet, allocation } => call.create_nat_gateway(subnet, allocation).await,
        Action::CreateRegionalNatGateway { vpc } => call.create_regional_nat_gateway(vpc).await,
        Action::CreateSecurityGroup { vpc, name, description } => {
            call.create_security_group(vpc, name, description).await
        }
        Action::FindDefaultSecurityGroup { vpc } => call.find_default_security_group(vpc).await,
        Action::AuthorizeRules { group, direction, rules } => {
            call.authorize_rules(group, *direction, rules).await
        }
        Action::RevokeRules { group, direction, rules } => call.revoke_rules(group, *direction, rules).await,
        Action::FindDefaultNetworkAcl { vpc } => call.find_default_network_acl(vpc).await,
        Action::CreateAclEntry { acl, entry } => call.create_acl_entry(acl, entry).await,
        Action::ReplaceAclEntry { acl, entry } => call.replace_acl_entry(acl, entry).await,
        Action::FindMainRouteTable { vpc } => call.find_main_route_table(vpc).await,
        Action::CreateGatewayEndpoint { vpc, service, tables } => {
            call.create_gateway_endpoint(vpc, service, tables).await
        }
        Action::AddEndpointTables { endpoint, tables } => call.add_endpoint_tables(endpoint, tables).await,
        Action::CreateFlowLog { vpc, destination } => call.create_flow_log(vpc, destination).await,
        Action::CreatePeering { vpc, peer_account, peer_region, peer_vpc } => {
            call.create_peering(vpc, peer_account, peer_region, peer_vpc).await
        }
        Action::AcceptPeering { peering } => call.accept_peering(peering).await,
        Action::Tag { resource, tags } => call.tag(resource, tags).await,
        Action::Untag { resource, keys } => call.untag(resource, keys).await,
        Action::CreateFunction { name, subnet, security_group } => {
            call.create_function(name, subnet, security_group).await
        }
        Action::UpdateFunctionCode { name } => call.update_function_code(name).await,
        Action::UpdateFunctionConfiguration { name, subnet, security_group } => {
            call.update_function_configuration(name, subnet, security_group).await
        }
        Action::PutDestination { name } => call.put_destination(name).await,
        Action::CreateSchedule { name, function_arn, input } => {
            call.create_schedule(name, function_arn, input).await
        }
        Action::UpdateSchedule { name, function_arn, input } => {
            call.update_schedule(name, function_arn, input).await
        }
        Action::Remove(removal) => {
            call.remove(removal.what()).await?;
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests;
