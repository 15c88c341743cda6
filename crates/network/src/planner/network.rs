//! The network half of a stack: EC2.

use ipnet::Ipv4Net;

use super::Planner;
use crate::{
    Action, Address, Change, NatGateway, NatState, PlanError, Ref, RefTarget, RouteTable, RouteTarget, Tier,
    Wait, ZoneSpec,
};

/// The one resource with this address, or none.
fn only<'a, T>(
    address: &Address,
    all: impl IntoIterator<Item = &'a T>,
    key: impl Fn(&T) -> (Option<&Address>, &str),
) -> Result<Option<&'a T>, PlanError> {
    let found: Vec<&T> = all.into_iter().filter(|item| key(item).0 == Some(address)).collect();
    if found.len() > 1 {
        let mut ids: Vec<String> = found.iter().map(|item| key(item).1.to_owned()).collect();
        ids.sort();
        return Err(PlanError::Ambiguous { address: address.clone(), ids });
    }
    Ok(found.first().copied())
}

fn immutable(address: Address, id: &str, found: impl ToString, declared: impl ToString) -> PlanError {
    PlanError::Immutable {
        address,
        id: id.to_owned(),
        found: found.to_string(),
        declared: declared.to_string(),
    }
}

impl<'a> Planner<'a> {
    pub(super) fn network(&mut self) -> Result<(), PlanError> {
        self.vpc()?;
        self.internet_gateway()?;
        self.subnets()?;
        self.nat_gateways()?;
        self.public_route_table()?;
        self.private_route_tables()?;
        self.default_security_group();
        self.probe_security_group()
    }

    fn vpc(&mut self) -> Result<(), PlanError> {
        let address = Address::vpc();
        match only(&address, &self.seen.vpcs, |vpc| (Some(&vpc.address), &vpc.id))? {
            Some(vpc) if vpc.cidr != self.spec.cidr => {
                Err(immutable(address, &vpc.id, vpc.cidr, self.spec.cidr))
            }
            Some(_) => Ok(()),
            None => {
                self.create(address, Action::CreateVpc { cidr: self.spec.cidr }, vec![]);
                Ok(())
            }
        }
    }

    fn vpc_ref(&self) -> Ref {
        let address = Address::vpc();
        let seen = self.seen.vpcs.iter().find(|vpc| vpc.address == address);
        seen.map_or(Ref::Output(address), |vpc| Ref::Id(vpc.id.clone()))
    }

    /// What carries our tag must be in our VPC. It may be in one that is not (or not yet) seen:
    /// making a second one then would leave a stack in two halves.
    fn in_the_vpc(&self, address: Address, id: &str, vpc_id: &str) -> Result<(), PlanError> {
        match self.vpc_ref() {
            Ref::Id(ours) if ours == vpc_id => Ok(()),
            Ref::Id(ours) => Err(immutable(address, id, vpc_id, ours)),
            Ref::Output(_) => Err(immutable(address, id, vpc_id, "a VPC that phonehome made")),
        }
    }

    fn internet_gateway(&mut self) -> Result<(), PlanError> {
        let (address, attachment) = (Address::internet_gateway(), Address::internet_gateway_attachment());
        let seen =
            only(&address, &self.seen.internet_gateways, |gateway| (Some(&gateway.address), &gateway.id))?;
        if seen.is_none() {
            self.create(address, Action::CreateInternetGateway, vec![]);
        }
        match seen.and_then(|gateway| gateway.vpc_id.as_deref().map(|vpc| (gateway, vpc))) {
            Some((gateway, attached)) => self.in_the_vpc(attachment, &gateway.id, attached),
            None => {
                let action =
                    Action::AttachInternetGateway { gateway: self.gateway_ref(), vpc: self.vpc_ref() };
                self.create(attachment, action, vec![]);
                Ok(())
            }
        }
    }

    fn gateway_ref(&self) -> Ref {
        let address = Address::internet_gateway();
        let seen = self.seen.internet_gateways.iter().find(|gateway| gateway.address == address);
        seen.map_or(Ref::Output(address), |gateway| Ref::Id(gateway.id.clone()))
    }

    fn subnets(&mut self) -> Result<(), PlanError> {
        for zone in self.zones() {
            self.subnet(Tier::Public, zone, zone.public)?;
            self.subnet(Tier::Private, zone, zone.private)?;
        }
        Ok(())
    }

    fn subnet(&mut self, tier: Tier, zone: &ZoneSpec, cidr: Ipv4Net) -> Result<(), PlanError> {
        let address = Address::subnet(tier, &zone.az_id);
        let seen = only(&address, &self.seen.subnets, |subnet| (Some(&subnet.address), &subnet.id))?;
        match seen {
            Some(subnet) if subnet.cidr != cidr => Err(immutable(address, &subnet.id, subnet.cidr, cidr)),
            Some(subnet) if subnet.az_id != zone.az_id => {
                Err(immutable(address, &subnet.id, &subnet.az_id, &zone.az_id))
            }
            Some(subnet) => self.in_the_vpc(address, &subnet.id, &subnet.vpc_id),
            None => {
                let vpc = self.vpc_ref();
                self.create(address, Action::CreateSubnet { vpc, cidr, az_id: zone.az_id.clone() }, vec![]);
                Ok(())
            }
        }
    }

    pub(super) fn subnet_ref(&self, tier: Tier, az_id: &str) -> Ref {
        let address = Address::subnet(tier, az_id);
        let seen = self.seen.subnets.iter().find(|subnet| subnet.address == address);
        seen.map_or(Ref::Output(address), |subnet| Ref::Id(subnet.id.clone()))
    }

    fn nat_gateways(&mut self) -> Result<(), PlanError> {
        let zones: Vec<&str> = match self.single_nat_zone() {
            Some(az_id) => vec![az_id],
            None => self.spec.nat_zones(),
        };
        for az_id in zones {
            self.nat_gateway(az_id)?;
        }
        Ok(())
    }

    /// Where the NAT gateway that all zones share already is. It stays there: moving it to a zone
    /// that was added later would cut connections and change the stack's public address.
    fn single_nat_zone(&self) -> Option<&'a str> {
        if self.spec.nat_zones().len() != 1 {
            return None;
        }
        let holds = |az_id: &str| {
            let eip = Address::elastic_ip(az_id);
            self.seen.elastic_ips.iter().any(|seen| seen.address == eip)
                || self.live_nat_gateways().any(|nat| nat.address == Address::nat_gateway(az_id))
        };
        let mut holders = self.zones().iter().map(|zone| zone.az_id.as_str()).filter(|az_id| holds(az_id));
        holders.next().filter(|_| holders.next().is_none())
    }

    fn nat_gateway(&mut self, az_id: &str) -> Result<(), PlanError> {
        let allocation = self.elastic_ip(az_id)?;
        let address = Address::nat_gateway(az_id);
        let subnet = self.subnet_ref(Tier::Public, az_id);
        match only(&address, self.live_nat_gateways(), |nat| (Some(&nat.address), &nat.id))? {
            Some(nat) if subnet != Ref::Id(nat.subnet_id.clone()) => {
                Err(immutable(address, &nat.id, &nat.subnet_id, subnet))
            }
            Some(nat) if nat.state == NatState::Pending => {
                self.plan.waits.push(Wait {
                    address,
                    id: nat.id.clone(),
                    what: "the NAT gateway is pending (AWS takes about two minutes)".into(),
                    egress_only: true,
                });
                Ok(())
            }
            Some(_) => Ok(()),
            None => {
                let action = Action::CreateNatGateway { subnet, allocation };
                // AWS refuses a public NAT gateway in a VPC without an attached internet gateway.
                self.create(address, action, vec![Address::internet_gateway_attachment()]);
                Ok(())
            }
        }
    }

    fn elastic_ip(&mut self, az_id: &str) -> Result<Ref, PlanError> {
        let address = Address::elastic_ip(az_id);
        let seen = only(&address, &self.seen.elastic_ips, |ip| (Some(&ip.address), &ip.allocation_id))?;
        if let Some(seen) = seen {
            return Ok(Ref::Id(seen.allocation_id.clone()));
        }
        self.create(address.clone(), Action::AllocateElasticIp, vec![]);
        Ok(Ref::Output(address))
    }

    fn live_nat_gateways(&self) -> impl Iterator<Item = &'a NatGateway> + use<'a> {
        self.seen.nat_gateways.iter().filter(|nat| nat.state != NatState::Gone)
    }

    fn nat_ref(&self, az_id: &str) -> Ref {
        let address = Address::nat_gateway(az_id);
        let seen = self.live_nat_gateways().find(|nat| nat.address == address);
        seen.map_or(Ref::Output(address), |nat| Ref::Id(nat.id.clone()))
    }

    fn public_route_table(&mut self) -> Result<(), PlanError> {
        let address = Address::public_route_table();
        let target = RefTarget::InternetGateway(self.gateway_ref());
        self.route_table(&address, Some(target), vec![Address::internet_gateway_attachment()])?;
        for zone in self.zones() {
            self.association(&address, Tier::Public, &zone.az_id);
        }
        Ok(())
    }

    fn private_route_tables(&mut self) -> Result<(), PlanError> {
        let single = self.single_nat_zone();
        for zone in self.zones() {
            let address = Address::private_route_table(&zone.az_id);
            let declared = zone.nat_az_id.as_deref();
            let way_out = declared.map(|az_id| RefTarget::NatGateway(self.nat_ref(single.unwrap_or(az_id))));
            self.route_table(&address, way_out, vec![])?;
            self.association(&address, Tier::Private, &zone.az_id);
        }
        Ok(())
    }

    fn seen_table(&self, address: &Address) -> Option<&'a RouteTable> {
        self.seen.route_tables.iter().find(|table| &table.address == address)
    }

    fn table_ref(&self, address: &Address) -> Ref {
        self.seen_table(address).map_or(Ref::Output(address.clone()), |table| Ref::Id(table.id.clone()))
    }

    /// A route table, with a default route where there is a way out. Other routes are not ours and
    /// stay.
    fn route_table(
        &mut self,
        address: &Address,
        way_out: Option<RefTarget>,
        after: Vec<Address>,
    ) -> Result<(), PlanError> {
        let seen = only(address, &self.seen.route_tables, |table| (Some(&table.address), &table.id))?;
        match seen {
            Some(table) => self.in_the_vpc(address.clone(), &table.id, &table.vpc_id)?,
            None => {
                let vpc = self.vpc_ref();
                self.create(address.clone(), Action::CreateRouteTable { vpc }, vec![]);
            }
        }
        if let Some(target) = way_out {
            self.default_route(address, seen, target, after);
        }
        Ok(())
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
                let action = Action::ReplaceRoute { table, destination, target };
                self.push(Address::default_route(address), change, action, "leads elsewhere", after);
            }
            None => {
                let action = Action::CreateRoute { table, destination, target };
                self.create(Address::default_route(address), action, after);
            }
        }
    }

    fn association(&mut self, table: &Address, tier: Tier, az_id: &str) {
        let subnet = self.subnet_ref(tier, az_id);
        let associated = self
            .seen_table(table)
            .is_some_and(|table| table.subnet_ids.iter().any(|seen| subnet == Ref::Id(seen.clone())));
        if !associated {
            let action = Action::AssociateRouteTable { table: self.table_ref(table), subnet };
            self.create(Address::association(tier, az_id), action, vec![]);
        }
    }

    /// Every VPC comes with a default group that lets much through: it is emptied.
    fn default_security_group(&mut self) {
        let vpc = self.vpc_ref();
        let mut groups = self.seen.security_groups.iter();
        let seen = groups.find(|group| group.name == "default" && vpc == Ref::Id(group.vpc_id.clone()));
        let rules = seen.map(|group| group.ingress_rules + group.egress_rules);
        if rules != Some(0) {
            let change = Change::Update {
                before: rules.map_or("as AWS made it".to_owned(), |count| format!("{count} rules")),
                after: "no rules".into(),
            };
            let action = Action::EmptyDefaultSecurityGroup { vpc };
            self.push(Address::default_security_group(), change, action, "must let nothing through", vec![]);
        }
    }

    fn probe_security_group(&mut self) -> Result<(), PlanError> {
        let address = Address::probe_security_group();
        let seen = only(&address, &self.seen.security_groups, |group| (group.address.as_ref(), &group.id))?;
        if let Some(group) = seen {
            return self.in_the_vpc(address, &group.id, &group.vpc_id);
        }
        let action = Action::CreateSecurityGroup {
            vpc: self.vpc_ref(),
            name: "phonehome-probe".into(),
            description: "phonehome probes: no way in, any way out".into(),
        };
        self.create(address, action, vec![]);
        Ok(())
    }

    pub(super) fn probe_group_ref(&self) -> Ref {
        let address = Address::probe_security_group();
        let seen = self.seen.security_groups.iter().find(|group| group.address.as_ref() == Some(&address));
        seen.map_or(Ref::Output(address), |group| Ref::Id(group.id.clone()))
    }
}

impl RefTarget {
    fn is(&self, seen: &RouteTarget) -> bool {
        match (self, seen) {
            (Self::InternetGateway(Ref::Id(id)), RouteTarget::InternetGateway(seen))
            | (Self::NatGateway(Ref::Id(id)), RouteTarget::NatGateway(seen)) => id == seen,
            _ => false,
        }
    }
}
