//! What a look at a stack means for its status, and for the accounts at the other ends of its connections.

use phonehome_aws::executor::{Applied, StepOutcome};
use phonehome_network::{Action, Address, Inventory, Plan, StackSpec, StackStatus};

/// Writes into the status what was seen. Answers the accounts that wait for something that is there
/// now: this one's VPC.
pub(crate) fn note_seen(spec: &StackSpec, plan: &Plan, status: &mut StackStatus) -> Vec<String> {
    (status.network_ready, status.egress_ready) = (plan.network_ready(), plan.egress_ready());
    status.connections_ready = plan.connections_ready();
    status.withheld =
        plan.withheld.iter().map(|it| format!("{}: {} ({})", it.address, it.what, it.reason)).collect();
    let mut private = plan.located.private_subnets.clone();
    private.sort();
    // What is missing now may come back with this very plan: peers keep their routes and rules until a
    // look finds nothing to do.
    if !plan.steps.is_empty() {
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
    spec.links.iter().map(|link| link.peer_name.clone()).collect()
}

/// Why no VPC may be made in the block the account holds: it has another one with these addresses,
/// which could not be seen when the block was claimed.
pub(crate) fn collision(spec: &StackSpec, inventory: &Inventory, plan: &Plan) -> Option<String> {
    plan.steps.iter().find(|step| matches!(step.action, Action::CreateVpc { .. }))?;
    let overlaps = |cidr: &ipnet::Ipv4Net| cidr.contains(&spec.cidr) || spec.cidr.contains(cidr);
    let other = inventory.vpcs.iter().find(|vpc| vpc.cidrs.iter().any(overlaps))?;
    Some(format!(
        "{} has addresses of {}, the block that account {} holds: nothing is made. Take the account out of the \
         fleet file, publish it and run `phonehome release`; then put it in again, with `adopt` to take that VPC \
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
pub(crate) fn unanswered(spec: &StackSpec, plan: &Plan) -> Vec<String> {
    let asked = spec.links.iter().filter(|link| link.requester);
    let waits = |name: &String| {
        let address = Address::peering(name);
        plan.waits.iter().any(|wait| wait.address == address && wait.id.starts_with("pcx-"))
    };
    asked.map(|link| link.peer_name.clone()).filter(waits).collect()
}

/// The accounts that have to accept what this plan asked for.
pub(crate) fn asked_for_peerings(plan: &Plan, applied: &Applied) -> Vec<String> {
    let done = |address: &Address| {
        applied.outcomes.iter().any(|(it, outcome)| it == address && matches!(outcome, StepOutcome::Done(_)))
    };
    let asked = plan.steps.iter().filter(|step| {
        matches!(step.action, Action::CreatePeering { .. } | Action::AcceptPeering { .. })
            && done(&step.address)
    });
    asked.filter_map(|step| step.address.0.strip_prefix("peering/").map(str::to_owned)).collect()
}
