//! Elastic IPs and NAT gateways.

use phonehome_network::{
    ElasticIp, NatGateway, NatState, NetworkInterface, Route, RouteTable, RouteTarget, Tags,
};
use phonehome_planner::Action;

use crate::call::{Call, Refused};
use crate::region::{CallResult, Region, missing};
use crate::shared::Shared;
use crate::vpc::limit;

impl Region {
    pub(crate) fn nat_call(&mut self, shared: &mut Shared, call: &Call<'_>, action: &Action) -> CallResult {
        let tags = call.spec.tags_of(call.address);
        match action {
            Action::AllocateElasticIp => {
                if self.world.elastic_ips.len() >= shared.options.elastic_ips_max {
                    return Err(limit("AddressLimitExceeded", "addresses"));
                }
                let allocation_id = shared.mint("eipalloc");
                self.world.elastic_ips.push(ElasticIp {
                    allocation_id: allocation_id.clone(),
                    tags,
                    public_ip: shared.public_ip(),
                    association_id: None,
                });
                Ok(Some(allocation_id))
            }
            Action::CreateNatGateway { subnet, allocation } => {
                let (subnet, allocation) = (call.id(subnet)?, call.id(allocation)?);
                self.zonal_nat(shared, subnet, allocation, tags).map(Some)
            }
            Action::CreateRegionalNatGateway { vpc } => {
                let vpc_id = call.id(vpc)?;
                self.vpc(&vpc_id)?;
                self.must_have_gateway(&vpc_id)?;
                let id = self.new_nat(shared, vpc_id.clone(), None, vec![], tags);
                self.regional_table(shared, &id, vpc_id);
                Ok(Some(id))
            }
            _ => Ok(None),
        }
    }

    /// A regional gateway has a route table of its own, that leads to the internet gateway: without tags,
    /// of no subnet, and not the main one.
    fn regional_table(&mut self, shared: &mut Shared, nat_id: &str, vpc_id: String) {
        let id = shared.mint("rtb");
        let gateway = self.gateway_of(&vpc_id);
        let to = |gateway| Route {
            destination: ipnet::Ipv4Net::default(),
            target: RouteTarget::InternetGateway(gateway),
        };
        let routes = gateway.into_iter().map(to).collect();
        let (tags, associations) = (Tags::new(), vec![]);
        let table = RouteTable { id: id.clone(), tags, vpc_id, main: false, routes, associations };
        self.world.route_tables.push(table);
        for nat in self.world.nat_gateways.iter_mut().filter(|nat| nat.id == nat_id) {
            nat.route_table_id = Some(id.clone());
        }
    }

    fn must_have_gateway(&self, vpc_id: &str) -> Result<(), Refused> {
        match self.gateway_of(vpc_id) {
            Some(_) => Ok(()),
            None => {
                let message = format!("Network {vpc_id} has no Internet gateway attached");
                Err(Refused::new("Gateway.NotAttached", message))
            }
        }
    }

    fn zonal_nat(
        &mut self,
        shared: &mut Shared,
        subnet_id: String,
        allocation_id: String,
        tags: Tags,
    ) -> Result<String, Refused> {
        let subnet = self.subnet(&subnet_id)?.clone();
        let ip = self.elastic_ip(&allocation_id)?;
        if ip.association_id.is_some() {
            let message = format!("Elastic IP address [{allocation_id}] is already associated");
            return Err(Refused::new("Resource.AlreadyAssociated", message));
        }
        self.must_have_gateway(&subnet.vpc_id)?;
        let zone = |nat: &&NatGateway| {
            let here = self.world.subnets.iter().filter(|it| it.az_id == subnet.az_id);
            nat.subnet_id.as_ref().is_some_and(|id| here.map(|it| &it.id).any(|it| it == id))
                && !matches!(nat.state, NatState::Failed | NatState::Gone)
        };
        if self.world.nat_gateways.iter().filter(zone).count() >= shared.options.nat_gateways_per_zone_max {
            return Err(limit("NatGatewayLimitExceeded", "NAT gateways in this Availability Zone"));
        }
        self.elastic_ip(&allocation_id)?.association_id = Some(shared.mint("eipassoc"));
        let id =
            self.new_nat(shared, subnet.vpc_id.clone(), Some(subnet_id.clone()), vec![allocation_id], tags);
        self.world.network_interfaces.push(NetworkInterface {
            id: shared.mint("eni"),
            vpc_id: subnet.vpc_id,
            subnet_id,
            description: format!("Interface for NAT Gateway {id}"),
        });
        Ok(id)
    }

    fn new_nat(
        &mut self,
        shared: &mut Shared,
        vpc_id: String,
        subnet_id: Option<String>,
        allocation_ids: Vec<String>,
        tags: Tags,
    ) -> String {
        let id = shared.mint("nat");
        let fails = shared.failing_nats > 0;
        shared.failing_nats = shared.failing_nats.saturating_sub(1);
        let is_of_gateway = |ip: &&ElasticIp| allocation_ids.contains(&ip.allocation_id);
        let public_ips: Vec<String> = match subnet_id {
            Some(_) => {
                self.world.elastic_ips.iter().filter(is_of_gateway).map(|ip| ip.public_ip.clone()).collect()
            }
            // AWS brings one for each zone.
            None => vec![shared.public_ip(), shared.public_ip()],
        };
        let (state, becomes) =
            (NatState::Pending, if fails { NatState::Failed } else { NatState::Available });
        let nat = NatGateway {
            id: id.clone(),
            tags,
            vpc_id,
            subnet_id,
            allocation_ids,
            public_ips: public_ips.iter().filter_map(|ip| ip.parse().ok()).collect(),
            route_table_id: None,
            state,
        };
        self.world.nat_gateways.push(nat);
        self.nats_due.insert(id.clone(), (shared.now_ms + shared.options.nat_pending_ms, Some(becomes)));
        id
    }

    pub(crate) fn nat_becomes(&mut self, id: &str, state: NatState) {
        let Some(nat) = self.world.nat_gateways.iter_mut().find(|nat| nat.id == id) else { return };
        nat.state = state;
        if matches!(state, NatState::Available | NatState::Pending | NatState::Deleting) {
            return;
        }
        let (freed, table_id) = (nat.allocation_ids.clone(), nat.route_table_id.clone());
        self.world.route_tables.retain(|table| Some(&table.id) != table_id.as_ref());
        for ip in self.world.elastic_ips.iter_mut().filter(|ip| freed.contains(&ip.allocation_id)) {
            ip.association_id = None;
        }
        let description = format!("Interface for NAT Gateway {id}");
        self.world.network_interfaces.retain(|it| it.description != description);
    }

    pub(crate) fn elastic_ip(&mut self, allocation_id: &str) -> Result<&mut ElasticIp, Refused> {
        let found = self.world.elastic_ips.iter_mut().find(|it| it.allocation_id == allocation_id);
        found.ok_or_else(|| missing("InvalidAllocationID.NotFound", "allocation", allocation_id))
    }

    /// It holds its elastic IPs until it is gone. A second request changes nothing.
    pub(crate) fn delete_nat(&mut self, shared: &mut Shared, id: &str) -> Result<(), Refused> {
        let found = self.world.nat_gateways.iter().find(|nat| nat.id == id);
        let nat = found
            .ok_or_else(|| Refused::new("NatGatewayNotFound", format!("NAT gateway {id} was not found")))?;
        if !matches!(nat.state, NatState::Deleting | NatState::Gone) {
            self.nat_becomes(id, NatState::Deleting);
            let at_ms = shared.now_ms + shared.options.nat_deleting_ms;
            self.nats_due.insert(id.to_owned(), (at_ms, Some(NatState::Gone)));
            self.converge(shared);
        }
        Ok(())
    }

    pub(crate) fn release_address(&mut self, allocation_id: &str) -> Result<(), Refused> {
        let ip = self.elastic_ip(allocation_id)?;
        if ip.association_id.is_some() {
            let message = format!("The address {} is in use.", ip.public_ip);
            return Err(Refused::new("InvalidIPAddress.InUse", message));
        }
        self.world.elastic_ips.retain(|it| it.allocation_id != allocation_id);
        Ok(())
    }
}
