//! What only a withheld step would use is withheld with it: a NAT gateway that no route leads to
//! costs money, and a route table that no subnet has helps nobody.

use super::Planner;
use crate::{Action, Ref, Step, WithheldReason};
use phonehome_network::Address;

impl Planner<'_> {
    /// Takes such steps, and what depends on them, out of the plan again.
    pub(super) fn drop_unused_steps(&mut self) {
        while let Some(at) = self.plan.steps.iter().position(|step| self.is_unused(step)) {
            self.take_out(at, WithheldReason::OnlyForWithheld);
        }
    }

    /// Whether what it makes has a withheld user, and none that is planned.
    fn is_unused(&self, step: &Step) -> bool {
        self.held.iter().any(|held| uses(held, &step.address))
            && !self.plan.steps.iter().any(|other| uses(&other.action, &step.address))
    }

    fn take_out(&mut self, at: usize, reason: WithheldReason) {
        let Step { address, change, action, .. } = self.plan.steps.remove(at);
        self.withhold_step(address.clone(), &change, action, reason);
        while let Some(at) = self.plan.steps.iter().position(|step| step.after.contains(&address)) {
            self.take_out(at, WithheldReason::NeedsWithheld(address.clone()));
        }
    }
}

/// Whether an action is what something is made for: the association for a route table, the route for
/// a gateway, the NAT gateway for an elastic IP.
pub(crate) fn uses(action: &Action, address: &Address) -> bool {
    let reference = match action {
        Action::AssociateRouteTable { table, .. } | Action::ReplaceAssociation { table, .. } => table,
        Action::CreateRoute { target, .. } | Action::ReplaceRoute { target, .. } => target.reference(),
        Action::CreateNatGateway { allocation, .. } => allocation,
        _ => return false,
    };
    matches!(reference, Ref::Output(made) if made == address)
}
