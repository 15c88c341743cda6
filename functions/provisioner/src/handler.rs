//! From a batch of records to reconciled accounts.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use aws_lambda_events::sqs::SqsBatchResponse;
use lambda_runtime::Error;
use phonehome_alerting::{Outgoing, OutgoingBody, SlackKind};
use phonehome_aws::table::{Expect, Table, TableError, Write};
use phonehome_aws::{DELAY_S_MAX, Message, Metrics, Organization, Queue};
use phonehome_fleet::Fleet;
use phonehome_network::{Phase, StackStatus};
use phonehome_runtime::{Refusal, each_record, now_ms};
use phonehome_state::{Keys, Outboxed, StateError, all};
use serde_json::{Value, json};

use crate::event::{Reconcile, Request, read};
use crate::members::Members;
use crate::reconcile::{Job, Progress};

/// How long an account may stay not ready before that is an error: AWS may need 15 minutes for a
/// new account, and a StackSet instance some more.
const PATIENCE_MS: u64 = 45 * 60_000;

/// The provisioner.
pub(crate) struct Provisioner<T, Q, O, M> {
    pub(crate) table: T,
    pub(crate) queue: Q,
    pub(crate) dead_letters: Q,
    pub(crate) organization: O,
    pub(crate) members: M,
    pub(crate) metrics: Metrics,
    pub(crate) requeue_delay_s: u32,
}

impl<T: Table, Q: Queue, O: Organization, M: Members> Provisioner<T, Q, O, M> {
    /// Handles one invocation.
    pub(crate) async fn handle(&self, event: &Value) -> Result<SqsBatchResponse, Error> {
        let response = each_record(event, &self.dead_letters, &self.metrics, async |body| {
            match read(body).map_err(Refusal::Bad)? {
                Request::Account(request) => self.account(&request).await,
                Request::Sweep => self.sweep().await,
                Request::CreationFailed { request, reason } => self.creation_failed(&request, &reason).await,
            }
        })
        .await;
        self.metrics.flush().await;
        Ok(response)
    }

    async fn account(&self, request: &Reconcile) -> Result<(), Refusal> {
        let id = request.account.as_str();
        let fleet = self.fleet().await?;
        let account = self.organization.account(id).await.map_err(later)?;
        let Some(account) = account.filter(|account| account.active) else {
            tracing::info!(account = id, "skipped: not an active account of the organization");
            self.metrics.count("Skipped", 1);
            for region in &fleet.regions {
                self.gone(id, &region.name).await.map_err(table_error)?;
            }
            return Ok(());
        };
        let Some(member) = fleet.member_for(id, &account.name) else {
            tracing::info!(account = id, name = account.name, "skipped: not in the fleet file");
            self.metrics.count("Skipped", 1);
            return Ok(());
        };
        let mut waits = Vec::new();
        let mut failures = Vec::new();
        for region in
            fleet.regions.iter().filter(|region| fleet.pool_for(&member.environment, &region.name).is_some())
        {
            let job = Job { fleet: &fleet, member: &member, account: id, region: &region.name };
            match self.reconcile(&job).await.map_err(table_error)? {
                Progress::Settled => {}
                Progress::Later(reason) => waits.push(format!("{}: {reason}", region.name)),
                Progress::Failed(reason) => {
                    failures.push(format!("{} ({id}) in {}: {reason}", account.name, region.name))
                }
            }
        }
        if !waits.is_empty() {
            self.put_back(request, &waits.join("; ")).await?;
        }
        if failures.is_empty() { Ok(()) } else { Err(Refusal::Bad(failures.join("; "))) }
    }

    /// Puts the account back into the queue, for a while that grows with each attempt.
    async fn put_back(&self, request: &Reconcile, reason: &str) -> Result<(), Refusal> {
        let now_ms = now_ms();
        let since_ms = if request.since_ms == 0 { now_ms } else { request.since_ms };
        if now_ms.saturating_sub(since_ms) > PATIENCE_MS {
            return Err(Refusal::Bad(format!("not ready after {} minutes: {reason}", PATIENCE_MS / 60_000)));
        }
        let next = Reconcile { attempt: request.attempt + 1, since_ms, account: request.account.clone() };
        let delay_s = self.delay_s(&next);
        tracing::info!(account = request.account, attempt = next.attempt, delay_s, reason, "put back");
        self.metrics.count("PutBack", 1);
        self.send(&next, delay_s).await
    }

    /// The base delay, up to six times as long with each attempt, plus a jitter of up to one base
    /// delay that spreads accounts which became due together.
    fn delay_s(&self, next: &Reconcile) -> u32 {
        let mut hasher = DefaultHasher::new();
        (&next.account, next.attempt).hash(&mut hasher);
        let base = self.requeue_delay_s.max(1);
        let jitter = u32::try_from(hasher.finish() % u64::from(base)).unwrap_or(0);
        (base * next.attempt.clamp(1, 6) + jitter).min(DELAY_S_MAX)
    }

    async fn send(&self, request: &Reconcile, delay_s: u32) -> Result<(), Refusal> {
        let body = json!({ "reconcile": request }).to_string();
        self.queue.send(Message { body, delay_s, attributes: vec![] }).await.map_err(later)
    }

    /// Queues every active account that the fleet file names, and every one that has a stack. An
    /// event can be missed; this cannot.
    async fn sweep(&self) -> Result<(), Refusal> {
        let fleet = self.fleet().await?;
        let accounts = self.organization.accounts().await.map_err(later)?;
        let members = accounts
            .iter()
            .filter(|account| account.active && fleet.member_for(&account.id, &account.name).is_some())
            .map(|account| account.id.clone());
        let mut queue: BTreeSet<String> = members.collect();
        // Also those that have a stack: one of a closed account has to be noted as such.
        let stacks = all::<StackStatus>(&self.table, Keys::STACKS).await.map_err(table_error)?;
        queue.extend(
            stacks
                .into_iter()
                .filter(|(_, stack)| stack.phase != Phase::Gone)
                .map(|(_, stack)| stack.account),
        );
        for account in &queue {
            self.send(&Reconcile { account: account.clone(), ..Reconcile::default() }, 0).await?;
        }
        tracing::info!(queued = queue.len(), "sweep");
        Ok(())
    }

    /// Says in Slack that an account could not be made: nobody else would.
    async fn creation_failed(&self, request: &str, reason: &str) -> Result<(), Refusal> {
        tracing::error!(request, reason, "an account could not be created");
        self.metrics.count("AccountCreationFailed", 1);
        let fleet = self.fleet().await?;
        let Some(route) = fleet.alert_routes.last() else { return Ok(()) };
        let text = format!(
            ":warning: AWS could not create an account: {reason} ({request}). Nothing was provisioned."
        );
        let blocks = json!([{"type": "section", "text": {"type": "mrkdwn", "text": text}}]);
        let incident_id = format!("account-creation/{request}");
        let body = OutgoingBody::Slack {
            channel: route.slack_channel.clone(),
            kind: SlackKind::Opened,
            text,
            blocks,
            thread_text: None,
        };
        let at_ms = now_ms();
        // The same event twice edits the one message: the notifier knows it by the incident's id.
        let outgoing = Outgoing { id: format!("{incident_id}/slack"), incident_id, at_ms, body };
        let key = Keys::outbox(at_ms, &outgoing.id);
        let message = Outboxed::new(outgoing);
        match self.table.write(vec![Write::put(key, Expect::Absent, &message)]).await {
            Ok(()) | Err(TableError::Conflict { .. }) => Ok(()),
            Err(error) => Err(table_error(error)),
        }
    }

    /// Without a valid fleet file nothing can be done; the record waits in the queue, then in the
    /// dead-letter queue.
    async fn fleet(&self) -> Result<Fleet, Refusal> {
        phonehome_state::fleet(&self.table)
            .await
            .map_err(|error: StateError| Refusal::Later(error.to_string()))
    }
}

fn later(error: impl std::fmt::Display) -> Refusal {
    Refusal::Later(error.to_string())
}

fn table_error(error: TableError) -> Refusal {
    Refusal::Later(error.to_string())
}
