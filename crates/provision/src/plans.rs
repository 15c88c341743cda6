//! What would be done in many stacks.

use futures_util::stream::{self, StreamExt as _};
use phonehome_cloud::WallClock;
use phonehome_cloud::table::{Table, TableError};
use phonehome_planner::Plan;

use crate::provision::{Job, Provision};
use crate::{CannotPlan, Members};

/// How many stacks are observed at once. Each has limits of its own at AWS; this bounds memory and
/// connections here.
pub const STACKS_AT_ONCE: usize = 16;

impl<T: Table, M: Members, C: WallClock + Clone> Provision<T, M, C> {
    /// What [`Provision::reconcile`] would do now in each of these stacks, in their order, with the addresses that
    /// they would claim one after the other. Changes nothing. `known` is told of each when it is known, with its
    /// place among the jobs.
    ///
    /// # Errors
    /// [`TableError`] when the ledger cannot be read; for each stack [`CannotPlan`].
    pub async fn previews(
        &self,
        jobs: &[Job<'_>],
        known: impl Fn(usize, &Result<Plan, CannotPlan>),
    ) -> Result<Vec<Result<Plan, CannotPlan>>, TableError> {
        let (claims, known) = (self.expected_claims(jobs).await?, &known);
        let previews = jobs.iter().zip(claims).enumerate().map(|(place, (job, claim))| async move {
            let plan = match claim {
                Ok(claim) => self.preview(job, &claim).await,
                Err(refused) => Err(refused),
            };
            known(place, &plan);
            plan
        });
        Ok(stream::iter(previews).buffered(STACKS_AT_ONCE).collect().await)
    }
}
