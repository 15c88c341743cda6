//! Which version of the fleet file a stack has.

use phonehome_planner::StackSpec;
use phonehome_state::StackStatus;
use phonehome_wire::AccountId;

use crate::digest::digest;
use crate::provision::Job;

/// The version that a stack has which is as this spec declares. What a person made from a terminal is no version, unless
/// it is what was there before.
pub(crate) fn version(job: &Job<'_>, spec: &StackSpec, before: &StackStatus) -> u64 {
    match &job.published {
        Some(published) => published.number,
        None if before.converged_spec == Some(digest(spec)) => before.version,
        None => 0,
    }
}

/// The accounts at the other ends of its connections, when a stack has got a version that is being rolled out: what of
/// that both have is there from now on.
pub(crate) fn waiting_for_version(job: &Job<'_>, spec: &StackSpec, before: &StackStatus) -> Vec<AccountId> {
    let is_news = |number| before.version != number;
    match &job.published {
        Some(published) if published.is_rolled_out && is_news(published.number) => {
            spec.links.iter().filter_map(|link| link.peer_account.clone()).collect()
        }
        _ => vec![],
    }
}
