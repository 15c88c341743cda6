//! What the functions take away: only what was accepted with the account's version of the fleet file, or asked for by a
//! person, and no more in an hour than the fleet file allows; and what no rollback brings back only once that version
//! can no longer be taken back.

use phonehome_planner::WithheldReason;
use std::collections::BTreeSet;

use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words};
use phonehome_cloud::Class;
use phonehome_cloud::WallClock;
use phonehome_cloud::table::{Table, TableError};
use phonehome_executor::{Applied, StepOutcome};
use phonehome_network::{Ask, Inventory, Permission};
use phonehome_planner::{Limits, Plan, StackSpec, plan_permitted};
use phonehome_state::{Reservation, desired, hour_of, next_hour_ms, reserve, unreserve, used};
use phonehome_text::count;

use crate::CannotPlan;
use crate::limits::limits;
use crate::provision::{Job, Provision, Published};

impl<T: Table, M, C: WallClock + Clone> Provision<T, M, C> {
    /// What may be done in this stack beyond its limits.
    ///
    /// # Errors
    /// [`TableError`]
    pub(crate) async fn permission(&self, job: &Job<'_>) -> Result<Permission, TableError> {
        let Some(published) = &job.published else { return Ok(Permission::NONE) };
        let (accepted, now_ms) = (published.accepted, self.clock.now_ms());
        let accepted = match published.in_force {
            true => accepted.in_stack(&job.stack(), now_ms),
            false => accepted.before_in_force(&job.stack(), now_ms),
        };
        if accepted.is_empty() {
            return Ok(accepted);
        }
        Ok(accepted.without(&used(&self.table, &job.stack(), published.number).await?))
    }

    /// The plan with what was accepted for this stack.
    ///
    /// # Errors
    /// [`CannotPlan`]
    pub(crate) async fn permitted_plan(
        &self,
        job: &Job<'_>,
        spec: &StackSpec,
        inventory: &Inventory,
    ) -> Result<Plan, CannotPlan> {
        let permission = self.permission(job).await?;
        Ok(as_far_as_now(job, plan_permitted(spec, inventory, &limits(job), &permission)?))
    }

    /// The plan without what has to wait for the next hour, and what it takes away reserved: before any
    /// call is made.
    ///
    /// # Errors
    /// [`CannotPlan`]
    pub(crate) async fn within_the_hour(
        &self,
        job: &Job<'_>,
        spec: &StackSpec,
        inventory: &Inventory,
        plan: Plan,
    ) -> Result<Plan, CannotPlan> {
        let Some(published) = &job.published else { return Ok(plan) };
        let asks = plan.uses_in_order();
        if asks.is_empty() {
            return Ok(plan);
        }
        let number = published.number;
        let now = desired(&self.table).await;
        let is_over = now.map_or(true, |now| now.of(job.account).number != number);
        let (per_hour, now_ms) = (job.fleet.network.removals_per_hour, self.clock.now_ms());
        let stack = &job.stack();
        let reservation = Reservation { stack, number, per_hour, now_ms };
        // The account is to have another version since the observation began: what this one permitted is withdrawn.
        let asks = if is_over { vec![] } else { asks };
        let notified = || message(job, per_hour, now_ms);
        let reserved = match reserve(&self.table, &reservation, &asks, notified).await {
            Ok(reserved) => reserved,
            Err(TableError::Conflict { .. }) => return Err(CannotPlan::Contended),
            Err(error) => return Err(error.into()),
        };
        if !is_over && reserved.over.is_empty() && reserved.granted.len() == asks.len() {
            return Ok(plan);
        }
        // What waits is allowed, and reserved when its time comes.
        let waiting = plan.until_in_force().flat_map(|held| &held.asks);
        let granted: Permission = reserved.granted.iter().chain(waiting).cloned().collect();
        let plan = as_far_as_now(job, plan_permitted(spec, inventory, &unasked(limits(job)), &granted)?);
        Ok(explained(plan, &reserved.over, per_hour, now_ms))
    }

    /// Gives back what was reserved and certainly not done.
    ///
    /// # Errors
    /// [`TableError`]
    pub(crate) async fn converge_permission(
        &self,
        job: &Job<'_>,
        plan: &Plan,
        applied: &Applied,
    ) -> Result<(), TableError> {
        if job.published.is_none() {
            return Ok(());
        }
        unreserve(&self.table, &job.stack(), &not_done(plan, applied)).await
    }
}

/// The plan without what has to wait until the version is in force.
fn as_far_as_now(job: &Job<'_>, plan: Plan) -> Plan {
    match job.published {
        Some(Published { in_force: false, .. }) => plan.while_revocable(),
        Some(_) | None => plan,
    }
}

/// The limits without what a person has asked for: that is in the permission by now.
fn unasked(limits: Limits) -> Limits {
    let usual = Limits::SWEEP;
    Limits {
        deletions: 0,
        peerings: 0,
        disruption: limits.disruption.min(usual.disruption),
        replacements: limits.replacements.min(usual.replacements),
        ..limits
    }
}

/// What is withheld because of the hour says so.
fn explained(mut plan: Plan, over: &BTreeSet<Ask>, per_hour: u32, now_ms: u64) -> Plan {
    for held in &mut plan.withheld {
        if held.asks.iter().any(|ask| over.contains(ask)) {
            held.reason = WithheldReason::Hour { per_hour, next_ms: next_hour_ms(now_ms) };
        }
    }
    plan
}

/// What has a step that is not done. A call without an answer may have been made: what could hit
/// something else at the next try counts as done.
fn not_done(plan: &Plan, applied: &Applied) -> BTreeSet<Ask> {
    let outcome = |step: &phonehome_planner::Step| {
        applied.outcomes.iter().find(|(it, _)| *it == step.address).map(|(_, outcome)| outcome)
    };
    let mut not_done = BTreeSet::new();
    for step in &plan.steps {
        let is_lost = match outcome(step) {
            Some(StepOutcome::Done(_)) => continue,
            Some(StepOutcome::Waiting(error)) => error.class() == Class::Transient,
            _ => false,
        };
        not_done.extend(step.asks.iter().filter(|ask| !is_lost || ask.is_of_one_life()).cloned());
    }
    not_done
}

/// `17:00 UTC`.
fn clock(at_ms: u64) -> String {
    let minutes = at_ms / 60_000;
    format!("{:02}:{:02} UTC", minutes / 60 % 24, minutes % 60)
}

fn message(job: &Job<'_>, per_hour: u32, now_ms: u64) -> Outgoing {
    let sentence = format!(
        "phonehome has made {} in this hour, in all accounts together, and withholds the rest until {} (",
        count(per_hour, "removal"),
        clock(next_hour_ms(now_ms))
    );
    let explanation = Words::of(
        "All of them were accepted when the fleet file was published, or asked for by a person. If that was a \
         mistake, publish the version before it again (",
    );
    let explanation = explanation.code("phonehome history").text(" names it, ").code("phonehome get");
    let explanation = explanation.text(" prints it): what is left of the permission ends with that.");
    let headline = Words::of(":hourglass: ").text(sentence).code("network.removals_per_hour").text(").");
    let incident_id = format!("removals/{}", hour_of(now_ms));
    let body = SlackMessage::new(headline)
        .section(explanation)
        .body(job.fleet.platform_channel(), SlackKind::Opened);
    Outgoing { id: format!("{incident_id}/slack"), incident_id, at_ms: now_ms, sequence: 0, body }
}

#[cfg(test)]
mod tests {
    use phonehome_cloud::{Cause, CloudError};
    use phonehome_network::Address;
    use phonehome_planner::{Action, Change, Disruption, Step};

    use super::*;

    fn answer(code: &str) -> CloudError {
        CloudError::service("ec2:ReplaceRoute", "x", code, "oh")
    }

    #[test]
    fn what_was_not_done_is_given_back_and_of_a_call_without_an_answer_what_cannot_hit_anything_else() {
        let address = Address::vpc();
        let by_id = Ask::Unpeer { id: "pcx-1".into() };
        let by_name = Ask::Disturb { address: address.clone(), id: String::new() };
        let step = Step {
            address: address.clone(),
            change: Change::Create,
            disruption: Disruption::Detaches,
            action: Action::CreateInternetGateway,
            reason: String::new(),
            after: vec![],
            asks: vec![by_id.clone(), by_name.clone()],
        };
        let plan = Plan { steps: vec![step], ..Plan::default() };
        let both = BTreeSet::from([by_id.clone(), by_name]);
        for (outcome, given_back) in [
            (Some(StepOutcome::Done(None)), BTreeSet::new()),
            (Some(StepOutcome::Failed(answer("InvalidParameterValue").into())), both.clone()),
            (Some(StepOutcome::Waiting(answer("DependencyViolation"))), both.clone()),
            (
                Some(StepOutcome::Waiting(CloudError::of_cause("ec2:ReplaceRoute", "x", Cause::Timeout))),
                BTreeSet::from([by_id]),
            ),
            (None, both),
        ] {
            let outcomes = outcome.into_iter().map(|outcome| (address.clone(), outcome)).collect();
            let applied = Applied { outcomes };
            assert_eq!(not_done(&plan, &applied), given_back, "{applied:?}");
        }
    }
}
