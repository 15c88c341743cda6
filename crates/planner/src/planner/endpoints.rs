//! Gateway endpoints and flow logs.

use super::Planner;
use crate::Disruption;
use crate::{Action, Change, PlanError, Ref};
use phonehome_network::{Address, Endpoint, Kind, RouteTable};
use phonehome_text::count;

impl Planner<'_> {
    /// S3 and DynamoDB without NAT: a gateway endpoint puts a route into each route table.
    pub(super) fn endpoints(&mut self) -> Result<(), PlanError> {
        if !self.sees(Kind::Endpoint) {
            return Ok(());
        }
        for name in &self.spec.features.endpoints {
            let address = Address::endpoint(name);
            let service = format!("com.amazonaws.{}.{name}", self.spec.region);
            let ours = self.our_vpc().map(|vpc| vpc.id.clone());
            let all = self.all_tables();
            // Without tags, one that no table of the stack has is somebody else's.
            let serves =
                |it: &Endpoint| it.route_table_ids.iter().any(|id| all.contains(&Ref::Id(id.clone())));
            let adopts = self.spec.adopt.is_some();
            let fits = |it: &Endpoint| {
                it.service == service && ours.as_ref() == Some(&it.vpc_id) && (adopts || serves(it))
            };
            let live = self.seen.endpoints.iter().filter(|it| !it.is_gone);
            let located = self.locate(&address, live, fits)?;
            match located.item {
                None => self.new_endpoint(address, service),
                Some(endpoint) => self.endpoint_tables(address, endpoint),
            }
        }
        Ok(())
    }

    fn new_endpoint(&mut self, address: Address, service: String) {
        let tables = self.all_tables();
        let disruption = self.disruption_of_endpoint(&tables);
        let action = Action::CreateGatewayEndpoint { vpc: self.vpc_ref(), service, tables };
        self.push(address, Change::Create, disruption, action, "not there", vec![]);
    }

    fn endpoint_tables(&mut self, address: Address, endpoint: &Endpoint) {
        let has = |table: &Ref| endpoint.route_table_ids.iter().any(|id| *table == Ref::Id(id.clone()));
        let missing: Vec<Ref> = self.all_tables().into_iter().filter(|table| !has(table)).collect();
        if missing.is_empty() {
            return;
        }
        let number = endpoint.route_table_ids.len();
        let (before, after) = (tables(number), tables(number + missing.len()));
        let disruption = self.disruption_of_endpoint(&missing);
        let action = Action::AddEndpointTables { endpoint: endpoint.id.clone(), tables: missing };
        let (change, tagged) = (Change::Update { before, after }, vec![Address::tags(&address)]);
        self.push(address, change, disruption, action, "is missing from route tables", tagged);
    }

    /// An endpoint switches routes, and that breaks open connections to its service (AWS's guide to
    /// gateway endpoints, "Considerations"): those of subnets that have such a table now.
    fn disruption_of_endpoint(&self, tables: &[Ref]) -> Disruption {
        let in_use = |table: &RouteTable| {
            !table.associations.is_empty() && tables.contains(&Ref::Id(table.id.clone()))
        };
        let disturbs = self.seen.route_tables.iter().any(in_use);
        if disturbs { Disruption::ResetsConnections } else { Disruption::None }
    }

    /// The stack's route tables, but for those that are withheld.
    fn all_tables(&self) -> Vec<Ref> {
        let private = self.zones().iter().map(|zone| Address::private_route_table(&zone.az_id));
        let all = std::iter::once(Address::public_route_table()).chain(private);
        all.filter(|address| !self.is_withheld(address)).map(|it| self.table_ref(&it)).collect()
    }

    /// The VPC's flow log, in the hub's bucket. One that goes elsewhere is somebody else's.
    pub(super) fn flow_log(&mut self) -> Result<(), PlanError> {
        let Some(destination) = self.spec.features.flow_logs_to.as_ref() else { return Ok(()) };
        if !self.sees(Kind::FlowLog) {
            return Ok(());
        }
        let address = Address::flow_log();
        let ours = self.our_vpc().map(|vpc| vpc.id.clone());
        let logs = self.seen.flow_logs.iter().filter(|log| log.destination == *destination);
        let located = self.locate(&address, logs, |log| ours.as_ref() == Some(&log.resource_id))?;
        if located.item.is_none() {
            let action = Action::CreateFlowLog { vpc: self.vpc_ref(), destination: destination.clone() };
            self.create(address, action, vec![]);
        }
        Ok(())
    }
}

fn tables(number: usize) -> String {
    count(number, "route table")
}
