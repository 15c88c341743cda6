//! What phonehome made and the fleet file no longer declares.

use super::Taking;
use crate::WithheldReason;
use phonehome_network::Part;
use std::cmp::Reverse;
use std::collections::BTreeSet;

use ipnet::Ipv4Net;

use super::Planner;
use crate::permit::Grant;
use crate::{Action, LinkSpec, StackSpec, Step};
use phonehome_network::{
    Address, Ask, Inventory, Kind, NatGateway, Peering, PeeringVpc, RemovalTarget, RouteTable, RouteTarget,
    Subnet, Tagged,
};

pub(super) const UNDECLARED: &str = "no longer declared";
/// What has to be in view to take away a NAT gateway, its elastic IP or a route to it.
pub(super) const NAT_NEEDS: [Kind; 4] =
    [Kind::NatGateway, Kind::ElasticIp, Kind::InternetGateway, Kind::RouteTable];
const PEERING_NEEDS: [Kind; 2] = [Kind::Peering, Kind::RouteTable];

impl<'a> Planner<'a> {
    /// In the order in which AWS lets them go.
    pub(super) fn prune_undeclared(&mut self) {
        self.prune_peerings();
        self.prune_probes();
        self.prune_nat_gateways();
        self.prune_elastic_ips();
        self.prune_endpoints();
        self.prune_flow_logs();
        self.prune_subnets();
        self.prune_route_tables();
    }

    /// Whether a peering that is no longer declared may be removed in this plan.
    pub(super) fn may_unpeer(&mut self, id: &str) -> bool {
        self.budget.permit(Grant::Peering, &Ask::Unpeer { id: id.to_owned() }, &PEERING_NEEDS).is_ok()
    }

    /// Live peerings of ours that no declared connection needs, or that lead to a VPC which the other
    /// account has since replaced.
    pub(super) fn undeclared_peerings(&self) -> Vec<&'a Peering> {
        let ours = self.seen.peerings.iter().filter(|it| it.is_live() && it.address().is_some());
        ours.filter(|it| !self.found.contains(&it.id) && !self.awaits_peer(it)).collect()
    }

    /// Whether a peering of ours is that of a declared connection to an account of which nothing is known
    /// now: it stays as it is.
    pub(super) fn awaits_peer(&self, peering: &Peering) -> bool {
        let Some(address) = peering.address() else { return false };
        let is_theirs = |side: &PeeringVpc, link: &LinkSpec| {
            side.account == link.peer_id() && side.account != self.spec.account
        };
        self.spec.links.iter().filter(|link| link.peer_vpc.is_none()).any(|link| {
            Address::peering(&link.peer_name) == address
                || is_theirs(&peering.requester, link)
                || is_theirs(&peering.accepter, link)
        })
    }

    fn prune_peerings(&mut self) {
        if !self.sees(Kind::Peering) {
            return;
        }
        for peering in self.undeclared_peerings() {
            self.prune_peering(peering);
        }
    }

    /// The routes that lead to such a peering: they go first, so that none leads nowhere.
    pub(super) fn prune_peering_routes(&mut self) {
        if !self.sees(Kind::Peering) {
            return;
        }
        for peering in self.undeclared_peerings() {
            let grant = (Taking::WithPeering(&peering.id), PEERING_NEEDS.as_slice());
            for (at, target) in routes_to(self.seen, peering) {
                // One that this plan leads elsewhere is out of the way as well.
                if !self.is_planned(&at) && !self.is_withheld(&at) {
                    self.remove(at, format!("leads to {}", peering.id), target, grant, UNDECLARED, vec![]);
                }
            }
        }
    }

    /// Routes to peerings that are gone, of connections that are no longer declared: the side that looks
    /// second finds only those. And routes of declared connections to subnets that the peer has no more.
    pub(super) fn stale_peering_routes(&mut self) {
        if !self.sees(Kind::Peering) {
            return;
        }
        let seen = self.seen;
        for table in &seen.route_tables {
            let Some(address) = table.address() else { continue };
            for route in &table.routes {
                let RouteTarget::Peering(id) = &route.target else { continue };
                let at = Address::route(&address, &route.destination);
                if self.is_planned(&at) || self.is_withheld(&at) || self.is_declared(route.destination) {
                    continue;
                }
                let (grant, reason) = match seen.peerings.iter().find(|it| it.id == *id && it.is_live()) {
                    None => (Grant::DeadRoute, "leads to a peering that is gone"),
                    Some(peering) if self.is_of_link(peering) => {
                        (Grant::DeadRoute, "the peer has no such subnet")
                    }
                    Some(_) => continue,
                };
                let (table_id, destination) = (table.id.clone(), route.destination);
                let target = RemovalTarget::Route { table_id, destination };
                let grant = (Taking::Alone(grant), PEERING_NEEDS.as_slice());
                self.remove(at.clone(), format!("leads to {id}"), target, grant, reason, vec![]);
            }
        }
    }

    /// Whether a declared connection, or the way out, has a route to this destination.
    fn is_declared(&self, destination: Ipv4Net) -> bool {
        let of_link = |link: &LinkSpec| link.peer_subnets.contains(&destination);
        destination == Ipv4Net::default() || self.spec.links.iter().any(of_link)
    }

    /// Whether a peering is that of a declared connection, with a peer whose subnets are known.
    fn is_of_link(&self, peering: &Peering) -> bool {
        let Some(address) = peering.address().filter(|_| self.found.contains(&peering.id)) else {
            return false;
        };
        let mut links = self.spec.links.iter().filter(|link| !link.peer_subnets.is_empty());
        links.any(|link| link.peer_vpc.is_some() && self.peering_address(link) == address)
    }

    /// The routes that this plan takes away.
    pub(super) fn removed_routes(&self) -> Vec<Address> {
        let is_one = |step: &&Step| match &step.action {
            Action::Remove(removal) => matches!(removal.what(), RemovalTarget::Route { .. }),
            _ => false,
        };
        self.plan.steps.iter().filter(is_one).map(|step| step.address.clone()).collect()
    }

    /// After its routes, and after what it could open.
    fn prune_peering(&mut self, peering: &Peering) {
        let Some(address) = peering.address() else { return };
        let grant = (Taking::WithPeering(&peering.id), PEERING_NEEDS.as_slice());
        let mut before = vec![Address::undeclared_inbound_rules(&Address::inbound_security_group())];
        before.extend(routes_to(self.seen, peering).into_iter().map(|(at, _)| at));
        let address = if self.spec.links.iter().any(|link| self.peering_address(link) == address) {
            address.with_id(&peering.id)
        } else {
            address
        };
        let target = RemovalTarget::Peering { id: peering.id.clone() };
        self.remove(address, peering.id.clone(), target, grant, UNDECLARED, before);
    }

    /// Removes what carries an address that nothing declares. `needs` are the kinds that must be in view.
    fn prune_resource(
        &mut self,
        item: &impl Tagged,
        before: String,
        target: RemovalTarget,
        needs: &[Kind],
        after: Vec<Address>,
    ) {
        let Some(address) = item.address().filter(|_| !self.found.contains(item.id())) else { return };
        // Another resource takes this one's place, under the same address.
        let is_taken = self.is_planned(&address) || self.is_withheld(&address);
        let address = if is_taken { address.with_id(item.id()) } else { address };
        let grant = (Taking::Alone(Grant::Deletion), needs);
        self.remove(address.clone(), before, target, grant, UNDECLARED, after);
    }

    /// Probes of zones that left the fleet file, and the schedules of parts that are not needed any more.
    fn prune_probes(&mut self) {
        let needs = [Kind::Function, Kind::Schedule];
        let Some(probe) = &self.spec.probe else { return };
        if !needs.into_iter().all(|kind| self.sees(kind)) {
            return;
        }
        let parts = probe.parts().count();
        let zones: BTreeSet<&str> = self.zones().iter().map(|zone| &*zone.az_id).collect();
        let schedules = self.seen.schedules.iter();
        let schedules = schedules.filter_map(|it| Some((&it.name, StackSpec::of_schedule(&it.name)?)));
        let is_undeclared = |(az_id, part): (&str, u32)| part >= parts || !zones.contains(az_id);
        let mut undeclared: Vec<_> = schedules.filter(|(_, it)| is_undeclared(*it)).collect();
        // The last part first, so that none that is there has a gap before it: an observation ends at one.
        undeclared.sort_by_key(|(_, (az_id, part))| (*az_id, Reverse(*part)));
        let at = |(az_id, part): (&str, u32)| Address::part_schedule(az_id, part);
        for (name, it) in &undeclared {
            let is_later = |(az_id, part): (&str, u32)| az_id == it.0 && part > it.1;
            let after = undeclared.iter().filter(|(_, other)| is_later(*other)).map(|(_, it)| at(*it));
            let target = RemovalTarget::Schedule { name: (*name).clone() };
            let grant = (Taking::Alone(Grant::Deletion), needs.as_slice());
            self.remove(at(*it), (*name).clone(), target, grant, UNDECLARED, after.collect());
        }
        for function in &self.seen.functions {
            let az_id = function.name.strip_prefix(&StackSpec::probe_name(""));
            let Some(az_id) = az_id.filter(|az_id| !zones.contains(az_id)) else { continue };
            let target = RemovalTarget::Function { name: function.name.clone() };
            let grant = (Taking::Alone(Grant::Deletion), needs.as_slice());
            let of_zone = undeclared.iter().filter(|(_, it)| it.0 == az_id);
            let after = of_zone.map(|(_, it)| at(*it)).collect();
            self.remove(Address::probe(az_id), function.name.clone(), target, grant, UNDECLARED, after);
        }
    }

    /// After the routes that lead to it lead elsewhere; not while traffic still leaves through it.
    fn prune_nat_gateways(&mut self) {
        if !self.sees_nat() {
            return;
        }
        let unused = |nat: &&NatGateway| nat.is_live() && !self.still_used.contains(&nat.id);
        let unused: Vec<&NatGateway> = self.seen.nat_gateways.iter().filter(unused).collect();
        for nat in unused {
            let leads_there = |table: &&RouteTable| {
                table.routes.iter().any(|route| route.target == RouteTarget::NatGateway(nat.id.clone()))
            };
            let tables = self.seen.route_tables.iter().filter(leads_there);
            let after =
                tables.filter_map(Tagged::address).map(|table| Address::default_route(&table)).collect();
            let target = RemovalTarget::NatGateway { id: nat.id.clone() };
            self.prune_resource(nat, nat.id.clone(), target, &NAT_NEEDS, after);
        }
    }

    /// After the NAT gateway that uses it.
    fn prune_elastic_ips(&mut self) {
        if !self.sees_nat() {
            return;
        }
        for ip in &self.seen.elastic_ips {
            let mut nats = self.seen.nat_gateways.iter().filter(|nat| nat.is_live());
            let nat = nats.find(|nat| nat.allocation_ids.contains(&ip.allocation_id));
            if nat.is_some_and(|nat| self.still_used.contains(&nat.id)) {
                continue;
            }
            let nat = nat.and_then(Tagged::address);
            let target = RemovalTarget::ElasticIp { id: ip.allocation_id.clone() };
            let after = nat.into_iter().collect();
            self.prune_resource(ip, ip.public_ip.clone(), target, &NAT_NEEDS, after);
        }
    }

    fn prune_endpoints(&mut self) {
        if !self.sees(Kind::Endpoint) {
            return;
        }
        for endpoint in self.seen.endpoints.iter().filter(|it| !it.is_gone) {
            let target = RemovalTarget::Endpoint { id: endpoint.id.clone() };
            self.prune_resource(endpoint, endpoint.service.clone(), target, &[Kind::Endpoint], vec![]);
        }
    }

    fn prune_flow_logs(&mut self) {
        if !self.sees(Kind::FlowLog) {
            return;
        }
        for log in &self.seen.flow_logs {
            let target = RemovalTarget::FlowLog { id: log.id.clone() };
            self.prune_resource(log, log.destination.clone(), target, &[Kind::FlowLog], vec![]);
        }
    }

    /// Subnets of zones that left the fleet file, after what is in them.
    fn prune_subnets(&mut self) {
        for subnet in &self.seen.subnets {
            let is_here = |nat: &&NatGateway| nat.subnet_id.as_ref() == Some(&subnet.id);
            let mut nats = self.seen.nat_gateways.iter().filter(is_here);
            if nats.any(|nat| self.still_used.contains(&nat.id)) {
                continue;
            }
            let target = RemovalTarget::Subnet { id: subnet.id.clone() };
            let after = vec![Address::nat_gateway(&subnet.az_id), Address::probe(&subnet.az_id)];
            let needs = [Kind::Subnet, Kind::NatGateway];
            self.prune_resource(subnet, subnet.cidr.to_string(), target, &needs, after);
        }
    }

    /// The route tables of such zones, after the subnets that have them.
    fn prune_route_tables(&mut self) {
        for table in self.seen.route_tables.iter().filter(|table| !table.main) {
            let Some(address) = table.address().filter(|_| !self.found.contains(&table.id)) else { continue };
            let users: Vec<&Subnet> = self
                .seen
                .subnets
                .iter()
                .filter(|subnet| table.associations.iter().any(|it| it.subnet_id == subnet.id))
                .collect();
            let theirs = users.iter().find(|it| it.address().is_none() && !self.found.contains(&it.id));
            if let Some(subnet) = theirs {
                let reason = format!("{} has it, which is not phonehome's", subnet.id);
                let reason = WithheldReason::Impossible(reason);
                self.withhold_deletion(address, table.id.clone(), UNDECLARED.to_owned(), reason);
                continue;
            }
            // A subnet that goes, or one that gets another table.
            let gone = users.iter().filter_map(|it| it.address());
            let after = gone.flat_map(|it| [it.part(Part::Association), it]).collect();
            let target = RemovalTarget::RouteTable { id: table.id.clone() };
            self.prune_resource(table, table.id.clone(), target, &[Kind::RouteTable, Kind::Subnet], after);
        }
    }
}

/// The routes of the stack's tables that lead to a peering.
pub(super) fn routes_to(seen: &Inventory, peering: &Peering) -> Vec<(Address, RemovalTarget)> {
    let mut routes = Vec::new();
    for table in &seen.route_tables {
        let Some(address) = table.address() else { continue };
        for route in table.routes.iter().filter(|it| it.target == RouteTarget::Peering(peering.id.clone())) {
            let target = RemovalTarget::Route { table_id: table.id.clone(), destination: route.destination };
            routes.push((Address::route(&address, &route.destination), target));
        }
    }
    routes
}
