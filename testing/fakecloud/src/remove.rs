//! What is taken away, and what AWS refuses to take away because something hangs on it.

use phonehome_network::{NatState, RemovalTarget};

use crate::call::Refused;
use crate::region::{CallResult, Region, dependency, missing};
use crate::shared::Shared;

impl Region {
    pub(crate) fn remove(&mut self, shared: &mut Shared, what: &RemovalTarget) -> CallResult {
        match what {
            RemovalTarget::Vpc { id } => self.delete_vpc(id),
            RemovalTarget::Subnet { id } => self.delete_subnet(id),
            RemovalTarget::InternetGatewayAttachment { id, vpc_id } => self.detach(id, vpc_id),
            RemovalTarget::InternetGateway { id } => self.delete_gateway(id),
            RemovalTarget::RouteTable { id } => self.delete_table(id),
            RemovalTarget::Route { table_id, destination } => self.delete_route(table_id, *destination),
            RemovalTarget::NatGateway { id } => self.delete_nat(shared, id),
            RemovalTarget::ElasticIp { id } => self.release_address(id),
            RemovalTarget::SecurityGroup { id } => self.delete_group(id),
            RemovalTarget::NetworkAcl { id } => self.delete_acl(id),
            RemovalTarget::AclEntry { acl_id, number, egress } => self.delete_entry(acl_id, *number, *egress),
            RemovalTarget::Endpoint { id } => self.delete_endpoint(id),
            RemovalTarget::FlowLog { id } => self.delete_flow_log(id),
            RemovalTarget::Function { name } => self.delete_function(name),
            RemovalTarget::Schedule { name } => self.delete_schedule(name),
            RemovalTarget::Peering { .. } => {
                Err(Refused::new("InternalError", "peerings concern two accounts"))
            }
        }
        .map(|()| None)
    }

    /// What AWS made with the VPC goes with it, and so do its flow logs and peerings.
    fn delete_vpc(&mut self, id: &str) -> Result<(), Refused> {
        self.vpc(id)?;
        let world = &self.world;
        let subnets = world.subnets.iter().filter(|it| it.vpc_id == id).map(|it| &it.id);
        let gateways = world.internet_gateways.iter().filter(|it| it.vpc_id.as_deref() == Some(id));
        let tables = world.route_tables.iter().filter(|it| it.vpc_id == id && !it.main);
        let groups = world.security_groups.iter().filter(|it| it.vpc_id == id && it.name != "default");
        let acls = world.network_acls.iter().filter(|it| it.vpc_id == id && !it.is_default);
        let endpoints = world.endpoints.iter().filter(|it| it.vpc_id == id && !it.is_gone);
        let nats = world.nat_gateways.iter().filter(|it| it.vpc_id == id && holds_address(it.state));
        let mut dependents = subnets
            .chain(gateways.map(|it| &it.id))
            .chain(tables.map(|it| &it.id))
            .chain(groups.map(|it| &it.id))
            .chain(acls.map(|it| &it.id))
            .chain(endpoints.map(|it| &it.id))
            .chain(nats.map(|it| &it.id));
        if let Some(dependent) = dependents.next() {
            return Err(dependency("vpc", id, dependent));
        }
        let world = &mut self.world;
        world.vpcs.retain(|it| it.id != id);
        world.route_tables.retain(|it| it.vpc_id != id);
        world.security_groups.retain(|it| it.vpc_id != id);
        world.network_acls.retain(|it| it.vpc_id != id);
        world.flow_logs.retain(|it| it.resource_id != id);
        Ok(())
    }

    fn delete_subnet(&mut self, id: &str) -> Result<(), Refused> {
        self.subnet(id)?;
        if let Some(used) = self.world.network_interfaces.iter().find(|it| it.subnet_id == id) {
            return Err(dependency("subnet", id, &format!("{} ({})", used.id, used.description)));
        }
        let world = &mut self.world;
        world.subnets.retain(|it| it.id != id);
        world.route_tables.iter_mut().for_each(|table| table.associations.retain(|it| it.subnet_id != id));
        world.network_acls.iter_mut().for_each(|acl| acl.associations.retain(|it| it.subnet_id != id));
        Ok(())
    }

    fn detach(&mut self, id: &str, vpc_id: &str) -> Result<(), Refused> {
        let gateway = self.gateway(id)?;
        if gateway.vpc_id.as_deref() != Some(vpc_id) {
            let message = format!("resource {id} is not attached to network {vpc_id}");
            return Err(Refused::new("Gateway.NotAttached", message));
        }
        let mut nats = self.world.nat_gateways.iter();
        if nats.any(|nat| nat.vpc_id == vpc_id && holds_address(nat.state)) {
            let message = format!(
                "Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before \
                 detaching the gateway."
            );
            return Err(Refused::new("DependencyViolation", message));
        }
        self.gateway(id)?.vpc_id = None;
        Ok(())
    }

    fn delete_gateway(&mut self, id: &str) -> Result<(), Refused> {
        if let Some(vpc_id) = &self.gateway(id)?.vpc_id {
            let because = format!("it is attached to {vpc_id}");
            return Err(dependency("internetGateway", id, &because));
        }
        self.world.internet_gateways.retain(|it| it.id != id);
        Ok(())
    }

    fn delete_function(&mut self, name: &str) -> Result<(), Refused> {
        let before = self.world.functions.len();
        self.world.functions.retain(|it| it.name != name);
        self.pending_observations.remove(name);
        let description = crate::probes::interface_description(name);
        self.world.network_interfaces.retain(|it| it.description != description);
        let gone = || missing("ResourceNotFoundException", "function", name);
        if self.world.functions.len() == before { Err(gone()) } else { Ok(()) }
    }

    fn delete_schedule(&mut self, name: &str) -> Result<(), Refused> {
        let before = self.world.schedules.len();
        self.world.schedules.retain(|it| it.name != name);
        let gone = || missing("ResourceNotFoundException", "schedule", name);
        if self.world.schedules.len() == before { Err(gone()) } else { Ok(()) }
    }
}

/// Whether a NAT gateway has its public address.
fn holds_address(state: NatState) -> bool {
    matches!(state, NatState::Pending | NatState::Available | NatState::Deleting)
}
