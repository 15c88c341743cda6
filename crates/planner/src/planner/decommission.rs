//! Gives a whole stack up: takes it away, or leaves it to the account.

use super::Taking;
use super::prune::routes_to;
use super::{Planner, unmanaged};
use crate::Disruption;
use crate::WithheldReason;
use crate::permit::Grant;
use crate::{Action, Change, Decommission, Limits, Plan, PlanError, StackSpec};
use phonehome_network::Resource;
use phonehome_network::{
    Address, Inventory, Kind, NatState, RemovalTarget, TAG_ADDRESS, TAG_ADOPTED, TAG_MANAGED_BY, Tagged, Vpc,
};

const REASON: &str = "the stack is decommissioned";
/// What has to be in view before anything of a stack is taken away.
const NEEDS: [Kind; 12] = [
    Kind::Vpc,
    Kind::Subnet,
    Kind::InternetGateway,
    Kind::ElasticIp,
    Kind::NatGateway,
    Kind::RouteTable,
    Kind::SecurityGroup,
    Kind::NetworkAcl,
    Kind::Endpoint,
    Kind::FlowLog,
    Kind::Peering,
    Kind::NetworkInterface,
];

/// The kinds of resource that have to be observed before a stack is given up.
pub fn decommission_kinds(spec: &StackSpec) -> Vec<Kind> {
    let probes = [Kind::Function, Kind::Schedule].into_iter().filter(|_| spec.probe.is_some());
    NEEDS.into_iter().chain(probes).collect()
}

/// The plan that gives a stack up. [`Decommission::Remove`] takes everything of it away, in the order that
/// AWS needs; [`Decommission::Forget`] takes away only the probes (functions and schedules) and phonehome's
/// tags. Empty when nothing is left.
///
/// Half a network would be the worst of both. So the whole removal is withheld where something in the
/// VPC is not phonehome's, where the VPC has lost its tags (let a plan put them back first) or was there
/// before phonehome ([`phonehome_network::TAG_ADOPTED`]), and where `limits` do not allow all of it.
///
/// # Errors
/// [`PlanError::Blind`] when anything that is to be taken away could not be seen; functions and
/// schedules only where the stack is declared with probes.
pub fn plan_decommission(
    spec: &StackSpec,
    inventory: &Inventory,
    limits: &Limits,
    mode: Decommission,
) -> Result<Plan, PlanError> {
    if let Some(kind) = decommission_kinds(spec).into_iter().find(|kind| !inventory.has_seen(*kind)) {
        return Err(PlanError::Blind { kind });
    }
    let seen = inventory.own(&spec.account).in_order();
    let mut planner = Planner::new(spec, &seen, limits);
    planner.plan.unseen.clear();
    match mode {
        Decommission::Forget => planner.forget(),
        Decommission::Remove => planner.take_away(),
    }
    planner.plan.names.known_as = planner.known_as();
    Ok(planner.plan)
}

impl Planner<'_> {
    /// Without its tags, nothing knows a resource as the stack's. The probes go: they are phonehome's own,
    /// and would go on reporting on a stack that nobody knows.
    fn forget(&mut self) {
        self.take_probes();
        if let Some(vpc) = self.seen.vpcs.iter().find(|vpc| vpc.address().is_some()) {
            self.all_or_nothing(Address::vpc(), &vpc.id, REASON);
        }
        if !self.plan.withheld.is_empty() {
            return;
        }
        for (address, id) in self.everything() {
            let is_vpc = self.seen.vpcs.iter().any(|vpc| vpc.id == id);
            let marked = is_vpc || self.seen.is_adopted(&id);
            let keys = [TAG_ADDRESS, TAG_MANAGED_BY].into_iter().chain(marked.then_some(TAG_ADOPTED));
            let keys = keys.map(str::to_owned).collect();
            let action = Action::Untag { resource: id.clone(), keys };
            let address = self.unique(address, &id);
            self.push(address, Change::Forget { id }, Disruption::None, action, REASON, vec![]);
        }
    }

    /// Every resource that carries an address.
    fn everything(&self) -> Vec<(Address, String)> {
        fn ours<T: Tagged>(items: &[T]) -> impl Iterator<Item = (Address, String)> {
            items.iter().filter_map(|it| Some((it.address()?, it.id().to_owned())))
        }
        let seen = self.seen;
        let live_nats = seen.nat_gateways.iter().filter(|nat| nat.state != NatState::Gone);
        let nats = live_nats.filter_map(|it| Some((it.address()?, it.id.clone())));
        let endpoints = seen.endpoints.iter().filter(|it| !it.is_gone);
        let endpoints = endpoints.filter_map(|it| Some((it.address()?, it.id.clone())));
        let peerings = seen.peerings.iter().filter(|it| it.is_live());
        let peerings = peerings.filter_map(|it| Some((it.address()?, it.id.clone())));
        let rest = ours(&seen.internet_gateways)
            .chain(ours(&seen.elastic_ips))
            .chain(ours(&seen.subnets))
            .chain(ours(&seen.route_tables))
            .chain(ours(&seen.security_groups))
            .chain(ours(&seen.network_acls))
            .chain(ours(&seen.flow_logs))
            .chain(ours(&seen.vpcs));
        peerings.chain(nats).chain(endpoints).chain(rest).collect()
    }

    fn take_away(&mut self) {
        if let Some((id, reason)) = self.why_it_stays() {
            let reason = WithheldReason::Impossible(reason);
            return self.withhold_deletion(Address::vpc(), id, REASON.to_owned(), reason);
        }
        let probes = self.take_probes();
        let peerings = self.take_peerings();
        let gateways = self.take_gateways(&probes);
        let subnets = self.take_subnets(&gateways);
        let mut before = [probes, peerings, gateways, subnets].concat();
        before.extend(self.take_groups(&before));
        let mut id = String::new();
        for vpc in self.seen.vpcs.iter().filter(|vpc| vpc.address().is_some()) {
            id.clone_from(&vpc.id);
            self.take(Address::vpc(), RemovalTarget::Vpc { id: vpc.id.clone() }, before.clone());
        }
        self.all_or_nothing(Address::vpc(), &id, REASON);
    }

    /// The VPC that cannot be taken away, and why.
    fn why_it_stays(&self) -> Option<(String, String)> {
        let seen = self.seen;
        let subnets = seen.subnets.iter().filter(|it| it.address().is_some()).map(|it| &it.vpc_id);
        let tables = seen.route_tables.iter().filter(|it| it.address().is_some()).map(|it| &it.vpc_id);
        let is_ours = |id: &String| seen.vpcs.iter().any(|vpc| vpc.id == *id && vpc.address().is_some());
        if let Some(id) = subnets.chain(tables).find(|id| !is_ours(id)) {
            let reason = "it has lost phonehome's tags: let a plan of the stack put them back first";
            return Some((id.clone(), reason.to_owned()));
        }
        let is_adopted =
            |vpc: &&Vpc| vpc.tags.contains_key(TAG_ADOPTED) || self.spec.adopt.as_ref() == Some(&vpc.id);
        if let Some(vpc) = seen.vpcs.iter().filter(|vpc| vpc.address().is_some()).find(is_adopted) {
            let reason = "it was there before phonehome: use --mode forget";
            return Some((vpc.id.clone(), reason.to_owned()));
        }
        let unmanaged = unmanaged::in_vpcs(seen);
        let (vpc_id, _) = unmanaged.first()?;
        let ids: Vec<&str> = unmanaged.iter().map(|(_, id)| id.as_str()).collect();
        Some((vpc_id.clone(), format!("not phonehome's, but in it: {}", ids.join(", "))))
    }

    /// The address, distinguished from that of another resource which carries the same.
    fn unique(&self, address: Address, id: &str) -> Address {
        if self.is_planned(&address) { address.with_id(id) } else { address }
    }

    fn take(&mut self, address: Address, target: RemovalTarget, after: Vec<Address>) -> Address {
        let address = self.unique(address, target.id());
        let before = target.id().to_owned();
        self.remove(address.clone(), before, target, (Taking::Alone(Grant::Deletion), &NEEDS), REASON, after);
        address
    }

    fn take_probes(&mut self) -> Vec<Address> {
        let mut addresses = Vec::new();
        for schedule in &self.seen.schedules {
            let address = Address::of(Resource::Schedule { name: schedule.name.clone() });
            addresses.push(self.take(
                address,
                RemovalTarget::Schedule { name: schedule.name.clone() },
                vec![],
            ));
        }
        let schedules = addresses.clone();
        for function in &self.seen.functions {
            let address = Address::of(Resource::Function { name: function.name.clone() });
            let target = RemovalTarget::Function { name: function.name.clone() };
            addresses.push(self.take(address, target, schedules.clone()));
        }
        addresses
    }

    fn take_peerings(&mut self) -> Vec<Address> {
        let mut addresses = Vec::new();
        for peering in self.seen.peerings.iter().filter(|it| it.is_live()) {
            let Some(address) = peering.address() else { continue };
            let routes = routes_to(self.seen, peering).into_iter();
            let routes: Vec<Address> = routes.map(|(at, target)| self.take(at, target, vec![])).collect();
            addresses.push(self.take(address, RemovalTarget::Peering { id: peering.id.clone() }, routes));
        }
        addresses
    }

    /// NAT gateways, then their elastic IPs; endpoints and flow logs; the internet gateway after every
    /// public address is gone.
    fn take_gateways(&mut self, probes: &[Address]) -> Vec<Address> {
        let seen = self.seen;
        let mut addresses = Vec::new();
        let nats = seen.nat_gateways.iter();
        for nat in
            nats.filter(|nat| matches!(nat.state, NatState::Pending | NatState::Available | NatState::Failed))
        {
            let Some(address) = nat.address() else { continue };
            addresses.push(self.take(
                address,
                RemovalTarget::NatGateway { id: nat.id.clone() },
                probes.to_vec(),
            ));
        }
        let nats = addresses.clone();
        for ip in &seen.elastic_ips {
            let Some(address) = ip.address() else { continue };
            addresses.push(self.take(
                address,
                RemovalTarget::ElasticIp { id: ip.allocation_id.clone() },
                nats.clone(),
            ));
        }
        for endpoint in seen.endpoints.iter().filter(|it| !it.is_gone) {
            let Some(address) = endpoint.address() else { continue };
            addresses.push(self.take(address, RemovalTarget::Endpoint { id: endpoint.id.clone() }, vec![]));
        }
        for log in &seen.flow_logs {
            let Some(address) = log.address() else { continue };
            addresses.push(self.take(address, RemovalTarget::FlowLog { id: log.id.clone() }, vec![]));
        }
        for gateway in &seen.internet_gateways {
            let Some(address) = gateway.address() else { continue };
            let mut after = addresses.clone();
            if let Some(vpc_id) = &gateway.vpc_id {
                let target = RemovalTarget::InternetGatewayAttachment {
                    id: gateway.id.clone(),
                    vpc_id: vpc_id.clone(),
                };
                let detached = self.take(Address::internet_gateway_attachment(), target, after);
                after = vec![detached.clone()];
                addresses.push(detached);
            }
            addresses.push(self.take(
                address,
                RemovalTarget::InternetGateway { id: gateway.id.clone() },
                after,
            ));
        }
        addresses
    }

    fn take_subnets(&mut self, gateways: &[Address]) -> Vec<Address> {
        let mut addresses = Vec::new();
        for subnet in &self.seen.subnets {
            let Some(address) = subnet.address() else { continue };
            addresses.push(self.take(
                address,
                RemovalTarget::Subnet { id: subnet.id.clone() },
                gateways.to_vec(),
            ));
        }
        let subnets = addresses.clone();
        for table in self.seen.route_tables.iter().filter(|table| !table.main) {
            let Some(address) = table.address() else { continue };
            let target = RemovalTarget::RouteTable { id: table.id.clone() };
            addresses.push(self.take(address, target, subnets.clone()));
        }
        addresses
    }

    fn take_groups(&mut self, before: &[Address]) -> Vec<Address> {
        let groups = self.seen.security_groups.iter().filter(|it| it.name != "default");
        let ours: Vec<_> = groups.filter_map(|it| Some((it.address()?, it.id.clone()))).collect();
        ours.into_iter()
            .map(|(address, id)| self.take(address, RemovalTarget::SecurityGroup { id }, before.to_vec()))
            .collect()
    }
}
