//! The VPC and its internet gateway.

use super::Planner;
use crate::Disruption;
use crate::WithheldReason;
use crate::{Action, Change, PlanError, Ref};
use phonehome_network::{Address, InternetGateway, Inventory, Kind, Tagged, Vpc};

pub(super) fn immutable(
    address: Address,
    id: &str,
    found: impl ToString,
    declared: impl ToString,
) -> PlanError {
    PlanError::Immutable {
        address: Box::new(address),
        id: id.to_owned(),
        found: found.to_string(),
        declared: declared.to_string(),
    }
}

impl<'a> Planner<'a> {
    pub(super) fn vpc(&mut self) -> Result<(), PlanError> {
        let (address, spec, seen) = (Address::vpc(), self.spec, self.seen);
        let located = self.locate(&address, &seen.vpcs, |vpc| {
            is_ours_untagged(spec.adopt.as_deref(), spec.cidr, vpc, seen)
        })?;
        match (located.item, &spec.adopt) {
            (Some(vpc), Some(adopt)) if vpc.id != *adopt => Err(immutable(address, &vpc.id, &vpc.id, adopt)),
            (Some(_), Some(_)) => Ok(()),
            (Some(vpc), None) if vpc.cidrs.first() != Some(&spec.cidr) => {
                let found = vpc.cidrs.first().map(ToString::to_string).unwrap_or_default();
                Err(immutable(address, &vpc.id, found, spec.cidr))
            }
            (Some(_), None) => Ok(()),
            (None, Some(adopt)) => {
                let there = seen.vpcs.iter().map(|vpc| vpc.id.clone()).collect();
                Err(PlanError::NothingToAdopt { id: adopt.clone(), there })
            }
            (None, None) => {
                self.create(address, Action::CreateVpc { cidr: spec.cidr }, vec![]);
                Ok(())
            }
        }
    }

    /// The VPC that the stack is in, once there is one.
    pub(super) fn our_vpc(&self) -> Option<&'a Vpc> {
        self.located(&Address::vpc(), &self.seen.vpcs)
    }

    pub(super) fn vpc_ref(&self) -> Ref {
        self.reference(&Address::vpc(), &self.seen.vpcs)
    }

    /// Whether something is in the stack's VPC.
    pub(super) fn is_in_our_vpc(&self, vpc_id: &str) -> bool {
        self.our_vpc().is_some_and(|vpc| vpc.id == vpc_id)
    }

    /// What carries our tag must be in our VPC. It may be in one that is not (or not yet) seen:
    /// making a second one then would leave a stack in two halves.
    pub(super) fn must_be_in_our_vpc(
        &self,
        address: &Address,
        id: &str,
        vpc_id: &str,
    ) -> Result<(), PlanError> {
        match self.vpc_ref() {
            Ref::Id(ours) if ours == vpc_id => Ok(()),
            Ref::Id(ours) => Err(immutable(address.clone(), id, vpc_id, ours)),
            Ref::Output(_) => Err(immutable(address.clone(), id, vpc_id, "a VPC that phonehome made")),
        }
    }

    /// What a change of something in the VPC does to traffic: nothing while the VPC is being made.
    pub(super) fn disruption_in_vpc(&self, disruption: Disruption) -> Disruption {
        if self.our_vpc().is_some() { disruption } else { Disruption::None }
    }

    /// What a change does to those who use an adopted network that works as it is. In a network of
    /// phonehome's own it is a repair, and does nothing to anybody.
    pub(super) fn disruption_if_adopted(&self, disruption: Disruption) -> Disruption {
        if self.spec.adopt.is_some() { disruption.max(Disruption::ChangesBehaviour) } else { disruption }
    }

    pub(super) fn dns(&mut self) {
        if !self.spec.features.dns {
            return;
        }
        let Some(vpc) = self.our_vpc() else {
            // AWS makes a VPC with support for DNS and without host names.
            let action = Action::EnableDnsHostNames { vpc: self.vpc_ref() };
            return self.create(Address::dns_host_names(), action, vec![]);
        };
        if !self.sees(Kind::VpcAttribute) {
            return;
        }
        let vpc_ref = Ref::Id(vpc.id.clone());
        let support = Action::EnableDnsSupport { vpc: vpc_ref.clone() };
        let names = Action::EnableDnsHostNames { vpc: vpc_ref };
        let wanted = [
            (Address::dns_support(), vpc.dns_support, support, "must resolve names"),
            (Address::dns_host_names(), vpc.dns_host_names, names, "must give host names"),
        ];
        for (address, enabled, action, reason) in wanted {
            if enabled == Some(false) {
                let words = ("off".to_owned(), "on".to_owned());
                let disruption = self.disruption_if_adopted(Disruption::None);
                self.update(address, words, disruption, action, reason);
            }
        }
    }

    pub(super) fn internet_gateway(&mut self) -> Result<(), PlanError> {
        if !self.sees(Kind::InternetGateway) {
            return Ok(());
        }
        let (address, attachment) = (Address::internet_gateway(), Address::internet_gateway_attachment());
        let ours = self.our_vpc().map(|vpc| vpc.id.clone());
        let is_here = |it: &InternetGateway| ours.is_some() && it.vpc_id == ours;
        // A VPC has at most one.
        let located = self.locate(&address, &self.seen.internet_gateways, is_here)?;
        if located.item.is_none() {
            self.create(address, Action::CreateInternetGateway, vec![]);
        }
        if let Some((gateway, vpc_id)) = located.item.and_then(|it| Some((it, it.vpc_id.as_deref()?))) {
            return self.must_be_in_our_vpc(&attachment, &gateway.id, vpc_id);
        }
        let action = Action::AttachInternetGateway { gateway: located.reference(), vpc: self.vpc_ref() };
        match self.seen.internet_gateways.iter().find(|it| is_here(it)) {
            Some(other) => {
                let reason = format!("{} is attached, which is not phonehome's; detach it first", other.id);
                self.withhold_step(attachment, &Change::Create, action, WithheldReason::Impossible(reason));
            }
            None => self.create(attachment, action, vec![]),
        }
        Ok(())
    }

    pub(super) fn gateway_ref(&self) -> Ref {
        self.reference(&Address::internet_gateway(), &self.seen.internet_gateways)
    }
}

/// Whether a VPC without phonehome's tags is the stack's: the one to be adopted, or one that has the
/// stack's block and holds something of the stack.
fn is_ours_untagged(adopt: Option<&str>, cidr: ipnet::Ipv4Net, vpc: &Vpc, seen: &Inventory) -> bool {
    let holds_ours = || {
        let subnets = seen.subnets.iter().filter(|it| it.address().is_some()).map(|it| &it.vpc_id);
        let tables = seen.route_tables.iter().filter(|it| it.address().is_some()).map(|it| &it.vpc_id);
        subnets.chain(tables).any(|vpc_id| *vpc_id == vpc.id)
    };
    match adopt {
        Some(id) => vpc.id == id,
        None => vpc.cidrs.first() == Some(&cidr) && holds_ours(),
    }
}
