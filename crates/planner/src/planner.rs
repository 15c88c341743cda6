//! Spec, inventory and limits in, plan out.

mod cost;
mod decommission;
mod default_vpc;
mod endpoints;
mod hardening;
mod inbound;
mod links;
mod locate;
mod naming;
mod nat;
mod probes;
mod prune;
mod routes;
mod schedules;
mod subnets;
mod unmanaged;
mod unused_steps;
mod vpc;

use crate::ChangeKind;
use crate::WithheldReason;
use std::collections::BTreeSet;

use crate::Disruption;
use crate::disruption::REPAIR;
use crate::permission::disturb;
use crate::permit::{Budget, Grant};
use crate::{Action, Change, Limits, Plan, PlanError, Removal, StackSpec, Step, Wait, Withheld, ZoneSpec};
use phonehome_network::{
    Address, Ask, Inventory, Kind, Permission, RemovalTarget, TAG_ADDRESS, TAG_MANAGED_BY, Tags,
};

pub use decommission::{decommission_kinds, plan_decommission};
pub use default_vpc::{default_vpc_kinds, plan_default_vpc_removal};
pub use schedules::{SCHEDULE_EXPRESSION, follows_way_out};
pub(crate) use unused_steps::uses;

/// Makes the plan that turns what is seen into what is declared.
///
/// The same arguments always give the same plan, in the same order. A stack that is as declared
/// gives an empty one. What the limits do not allow is listed as withheld, and so is what depends
/// on it.
///
/// # Errors
/// [`PlanError`] when what is seen leaves no safe way: then nothing is planned at all.
pub fn plan(spec: &StackSpec, inventory: &Inventory, limits: &Limits) -> Result<Plan, PlanError> {
    plan_permitted(spec, inventory, limits, &Permission::NONE)
}

/// The same with what a person has seen in an earlier plan and accepted, beyond the limits.
///
/// # Errors
/// As [`plan()`].
pub fn plan_permitted(
    spec: &StackSpec,
    inventory: &Inventory,
    limits: &Limits,
    accepted: &Permission,
) -> Result<Plan, PlanError> {
    if let Some(kind) =
        [Kind::Vpc, Kind::Subnet, Kind::RouteTable].into_iter().find(|it| !inventory.has_seen(*it))
    {
        return Err(PlanError::Blind { kind });
    }
    let seen = inventory.own(&spec.account).in_order();
    let mut planner = Planner::new(spec, &seen, limits);
    planner.budget.accept(accepted);
    planner.vpc()?;
    planner.dns();
    planner.internet_gateway()?;
    planner.subnets()?;
    planner.nat_gateways()?;
    planner.route_tables()?;
    planner.drop_unused_steps();
    planner.hardening();
    planner.endpoints()?;
    planner.flow_log()?;
    planner.links()?;
    planner.prune_peering_routes();
    planner.stale_peering_routes();
    planner.inbound()?;
    planner.probe_security_group()?;
    planner.probes();
    planner.prune_undeclared();
    planner.unmanaged();
    planner.price();
    planner.plan.located = planner.stack_located();
    planner.plan.names = planner.names();
    Ok(planner.plan)
}

/// Under which grant something is taken away.
#[derive(Clone, Copy)]
enum Taking<'a> {
    /// For itself.
    Alone(Grant),
    /// As a part of the peering with this id.
    WithPeering(&'a str),
}

struct Planner<'a> {
    spec: &'a StackSpec,
    seen: &'a Inventory,
    budget: Budget<'a>,
    plan: Plan,
    /// The actions of steps that are withheld.
    held: Vec<Action>,
    /// The NAT gateways that traffic leaves through until their successors are available.
    still_used: BTreeSet<String>,
    /// The ids of what was found to be the stack's, whether or not its tags say so.
    found: BTreeSet<String>,
}

impl<'a> Planner<'a> {
    fn new(spec: &'a StackSpec, seen: &'a Inventory, limits: &Limits) -> Self {
        let unseen = spec.kinds().into_iter().filter(|kind| !seen.has_seen(*kind)).collect();
        let plan = Plan { unseen, ..Plan::default() };
        let (held, still_used, found) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        Self { spec, seen, budget: Budget::new(limits, seen), plan, held, still_used, found }
    }

    fn zones(&self) -> &'a [ZoneSpec] {
        &self.spec.zones
    }

    /// Whether a kind is in view; if not, nothing of it is planned.
    fn sees(&self, kind: Kind) -> bool {
        self.seen.has_seen(kind)
    }

    fn create(&mut self, address: Address, action: Action, after: Vec<Address>) {
        self.push(address, Change::Create, Disruption::None, action, "not there", after);
    }

    fn update(
        &mut self,
        address: Address,
        (before, after): (String, String),
        disruption: Disruption,
        action: Action,
        reason: &str,
    ) {
        self.push(address, Change::Update { before, after }, disruption, action, reason, vec![]);
    }

    /// Adds a step, unless the limits or what it depends on forbid it. Of `after`, and of the
    /// outcomes that the action needs, it keeps what this plan still has to do.
    fn push(
        &mut self,
        address: Address,
        change: Change,
        disruption: Disruption,
        action: Action,
        reason: &str,
        after: Vec<Address>,
    ) {
        let ask = disturb(&address, &action);
        if !self.budget.may_disturb(disruption, &ask) {
            return self.withhold_disruption(address, &change, disruption, action, vec![ask]);
        }
        let is_repair = disruption <= REPAIR && !self.budget.is_accepted(&ask);
        let asks = if is_repair { vec![] } else { vec![ask] };
        self.add(Step { address, change, disruption, action, reason: reason.to_owned(), after, asks });
    }

    fn withhold_disruption(
        &mut self,
        address: Address,
        change: &Change,
        disruption: Disruption,
        action: Action,
        asks: Vec<Ask>,
    ) {
        self.withhold_step(address, change, action, WithheldReason::Disturbs(disruption));
        self.asks_for(asks);
    }

    /// What was withheld last would have to be accepted as this.
    fn asks_for(&mut self, asks: Vec<Ask>) {
        if let Some(held) = self.plan.withheld.last_mut() {
            held.asks = asks;
        }
    }

    /// Adds a step that is allowed, unless what it depends on is withheld.
    fn add(&mut self, step: Step) {
        let Step { address, change, action, after, .. } = &step;
        let outputs: Vec<Address> = action.outputs().into_iter().cloned().collect();
        let mut after: Vec<Address> = after.iter().chain(&outputs).cloned().collect();
        after.extend(self.tags_before(action));
        if let Some(missing) = after.iter().find(|it| self.is_withheld(it)) {
            let reason = WithheldReason::NeedsWithheld(missing.clone());
            return self.withhold_step(address.clone(), change, action.clone(), reason);
        }
        // An outcome that nothing brings is that of a kind which could not be seen.
        if !outputs.iter().all(|made| self.is_planned(made)) {
            self.plan.postponed.push(address.clone());
            return;
        }
        after.retain(|it| self.is_planned(it));
        after.sort();
        after.dedup();
        self.plan.steps.push(Step { after, ..step });
    }

    /// The steps that tag what an action changes or builds on: phonehome's role may only change what
    /// carries its tags.
    fn tags_before(&self, action: &Action) -> Vec<Address> {
        if matches!(action, Action::Tag { .. }) {
            return vec![];
        }
        let refs = action.refs();
        let is_one = |step: &&Step| match &step.action {
            Action::Tag { resource, .. } => refs.contains(&resource),
            _ => false,
        };
        self.plan.steps.iter().filter(is_one).map(|step| step.address.clone()).collect()
    }

    fn is_planned(&self, address: &Address) -> bool {
        self.plan.steps.iter().any(|step| step.address == *address)
    }

    fn awaits(&self, address: &Address) -> bool {
        self.plan.waits.iter().any(|wait| wait.address == *address)
    }

    fn is_withheld(&self, address: &Address) -> bool {
        self.plan.withheld.iter().any(|held| held.address == *address)
    }

    fn withhold_step(&mut self, address: Address, change: &Change, action: Action, reason: WithheldReason) {
        let (kind, details) = (change.kind(), change.details(&action));
        let call = Some(Box::new(action.clone()));
        self.withhold(Withheld { address, id: change.id(), kind, details, reason, asks: vec![], call });
        self.held.push(action);
    }

    fn withhold(&mut self, held: Withheld) {
        self.plan.withheld.push(held);
    }

    /// That something is to be deleted and is not.
    fn withhold_deletion(&mut self, address: Address, id: String, details: String, reason: WithheldReason) {
        let kind = ChangeKind::Delete;
        self.withhold(Withheld { address, id, kind, details, reason, asks: vec![], call: None });
    }

    /// Takes something away, if that is allowed. A peering goes with all its routes, or not at all.
    #[allow(clippy::too_many_arguments, reason = "each is a part of one step")]
    fn remove(
        &mut self,
        address: Address,
        before: String,
        target: RemovalTarget,
        (taking, needs): (Taking, &[Kind]),
        reason: &str,
        after: Vec<Address>,
    ) -> bool {
        // A route and an entry have no id but that of what they are in.
        let is_part = matches!(target, RemovalTarget::Route { .. } | RemovalTarget::AclEntry { .. });
        let (id, details) = match is_part {
            true => (String::new(), format!("{before}, {reason}")),
            false => (target.id().to_owned(), reason.to_owned()),
        };
        if !is_part && self.seen.is_adopted(target.id()) {
            self.withhold_deletion(address, id, details, WithheldReason::Adopted);
            return false;
        }
        let (grant, ask) = match taking {
            Taking::WithPeering(peering) => (Grant::Peering, Ask::Unpeer { id: peering.to_owned() }),
            Taking::Alone(grant) => (grant, Ask::Delete(target.clone())),
        };
        let permit = match self.budget.permit(grant, &ask, needs) {
            Ok(permit) => permit,
            Err(refusal) => {
                let (reason, asks) = refusal.explain(ask);
                self.withhold_deletion(address, id, details, reason);
                self.asks_for(asks);
                return false;
            }
        };
        let (disruption, is_repair) = (permit.disruption(), permit.is_repair());
        let change = Change::Delete { before };
        let action = Action::Remove(Removal::new(target, permit));
        // To accept that something goes is to accept what that does to its users.
        if !self.budget.may_disturb(disruption, &ask) {
            self.withhold_disruption(address, &change, disruption, action, vec![ask]);
            return false;
        }
        let withheld = self.plan.withheld.len();
        let asks = if is_repair { vec![] } else { vec![ask] };
        self.add(Step { address, change, disruption, action, reason: reason.to_owned(), after, asks });
        self.plan.withheld.len() == withheld
    }

    fn wait(&mut self, wait: Wait) {
        self.plan.waits.push(wait);
    }

    /// What is missing or other in the tags of something that is the stack's. A name only where it has
    /// none and becomes phonehome's now.
    fn lacking_tags(&self, address: &Address, tags: &Tags) -> Tags {
        let is_new = !has_our_tags(tags) && !tags.contains_key("Name");
        let wanted = if is_new { self.spec.tags_of(address) } else { self.spec.kept_tags(address) };
        wanted.into_iter().filter(|(key, value)| tags.get(key) != Some(value)).collect()
    }
}

/// Whether something has, or had before somebody damaged them, phonehome's own tags.
fn has_our_tags(tags: &Tags) -> bool {
    tags.contains_key(TAG_ADDRESS) || tags.contains_key(TAG_MANAGED_BY)
}
