//! One account, in every Region of the fleet: look, plan, apply, say how far it is.

use std::collections::BTreeMap;

use phonehome_aws::executor::{Applied, StackApi, StepOutcome, apply};
use phonehome_aws::table::{Doc, Expect, Table, TableError, Write};
use phonehome_aws::{AwsError, Class, Queue};
use phonehome_fleet::{AddressPool, Fleet, Member};
use phonehome_network::{Phase, Plan, ProbeSpec, StackSpec, StackStatus, plan, render_text};
use phonehome_runtime::now_ms;
use phonehome_state::{Claim, Keys, LedgerError, claim};

use crate::handler::Provisioner;
use crate::members::Members;

/// How long a stack belongs to the invocation that works on it: longer than the function's time
/// limit (60 s), so that two never work on one stack; after it a crashed one's work is taken over.
const LEASE_MS: u64 = 90_000;

/// How far a stack has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// As declared.
    Settled,
    /// Look again later, for this reason.
    Later(String),
    /// Trying again does not help; for people.
    Failed(String),
}

/// One stack to work on.
pub(crate) struct Job<'a> {
    pub(crate) fleet: &'a Fleet,
    pub(crate) member: &'a Member,
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
}

impl<T: Table, Q: Queue, O, M: Members> Provisioner<T, Q, O, M> {
    /// Brings one stack as far as it can be brought now.
    ///
    /// # Errors
    /// [`TableError`] when the state could not be read or written.
    pub(crate) async fn reconcile(&self, job: &Job<'_>) -> Result<Progress, TableError> {
        let pools: Vec<&AddressPool> = job.fleet.pools_for(&job.member.environment, job.region).collect();
        let claim = match claim(&self.table, &pools, job.account, job.region, now_ms()).await {
            Ok(claimed) => claimed,
            Err(LedgerError::Table(error)) => return Err(error),
            Err(LedgerError::Contended) => return Ok(Progress::Later(LedgerError::Contended.to_string())),
            Err(refused) => return Ok(Progress::Failed(refused.to_string())),
        };
        let Some((mut status, expect)) = self.lease(job, &claim).await? else {
            return Ok(Progress::Later("another invocation works on this stack".to_owned()));
        };
        let probe = self.probe_spec(job, &status);
        let (progress, changed) =
            match StackSpec::of(job.fleet, job.member, job.account, job.region, claim.cidr, probe) {
                Ok(spec) => self.work(&spec, &mut status).await,
                Err(unfit) => (Progress::Failed(unfit.to_string()), false),
            };
        self.release(status, expect, &progress, changed).await?;
        Ok(progress)
    }

    fn probe_spec(&self, job: &Job<'_>, status: &StackStatus) -> ProbeSpec {
        ProbeSpec {
            checks: job.fleet.checks_for(job.member, job.region),
            generation: status.generation,
            ..self.members.probe(job.account, job.region)
        }
    }

    /// Takes the stack for this invocation; `None` when another one has it.
    async fn lease(&self, job: &Job<'_>, claim: &Claim) -> Result<Option<(StackStatus, Expect)>, TableError> {
        let key = Keys::stack(job.account, job.region);
        let doc = self.table.get(&key).await?;
        let now_ms = now_ms();
        let mut status = match doc.as_ref().map(Doc::read::<StackStatus>).transpose()? {
            Some(status) if status.leased_until_ms > now_ms => return Ok(None),
            Some(status) => status,
            None => new_status(job, now_ms),
        };
        status.pool.clone_from(&claim.pool);
        status.cidr = claim.cidr;
        status.account_name.clone_from(&job.member.account_name);
        status.availability_zones =
            job.fleet.region(job.region).map(|region| region.availability_zones.clone()).unwrap_or_default();
        status.generation += 1;
        status.leased_until_ms = now_ms + LEASE_MS;
        let expect = Expect::unchanged(doc.as_ref());
        match self.table.write(vec![Write::put(key, expect, &status)]).await {
            Ok(()) => Ok(Some((status, expect.after_write()))),
            Err(TableError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes what was seen and gives the stack free. An invocation that lost its lease is refused.
    async fn release(
        &self,
        mut status: StackStatus,
        expect: Expect,
        progress: &Progress,
        changed: bool,
    ) -> Result<(), TableError> {
        status.updated_at_ms = now_ms();
        // What was just made may not be seen yet, and whoever looks now would make it again.
        status.leased_until_ms = if changed { status.updated_at_ms + self.settling_ms() } else { 0 };
        (status.phase, status.message) = match progress {
            Progress::Settled => (Phase::Ready, "as declared".to_owned()),
            Progress::Later(reason) => (Phase::Waiting, reason.clone()),
            Progress::Failed(reason) => (Phase::Failed, reason.clone()),
        };
        if status.phase == Phase::Ready {
            let StackStatus { availability_zones, ready_since_ms, updated_at_ms, .. } = &mut status;
            ready_since_ms.retain(|zone, _| availability_zones.contains(zone));
            for zone in availability_zones {
                ready_since_ms.entry(zone.clone()).or_insert(*updated_at_ms);
            }
        }
        let key = Keys::stack(&status.account, &status.region);
        self.table.write(vec![Write::put(key, expect, &status)]).await
    }

    /// Answers also whether anything may have been changed.
    async fn work(&self, spec: &StackSpec, status: &mut StackStatus) -> (Progress, bool) {
        let stack = match self.members.open(spec).await {
            Ok(stack) => stack,
            Err(error) => return (judge(&error), false),
        };
        let inventory = match stack.observe().await {
            Ok(inventory) => inventory,
            Err(error) => return (judge(&error), false),
        };
        let plan = match plan(spec, &inventory) {
            Ok(plan) => plan,
            Err(impossible) => return (Progress::Failed(impossible.to_string()), false),
        };
        (status.network_ready, status.egress_ready) = (plan.network_ready(), plan.is_settled());
        if plan.is_settled() {
            tracing::info!(account = spec.account, region = spec.region, "no changes: as declared");
            return (Progress::Settled, false);
        }
        tracing::info!(account = spec.account, region = spec.region, plan = render_text(&plan), "plan");
        let applied = apply(&stack, &plan).await;
        self.tell(spec, &applied);
        (after(&plan, &applied), !plan.steps.is_empty())
    }

    /// How long a changed stack is left alone: three quarters of the shortest delay before the next
    /// look at it, 15 s by default.
    fn settling_ms(&self) -> u64 {
        u64::from(self.requeue_delay_s) * 750
    }

    /// Notes on an account's stack, if it has one, that the account is closed or has left: its
    /// probes are no longer expected to report. What it holds is kept.
    ///
    /// # Errors
    /// [`TableError`] when the state could not be read or written.
    pub(crate) async fn gone(&self, account: &str, region: &str) -> Result<(), TableError> {
        let key = Keys::stack(account, region);
        let Some(doc) = self.table.get(&key).await? else { return Ok(()) };
        let mut status: StackStatus = doc.read()?;
        if status.phase == Phase::Gone {
            return Ok(());
        }
        status.phase = Phase::Gone;
        status.message =
            "the account is closed or has left the organization; its block stays claimed".to_owned();
        status.ready_since_ms.clear();
        status.updated_at_ms = now_ms();
        match self.table.write(vec![Write::put(key, Expect::Version(doc.version), &status)]).await {
            // Someone works on it; the next event or sweep finds it again.
            Err(TableError::Conflict { .. }) => Ok(()),
            other => other,
        }
    }

    fn tell(&self, spec: &StackSpec, applied: &Applied) {
        self.metrics.count("StepsDone", applied.done() as u64);
        for (address, outcome) in &applied.outcomes {
            match outcome {
                StepOutcome::Failed(error) => {
                    self.metrics.count("StepsFailed", 1);
                    tracing::error!(account = spec.account, %address, %error, "step failed");
                }
                StepOutcome::Waiting(error) => {
                    tracing::info!(account = spec.account, %address, %error, "step waits")
                }
                StepOutcome::Done(_) | StepOutcome::Skipped(_) => {}
            }
        }
    }
}

fn new_status(job: &Job<'_>, now_ms: u64) -> StackStatus {
    StackStatus {
        account: job.account.to_owned(),
        account_name: job.member.account_name.clone(),
        domain: job.member.domain.clone(),
        environment: job.member.environment.clone(),
        region: job.region.to_owned(),
        availability_zones: vec![],
        pool: String::new(),
        cidr: ipnet::Ipv4Net::default(),
        generation: 0,
        phase: Phase::Claimed,
        network_ready: false,
        egress_ready: false,
        message: "addresses are claimed".to_owned(),
        first_seen_ms: now_ms,
        updated_at_ms: now_ms,
        ready_since_ms: BTreeMap::new(),
        leased_until_ms: 0,
    }
}

/// What an error of looking means.
fn judge(error: &AwsError) -> Progress {
    match error.class() {
        // A role's policies reach AWS's services minutes after the role itself, so denied is not ready
        // until it has lasted.
        Class::NotReady | Class::Denied => Progress::Later(format!(
            "the account is not ready: {error}. If this lasts, check that the StackSet of infra/member-role.yaml covers it"
        )),
        Class::Throttled | Class::NotYet | Class::Transient | Class::Conflict => {
            Progress::Later(error.to_string())
        }
        Class::Invalid => Progress::Failed(error.to_string()),
    }
}

/// How far a stack is after a plan was applied. Done is not settled: the next look decides that.
fn after(plan: &Plan, applied: &Applied) -> Progress {
    if let Some((address, error)) = applied.failure() {
        return Progress::Failed(format!("{address}: {error}"));
    }
    if let Some((address, error)) = applied.waiting() {
        return Progress::Later(format!("{address}: {error}"));
    }
    match plan.waits.first() {
        Some(wait) => Progress::Later(format!("{} {}: {}", wait.address, wait.id, wait.what)),
        None => Progress::Later(format!("{} steps done, to be looked at again", applied.done())),
    }
}
