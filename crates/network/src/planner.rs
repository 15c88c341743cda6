//! Spec and inventory in, plan out.

mod network;
mod probes;

use crate::{Action, Address, Change, Inventory, Plan, PlanError, StackSpec, Step, ZoneSpec};

/// Makes the plan that turns what is seen into what is declared.
///
/// The same arguments always give the same plan, in the same order. A stack that is as declared
/// gives an empty one.
///
/// # Errors
/// [`PlanError`] when what is seen leaves no safe way: then nothing is planned at all.
pub fn plan(spec: &StackSpec, inventory: &Inventory) -> Result<Plan, PlanError> {
    let mut planner = Planner { spec, seen: inventory, plan: Plan::default() };
    planner.network()?;
    planner.probes();
    Ok(planner.plan)
}

struct Planner<'a> {
    spec: &'a StackSpec,
    seen: &'a Inventory,
    plan: Plan,
}

impl<'a> Planner<'a> {
    fn zones(&self) -> &'a [ZoneSpec] {
        &self.spec.zones
    }

    fn create(&mut self, address: Address, action: Action, after: Vec<Address>) {
        self.push(address, Change::Create, action, "not there", after);
    }

    /// Adds a step. Of `after`, and of the outcomes that the action needs, it keeps what this plan
    /// still has to do.
    fn push(&mut self, address: Address, change: Change, action: Action, reason: &str, after: Vec<Address>) {
        let planned = |wanted: &Address| self.plan.steps.iter().any(|step| &step.address == wanted);
        let mut after: Vec<Address> =
            after.into_iter().chain(action.outputs().into_iter().cloned()).filter(planned).collect();
        after.sort();
        after.dedup();
        self.plan.steps.push(Step { address, change, action, reason: reason.to_owned(), after });
    }
}
