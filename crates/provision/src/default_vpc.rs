//! A new account's default VPCs: one in each Region that is enabled.

use futures_util::stream::{self, StreamExt as _};
use phonehome_cloud::WallClock;
use phonehome_cloud::table::{Doc, Table, TableError, Write};
use phonehome_cloud::{Class, CloudError};
use phonehome_executor::{Executor, StackApi as _};
use phonehome_fleet::DefaultVpcs as Wanted;
use phonehome_planner::{Limits, StackSpec, default_vpc_kinds, plan_default_vpc_removal};
use phonehome_state::{DefaultVpcs, Keys};
use phonehome_wire::{Region, StackId};

use crate::Members;
use crate::progress::{StackProgress, after, judge};
use crate::provision::{Job, Provision};
use crate::time::WorkTime;

/// What may be taken away in one Region: the VPC with its gateway, subnets (6 at most), routes and
/// what else AWS puts there.
const LIMITS: Limits = Limits { deletions: 30, ..Limits::DECOMMISSION };

/// How many Regions are worked on at once. Each takes some 20 calls in 5 rounds, and a function has 60 s
/// for all 17 that every account has.
const REGIONS_MAX: usize = 6;

impl<T: Table, M: Members, C: WallClock + Clone> Provision<T, M, C> {
    /// Takes away the default VPCs of an account, in every Region that is enabled in it, as far as that
    /// can be done now. Regions that are done are noted and not observed again.
    ///
    /// # Errors
    /// [`TableError`]
    pub async fn remove_default_vpcs(&self, job: &Job<'_>) -> Result<StackProgress, TableError> {
        let environment = job.fleet.environment(&job.member.environment);
        if environment.is_none_or(|environment| environment.default_vpcs == Wanted::Keep) {
            return Ok(StackProgress::Converged);
        }
        let key = Keys::default_vpcs(job.account);
        let doc = self.table.get(&key).await?;
        let mut done = doc.as_ref().map(Doc::read::<DefaultVpcs>).transpose()?.unwrap_or_default();
        if done.finished {
            return Ok(StackProgress::Converged);
        }
        let regions = match self.members.regions(&job.stack()).await {
            Ok(regions) => regions,
            Err(error) => return Ok(judge(&error)),
        };
        let is_done = |region: &Region| {
            done.removed.contains(region) || done.kept.iter().any(|(kept, _)| kept == region)
        };
        let left: Vec<Region> = regions.into_iter().filter(|region| !is_done(region)).collect();
        let removals = left.into_iter().map(|region| async move {
            let removed = self.remove_default_vpc(job, &region).await;
            (region, removed)
        });
        let removals: Vec<_> = stream::iter(removals).buffer_unordered(REGIONS_MAX).collect().await;
        let mut progress = StackProgress::Converged;
        for (region, removed) in removals {
            match removed {
                Removed::Yes => done.removed.push(region),
                Removed::Kept(reason) => done.kept.push((region, reason)),
                Removed::EventuallyConsistent(later) => progress = later,
            }
        }
        done.finished = progress == StackProgress::Converged;
        let write = Write::over(doc.as_ref(), key, &done);
        match self.table.write(vec![write]).await {
            // Somebody else does the same; the next observation sees what is left.
            Err(TableError::Conflict { .. }) => {
                Ok(StackProgress::later("another executor removes default VPCs", Class::Conflict))
            }
            other => other.map(|()| progress),
        }
    }

    async fn remove_default_vpc(&self, job: &Job<'_>, region: &Region) -> Removed {
        let adoption = job.member.adopt.as_ref().filter(|adoption| adoption.region == *region);
        // It may not be tagged yet, and nothing else tells it from one that nobody wants.
        let adopt = adoption.map(|adoption| adoption.vpc_id.clone());
        let spec = StackSpec {
            adopt,
            ..StackSpec::bare(&StackId::new(job.account, region), &job.member.account_name)
        };
        let inventory = match self.members.open(&spec, None).await {
            Ok(stack) => stack.observe(default_vpc_kinds()).await.map(|inventory| (stack, inventory)),
            Err(error) => Err(error),
        };
        let (stack, inventory) = match inventory {
            Ok(seen) => seen,
            Err(error) => return refused(&error),
        };
        let plan = match plan_default_vpc_removal(&spec, &inventory, &LIMITS) {
            Ok(plan) => plan,
            Err(blind) => return Removed::Kept(blind.to_string()),
        };
        if let Some(held) = plan.withheld.first() {
            return Removed::Kept(format!("{}: {}", held.id, held.reason));
        }
        if plan.steps.is_empty() {
            return Removed::Yes;
        }
        // Nobody has a lease on these; nothing is made, and what is gone already counts as done.
        let work_time = WorkTime::of(self.clock.clone(), self.clock.now_ms(), 0);
        let applied = Executor::new().apply(&stack, &plan, &work_time).await;
        if applied.done() == plan.steps.len() {
            tracing::info!(account = job.account.as_str(), region = region.as_str(), "default VPC removed");
            return Removed::Yes;
        }
        match after(&plan, &applied) {
            StackProgress::Failed(reason) => Removed::Kept(reason),
            later => Removed::EventuallyConsistent(later),
        }
    }
}

enum Removed {
    Yes,
    Kept(String),
    EventuallyConsistent(StackProgress),
}

/// A Region that a policy of the organization closes is left as it is; nobody can use it.
fn refused(error: &CloudError) -> Removed {
    match error.class() {
        _ if error.is_forbidden() => Removed::Kept(format!("a policy forbids it: {error}")),
        Class::Invalid => Removed::Kept(error.to_string()),
        _ => Removed::EventuallyConsistent(judge(error)),
    }
}
