//! What may be taken away or disturbed, and how much of that is used up.

use phonehome_cloud::Class;
use phonehome_executor::StepOutcome;
use phonehome_fleet::Member;
use phonehome_planner::{Limits, Step};
use phonehome_wire::Region;

use crate::progress::Reconciled;
use crate::provision::Job;

/// What may be done in an account and Region without being asked: less in a VPC that others have built
/// and use.
pub fn usual_limits(member: &Member, region: &Region) -> Limits {
    let adopts = member.adopt.as_ref().is_some_and(|adoption| adoption.region == *region);
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
        let mut outcomes = applied.outcomes.iter().filter(|(address, _)| *address == step.address);
        outcomes.any(|(_, outcome)| match outcome {
            StepOutcome::Done(_) => true,
            StepOutcome::Waiting(error) => error.class() == Class::Transient,
            _ => false,
        })
    };
    limits.minus(Limits::used(plan.steps.iter().filter(is_used)))
}
