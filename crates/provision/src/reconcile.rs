//! One account in one Region: claim, look, plan, apply, say how far it is.

use crate::CannotPlan;
use crate::cloudtrail::ApiCall;
use phonehome_cloud::table::{Table, TableError};
use phonehome_cloud::{Class, CloudError};
use phonehome_cloud::{SystemClock, WallClock};
use phonehome_executor::{Applied, Executor, StackApi};
use phonehome_fleet::{AddressPool, Fleet, Member};
use phonehome_network::{Inventory, Kind, Tagged as _};
use phonehome_planner::{Home, Limits, Plan, ProbeSpec, Readiness, StackSpec, plan, render};
use phonehome_state::{Claim, Keys, LedgerError, SeenVpc, claim, peek, record_seen};
use phonehome_state::{Phase, StackStatus};

use crate::drift::digest;
use crate::lease::Leased;
use crate::limits::{left, limits};
use crate::notices::failed;
use crate::seen::{
    asked_for_peerings, collision, makes_nat_gateway, note_full, note_seen, unanswered, with_history,
};
use crate::{Members, Notified, Published};

/// Brings stacks to what is declared.
#[derive(Debug)]
pub struct Provision<T, M, C = SystemClock> {
    /// Where state is kept.
    pub table: T,
    /// The way into member accounts.
    pub members: M,
    /// How long a changed stack is left alone, in milliseconds: [`crate::COOLDOWN_MS`] on AWS. What EC2 was
    /// just told may not be visible yet, and whoever observes then would make it again.
    pub cooldown_ms: u64,
    /// What time it is.
    pub clock: C,
}

/// One stack to work on.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The fleet in force.
    pub fleet: &'a Fleet,
    /// The member that the account is.
    pub member: &'a Member,
    /// The account's 12-digit id.
    pub account: &'a str,
    /// The Region.
    pub region: &'a str,
    /// What may be taken away or disturbed; `None`: what a sweep may do.
    pub limits: Option<Limits>,
    /// The version whose permission counts, for a function; `None`: a person does it, and no hourly limit
    /// counts.
    pub published: Option<Published<'a>>,
}

/// How far a stack has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StackProgress {
    /// As declared.
    Converged,
    /// Observe again later.
    Later {
        /// Why, for people.
        reason: String,
        /// What kind of thing it waits for: it says how soon to observe again, and for how long.
        class: Class,
    },
    /// Trying again does not help; for people.
    Failed(String),
}

impl StackProgress {
    pub(crate) fn later(reason: impl ToString, class: Class) -> Self {
        Self::Later { reason: reason.to_string(), class }
    }
}

/// What came of one observation of a stack.
#[derive(Debug)]
pub struct Reconciled {
    /// How far it is.
    pub progress: StackProgress,
    /// What was planned, when it came to that.
    pub plan: Option<Plan>,
    /// What became of the plan's steps, when it came to that.
    pub applied: Option<Applied>,
    /// The ids of accounts that should be observed because of this: the other ends of peerings.
    pub requeue_peers: Vec<String>,
    /// Nothing was observed, as another executor has the stack.
    pub busy: bool,
    /// What the job's limits still allow in a further observation: what was allowed was allowed once.
    pub limits_left: Limits,
}

impl Reconciled {
    pub(crate) fn only(progress: StackProgress) -> Self {
        Self {
            progress,
            plan: None,
            applied: None,
            requeue_peers: vec![],
            busy: false,
            limits_left: Limits::NONE,
        }
    }

    /// Another executor has the stack, or it is left alone after a change.
    pub(crate) fn busy() -> Self {
        let progress =
            StackProgress::later("another executor works on this stack", Class::EventuallyConsistent);
        Self { busy: true, ..Self::only(progress) }
    }
}

impl<T: Table, M: Members, C: WallClock + Clone> Provision<T, M, C> {
    /// Brings one stack as far as it can be brought now.
    ///
    /// # Errors
    /// [`TableError`] when the state could not be read or written.
    pub async fn reconcile(&self, job: &Job<'_>) -> Result<Reconciled, TableError> {
        let reconciled = self.observed(job).await?;
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
        let before = leased.status.clone();
        let spec = match self.spec(job, claim.cidr, Some(&leased.status)).await {
            Err(CannotPlan::Table(error)) => return Err(error),
            spec => spec,
        };
        let reconciled = match &spec {
            Ok(spec) => self.work(job, spec, &mut leased).await?,
            Err(unfit) => Reconciled::only(StackProgress::Failed(unfit.to_string())),
        };
        let changed = reconciled.plan.as_ref().is_some_and(|plan| !plan.steps.is_empty());
        match &spec {
            // From a terminal without the probe's code, half of the stack was not observed.
            Ok(spec) if reconciled.progress == StackProgress::Converged && spec.probe.is_some() => {
                leased.status.converged_spec = Some(digest(spec));
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
        match self.write_notified(job.account, job.region, None, notify).await {
            // Somebody else says it.
            Err(TableError::Conflict { .. }) => Ok(()),
            other => other,
        }
    }

    /// The addresses that [`Provision::reconcile`] would claim for an account or has claimed, if those
    /// of `also` were claimed already. Writes nothing.
    ///
    /// # Errors
    /// [`CannotPlan`]
    pub async fn expected_claim(&self, job: &Job<'_>, also: &[Claim]) -> Result<Claim, CannotPlan> {
        let adoption = job.member.adopt.as_ref().filter(|adoption| adoption.region == job.region);
        if let Some(adoption) = adoption {
            return Ok(self.expected_adoption(job, &adoption.vpc_id).await?);
        }
        let pools: Vec<&AddressPool> = job.fleet.pools_for(&job.member.environment, job.region).collect();
        let claim = peek(&self.table, &pools, job.account, job.region, also, self.clock.now_ms()).await;
        Ok(claim.map_err(NoClaim::from)?)
    }

    /// What [`Provision::reconcile`] would do now. Changes nothing.
    ///
    /// # Errors
    /// [`CannotPlan`]
    pub async fn preview(&self, job: &Job<'_>, claim: &Claim) -> Result<Plan, CannotPlan> {
        let known = self.known(job).await?;
        let spec = self.spec(job, claim.cidr, known.as_ref()).await?;
        let known_vpc = known.and_then(|status| status.vpc_id);
        let stack = self.members.open(&spec, known_vpc.as_deref()).await?;
        let mut inventory = stack.observe(&spec.kinds()).await?;
        if self.is_blind_to_peers(&spec).await? {
            inventory.unseen.insert(Kind::Peering);
        }
        let plan = plan(&spec, &inventory, &limits(job))?;
        collision(&spec, &inventory, &plan).map_or(Ok(plan), |found| Err(CannotPlan::Collision(found)))
    }

    /// Returns also which peers to requeue. Never fails but for the table: what goes wrong in the account is
    /// progress, or the lack of it.
    async fn work(
        &self,
        job: &Job<'_>,
        spec: &StackSpec,
        leased: &mut Leased<C>,
    ) -> Result<Reconciled, TableError> {
        let stack = match self.members.open(spec, leased.status.vpc_id.as_deref()).await {
            Ok(stack) => stack,
            Err(error) => return Ok(leased.refused(error)),
        };
        leased.seen_ms = self.clock.now_ms();
        let mut inventory = match stack.observe(&spec.kinds()).await {
            Ok(inventory) => inventory,
            Err(error) => return Ok(leased.refused(error)),
        };
        leased.inventory = Some(inventory.clone());
        if self.is_blind_to_peers(spec).await? {
            inventory.unseen.insert(Kind::Peering);
        }
        self.note(spec, &inventory).await?;
        let plan = match self.permitted_plan(job, spec, &inventory).await {
            Ok(plan) => plan,
            // Soon after a change, a part of it may be visible before what it is in.
            Err(CannotPlan::Plan(half_seen))
                if matches!(leased.status.phase, Phase::Claimed | Phase::Waiting) =>
            {
                return Ok(Reconciled::only(StackProgress::later(half_seen, Class::EventuallyConsistent)));
            }
            Err(impossible) => return Ok(Reconciled::only(impossible.progress()?)),
        };
        if let Some(collision) = collision(spec, &inventory, &plan) {
            return Ok(Reconciled::only(StackProgress::Failed(collision)));
        }
        let plan = match self.within_the_hour(job, spec, &inventory, plan).await {
            Ok(plan) => plan,
            Err(impossible) => return Ok(Reconciled::only(impossible.progress()?)),
        };
        self.note_inputs(spec, &inventory, &plan).await?;
        let mut requeue_peers = note_seen(spec, &plan, &mut leased.status);
        requeue_peers.extend(unanswered(spec, &inventory, &plan));
        // A peer that is not there yet may take days to come; it requeues this account when it is.
        let waits_for_peers = plan.waits.iter().all(|wait| wait.holds_up == Readiness::Connections);
        if plan.steps.is_empty() && waits_for_peers {
            tracing::info!(account = spec.account, region = spec.region, "no changes: as declared");
            return Ok(Reconciled {
                plan: Some(plan),
                requeue_peers,
                ..Reconciled::only(StackProgress::Converged)
            });
        }
        tracing::info!(account = spec.account, region = spec.region, plan = render::text(&plan), "plan");
        // Every plan begins with full buckets: the time a changed stack is left alone refills them.
        let applied = Executor::new().apply(&stack, &plan, &leased.work_time).await;
        self.converge_permission(job, &plan, &applied).await?;
        if applied.done() == plan.steps.len() {
            let waits_for = |what| plan.waits.iter().any(|wait| wait.holds_up == what);
            leased.status.network_ready = !waits_for(Readiness::Network);
            leased.status.egress_ready =
                leased.status.network_ready && !waits_for(Readiness::Egress) && !makes_nat_gateway(&plan);
        }
        requeue_peers.extend(asked_for_peerings(&inventory, &plan, &applied));
        let progress = after(&plan, &applied);
        Ok(Reconciled {
            plan: Some(plan),
            applied: Some(applied),
            requeue_peers,
            ..Reconciled::only(progress)
        })
    }

    /// The addresses of the account: what it holds, or a block claimed now, or the addresses of the VPC
    /// it is to adopt.
    async fn claim(&self, job: &Job<'_>) -> Result<Claim, NoClaim> {
        let adoption = job.member.adopt.as_ref().filter(|adoption| adoption.region == job.region);
        if let Some(adoption) = adoption {
            return self.claim_adopted(job, &adoption.vpc_id).await;
        }
        self.observe_before_claiming(job).await.map_err(NoClaim::Table)?;
        let pools: Vec<&AddressPool> = job.fleet.pools_for(&job.member.environment, job.region).collect();
        Ok(claim(&self.table, &pools, job.account, job.region, self.clock.now_ms()).await?)
    }

    /// Notes which VPCs an account has that holds no block yet, so that it is given none which collides
    /// with them. One that cannot be entered yet is new, and has only default VPCs.
    async fn observe_before_claiming(&self, job: &Job<'_>) -> Result<(), TableError> {
        if self.table.get(&Keys::holder(job.account, job.region)).await?.is_some() {
            return Ok(());
        }
        let spec = StackSpec::bare(job.account, &job.member.account_name, job.region);
        let Ok(stack) = self.members.open(&spec, None).await else { return Ok(()) };
        let Ok(inventory) = stack.observe(&[Kind::Vpc]).await else { return Ok(()) };
        self.note(&spec, &inventory).await
    }

    /// The stack as declared.
    ///
    /// # Errors
    /// [`CannotPlan`]
    async fn spec(
        &self,
        job: &Job<'_>,
        cidr: ipnet::Ipv4Net,
        status: Option<&StackStatus>,
    ) -> Result<StackSpec, CannotPlan> {
        let generation = status.map_or(0, |status| status.generation);
        let probe = self.members.probe(job.account, job.region).map(|probe| ProbeSpec {
            checks: job.fleet.checks_for(job.member, job.region),
            generation,
            ..probe
        });
        let home = Home { account: job.account.to_owned(), region: job.region.to_owned(), cidr };
        let links = self.links(job).await?;
        Ok(with_history(StackSpec::of(job.fleet, job.member, home, probe, links)?, status))
    }

    /// Notes which VPCs there are, so that the ledger gives nobody their addresses.
    pub(crate) async fn note(&self, spec: &StackSpec, inventory: &Inventory) -> Result<(), TableError> {
        let vpcs: Vec<SeenVpc> = inventory
            .own(&spec.account)
            .vpcs
            .iter()
            .map(|vpc| SeenVpc {
                account: spec.account.clone(),
                region: spec.region.clone(),
                vpc_id: vpc.id.clone(),
                cidrs: vpc.cidrs.clone(),
                ours: vpc.address().is_some(),
                is_default: vpc.is_default,
            })
            .collect();
        record_seen(&self.table, &spec.account, &spec.region, &vpcs, self.clock.now_ms()).await.map(|_| ())
    }
}

/// Why an account has no addresses.
#[derive(Debug)]
pub(crate) enum NoClaim {
    Table(TableError),
    StackProgress(StackProgress),
}

impl From<LedgerError> for NoClaim {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Table(error) => Self::Table(error),
            LedgerError::Contended => Self::StackProgress(StackProgress::later(error, Class::Conflict)),
            refused => Self::StackProgress(StackProgress::Failed(refused.to_string())),
        }
    }
}

impl From<NoClaim> for CannotPlan {
    fn from(none: NoClaim) -> Self {
        match none {
            NoClaim::Table(error) => Self::Table(error),
            other => Self::NoAddresses(other.to_string()),
        }
    }
}

impl std::fmt::Display for NoClaim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Table(error) => error.fmt(f),
            Self::StackProgress(StackProgress::Later { reason, .. } | StackProgress::Failed(reason)) => {
                f.write_str(reason)
            }
            Self::StackProgress(StackProgress::Converged) => Ok(()),
        }
    }
}

/// What an error of looking means.
pub(crate) fn judge(error: &CloudError) -> StackProgress {
    match error.class() {
        // A role's policies reach AWS's services minutes after the role itself, so denied is not ready
        // until it has lasted.
        class @ (Class::AccountNotReady | Class::Denied) => StackProgress::later(
            format!(
                "the account is not ready: {error}. If this lasts, check that the StackSet of \
                 infra/member-role.yaml covers it"
            ),
            class,
        ),
        Class::Invalid => StackProgress::Failed(error.to_string()),
        class => StackProgress::later(error, class),
    }
}

/// How far a stack is after a plan was applied. Done is not converged: the next observation decides that.
pub(crate) fn after(plan: &Plan, applied: &Applied) -> StackProgress {
    if let Some((address, error)) = applied.failure() {
        return StackProgress::Failed(format!("{address}: {error}"));
    }
    if let Some(stale) = applied.stale() {
        return StackProgress::later(stale, Class::Conflict);
    }
    if let Some((address, error)) = applied.waiting() {
        return StackProgress::later(format!("{address}: {error}"), error.class());
    }
    match plan.waits.first() {
        Some(wait) => StackProgress::later(
            format!("{} {}: {}", wait.address, wait.id, wait.what),
            Class::EventuallyConsistent,
        ),
        None => StackProgress::later(
            format!("{} steps done, to be looked at again", applied.done()),
            Class::EventuallyConsistent,
        ),
    }
}
