//! Route tables, routes, associations.

use ipnet::Ipv4Net;
use phonehome_network::{Association, NatState, Route, RouteTable, RouteTarget};
use phonehome_planner::{Action, RefTarget};

use crate::call::{Call, Refused};
use crate::region::{CallResult, Region, dependency, missing};
use crate::shared::Shared;
use crate::vpc::limit;

/// AWS's default quota since June 2025.
const ROUTES_MAX: usize = 500;

impl Region {
    pub(crate) fn route_call(&mut self, shared: &mut Shared, call: &Call<'_>, action: &Action) -> CallResult {
        match action {
            Action::CreateRouteTable { vpc } => {
                let (vpc_id, tags) = (call.id(vpc)?, call.spec.tags_of(call.address));
                self.vpc(&vpc_id)?;
                let id = shared.mint("rtb");
                let (routes, associations) = (vec![], vec![]);
                let table = RouteTable { id: id.clone(), tags, vpc_id, main: false, routes, associations };
                self.world.route_tables.push(table);
                Ok(Some(id))
            }
            Action::CreateRoute { table, destination, target } => {
                let table_id = call.id(table)?;
                let target = self.target(&table_id, call, target)?;
                self.create_route(&table_id, *destination, target).map(|()| None)
            }
            Action::ReplaceRoute { table, destination, target } => {
                let table_id = call.id(table)?;
                let target = self.target(&table_id, call, target)?;
                self.replace_route(&table_id, *destination, target).map(|()| None)
            }
            Action::AssociateRouteTable { table, subnet } => {
                self.associate(shared, &call.id(table)?, call.id(subnet)?).map(Some)
            }
            Action::ReplaceAssociation { association_id, table } => {
                self.reassociate(shared, association_id, &call.id(table)?).map(Some)
            }
            Action::FindMainRouteTable { vpc } => {
                let vpc_id = call.id(vpc)?;
                let found = self.world.route_tables.iter().find(|it| it.main && it.vpc_id == vpc_id);
                let found = found.ok_or_else(|| missing("InvalidRouteTableID.NotFound", "vpc", &vpc_id))?;
                Ok(Some(found.id.clone()))
            }
            _ => Ok(None),
        }
    }

    /// What a route may lead to: something that exists, in the table's VPC.
    fn target(
        &mut self,
        table_id: &str,
        call: &Call<'_>,
        target: &RefTarget,
    ) -> Result<RouteTarget, Refused> {
        let vpc_id = self.table(table_id)?.vpc_id.clone();
        let id = call.id(target.reference())?;
        let (in_vpc, target) = match target {
            RefTarget::InternetGateway(_) => {
                let gateway = self.gateway(&id)?;
                (gateway.vpc_id.as_ref() == Some(&vpc_id), RouteTarget::InternetGateway(id.clone()))
            }
            RefTarget::NatGateway(_) => {
                let mut live = self
                    .world
                    .nat_gateways
                    .iter()
                    .filter(|nat| matches!(nat.state, NatState::Pending | NatState::Available));
                let nat = live.find(|nat| nat.id == id);
                let nat = nat.ok_or_else(|| missing("InvalidNatGatewayID.NotFound", "NAT gateway", &id))?;
                (nat.vpc_id == vpc_id, RouteTarget::NatGateway(id.clone()))
            }
            // Also one that is not accepted yet: the route is a blackhole until then.
            RefTarget::Peering(_) => {
                let mut live = self.world.peerings.iter().filter(|it| crate::peering::is_live(it));
                let peering = live.find(|it| it.id == id);
                let peering = peering
                    .ok_or_else(|| missing("InvalidVpcPeeringConnectionID.NotFound", "peering", &id))?;
                let sides = [&peering.requester, &peering.accepter];
                (sides.iter().any(|side| side.vpc_id == vpc_id), RouteTarget::Peering(id.clone()))
            }
        };
        if in_vpc {
            return Ok(target);
        }
        let message = format!("route table {table_id} and {id} belong to different networks");
        Err(Refused::new("InvalidParameterValue", message))
    }

    fn create_route(
        &mut self,
        table_id: &str,
        destination: Ipv4Net,
        target: RouteTarget,
    ) -> Result<(), Refused> {
        let vpc_id = self.table(table_id)?.vpc_id.clone();
        if self.vpc(&vpc_id)?.cidrs.contains(&destination) {
            let message = format!("The destination CIDR block {destination} is the local route's.");
            return Err(Refused::new("InvalidParameterValue", message));
        }
        let table = self.table(table_id)?;
        if table.routes.iter().any(|route| route.destination == destination) {
            let message = format!("The route identified by {destination} already exists.");
            return Err(Refused::new("RouteAlreadyExists", message));
        }
        // The local route counts, too.
        if table.routes.len() + 1 >= ROUTES_MAX {
            return Err(limit("RouteLimitExceeded", "routes"));
        }
        table.routes.push(Route { destination, target });
        Ok(())
    }

    fn replace_route(
        &mut self,
        table_id: &str,
        destination: Ipv4Net,
        target: RouteTarget,
    ) -> Result<(), Refused> {
        let mut routes = self.table(table_id)?.routes.iter_mut();
        let Some(route) = routes.find(|route| route.destination == destination) else {
            let message = format!("There is no route defined for '{destination}' in the route table.");
            return Err(Refused::new("InvalidParameterValue", message));
        };
        route.target = target;
        Ok(())
    }

    fn associate(
        &mut self,
        shared: &mut Shared,
        table_id: &str,
        subnet_id: String,
    ) -> Result<String, Refused> {
        let subnet_vpc = self.subnet(&subnet_id)?.vpc_id.clone();
        if self.table(table_id)?.vpc_id != subnet_vpc {
            let message =
                format!("route table {table_id} and subnet {subnet_id} belong to different networks");
            return Err(Refused::new("InvalidParameterValue", message));
        }
        let mut associations = self.world.route_tables.iter().flat_map(|table| &table.associations);
        if let Some(other) = associations.find(|it| it.subnet_id == subnet_id) {
            let message =
                format!("the specified association for route table {table_id} conflicts with {}", other.id);
            return Err(Refused::new("Resource.AlreadyAssociated", message));
        }
        let id = shared.mint("rtbassoc");
        self.table(table_id)?.associations.push(Association { id: id.clone(), subnet_id });
        Ok(id)
    }

    /// The association gets a new id.
    fn reassociate(&mut self, shared: &mut Shared, id: &str, table_id: &str) -> Result<String, Refused> {
        self.table(table_id)?;
        let subnet_id = self.disassociate(id)?;
        self.associate(shared, table_id, subnet_id)
    }

    /// Returns the subnet that it was the association of.
    fn disassociate(&mut self, id: &str) -> Result<String, Refused> {
        for table in &mut self.world.route_tables {
            if let Some(at) = table.associations.iter().position(|it| it.id == id) {
                return Ok(table.associations.remove(at).subnet_id);
            }
        }
        Err(missing("InvalidAssociationID.NotFound", "association", id))
    }

    pub(crate) fn delete_route(&mut self, table_id: &str, destination: Ipv4Net) -> Result<(), Refused> {
        let routes = &mut self.table(table_id)?.routes;
        let Some(at) = routes.iter().position(|route| route.destination == destination) else {
            let message =
                format!("no route with destination-cidr-block {destination} in route table {table_id}");
            return Err(Refused::new("InvalidRoute.NotFound", message));
        };
        routes.remove(at);
        Ok(())
    }

    pub(crate) fn delete_table(&mut self, id: &str) -> Result<(), Refused> {
        let table = self.table(id)?;
        if table.main {
            return Err(dependency("routeTable", id, "it is the main one"));
        }
        if let Some(association) = table.associations.first() {
            return Err(dependency("routeTable", id, &format!("{} uses it", association.subnet_id)));
        }
        self.world.route_tables.retain(|it| it.id != id);
        for endpoint in &mut self.world.endpoints {
            endpoint.route_table_ids.retain(|it| it != id);
        }
        Ok(())
    }
}
