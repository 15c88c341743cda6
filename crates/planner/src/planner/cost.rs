//! What a plan's ways out cost.

use phonehome_fleet::Nat;
use phonehome_network::{RemovalTarget, Tagged};

use super::Planner;
use crate::Action;
use crate::price::{MonthlyPrice, cents, cents_of};

impl Planner<'_> {
    /// What the ways out cost, before and after.
    pub(super) fn price(&mut self) {
        if !self.sees_nat() {
            return;
        }
        let zones = self.zones().len() as u64;
        let regional = cents_of(Nat::Regional, zones);
        let ours = self.live_nat_gateways().filter(|nat| self.is_ours(*nat));
        let gateways: u64 =
            ours.map(|nat| if nat.subnet_id.is_none() { regional } else { cents(1, 0) }).sum();
        let ips = self.seen.elastic_ips.iter().filter(|ip| self.is_ours(*ip)).count() as u64;
        let before_cents = gateways + cents(0, ips);
        let mut undeclared = self.undeclared_cents(regional);
        let (mut more, mut less) = (0, 0);
        for step in &self.plan.steps {
            match &step.action {
                Action::CreateNatGateway { .. } => more += cents(1, 0),
                Action::AllocateElasticIp => more += cents(0, 1),
                Action::CreateRegionalNatGateway { .. } => more += regional,
                Action::Remove(removal) => {
                    let saved = self.saved(removal.what(), regional);
                    less += saved;
                    undeclared = undeclared.saturating_sub(saved);
                }
                _ => {}
            }
        }
        let after_cents = before_cents + more - less;
        if before_cents + after_cents > 0 {
            let (nat, undeclared_cents) = (self.spec.nat, undeclared);
            self.plan.price = Some(MonthlyPrice { nat, zones, before_cents, after_cents, undeclared_cents });
        }
    }

    /// What is phonehome's and no longer declared costs this much.
    fn undeclared_cents(&self, regional: u64) -> u64 {
        let is_undeclared = |id: &str, is_tagged: bool| is_tagged && !self.found.contains(id);
        let nats = self.live_nat_gateways().filter(|nat| is_undeclared(&nat.id, nat.address().is_some()));
        let nats: u64 = nats.map(|nat| if nat.subnet_id.is_none() { regional } else { cents(1, 0) }).sum();
        let ips = self.seen.elastic_ips.iter();
        let ips = ips.filter(|ip| is_undeclared(&ip.allocation_id, ip.address().is_some())).count() as u64;
        nats + cents(0, ips)
    }

    fn is_ours(&self, item: &impl Tagged) -> bool {
        item.address().is_some() || self.found.contains(item.id())
    }

    /// What a removal saves a month, in US cents.
    fn saved(&self, target: &RemovalTarget, regional: u64) -> u64 {
        match target {
            RemovalTarget::ElasticIp { .. } => cents(0, 1),
            RemovalTarget::NatGateway { id } => {
                let is_regional =
                    self.live_nat_gateways().any(|nat| nat.id == *id && nat.subnet_id.is_none());
                if is_regional { regional } else { cents(1, 0) }
            }
            _ => 0,
        }
    }
}
