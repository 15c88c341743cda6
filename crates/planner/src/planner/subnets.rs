//! Subnets: one public and one private in each zone.

use ipnet::Ipv4Net;

use super::Planner;
use super::vpc::immutable;
use crate::Disruption;
use crate::{Action, Located, PlanError, Ref, ZoneSpec};
use phonehome_network::{Address, RouteTarget, Subnet, Tagged, Tier};

impl<'a> Planner<'a> {
    pub(super) fn subnets(&mut self) -> Result<(), PlanError> {
        for zone in self.zones() {
            self.subnet(Tier::Public, zone, zone.public)?;
            self.subnet(Tier::Private, zone, zone.private)?;
        }
        Ok(())
    }

    fn subnet(&mut self, tier: Tier, zone: &ZoneSpec, cidr: Ipv4Net) -> Result<(), PlanError> {
        let address = Address::subnet(tier, &zone.az_id);
        let candidates = self.candidates(tier, zone, cidr);
        let located =
            self.locate(&address, &self.seen.subnets, |subnet| candidates.contains(&subnet.id.as_str()))?;
        let adopts = self.spec.adopt.is_some();
        match located.item {
            Some(subnet) if subnet.cidr != cidr && !adopts => {
                Err(immutable(address, &subnet.id, subnet.cidr, cidr))
            }
            Some(subnet) if subnet.az_id != zone.az_id => {
                Err(immutable(address, &subnet.id, &subnet.az_id, &zone.az_id))
            }
            Some(subnet) => {
                self.must_be_in_our_vpc(&address, &subnet.id, &subnet.vpc_id)?;
                self.no_public_addresses(&address, subnet);
                Ok(())
            }
            None => self.new_subnet(address, zone, cidr),
        }
    }

    fn new_subnet(&mut self, address: Address, zone: &ZoneSpec, cidr: Ipv4Net) -> Result<(), PlanError> {
        if let Some(vpc) = self.our_vpc() {
            let overlaps = |it: &&Subnet| it.cidr.contains(&cidr) || cidr.contains(&it.cidr);
            let in_vpc = self.seen.subnets.iter().filter(|it| it.vpc_id == vpc.id);
            let taken_by = in_vpc.filter(overlaps).map(|it| format!("{} has {}", it.id, it.cidr)).next();
            let is_inside = vpc.cidrs.iter().any(|it| it.contains(&cidr));
            let outside = (!is_inside).then(|| "it is outside the VPC's addresses".to_owned());
            if let Some(taken_by) = taken_by.or(outside) {
                let (vpc_id, cidr) = (vpc.id.clone(), cidr.to_string());
                return Err(PlanError::NoRoom { address: Box::new(address), vpc_id, cidr, taken_by });
            }
        }
        let vpc = self.vpc_ref();
        self.create(address, Action::CreateSubnet { vpc, cidr, az_id: zone.az_id.clone() }, vec![]);
        Ok(())
    }

    /// Subnets without phonehome's tags that could be this one: those with its CIDR, and where a VPC is
    /// adopted and there is none, those of its zone with a way in from the internet, or without.
    fn candidates(&self, tier: Tier, zone: &ZoneSpec, cidr: Ipv4Net) -> Vec<&'a str> {
        let untagged = |it: &&'a Subnet| it.address().is_none() && self.is_in_our_vpc(&it.vpc_id);
        let here: Vec<&Subnet> =
            self.seen.subnets.iter().filter(untagged).filter(|it| it.az_id == zone.az_id).collect();
        let exact: Vec<&str> = here.iter().filter(|it| it.cidr == cidr).map(|it| it.id.as_str()).collect();
        if !exact.is_empty() || self.spec.adopt.is_none() {
            return exact;
        }
        let fits = |it: &&&Subnet| self.is_public(it) == (tier == Tier::Public);
        here.iter().filter(fits).map(|it| it.id.as_str()).collect()
    }

    /// Whether a subnet's route table leads to an internet gateway.
    fn is_public(&self, subnet: &Subnet) -> bool {
        let tables = || self.seen.route_tables.iter().filter(|table| table.vpc_id == subnet.vpc_id);
        let own = tables().find(|table| table.associations.iter().any(|it| it.subnet_id == subnet.id));
        let table = own.or_else(|| tables().find(|table| table.main));
        table.is_some_and(|table| {
            table.routes.iter().any(|route| matches!(route.target, RouteTarget::InternetGateway(_)))
        })
    }

    /// What starts in a subnet gets no public address unless it asks for one.
    fn no_public_addresses(&mut self, address: &Address, subnet: &Subnet) {
        if self.spec.features.hardening && subnet.public_ip_on_launch {
            let action = Action::DisablePublicIpOnLaunch { subnet: Ref::Id(subnet.id.clone()) };
            let words = ("on".to_owned(), "off".to_owned());
            let address = Address::public_ip_on_launch(address);
            let disruption = self.disruption_if_adopted(Disruption::None);
            self.update(address, words, disruption, action, "must give no public addresses");
        }
    }

    /// What was recognised as the stack's network.
    pub(super) fn stack_located(&self) -> Located {
        let private = |zone: &ZoneSpec| self.seen_subnet(Tier::Private, &zone.az_id).map(|it| it.cidr);
        Located {
            vpc_id: self.our_vpc().map(|vpc| vpc.id.clone()),
            private_subnets: self.zones().iter().filter_map(private).collect(),
            opened: self.opened(),
        }
    }

    pub(super) fn seen_subnet(&self, tier: Tier, az_id: &str) -> Option<&'a Subnet> {
        self.located(&Address::subnet(tier, az_id), &self.seen.subnets)
    }

    pub(super) fn subnet_ref(&self, tier: Tier, az_id: &str) -> Ref {
        self.reference(&Address::subnet(tier, az_id), &self.seen.subnets)
    }
}
