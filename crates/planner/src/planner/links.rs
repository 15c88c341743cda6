//! Declared connections to other accounts: peerings, routes, and what they may open.

use crate::ChangeKind;
use crate::Withheld;
use crate::WithheldReason;
use ipnet::Ipv4Net;

use super::Planner;
use crate::Disruption;
use crate::{Action, Change, LinkSpec, PlanError, Readiness, Ref, RefTarget, Step, Wait};
use phonehome_network::{Address, Kind, Peering, PeeringState, PeeringVpc, RouteTable, RouteTarget, Tagged};

/// How many routes a route table takes: AWS's default quota since June 2025, 50 before.
const MAX_ROUTES: usize = 500;

impl<'a> Planner<'a> {
    pub(super) fn links(&mut self) -> Result<(), PlanError> {
        if !self.sees(Kind::Peering) {
            return Ok(());
        }
        let spec = self.spec;
        for link in &spec.links {
            if let Some(reason) = self.cannot_be_joined(link) {
                self.withhold(Withheld {
                    address: self.peering_address(link),
                    id: String::new(),
                    kind: ChangeKind::Create,
                    details: format!("peering with {} ({})", link.peer_name, link.peer_id()),
                    reason: WithheldReason::Impossible(reason),
                    asks: vec![],
                    call: None,
                });
                continue;
            }
            if let Some(peering) = self.peering(link)? {
                self.peering_routes(link, &peering);
            }
        }
        Ok(())
    }

    /// Why a declared connection cannot be made, for people: AWS joins no two VPCs with the same addresses,
    /// and a route leads to one place only. Networks of phonehome's own never have them; adopted ones may.
    pub(super) fn cannot_be_joined(&self, link: &LinkSpec) -> Option<String> {
        if self.is_joined(link) {
            return None;
        }
        let spec = self.spec;
        let own = self.our_vpc().map(|vpc| vpc.cidrs.clone()).unwrap_or_default();
        let own = own.iter().chain(std::iter::once(&spec.cidr));
        if let Some((ours, theirs)) = common(own, &link.peer_cidrs) {
            return Some(format!(
                "{} ({}) has {theirs} and {} ({}) has {ours}: AWS joins no two VPCs with the same addresses. Give \
                 one of them other addresses, or take the connection out of the fleet file",
                link.peer_name,
                link.peer_id(),
                spec.account_name,
                spec.account
            ));
        }
        // The one that has its peering keeps it; of two without one, the first.
        let rank = |link: &LinkSpec| (!self.is_joined(link), link.peer_account.clone());
        let others = spec.links.iter().filter(|other| rank(other) < rank(link));
        let (other, (first, second)) =
            others.filter_map(|it| Some((it, common(&it.peer_subnets, &link.peer_subnets)?))).next()?;
        Some(format!(
            "{} ({}) has {second} and {} ({}), which this account is connected to as well, has {first}: a route \
             leads to one of them only. Give one of them other addresses, or take one connection out of the fleet \
             file",
            link.peer_name,
            link.peer_id(),
            other.peer_name,
            other.peer_id()
        ))
    }

    /// Whether a peering of ours joins the two already.
    fn is_joined(&self, link: &LinkSpec) -> bool {
        let ours = self.our_vpc().map(|vpc| vpc.id.as_str());
        let mut live = self.seen.peerings.iter().filter(|it| it.is_live() && it.address().is_some());
        live.any(|it| is_between(it, link, ours))
    }

    /// The peering with one account, made or accepted; `None` while the other account has to act.
    fn peering(&mut self, link: &LinkSpec) -> Result<Option<Ref>, PlanError> {
        let address = self.peering_address(link);
        let ours = self.our_vpc().map(|vpc| vpc.id.clone());
        let seen = self.seen;
        let is_it = |it: &Peering| is_between(it, link, ours.as_deref());
        let live: Vec<&'a Peering> = seen.peerings.iter().filter(|it| it.is_live() && is_it(it)).collect();
        let located = self.locate(&address, live, |_| true)?;
        let asked_us = |it: &Peering| Some(&it.accepter.vpc_id) == ours.as_ref();
        match (located.item, link.requester) {
            (Some(peering), _) if peering.state == PeeringState::PendingAcceptance && asked_us(peering) => {
                let action = Action::AcceptPeering { peering: peering.id.clone() };
                let words = ("asked for".to_owned(), "accepted".to_owned());
                self.update(address, words, Disruption::None, action, "the fleet file declares it");
                Ok(Some(Ref::Id(peering.id.clone())))
            }
            (Some(peering), _) => {
                if peering.state != PeeringState::Active {
                    let what = format!("the peering waits for {}", link.peer_name);
                    self.wait_for_peering(address, &peering.id, what);
                }
                Ok(Some(Ref::Id(peering.id.clone())))
            }
            (None, true) if self.failed_lately(&address, is_it) => Ok(None),
            (None, true) => Ok(self.request_peering(address, link)),
            (None, false) => {
                let what = format!("{} has not asked for the peering yet", link.peer_name);
                self.wait_for_peering(address, link.peer_id(), what);
                Ok(None)
            }
        }
    }

    /// The address of the peering with one account. One that joins the two VPCs already keeps the address
    /// it was made with, though the account has another name in the fleet file since.
    pub(super) fn peering_address(&self, link: &LinkSpec) -> Address {
        let ours = self.our_vpc().map(|vpc| vpc.id.as_str());
        let of = |link: &LinkSpec| {
            let mut live = self.seen.peerings.iter().filter(|it| it.is_live());
            live.find(|it| it.address().is_some() && is_between(it, link, ours)).and_then(Tagged::address)
        };
        let usual = Address::peering(&link.peer_name);
        of(link).unwrap_or_else(|| {
            let others = self.spec.links.iter().filter(|it| it.peer_name != link.peer_name);
            let is_taken = others.filter_map(of).any(|taken| taken == usual);
            if is_taken { Address::peering(link.peer_id()) } else { usual }
        })
    }

    /// Waits where the last request came to nothing: another one would, too, unless something is done
    /// about it. AWS lists such a peering for about 2 hours; then it is asked for again.
    fn failed_lately(&mut self, address: &Address, is_it: impl Fn(&Peering) -> bool) -> bool {
        let mut failed = self.seen.peerings.iter().filter(|it| it.address().as_ref() == Some(address));
        let failed = failed.find_map(|it| Some((it.id.clone(), it.why_failed().filter(|_| is_it(it))?)));
        let Some((id, why)) = failed else { return false };
        let what = format!("{why}; it is asked for again once AWS lists it no more (about 2 hours)");
        self.wait_for_peering(address.clone(), &id, what);
        true
    }

    fn request_peering(&mut self, address: Address, link: &LinkSpec) -> Option<Ref> {
        let (Some(peer_account), Some(peer_vpc)) = (link.peer_account.clone(), link.peer_vpc.clone()) else {
            let what = format!("{} has no VPC yet", link.peer_name);
            self.wait_for_peering(address, link.peer_id(), what);
            return None;
        };
        let action = Action::CreatePeering {
            vpc: self.vpc_ref(),
            peer_account,
            peer_region: link.peer_region.clone(),
            peer_vpc,
        };
        self.create(address.clone(), action, vec![]);
        Some(Ref::Output(address))
    }

    fn wait_for_peering(&mut self, address: Address, id: &str, what: String) {
        self.wait(Wait { address, id: id.to_owned(), what, holds_up: Readiness::Connections });
    }

    /// Routes to the peer's private subnets, in the private subnets' tables only.
    fn peering_routes(&mut self, link: &LinkSpec, peering: &Ref) {
        for zone in self.zones() {
            let table = Address::private_route_table(&zone.az_id);
            for destination in &link.peer_subnets {
                self.peering_route(&table, *destination, peering);
            }
        }
    }

    fn peering_route(&mut self, table: &Address, destination: Ipv4Net, peering: &Ref) {
        let address = Address::route(table, &destination);
        let seen = self.located(table, &self.seen.route_tables);
        let route = seen.and_then(|table| table.routes.iter().find(|route| route.destination == destination));
        let target = RefTarget::Peering(peering.clone());
        let table = self.table_ref(table);
        match route {
            Some(route) if target.is(&route.target) => {}
            Some(route) => match self.may_redirect(&route.target) {
                Some((disruption, reason)) => {
                    let (before, after) = (route.target.to_string(), target.to_string());
                    let action = Action::ReplaceRoute { table, destination, target };
                    self.update(address, (before, after), disruption, action, reason);
                }
                None => {
                    let action = Action::CreateRoute { table, destination, target };
                    let reason = format!(
                        "somebody else's route to {} has this destination; remove it, if it is not needed",
                        route.target
                    );
                    self.withhold_step(address, &Change::Create, action, WithheldReason::Impossible(reason));
                }
            },
            None => {
                let action = Action::CreateRoute { table, destination, target };
                match seen.is_some_and(|seen| self.is_full(seen)) {
                    true => {
                        let reason = format!(
                            "beyond AWS's quota of {MAX_ROUTES} routes per route table; remove routes that are \
                             not needed"
                        );
                        self.withhold_step(
                            address,
                            &Change::Create,
                            action,
                            WithheldReason::BeyondQuota(reason),
                        );
                    }
                    false => {
                        let disruption = self.disruption_of_detour(seen, &destination);
                        self.push(address, Change::Create, disruption, action, "not there", vec![]);
                    }
                }
            }
        }
    }

    /// What it does to traffic to lead a part of what a wider route leads elsewhere to a peering: in an
    /// adopted network that may be what runs between the two today, by a transit gateway, say.
    fn disruption_of_detour(&self, table: Option<&RouteTable>, destination: &Ipv4Net) -> Disruption {
        let leads_there =
            |target: &RouteTarget| matches!(target, RouteTarget::Other(_) | RouteTarget::Peering(_));
        let mut routes = table.into_iter().flat_map(|table| &table.routes);
        let is_led = routes.any(|it| it.destination.contains(destination) && leads_there(&it.target));
        if is_led && self.spec.adopt.is_some() { Disruption::ResetsConnections } else { Disruption::None }
    }

    /// Whether a route table has, with what this plan adds, as many routes as AWS allows.
    fn is_full(&self, table: &RouteTable) -> bool {
        let adds = |step: &&Step| matches!(&step.action, Action::CreateRoute { table: to, .. } if *to == Ref::Id(table.id.clone()));
        // The local route counts, and is not in the inventory.
        table.routes.len() + 1 + self.plan.steps.iter().filter(adds).count() >= MAX_ROUTES
    }

    /// Whether a route that leads there may lead to a declared peering instead: where it leads to a
    /// peering that is gone, or to one of phonehome's own.
    fn may_redirect(&self, target: &RouteTarget) -> Option<(Disruption, &'static str)> {
        let RouteTarget::Peering(id) = target else { return None };
        match self.seen.peerings.iter().find(|peering| peering.id == *id && peering.is_live()) {
            None => Some((Disruption::None, "leads to a peering that is gone")),
            Some(peering) if peering.address().is_some() => {
                Some((Disruption::ResetsConnections, "leads to another peering"))
            }
            Some(_) => None,
        }
    }
}

/// Whether a peering joins our VPC with the link's, asked for by the declared side; one that carries our
/// tags, by either. As long as the peer's VPC is not known none does: a request from elsewhere in that
/// account is not ours.
fn is_between(peering: &Peering, link: &LinkSpec, ours: Option<&str>) -> bool {
    let joins = |here: &PeeringVpc, there: &PeeringVpc| {
        Some(here.vpc_id.as_str()) == ours
            && there.account == link.peer_id()
            && link.peer_vpc.as_ref() == Some(&there.vpc_id)
    };
    let Peering { requester, accepter, .. } = peering;
    let is_ours = peering.address().is_some();
    ((link.requester || is_ours) && joins(requester, accepter))
        || ((!link.requester || is_ours) && joins(accepter, requester))
}

/// Two networks, one of each, that have an address in common.
fn common<'n>(
    ours: impl IntoIterator<Item = &'n Ipv4Net>,
    theirs: &'n [Ipv4Net],
) -> Option<(&'n Ipv4Net, &'n Ipv4Net)> {
    let overlap = |one: &Ipv4Net, other: &Ipv4Net| one.contains(other) || other.contains(one);
    ours.into_iter().find_map(|one| Some((one, theirs.iter().find(|other| overlap(one, other))?)))
}
