//! What may be taken away or disturbed, and how much of that is used up.

use phonehome_cloud::Class;
use phonehome_executor::StepOutcome;
use phonehome_fleet::Member;
use phonehome_network::RemovalTarget;
use phonehome_planner::Disruption;
use phonehome_planner::{Action, Change, Limits, Step};

use crate::reconcile::{Job, Reconciled};

/// What may be done in an account and Region without being asked: less in a VPC that others have built
/// and use.
pub fn usual_limits(member: &Member, region: &str) -> Limits {
    let adopts = member.adopt.as_ref().is_some_and(|adoption| adoption.region == region);
    if adopts { Limits::ADOPTED } else { Limits::SWEEP }
}

/// What may be done for a job.
pub(crate) fn limits(job: &Job<'_>) -> Limits {
    job.limits.unwrap_or_else(|| usual_limits(job.member, job.region))
}

/// What is left of the limits after what was done. A call without an answer counts as done: rather one
/// resource too few is taken away than one too many.
pub(crate) fn left(limits: Limits, reconciled: &Reconciled) -> Limits {
    let (Some(plan), Some(applied)) = (&reconciled.plan, &reconciled.applied) else { return limits };
    let is_used = |step: &&Step| {
        let mut outcomes = applied.outcomes.iter();
        outcomes.any(|(address, outcome)| {
            *address == step.address
                && match outcome {
                    StepOutcome::Done(_) => true,
                    StepOutcome::Waiting(error) => error.class() == Class::Transient,
                    _ => false,
                }
        })
    };
    let mut used = Limits::NONE;
    for step in plan.steps.iter().filter(is_used) {
        match (&step.change, &step.action) {
            (Change::Replace(_), _) => used.replacements += 1,
            (Change::Delete { .. }, Action::Remove(removal)) => match removal.what() {
                RemovalTarget::Peering { .. } => used.peerings += 1,
                RemovalTarget::AclEntry { .. } => used.closings += 1,
                // One that leads nowhere disturbs nobody; any other counts with its peering.
                RemovalTarget::Route { .. } if step.address.0.contains("/route/") => {
                    used.dead_routes += u32::from(step.disruption == Disruption::None);
                }
                _ => used.deletions += 1,
            },
            _ => {}
        }
    }
    // Beyond their own limits these two are deletions.
    let more = used.closings.saturating_sub(limits.closings);
    used.deletions += more + used.dead_routes.saturating_sub(limits.dead_routes);
    Limits {
        deletions: limits.deletions.saturating_sub(used.deletions),
        replacements: limits.replacements.saturating_sub(used.replacements),
        peerings: limits.peerings.saturating_sub(used.peerings),
        closings: limits.closings.saturating_sub(used.closings),
        dead_routes: limits.dead_routes.saturating_sub(used.dead_routes),
        disruption: limits.disruption,
    }
}
