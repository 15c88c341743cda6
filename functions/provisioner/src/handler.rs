//! From a batch of records to reconciled accounts.

use phonehome_cloud::WallClock as _;
use phonehome_wire::AccountId;
use std::collections::BTreeSet;
use std::time::Duration;

use aws_lambda_events::sqs::SqsBatchResponse;
use phonehome_aws::Metrics;
use phonehome_cloud::endpoint::Cloud;
use phonehome_cloud::table::{Table, TableError};
use phonehome_cloud::{Account, Class, DELAY_S_MAX, Message, Organization, Queue};
use phonehome_executor::StepOutcome;
use phonehome_fleet::{Fleet, Member};
use phonehome_planner::{Decommission, LimitRequest, Limits};
use phonehome_provision::cloudtrail;
use phonehome_provision::requeue::{self, Requeue};
use phonehome_provision::{
    COOLDOWN_MS, Job, Members, Provision, Published, Reconciled, StackProgress, account_closed_notice,
    is_observation_queued, note_queued_observation, record_api_call, usual_limits,
};
use phonehome_runtime::{Error, Refusal, each_record};
use phonehome_state::{ApiCall, Desired, Keys, StackStatus, StateError, Unread, Version, bindings, readable};
use serde_json::{Value, json};
use tracing::Instrument as _;

use crate::event::{Reconcile, Request, read};

/// For how long an account counts as new, so that its default VPCs may be taken away: longer than AWS
/// and the StackSet need, and short enough that nobody has come to rely on them.
const NEW_MS: u64 = 24 * 60 * 60_000;

/// The requeue delay that [`requeue::delay`]'s times are meant for, in seconds.
const USUAL_DELAY_S: u64 = 20;

/// How long a changed stack is left alone, in milliseconds. In a local cloud, where what was written is
/// seen at once, it is shorter in proportion to the requeue delay.
pub(crate) fn cooldown_ms(cloud: &Cloud, requeue_delay_s: u32) -> u64 {
    match cloud {
        Cloud::Aws => COOLDOWN_MS,
        Cloud::Local(_) => COOLDOWN_MS * u64::from(requeue_delay_s) / USUAL_DELAY_S,
    }
}

/// The provisioner.
pub(crate) struct Provisioner<T, Q, O, M> {
    pub(crate) provision: Provision<T, M>,
    pub(crate) queue: Q,
    pub(crate) dead_letters: Q,
    pub(crate) organization: O,
    pub(crate) metrics: Metrics,
    pub(crate) requeue_delay_s: u32,
    /// The only account whose account events are believed.
    pub(crate) management_account: AccountId,
}

/// What a request comes to, over the account's Regions.
#[derive(Default)]
struct Sum {
    waits: Vec<(String, Class)>,
    failures: Vec<String>,
    /// Whether any call was made that changed something.
    advanced: bool,
    /// What is left of the limits that were asked for.
    limits: Option<LimitRequest>,
    /// How many of the waits are only for another executor, which does what there is to do.
    busy: usize,
}

impl Sum {
    fn add_stack(&mut self, place: &str, reconciled: Reconciled) {
        self.advanced |= reconciled.applied.is_some_and(|applied| applied.done() > 0);
        self.busy += usize::from(reconciled.busy);
        self.add(place, reconciled.progress);
    }

    fn add(&mut self, place: &str, progress: StackProgress) {
        match progress {
            StackProgress::Converged => {}
            StackProgress::Later { reason, class } => self.waits.push((format!("{place}: {reason}"), class)),
            StackProgress::Failed(reason) => self.failures.push(format!("{place}: {reason}")),
        }
    }
}

impl<T: Table, Q: Queue, O: Organization, M: Members> Provisioner<T, Q, O, M> {
    /// Handles one invocation.
    pub(crate) async fn handle(&self, event: &Value) -> Result<SqsBatchResponse, Error> {
        let response = each_record(event, &self.dead_letters, &self.metrics, async |record| {
            match read(&record.body, &self.management_account).map_err(Refusal::Bad)? {
                Request::Account(request) => {
                    let handled = async {
                        match request.decommission {
                            Some(mode) => self.decommission(&request, mode).await,
                            None => self.account(&request).await,
                        }
                    };
                    handled.instrument(account_span(&request)).await
                }
                Request::Changed(request, api_call) => {
                    self.changed(&request, &api_call).instrument(account_span(&request)).await
                }
                Request::Nothing => Ok(()),
                Request::Sweep => self.sweep().await,
                Request::Failure(failure) => self.failed(&failure).await,
            }
        })
        .await;
        self.metrics.flush().await;
        Ok(response)
    }

    async fn account(&self, request: &Reconcile) -> Result<(), Refusal> {
        let id = &request.account;
        let desired = self.desired().await?;
        let account = self.organization.account(id).await.map_err(later)?;
        let has_left = account.is_none();
        let Some(account) = account.filter(|account| account.active) else {
            tracing::info!(account = id.as_str(), "skipped: not an active account of the organization");
            self.metrics.count("Skipped", 1);
            let stacks = self.stacks_of(id).await?;
            let notice = account_closed_notice(
                &desired.in_force().fleet,
                &stacks,
                has_left,
                self.provision.clock.now_ms(),
            );
            for status in stacks {
                let noted = self.provision.gone(&status.stack(), notice.as_ref()).await;
                noted.map_err(table_error)?;
            }
            // Its line is free for another account.
            return self.provision.free(id).await.map_err(table_error);
        };
        let Some(member) = self.member(&desired, &account).await? else {
            self.metrics.count("Skipped", 1);
            if self.awaits_turn(&desired, &account).await? {
                tracing::info!(account = id.as_str(), name = account.name, "skipped: its turn has not come");
                return Ok(());
            }
            tracing::info!(account = id.as_str(), name = account.name, "skipped: not in the fleet file");
            return self.notify_unlisted(&desired, &[account], false).await;
        };
        let sum = self.stacks(request, &desired, &member, &account).await?;
        self.conclude(request, sum, &account.name).await
    }

    /// Brings every stack of the account as far as it can be brought now.
    async fn stacks(
        &self,
        request: &Reconcile,
        desired: &Desired,
        member: &Member,
        account: &Account,
    ) -> Result<Sum, Refusal> {
        let Version { number, fleet, accepted, authorities } = desired.of(&account.id);
        let is_rolled_out = desired.rolling().is_some();
        let published = Some(Published { number, accepted, is_rolled_out });
        let mut sum = Sum { limits: request.limits, ..Sum::default() };
        let regions: Vec<_> = fleet
            .regions
            .iter()
            .filter(|region| fleet.pool_for(&member.environment, &region.name).is_some())
            .collect();
        for region in &regions {
            let limits = sum.limits.map(|asked| asked.over(usual_limits(member, &region.name)));
            let (account_id, region) = (&account.id, &region.name);
            let job = Job { fleet, member, account: account_id, region, authorities, limits, published };
            let reconciled = self.provision.reconcile(&job).await.map_err(table_error)?;
            self.notify(&account.id, &reconciled);
            self.requeue_peers(&reconciled.requeue_peers).await?;
            // What was allowed was allowed once: not for each Region, nor for each observation.
            let less = |(asked, had): (LimitRequest, Limits)| asked.minus(had, reconciled.limits_left);
            sum.limits = sum.limits.zip(limits).map(less);
            sum.add_stack(region, reconciled);
        }
        let is_new =
            account.created_at_ms.is_some_and(|at| self.provision.clock.now_ms().saturating_sub(at) < NEW_MS);
        if let (true, Some(region)) = (is_new, regions.first()) {
            let (account, region) = (&account.id, &region.name);
            let job = Job { fleet, member, account, region, authorities, limits: None, published };
            let progress = self.provision.remove_default_vpcs(&job).await.map_err(table_error)?;
            sum.add("default VPCs", progress);
        }
        Ok(sum)
    }

    /// Puts the account back for what is not ready, and refuses it for what will not be. Never both: one
    /// message has one fate, and as long as something is on its way it is observed again.
    async fn conclude(&self, request: &Reconcile, sum: Sum, name: &str) -> Result<(), Refusal> {
        // The most patient one decides: what else waits is observed along with it.
        let class = sum.waits.iter().map(|(_, class)| *class).max_by_key(|class| requeue::patience(*class));
        if let Some(class) = class {
            return self.requeue(request, &sum, class).await;
        }
        if sum.failures.is_empty() {
            return Ok(());
        }
        let failures =
            sum.failures.iter().map(|failure| format!("{name} ({}) in {failure}", request.account));
        Err(Refusal::Bad(failures.collect::<Vec<_>>().join("; ")))
    }

    /// Somebody changed something in an account that has a stack: who it was is noted, and the account
    /// is observed at once; or a while later and once for all of them, where many change much.
    async fn changed(&self, request: &Reconcile, api_call: &ApiCall) -> Result<(), Refusal> {
        if cloudtrail::is_ours(api_call, &self.fleet().await?.organization.member_role) {
            return Ok(());
        }
        let (table, stack) = (&self.provision.table, &api_call.stack());
        let Some(doc) = table.get(&Keys::stack(stack)).await.map_err(table_error)? else {
            return Ok(());
        };
        let status: StackStatus = doc.read().map_err(table_error)?;
        let now_ms = self.provision.clock.now_ms();
        let noted = record_api_call(table, api_call, now_ms).await.map_err(table_error)?;
        if !noted {
            self.metrics.count("ApiCallsDropped", 1);
        }
        let quiet_ms = u64::from(self.requeue_delay_s) * 1000;
        if noted && status.leased_until_ms <= now_ms && status.updated_at_ms + quiet_ms <= now_ms {
            return self.account(request).await;
        }
        if is_observation_queued(table, stack, now_ms).await.map_err(table_error)? {
            return Ok(());
        }
        // Of an account in which too much happens to be noted, one observation later sees what all of it did.
        let delay_s = if noted { self.converged_s() } else { DELAY_S_MAX };
        self.send(request, delay_s).await?;
        let due_ms = now_ms + u64::from(delay_s) * 1000;
        note_queued_observation(table, stack, due_ms, now_ms).await.map_err(table_error)
    }

    /// Gives up the stacks of an account that has left the fleet file, or the organization.
    async fn decommission(&self, request: &Reconcile, mode: Decommission) -> Result<(), Refusal> {
        let id = &request.account;
        let desired = self.desired().await?;
        let account = self.organization.account(id).await.map_err(later)?.filter(|account| account.active);
        let bindings = bindings(&self.provision.table).await.map_err(table_error)?;
        let member_of = |_: &Account| desired.fleets().find_map(|fleet| fleet.member_for(id, &bindings));
        if let Some(member) = account.as_ref().and_then(member_of) {
            return Err(Refusal::Bad(format!(
                "{} ({id}) is in the fleet file, so its stack would be made again: take it out and publish the \
                 file before you release it",
                member.account_name
            )));
        }
        let mut sum = Sum::default();
        for status in self.stacks_of(id).await? {
            let (gone, days) = (account.is_none(), desired.in_force().fleet.network.quarantine_days);
            let decommissioned = self.provision.decommission(&status.stack(), mode, gone, days).await;
            let decommissioned = decommissioned.map_err(table_error)?;
            self.notify(id, &decommissioned);
            sum.add_stack(&status.region, decommissioned);
        }
        self.conclude(request, sum, "release of the account").await
    }

    /// The stacks of one account, also in Regions that have left the fleet file.
    async fn stacks_of(&self, account: &AccountId) -> Result<Vec<StackStatus>, Refusal> {
        let stacks =
            readable::<StackStatus>(&self.provision.table, Keys::STACKS).await.map_err(table_error)?;
        let is_its = |unread: &&Unread| unread.stack().is_some_and(|stack| stack.account == *account);
        if let Some(unread) = stacks.unreadable.iter().find(is_its) {
            return Err(Refusal::Bad(format!(
                "the stack {} is unreadable: {}",
                unread.doc.key.sort, unread.problem
            )));
        }
        let of_account = |status: &StackStatus| status.account == *account;
        Ok(stacks.found.into_iter().map(|(_, status)| status).filter(of_account).collect())
    }

    /// Looks at other accounts of the fleet soon: something they wait for is there. Not at once, for what
    /// one account was just told by AWS another one sees a moment later.
    async fn requeue_peers(&self, ids: &[AccountId]) -> Result<(), Refusal> {
        for account in ids.iter().cloned().collect::<BTreeSet<_>>() {
            self.send(&Reconcile::of(account), self.requeue_delay_s / 4).await?;
        }
        Ok(())
    }

    fn notify(&self, account: &AccountId, reconciled: &Reconciled) {
        let account = account.as_str();
        let Some(applied) = &reconciled.applied else { return };
        self.metrics.count("StepsDone", applied.done() as u64);
        for (address, outcome) in &applied.outcomes {
            match outcome {
                StepOutcome::Failed(error) => {
                    self.metrics.count("StepsFailed", 1);
                    tracing::error!(account, %address, %error, "step failed");
                }
                StepOutcome::Waiting(error) => tracing::info!(account, %address, %error, "step waits"),
                StepOutcome::Refused(stale) => tracing::warn!(account, %address, %stale, "step refused"),
                StepOutcome::Done(_) | StepOutcome::Skipped(_) => {}
            }
        }
    }

    /// Puts the account back into the queue for as long as [`requeue::Waited::requeue`] says, or refuses it.
    async fn requeue(&self, request: &Reconcile, sum: &Sum, class: Class) -> Result<(), Refusal> {
        let waits = sum.waits.iter().map(|(reason, _)| reason.as_str());
        let reason = waits.chain(sum.failures.iter().map(String::as_str)).collect::<Vec<_>>().join("; ");
        let now_ms = self.provision.clock.now_ms();
        let flags = (sum.advanced, request.decommission.is_some());
        let (waited, delay) = match request.waited().requeue(&request.account, class, now_ms, flags) {
            Requeue::After { waited, delay } => (waited, delay),
            // Whoever has the stack does what there is to do, and answers for it.
            Requeue::GiveUp { .. }
                if sum.busy == sum.waits.len() && sum.failures.is_empty() && request.is_plain() =>
            {
                tracing::info!(account = request.account.as_str(), reason, "left to whoever works on it");
                return Ok(());
            }
            Requeue::GiveUp { patience } => {
                let minutes = patience.as_secs() / 60;
                return Err(Refusal::Bad(format!("not ready after {minutes} minutes: {reason}")));
            }
        };
        let delay_s = self.delay_s(delay);
        let account = request.account.as_str();
        tracing::info!(account, attempt = waited.attempt, delay_s, reason, "requeued");
        self.metrics.count("Requeued", 1);
        self.send(&request.again(waited, sum.limits), delay_s).await
    }

    /// A delay scaled to the requeue delay of this hub; never before a changed stack has converged.
    fn delay_s(&self, usual: Duration) -> u32 {
        let scaled_ms = usual.as_millis() as u64 * u64::from(self.requeue_delay_s) / USUAL_DELAY_S;
        seconds(scaled_ms).max(self.converged_s())
    }

    /// After how many seconds a stack that is changed now has converged.
    fn converged_s(&self) -> u32 {
        seconds(self.provision.cooldown_ms + 1000)
    }

    pub(crate) async fn send(&self, request: &Reconcile, delay_s: u32) -> Result<(), Refusal> {
        let body = json!({ "reconcile": request }).to_string();
        self.queue.send(Message { body, delay_s, attributes: vec![] }).await.map_err(later)
    }

    /// Without a valid fleet file nothing can be done; the record waits in the queue, then in the
    /// dead-letter queue.
    pub(crate) async fn fleet(&self) -> Result<Fleet, Refusal> {
        self.desired().await.map(|desired| desired.in_force().fleet.clone())
    }

    /// The version that each account is to have, with what was accepted with it.
    pub(crate) async fn desired(&self) -> Result<Desired, Refusal> {
        let desired = phonehome_state::desired(&self.provision.table)
            .await
            .map_err(|error: StateError| Refusal::Later(error.to_string()))?;
        if desired.in_force().unreadable.is_some() {
            self.metrics.count("FleetFileUnreadable", 1);
        }
        Ok(desired)
    }
}

fn account_span(request: &Reconcile) -> tracing::Span {
    tracing::info_span!("account", account = request.account.as_str(), attempt = request.attempt)
}

/// As a queue's delay.
fn seconds(ms: u64) -> u32 {
    u32::try_from(ms.div_ceil(1000)).unwrap_or(DELAY_S_MAX).min(DELAY_S_MAX)
}

pub(crate) fn later(error: impl std::fmt::Display) -> Refusal {
    Refusal::Later(error.to_string())
}

/// What cannot be read stays so until somebody mends it: it stops this account, with its reason.
pub(crate) fn table_error(error: TableError) -> Refusal {
    match error {
        TableError::Unreadable { .. } => Refusal::Bad(error.to_string()),
        TableError::Conflict { .. } | TableError::Newer { .. } | TableError::Aws(_) => {
            Refusal::Later(error.to_string())
        }
    }
}
