//! The ways out: zonal NAT gateways with their elastic IPs, a regional one, or none.

use crate::ChangeKind;
use crate::Withheld;
use crate::WithheldReason;
use phonehome_fleet::Nat;

use super::Planner;
use super::vpc::immutable;
use crate::Disruption;
use crate::permit::Grant;
use crate::{Action, Change, PlanError, Readiness, Ref, Replacement, Wait};
use phonehome_network::{Address, Ask, Kind, NatGateway, NatState, RouteTarget, Tagged, Tier};

/// The way that a private subnet's traffic leaves through.
pub(super) enum WayOut {
    /// None is declared.
    None,
    /// This NAT gateway.
    Through(Ref),
    /// NAT gateways could not be seen.
    Unknown,
}

impl<'a> Planner<'a> {
    pub(super) fn nat_gateways(&mut self) -> Result<(), PlanError> {
        if !self.sees_nat() {
            return Ok(());
        }
        if self.spec.nat == Nat::Regional {
            return self.regional_nat_gateway();
        }
        let zones: Vec<&str> = match self.single_nat_zone() {
            Some(az_id) => vec![az_id],
            None => self.spec.nat_zones(),
        };
        for az_id in zones {
            self.nat_gateway(az_id)?;
        }
        Ok(())
    }

    /// Whether everything is in view that decides about NAT gateways.
    pub(super) fn sees_nat(&self) -> bool {
        [Kind::NatGateway, Kind::ElasticIp, Kind::InternetGateway].into_iter().all(|kind| self.sees(kind))
    }

    /// Where the NAT gateway that all zones share already is. It stays there: moving it to a zone
    /// that was added later would cut connections and change the stack's public address. Where there
    /// are several, left from one in each zone, it is the first.
    fn single_nat_zone(&self) -> Option<&'a str> {
        if self.spec.nat != Nat::Single {
            return None;
        }
        let has_nat = |az_id: &str, is_tagged: bool| {
            let address = Address::nat_gateway(az_id);
            self.live_nat_gateways().any(|nat| match nat.address() {
                Some(other) => is_tagged && other == address,
                None => !is_tagged && self.looks_like_nat(nat, az_id),
            })
        };
        let has_address = |az_id: &str| {
            let address = Address::elastic_ip(az_id);
            self.seen.elastic_ips.iter().any(|ip| ip.address().as_ref() == Some(&address))
        };
        let zones = || self.zones().iter().map(|zone| zone.az_id.as_str());
        let tagged = zones().filter(|az_id| has_nat(az_id, true)).min();
        tagged
            .or_else(|| zones().filter(|az_id| has_nat(az_id, false)).min())
            .or_else(|| zones().filter(|az_id| has_address(az_id)).min())
    }

    /// Whether a NAT gateway without tags is that of a zone: it is in the zone's public subnet and, where
    /// nothing is adopted, has the zone's elastic IP or a route of the stack leads to it. Otherwise it is
    /// somebody else's.
    fn looks_like_nat(&self, nat: &NatGateway, az_id: &str) -> bool {
        let subnet = self.subnet_ref(Tier::Public, az_id);
        let is_here = nat.subnet_id.as_ref().is_some_and(|id| subnet == Ref::Id(id.clone()));
        let address = Address::elastic_ip(az_id);
        let ips = self.seen.elastic_ips.iter().filter(|ip| ip.address().as_ref() == Some(&address));
        let tables = self.seen.route_tables.iter().filter(|table| table.address().is_some());
        let mut targets = tables.flat_map(|table| &table.routes).map(|route| &route.target);
        is_here
            && (self.spec.adopt.is_some()
                || ips.map(|ip| &ip.allocation_id).any(|id| nat.allocation_ids.contains(id))
                || targets.any(|target| matches!(target, RouteTarget::NatGateway(id) if *id == nat.id)))
    }

    fn nat_gateway(&mut self, az_id: &str) -> Result<(), PlanError> {
        let address = Address::nat_gateway(az_id);
        let subnet = self.subnet_ref(Tier::Public, az_id);
        let here = |nat: &NatGateway| nat.subnet_id.as_ref().is_some_and(|id| subnet == Ref::Id(id.clone()));
        let untagged = self.live_nat_gateways().filter(|nat| self.looks_like_nat(nat, az_id));
        let untagged: Vec<&str> = untagged.map(|nat| nat.id.as_str()).collect();
        let is_it = |nat: &NatGateway| untagged.contains(&nat.id.as_str());
        let located = self.locate(&address, self.live_nat_gateways(), is_it)?;
        let allocation = self.elastic_ip(az_id, located.item)?;
        match located.item {
            Some(nat) if !here(nat) => {
                let found = nat.subnet_id.as_deref().unwrap_or("no subnet").to_owned();
                Err(immutable(address, &nat.id, found, subnet))
            }
            Some(nat) => {
                self.wait_for_nat(address, nat);
                Ok(())
            }
            None => {
                self.zonal_nat_gateway(address, subnet, allocation);
                Ok(())
            }
        }
    }

    /// An elastic IP serves one gateway at a time: one that is being deleted keeps it until it is gone.
    fn zonal_nat_gateway(&mut self, address: Address, subnet: Ref, allocation: Ref) {
        let action = Action::CreateNatGateway { subnet, allocation: allocation.clone() };
        let holds = |nat: &&NatGateway| {
            let mut ids = nat.allocation_ids.iter();
            nat.state != NatState::Gone && ids.any(|id| allocation == Ref::Id(id.clone()))
        };
        let holder = self.seen.nat_gateways.iter().find(holds);
        let mut ips = self.seen.elastic_ips.iter();
        let ip = ips.find(|ip| allocation == Ref::Id(ip.allocation_id.clone()));
        match (holder, ip.and_then(|ip| ip.association_id.as_ref())) {
            (Some(old), _) if old.state == NatState::Deleting => self.wait(Wait {
                address,
                id: old.id.clone(),
                what: "the NAT gateway is being deleted, and another one needs its elastic IP".into(),
                holds_up: Readiness::Egress,
            }),
            (Some(other), _) if other.is_live() => {
                let reason = format!("its elastic IP is in use by {}, which is not phonehome's", other.id);
                self.withhold_step(address, &Change::Create, action, WithheldReason::Impossible(reason));
            }
            (None, Some(association)) => {
                let reason = format!("its elastic IP is in use ({association}); free it first");
                self.withhold_step(address, &Change::Create, action, WithheldReason::Impossible(reason));
            }
            _ => self.new_nat_gateway(address, action),
        }
    }

    fn regional_nat_gateway(&mut self) -> Result<(), PlanError> {
        let address = Address::regional_nat_gateway();
        let ours = self.our_vpc().map(|vpc| vpc.id.as_str());
        let here = |nat: &NatGateway| nat.subnet_id.is_none() && Some(nat.vpc_id.as_str()) == ours;
        let located = self.locate(&address, self.live_nat_gateways(), here)?;
        match located.item {
            Some(nat) => self.wait_for_nat(address, nat),
            None => {
                let vpc = self.vpc_ref();
                self.new_nat_gateway(address, Action::CreateRegionalNatGateway { vpc });
            }
        }
        Ok(())
    }

    fn wait_for_nat(&mut self, address: Address, nat: &NatGateway) {
        if nat.state == NatState::Pending {
            self.wait(Wait {
                address,
                id: nat.id.clone(),
                what: "the NAT gateway is pending (AWS takes about two minutes)".into(),
                holds_up: Readiness::Egress,
            });
        }
    }

    /// One that failed is replaced, if that is allowed; one that is gone, or never was, is created.
    fn new_nat_gateway(&mut self, address: Address, action: Action) {
        let failed = self.seen.nat_gateways.iter().filter(|nat| nat.state == NatState::Failed);
        let failed = failed.filter(|nat| nat.address().as_ref() == Some(&address)).map(|nat| &nat.id).min();
        // AWS refuses a public NAT gateway in a VPC without an attached internet gateway.
        let after = vec![Address::internet_gateway_attachment()];
        let Some(failed) = failed else { return self.create(address, action, after) };
        let ask = Ask::Disturb { address: address.clone(), id: failed.clone() };
        match self.budget.permit(Grant::Replacement, &ask, &[Kind::NatGateway]) {
            Ok(permit) => {
                let replacement =
                    Replacement::new(format!("{failed}, failed"), "a new one".to_owned(), permit);
                let change = Change::Replace(replacement);
                // What failed carries nothing, so nothing is disturbed; AWS takes it away by itself.
                self.push(address, change, Disruption::None, action, "AWS could not make it", after);
            }
            Err(refusal) => {
                let (reason, asks) = refusal.explain(ask);
                let (id, details) = (failed.clone(), "AWS could not make it".to_owned());
                let kind = ChangeKind::Replace;
                let call = Some(Box::new(action.clone()));
                self.withhold(Withheld { address, id, kind, details, reason, asks: vec![], call });
                self.asks_for(asks);
                self.held.push(action);
            }
        }
    }

    /// The elastic IP of a zone's NAT gateway: the one the gateway has, for one that is adopted.
    fn elastic_ip(&mut self, az_id: &str, nat: Option<&NatGateway>) -> Result<Ref, PlanError> {
        let address = Address::elastic_ip(az_id);
        let used = nat.map(|nat| nat.allocation_ids.as_slice()).unwrap_or_default();
        let located = self.locate(&address, &self.seen.elastic_ips, |ip| used.contains(&ip.allocation_id))?;
        if located.item.is_none() && nat.is_none() {
            self.create(address, Action::AllocateElasticIp, vec![]);
        }
        Ok(located.reference())
    }

    pub(super) fn live_nat_gateways(&self) -> impl Iterator<Item = &'a NatGateway> + use<'a> {
        self.seen.nat_gateways.iter().filter(|nat| nat.is_live())
    }

    /// How a private subnet's traffic is to leave.
    pub(super) fn way_out(&self, nat_az_id: Option<&str>) -> WayOut {
        let address = match (self.spec.nat, nat_az_id) {
            _ if !self.sees_nat() => return WayOut::Unknown,
            (Nat::Regional, _) => Address::regional_nat_gateway(),
            (_, Some(az_id)) => Address::nat_gateway(self.single_nat_zone().unwrap_or(az_id)),
            (_, None) => return WayOut::None,
        };
        let live = self.live_nat_gateways().find(|nat| {
            nat.address().as_ref() == Some(&address)
                || self.tagged_by_step(&address).as_ref() == Some(&nat.id)
        });
        WayOut::Through(live.map_or(Ref::Output(address), |nat| Ref::Id(nat.id.clone())))
    }

    /// The id that this plan gives an address's tags to.
    fn tagged_by_step(&self, address: &Address) -> Option<String> {
        let tags = Address::tags(address);
        let step = self.plan.steps.iter().find(|step| step.address == tags)?;
        match &step.action {
            Action::Tag { resource: Ref::Id(id), .. } => Some(id.clone()),
            _ => None,
        }
    }

    /// Whether a NAT gateway carries traffic, or will (or may, as far as can be seen): a route away
    /// from one that does breaks connections.
    pub(super) fn is_live_nat(&self, id: &str) -> bool {
        !self.sees(Kind::NatGateway) || self.live_nat_gateways().any(|nat| nat.id == id)
    }

    /// Whether a NAT gateway is being made.
    pub(super) fn is_pending_nat(&self, id: &str) -> bool {
        self.seen.nat_gateways.iter().any(|nat| nat.id == id && nat.state == NatState::Pending)
    }

    /// Whether a NAT gateway is one that phonehome made, in whatever state.
    pub(super) fn is_our_nat(&self, id: &str) -> bool {
        self.seen.nat_gateways.iter().any(|nat| nat.id == id && nat.address().is_some())
    }
}
