//! What an observation of a stack means for its status, and for the accounts at the other ends of its
//! connections.

use phonehome_executor::{Applied, StepOutcome};
use phonehome_network::{Address, Inventory, Kind, Peering};
use phonehome_planner::{Action, History, Plan, StackSpec, Step};
use phonehome_state::StackStatus;
use phonehome_wire::AccountId;

use crate::digest::digest;

/// Writes into the status what was seen. Returns the accounts that wait for something that is there
/// now, this one's VPC, by their ids.
pub(crate) fn note_seen(spec: &StackSpec, plan: &Plan, status: &mut StackStatus) -> Vec<AccountId> {
    (status.network_ready, status.egress_ready) = (plan.network_ready(), plan.egress_ready());
    status.connections_ready = plan.connections_ready();
    let (withheld, waiting) = (plan.withheld_otherwise(), plan.until_in_force());
    status.withheld = withheld.map(|it| format!("{}: {} ({})", it.address, it.what(), it.reason)).collect();
    status.until_in_force = waiting.map(|it| format!("{}: {}", it.address, it.what())).collect();
    status.next_hour_ms = plan.next_hour_ms().unwrap_or_default();
    status.opened.clone_from(&plan.located.opened);
    if ![Kind::NatGateway, Kind::ElasticIp].iter().any(|kind| plan.unseen.contains(kind)) {
        status.nat_cents = Some(plan.price.map_or(0, |price| price.after_cents));
    }
    let mut private = plan.located.private_subnets.clone();
    private.sort();
    // What is missing now may come back with this very plan, and what is no longer declared stays until
    // its removal is permitted: peers keep their routes and rules until an observation finds nothing to do.
    if !plan.steps.is_empty() || plan.withheld_otherwise().next().is_some() {
        private.extend(status.private_subnets.iter().copied());
        private.sort();
        private.dedup();
    }
    let vpc_id = plan.located.vpc_id.clone();
    let is_news = status.vpc_id != vpc_id || status.private_subnets != private;
    (status.vpc_id, status.private_subnets) = (vpc_id, private);
    if !is_news {
        return vec![];
    }
    spec.links.iter().filter_map(|link| link.peer_account.clone()).collect()
}

/// Why no VPC may be made in the block the account holds: it has another one with these addresses,
/// which could not be seen when the block was claimed.
pub(crate) fn collision(spec: &StackSpec, inventory: &Inventory, plan: &Plan) -> Option<String> {
    plan.steps.iter().find(|step| matches!(step.action, Action::CreateVpc { .. }))?;
    let overlaps = |cidr: &ipnet::Ipv4Net| cidr.contains(&spec.cidr) || spec.cidr.contains(cidr);
    let own = inventory.own(&spec.account).vpcs;
    let other = own.iter().find(|vpc| vpc.cidrs.iter().any(overlaps))?;
    Some(format!(
        "{} has addresses of {}, the block that account {} holds: nothing is made. Take the account out of the \
         fleet file, publish it and run `phonehome decommission`; then put it in again, with `adopt` to take that VPC \
         over or without to get another block",
        other.id, spec.cidr, spec.account
    ))
}

/// A NAT gateway takes two minutes.
pub(crate) fn makes_nat_gateway(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| {
        matches!(step.action, Action::CreateNatGateway { .. } | Action::CreateRegionalNatGateway { .. })
    })
}

/// The accounts that have not accepted yet what this one has asked for: they may not have seen it when
/// they were woken.
pub(crate) fn unanswered(spec: &StackSpec, inventory: &Inventory, plan: &Plan) -> Vec<AccountId> {
    let waits = |peering: &&Peering| plan.waits.iter().any(|wait| wait.id == peering.id);
    let asked = inventory.peerings.iter().filter(|it| it.requester.account == spec.account);
    asked.filter(waits).filter_map(|it| it.accepter.account.parse().ok()).collect()
}

/// The accounts that have to accept what this plan asked for, and those whose requests it accepted.
pub(crate) fn asked_for_peerings(inventory: &Inventory, plan: &Plan, applied: &Applied) -> Vec<AccountId> {
    let done = |address: &Address| {
        applied.outcomes.iter().any(|(it, outcome)| it == address && matches!(outcome, StepOutcome::Done(_)))
    };
    let other_end = |step: &Step| match &step.action {
        Action::CreatePeering { peer_account, .. } => Some(peer_account.clone()),
        Action::AcceptPeering { peering } => {
            let peering = inventory.peerings.iter().find(|it| it.id == *peering)?;
            peering.requester.account.parse().ok()
        }
        _ => None,
    };
    plan.steps.iter().filter(|step| done(&step.address)).filter_map(other_end).collect()
}

/// Notes the spec that is there in full, until another one is declared. What waits until the version is in force is not
/// of it any more.
pub(crate) fn note_full(spec: &StackSpec, plan: &Plan, full: &mut Option<String>) {
    let digest = digest(spec);
    let is_withheld = plan.withheld_otherwise().next().is_some();
    if plan.is_converged() && !is_withheld && plan.unseen.is_empty() && plan.postponed.is_empty() {
        *full = Some(digest);
    } else if full.as_ref() != Some(&digest) {
        *full = None;
    }
}

/// The spec with what earlier observations have seen.
pub(crate) fn with_history(spec: StackSpec, status: Option<&StackStatus>) -> StackSpec {
    let Some(status) = status else { return spec };
    let was_as_declared = status.full_spec.as_ref() == Some(&digest(&spec));
    StackSpec { history: History { was_as_declared, opened: status.opened.clone() }, ..spec }
}
