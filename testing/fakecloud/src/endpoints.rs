//! Gateway endpoints, flow logs, tags.

use phonehome_network::{Endpoint, FlowLog, Tags};
use phonehome_planner::{Action, Ref};

use crate::call::{Call, Refused};
use crate::region::{CallResult, Region, missing};
use crate::shared::Shared;

impl Region {
    pub(crate) fn extra_call(&mut self, shared: &mut Shared, call: &Call<'_>, action: &Action) -> CallResult {
        match action {
            Action::CreateGatewayEndpoint { vpc, service, tables } => {
                self.create_endpoint(shared, call, call.id(vpc)?, service, tables).map(Some)
            }
            Action::AddEndpointTables { endpoint, tables } => {
                let found = self.world.endpoints.iter().find(|it| it.id == *endpoint && !it.is_gone);
                let found = found.ok_or_else(|| no_endpoint(endpoint))?;
                let (vpc_id, service) = (found.vpc_id.clone(), found.service.clone());
                let tables = self.free_tables(call, &vpc_id, &service, tables)?;
                for found in self.world.endpoints.iter_mut().filter(|it| it.id == *endpoint) {
                    found.route_table_ids.extend(tables.iter().cloned());
                }
                Ok(None)
            }
            Action::CreateFlowLog { vpc, destination } => {
                self.create_flow_log(shared, call, call.id(vpc)?, destination).map(Some)
            }
            Action::Tag { resource, tags } => {
                let new = tags.clone();
                self.tags_of(&call.id(resource)?)?.extend(new);
                Ok(None)
            }
            Action::Untag { resource, keys } => {
                self.tags_of(resource)?.retain(|key, _| !keys.contains(key));
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn create_endpoint(
        &mut self,
        shared: &mut Shared,
        call: &Call<'_>,
        vpc_id: String,
        service: &str,
        tables: &[Ref],
    ) -> Result<String, Refused> {
        if self.world.vpcs.iter().all(|vpc| vpc.id != vpc_id) {
            return Err(missing("InvalidVpcId.NotFound", "Vpc", &vpc_id));
        }
        let known = ["s3", "dynamodb"].map(|name| format!("com.amazonaws.{}.{name}", self.name));
        if !known.iter().any(|it| it == service) {
            let message = format!("The Vpc Endpoint Service '{service}' does not exist");
            return Err(Refused::new("InvalidServiceName", message));
        }
        let route_table_ids = self.free_tables(call, &vpc_id, service, tables)?;
        let id = shared.mint("vpce");
        let tags = call.spec.tags_of(call.address);
        let (service, is_gone) = (service.to_owned(), false);
        self.world.endpoints.push(Endpoint {
            id: id.clone(),
            tags,
            vpc_id,
            service,
            route_table_ids,
            is_gone,
        });
        Ok(id)
    }

    /// A route table has one route to a service.
    fn free_tables(
        &mut self,
        call: &Call<'_>,
        vpc_id: &str,
        service: &str,
        tables: &[Ref],
    ) -> Result<Vec<String>, Refused> {
        let ids = tables.iter().map(|table| call.id(table)).collect::<Result<Vec<String>, _>>()?;
        for id in &ids {
            if self.table(id)?.vpc_id != vpc_id {
                let message = format!("Route table {id} and vpc {vpc_id} belong to different networks");
                return Err(Refused::new("InvalidParameter", message));
            }
            let mut live = self.world.endpoints.iter().filter(|it| !it.is_gone && it.service == service);
            if live.any(|it| it.route_table_ids.contains(id)) {
                let message =
                    format!("route table {id} already has a route with destination-prefix-list-id pl");
                return Err(Refused::new("RouteAlreadyExists", message));
            }
        }
        Ok(ids)
    }

    fn create_flow_log(
        &mut self,
        shared: &mut Shared,
        call: &Call<'_>,
        vpc_id: String,
        destination: &str,
    ) -> Result<String, Refused> {
        if self.world.vpcs.iter().all(|vpc| vpc.id != vpc_id) {
            return Err(missing("InvalidVpcId.NotFound", "Vpc", &vpc_id));
        }
        let same = |it: &&FlowLog| it.resource_id == vpc_id && it.destination == destination;
        if let Some(there) = self.world.flow_logs.iter().find(same) {
            let message = "There is an existing Flow Log with the same configuration and log destination.";
            return Err(Refused::new("FlowLogAlreadyExists", format!("{message} {}", there.id)));
        }
        let (id, tags) = (shared.mint("fl"), call.spec.tags_of(call.address));
        let log = FlowLog { id: id.clone(), tags, resource_id: vpc_id, destination: destination.to_owned() };
        self.world.flow_logs.push(log);
        Ok(id)
    }

    pub(crate) fn delete_endpoint(&mut self, id: &str) -> Result<(), Refused> {
        let before = self.world.endpoints.len();
        self.world.endpoints.retain(|it| it.id != id);
        if self.world.endpoints.len() == before { Err(no_endpoint(id)) } else { Ok(()) }
    }

    pub(crate) fn delete_flow_log(&mut self, id: &str) -> Result<(), Refused> {
        let before = self.world.flow_logs.len();
        self.world.flow_logs.retain(|it| it.id != id);
        let gone = || missing("InvalidFlowLogId.NotFound", "flow log", id);
        if self.world.flow_logs.len() == before { Err(gone()) } else { Ok(()) }
    }

    fn tags_of(&mut self, id: &str) -> Result<&mut Tags, Refused> {
        let world = &mut self.world;
        macro_rules! find {
            ($($list:ident: $id:ident),*) => {$(
                if let Some(found) = world.$list.iter_mut().find(|it| it.$id == id) {
                    return Ok(&mut found.tags);
                }
            )*};
        }
        find!(
            vpcs: id, subnets: id, internet_gateways: id, elastic_ips: allocation_id, nat_gateways: id,
            route_tables: id, security_groups: id, network_acls: id, endpoints: id, flow_logs: id,
            peerings: id
        );
        Err(no_such(id))
    }
}

fn no_endpoint(id: &str) -> Refused {
    missing("InvalidVpcEndpointId.NotFound", "Vpc Endpoint", id)
}

/// The code names the kind that the id's prefix is of.
fn no_such(id: &str) -> Refused {
    let code = match id.split_once('-').map(|(prefix, _)| prefix) {
        Some("vpc") => "InvalidVpcID.NotFound",
        Some("subnet") => "InvalidSubnetID.NotFound",
        Some("igw") => "InvalidInternetGatewayID.NotFound",
        Some("eipalloc") => "InvalidAllocationID.NotFound",
        Some("nat") => "NatGatewayNotFound",
        Some("rtb") => "InvalidRouteTableID.NotFound",
        Some("sg") => "InvalidGroup.NotFound",
        Some("acl") => "InvalidNetworkAclID.NotFound",
        Some("vpce") => "InvalidVpcEndpointId.NotFound",
        Some("fl") => "InvalidFlowLogId.NotFound",
        Some("pcx") => "InvalidVpcPeeringConnectionID.NotFound",
        _ => return Refused::new("InvalidID", format!("The ID '{id}' is not valid")),
    };
    missing(code, "resource", id)
}
