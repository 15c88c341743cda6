//! One account in one Region: claim, look, plan, apply, say how far it is.

use crate::CannotPlan;
use crate::claim::NoClaim;
use crate::progress::{Reconciled, StackProgress, after};
use crate::provision::{Job, Provision};
use futures_util::future::join;
use phonehome_cloud::WallClock;
use phonehome_cloud::table::{Table, TableError};
use phonehome_executor::{Executor, StackApi as _};
use phonehome_network::{Inventory, Kind};
use phonehome_planner::{Home, Plan, ProbeSpec, Readiness, StackSpec, plan, render};
use phonehome_state::{ApiCall, Notified};
use phonehome_state::{Claim, StackStatus};
use tracing::Instrument as _;

use crate::Members;
use crate::digest::digest;
use crate::lease::Leased;
use crate::limits::{left, limits};
use crate::look::{Look, Looked};
use crate::notices::failed;
use crate::seen::{
    asked_for_peerings, collision, makes_nat_gateway, note_full, note_seen, unanswered, with_history,
};
use crate::template::{forget_when_denied, outdated};
use crate::version::{version, waiting_for_version};

impl<T: Table, M: Members, C: WallClock + Clone> Provision<T, M, C> {
    /// Brings one stack as far as it can be brought now.
    ///
    /// # Errors
    /// [`TableError`] when the state could not be read or written.
    pub async fn reconcile(&self, job: &Job<'_>) -> Result<Reconciled, TableError> {
        let (account, region) = (job.account.as_str(), job.region.as_str());
        let generation = tracing::field::Empty;
        let span = tracing::info_span!("stack", account, region, generation);
        let reconciled = self.observed(job).instrument(span).await?;
        Ok(Reconciled { limits_left: left(limits(job), &reconciled), ..reconciled })
    }

    async fn observed(&self, job: &Job<'_>) -> Result<Reconciled, TableError> {
        let claim = match self.claim(job).await {
            Ok(claim) => claim,
            Err(NoClaim::Table(error)) => return Err(error),
            Err(NoClaim::StackProgress(progress)) => {
                self.notify_failure(job, &progress).await?;
                return Ok(Reconciled::only(progress));
            }
        };
        let Some(mut leased) = self.lease(job, &claim).await? else {
            return Ok(Reconciled::busy());
        };
        tracing::Span::current().record("generation", leased.status.generation);
        let before = leased.status.clone();
        let spec = match self.spec(job, claim.cidr, Some(&leased.status)).await {
            Err(CannotPlan::Table(error)) => return Err(error),
            spec => spec,
        };
        let mut reconciled = match &spec {
            Ok(spec) => self.work(job, spec, &mut leased).await?,
            Err(unfit) => Reconciled::only(StackProgress::Failed(unfit.to_string())),
        };
        let changed = reconciled.plan.as_ref().is_some_and(|plan| !plan.steps.is_empty());
        match &spec {
            // From a terminal without the probe's code, half of the stack was not observed.
            Ok(spec) if reconciled.progress == StackProgress::Converged && spec.probe.is_some() => {
                leased.status.version = version(job, spec, &before);
                leased.status.converged_spec = Some(digest(spec));
                reconciled.requeue_peers.extend(waiting_for_version(job, spec, &before));
            }
            _ => {}
        }
        if let (Ok(spec), Some(plan)) = (&spec, &reconciled.plan) {
            note_full(spec, plan, &mut leased.status.full_spec);
        }
        let watched = spec.as_ref().is_ok_and(|spec| spec.probe.is_some());
        let declared = (spec.as_ref().ok(), &before);
        self.release_lease(job, declared, leased, &reconciled, (changed, watched)).await?;
        Ok(reconciled)
    }

    /// Says of a stack that it failed before there was one.
    async fn notify_failure(&self, job: &Job<'_>, progress: &StackProgress) -> Result<(), TableError> {
        let notify = |notified: Option<Notified>, _: &[ApiCall]| {
            let mut notified = notified.unwrap_or_default();
            let outgoing = failed(&mut notified, job, progress, self.clock.now_ms());
            (notified, outgoing.into_iter().collect())
        };
        if !matches!(progress, StackProgress::Failed(_)) {
            return Ok(());
        }
        match self.write_notified(&job.stack(), None, notify).await {
            // Somebody else says it.
            Err(TableError::Conflict { .. }) => Ok(()),
            other => other,
        }
    }

    /// What [`Provision::reconcile`] would do now. Changes nothing.
    ///
    /// # Errors
    /// [`CannotPlan`]
    pub async fn preview(&self, job: &Job<'_>, claim: &Claim) -> Result<Plan, CannotPlan> {
        let known = self.known(job).await?;
        let spec = self.spec(job, claim.cidr, known.as_ref()).await?;
        let (known_vpc, mut template) =
            known.map(|status| (status.vpc_id, status.member_template)).unwrap_or_default();
        let stack = self.members.open(&spec, known_vpc.as_deref()).await?;
        let mut inventory = stack.observe(&spec.kinds()).await?;
        if self.is_blind_to_peers(&spec).await? {
            inventory.unseen.insert(Kind::Peering);
        }
        let plan = plan(&spec, &inventory, &limits(job))?;
        if let Some(found) = collision(&spec, &inventory, &plan) {
            return Err(CannotPlan::Collision(found));
        }
        Ok(self.within_template(&stack, plan, &mut template).await?)
    }

    /// Returns also which peers to requeue. Never fails but for the table: what goes wrong in the account is
    /// progress, or the lack of it.
    async fn work(
        &self,
        job: &Job<'_>,
        spec: &StackSpec,
        leased: &mut Leased<C>,
    ) -> Result<Reconciled, TableError> {
        let opened = self.members.open(spec, leased.status.vpc_id.as_deref());
        let (known, stack) = join(self.spared(job, spec, &leased.status), opened).await;
        let (known, stack) = match stack {
            Ok(stack) => (known?, stack),
            Err(error) => return Ok(leased.refused(error)),
        };
        leased.seen_ms = self.clock.now_ms();
        let Looked { inventory, plan, is_whole } = match self.look(job, spec, &stack, known, leased).await? {
            Look::At(looked) => *looked,
            Look::Over(reconciled) => return Ok(*reconciled),
        };
        let plan = match self.bound(job, &stack, (spec, &inventory), plan, leased).await {
            Ok(plan) => plan,
            Err(impossible) => return Ok(Reconciled::only(impossible.progress()?)),
        };
        // What was not read was noted when it was.
        if is_whole {
            self.note_inputs(spec, &inventory, &plan).await?;
        }
        let mut requeue_peers = note_seen(spec, &plan, &mut leased.status);
        requeue_peers.extend(unanswered(spec, &inventory, &plan));
        // A peer that is not there yet may take days to come; it requeues this account when it is.
        let waits_for_peers = plan.waits.iter().all(|wait| wait.holds_up == Readiness::Connections);
        let (account, region) = (spec.account.as_str(), spec.region.as_str());
        if plan.steps.is_empty() && waits_for_peers {
            tracing::info!(account, region, "no changes");
            let outdated = outdated(&plan, &leased.status, self.clock.now_ms());
            let progress = outdated.unwrap_or(StackProgress::Converged);
            return Ok(Reconciled { plan: Some(plan), requeue_peers, ..Reconciled::only(progress) });
        }
        tracing::info!(account, region, plan = render::text(&plan), "plan");
        // Every plan begins with full buckets: the time a changed stack is left alone refills them.
        let applied = Executor::new().apply(&stack, &plan, &leased.work_time).await;
        self.converge_permission(job, &plan, &applied).await?;
        forget_when_denied(&applied, &mut leased.status);
        if applied.done() == plan.steps.len() {
            let waits_for = |what| plan.waits.iter().any(|wait| wait.holds_up == what);
            leased.status.network_ready = !waits_for(Readiness::Network);
            leased.status.egress_ready =
                leased.status.network_ready && !waits_for(Readiness::Egress) && !makes_nat_gateway(&plan);
        }
        requeue_peers.extend(asked_for_peerings(&inventory, &plan, &applied));
        let progress = without_code(spec, &inventory).unwrap_or_else(|| after(&plan, &applied));
        Ok(Reconciled {
            plan: Some(plan),
            applied: Some(applied),
            requeue_peers,
            ..Reconciled::only(progress)
        })
    }

    /// The stack as declared.
    ///
    /// # Errors
    /// [`CannotPlan`]
    pub(crate) async fn spec(
        &self,
        job: &Job<'_>,
        cidr: ipnet::Ipv4Net,
        status: Option<&StackStatus>,
    ) -> Result<StackSpec, CannotPlan> {
        let generation = status.map_or(0, |status| status.generation);
        let probe = self.probe(job).await?.map(|probe| ProbeSpec {
            checks: job.fleet.checks_for(job.member, job.region),
            generation,
            ..probe
        });
        let home = Home { account: job.account.clone(), region: job.region.clone(), cidr };
        let links = self.links(job).await?;
        Ok(with_history(StackSpec::of(job.fleet, job.member, home, probe, links)?, status))
    }
}

/// That probes are without their code, which nobody has at hand: to look again does not mend it.
fn without_code(spec: &StackSpec, inventory: &Inventory) -> Option<StackProgress> {
    spec.lacks_code(inventory).map(|problem| StackProgress::Failed(problem.to_owned()))
}
