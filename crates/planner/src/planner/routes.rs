//! Route tables: one for all public subnets, one for each zone's private subnet.

use super::Taking;
use ipnet::Ipv4Net;

use super::Planner;
use super::nat::WayOut;
use super::prune::{NAT_NEEDS, UNDECLARED};
use crate::Disruption;
use crate::permit::Grant;
use crate::{Action, Change, PlanError, Readiness, Ref, RefTarget, Wait};
use phonehome_network::{Address, Ask, Kind, RemovalTarget, Route, RouteTable, RouteTarget, Tagged, Tier};

impl<'a> Planner<'a> {
    pub(super) fn route_tables(&mut self) -> Result<(), PlanError> {
        let zones = self.zones();
        let public = Address::public_route_table();
        let subnets: Vec<(Tier, &str)> =
            zones.iter().map(|zone| (Tier::Public, zone.az_id.as_str())).collect();
        let seen = self.route_table(&public, &subnets)?;
        if self.sees(Kind::InternetGateway) {
            let target = RefTarget::InternetGateway(self.gateway_ref());
            self.default_route(&public, seen, target, vec![Address::internet_gateway_attachment()]);
        }
        self.associations(&public, &subnets);
        for zone in zones {
            let table = Address::private_route_table(&zone.az_id);
            let subnets = [(Tier::Private, zone.az_id.as_str())];
            let seen = self.route_table(&table, &subnets)?;
            match self.way_out(zone.nat_az_id.as_deref()) {
                WayOut::Through(nat) => {
                    if !self.waits_for_way_out(&table, seen, &nat) {
                        self.default_route(&table, seen, RefTarget::NatGateway(nat), vec![]);
                    }
                }
                WayOut::None => self.no_default_route(&table, seen),
                WayOut::Unknown => {}
            }
            self.associations(&table, &subnets);
        }
        Ok(())
    }

    /// The route table of these subnets. Other routes in it, and other subnets that have it, are not
    /// ours and stay.
    fn route_table(
        &mut self,
        address: &Address,
        subnets: &[(Tier, &str)],
    ) -> Result<Option<&'a RouteTable>, PlanError> {
        let ids: Vec<String> = subnets
            .iter()
            .filter_map(|(tier, az_id)| self.seen_subnet(*tier, az_id).map(|subnet| subnet.id.clone()))
            .collect();
        let seen = self.seen;
        let looks_like = |table: &RouteTable| serves_only(table, &ids) && !seen.is_of_nat_gateway(table);
        let located = self.locate(address, &seen.route_tables, looks_like)?;
        match located.item {
            Some(table) => self.must_be_in_our_vpc(address, &table.id, &table.vpc_id)?,
            None => {
                let vpc = self.vpc_ref();
                self.create(address.clone(), Action::CreateRouteTable { vpc }, vec![]);
            }
        }
        Ok(located.item)
    }

    fn associations(&mut self, table: &Address, subnets: &[(Tier, &str)]) {
        for (tier, az_id) in subnets {
            self.association(table, *tier, az_id);
        }
    }

    /// Without a way out, the route that led to a NAT gateway of ours goes, before the gateway does.
    /// One that leads elsewhere is somebody else's.
    fn no_default_route(&mut self, table: &Address, seen: Option<&RouteTable>) {
        let default = |route: &&Route| route.destination == Ipv4Net::default();
        let Some((seen, route)) = seen.and_then(|seen| Some((seen, seen.routes.iter().find(default)?)))
        else {
            return;
        };
        if matches!(&route.target, RouteTarget::NatGateway(id) if self.is_our_nat(id)) {
            let address = Address::default_route(table);
            let target = RemovalTarget::Route { table_id: seen.id.clone(), destination: route.destination };
            let grant = (Taking::Alone(Grant::Deletion), NAT_NEEDS.as_slice());
            let before = format!("{} → {}", route.destination, route.target);
            self.remove(address.clone(), before, target, grant, UNDECLARED, vec![]);
        }
    }

    pub(super) fn table_ref(&self, address: &Address) -> Ref {
        self.reference(address, &self.seen.route_tables)
    }

    fn default_route(
        &mut self,
        address: &Address,
        seen: Option<&RouteTable>,
        target: RefTarget,
        after: Vec<Address>,
    ) {
        let (table, destination) = (self.table_ref(address), Ipv4Net::default());
        let route = seen.and_then(|table| table.routes.iter().find(|route| route.destination == destination));
        match route {
            Some(route) if target.is(&route.target) => {}
            Some(route) => {
                let change = Change::Update { before: route.target.to_string(), after: target.to_string() };
                let disruption = self.disruption_of_leaving(&route.target);
                let action = Action::ReplaceRoute { table, destination, target };
                let address = Address::default_route(address);
                self.push(address, change, disruption, action, "leads elsewhere", after);
            }
            None => {
                let action = Action::CreateRoute { table, destination, target };
                let disruption = self.disruption_of_opening(seen);
                self.push(
                    Address::default_route(address),
                    Change::Create,
                    disruption,
                    action,
                    "not there",
                    after,
                );
            }
        }
    }

    /// Whether a private subnet's traffic goes on through where it leaves now, because the NAT gateway
    /// that it is to leave through is not available yet. Led there too early, it would be cut off until
    /// the gateway works, and for good where AWS cannot make it.
    ///
    /// Where the limits forbid to lead it away at all there is nothing to wait for: the route is withheld.
    fn waits_for_way_out(&mut self, table: &Address, seen: Option<&RouteTable>, nat: &Ref) -> bool {
        let default = |route: &&Route| route.destination == Ipv4Net::default();
        let Some(route) = seen.and_then(|seen| seen.routes.iter().find(default)) else { return false };
        let disruption = self.disruption_of_leaving(&route.target);
        let address = Address::default_route(table);
        let ask =
            Ask::Disturb { address: address.clone(), id: seen.map(|it| it.id.clone()).unwrap_or_default() };
        let is_on_its_way = match nat {
            Ref::Id(id) => self.is_pending_nat(id),
            Ref::Output(made) => self.is_planned(made) || self.awaits(made),
        };
        let leads_there = RefTarget::NatGateway(nat.clone()).is(&route.target);
        let serves = disruption != Disruption::None && self.budget.may_disturb(disruption, &ask);
        if leads_there || !is_on_its_way || !serves {
            return false;
        }
        if let RouteTarget::NatGateway(id) = &route.target {
            self.still_used.insert(id.clone());
        }
        let id = route.target.to_string();
        self.wait(Wait {
            address,
            what: format!("the way out goes on through {id} until the new NAT gateway is available"),
            id,
            holds_up: Readiness::Egress,
        });
        true
    }

    /// What it does to traffic to lead a route away from where it leads: nothing where that is a NAT
    /// gateway that no longer works. One of phonehome's own that works is replaced by another, with
    /// another public address, unless somebody has led the traffic there by hand.
    fn disruption_of_leaving(&self, target: &RouteTarget) -> Disruption {
        match target {
            RouteTarget::NatGateway(id) if !self.is_live_nat(id) => Disruption::None,
            RouteTarget::NatGateway(id) if self.is_our_nat(id) && !self.spec.history.was_as_declared => {
                Disruption::Replaces
            }
            _ => Disruption::ResetsConnections,
        }
    }

    /// What a route does that was not there: it opens a way for those that use an adopted table.
    fn disruption_of_opening(&self, table: Option<&RouteTable>) -> Disruption {
        let is_used = table.is_some_and(|table| table.main || !table.associations.is_empty());
        if is_used { self.disruption_if_adopted(Disruption::None) } else { Disruption::None }
    }

    fn association(&mut self, table: &Address, tier: Tier, az_id: &str) {
        let address = Address::association(tier, az_id);
        // In an adopted network a table that is in use gets no way out unasked: it has it before it is used,
        // wherever the executor stops.
        let route = Address::default_route(table);
        let after = if self.spec.adopt.is_some() && self.is_planned(&route) { vec![route] } else { vec![] };
        let table = self.table_ref(table);
        let Some(subnet) = self.seen_subnet(tier, az_id) else {
            let action = Action::AssociateRouteTable { table, subnet: self.subnet_ref(tier, az_id) };
            return self.create(address, action, after);
        };
        let tables = self.seen.route_tables.iter();
        let current = tables
            .flat_map(|table| table.associations.iter().map(move |association| (table, association)))
            .find(|(_, association)| association.subnet_id == subnet.id);
        match current {
            Some((current, _)) if table == Ref::Id(current.id.clone()) => {}
            Some((current, association)) => {
                let words = (current.id.clone(), table.to_string());
                let association_id = association.id.clone();
                let action = Action::ReplaceAssociation { association_id, table };
                self.update(address, words, Disruption::ResetsConnections, action, "has another route table");
            }
            None => {
                // It has the VPC's main route table now, which may lead somewhere.
                let disruption = self.disruption_if_adopted(self.disruption_of_leaving_main());
                let action = Action::AssociateRouteTable { table, subnet: Ref::Id(subnet.id.clone()) };
                self.push(address, Change::Create, disruption, action, "not there", after);
            }
        }
    }

    fn disruption_of_leaving_main(&self) -> Disruption {
        let main =
            self.seen.route_tables.iter().find(|table| table.main && self.is_in_our_vpc(&table.vpc_id));
        let leads_somewhere = main.is_some_and(|table| !table.routes.is_empty());
        if leads_somewhere { Disruption::ResetsConnections } else { Disruption::None }
    }
}

/// Whether a table without tags is used by these subnets, and by no other: then it is theirs.
fn serves_only(table: &RouteTable, subnet_ids: &[String]) -> bool {
    let is_one = |id: &String| subnet_ids.contains(id);
    !table.main
        && !table.associations.is_empty()
        && table.associations.iter().all(|association| is_one(&association.subnet_id))
        && table.address().is_none()
}

impl RefTarget {
    pub(super) fn is(&self, seen: &RouteTarget) -> bool {
        match (self, seen) {
            (Self::InternetGateway(Ref::Id(id)), RouteTarget::InternetGateway(seen))
            | (Self::NatGateway(Ref::Id(id)), RouteTarget::NatGateway(seen))
            | (Self::Peering(Ref::Id(id)), RouteTarget::Peering(seen)) => id == seen,
            _ => false,
        }
    }
}
