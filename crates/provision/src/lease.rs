//! Whose a stack is: one executor's at a time.

use std::collections::BTreeMap;

use futures_util::future::try_join;
use phonehome_alerting::{Outgoing, Suspected};
use phonehome_cloud::CloudError;
use phonehome_cloud::WallClock;
use phonehome_cloud::table::{Doc, Expect, Table, TableError, Write, on_conflict};
use phonehome_network::Inventory;
use phonehome_planner::{Action, Plan, StackSpec, Step};
use phonehome_state::{ApiCall, ChangeLog, Notified};
use phonehome_state::{Claim, Keys, Outboxed};
use phonehome_state::{Phase, ProbeCodeSince, StackStatus, VendingNote};
use phonehome_wire::StackId;
use serde::de::DeserializeOwned;

use crate::observed::Observed;
use crate::progress::{Reconciled, StackProgress, judge};
use crate::provision::{Job, Provision};
use crate::report::notify;
use crate::time::{LEASE_MS, WorkTime};

/// How often what is to be reported is decided again, because somebody else has told something.
const ATTEMPTS_MAX: u32 = 5;

/// A stack that is this executor's for now.
pub(crate) struct Leased<C> {
    pub(crate) status: StackStatus,
    /// Until when calls may be started. It counts from the moment that the lease counts from: the
    /// table may have taken its time to answer.
    pub(crate) work_time: WorkTime<C>,
    /// The status as it was stored last.
    pub(crate) doc: Option<Doc>,
    /// What was seen, and when; milliseconds since the Unix epoch.
    pub(crate) inventory: Option<Inventory>,
    pub(crate) seen_ms: u64,
    /// Why nothing could be seen.
    pub(crate) refused: Option<CloudError>,
}

impl<C> Leased<C> {
    /// Nothing can be seen, and why.
    pub(crate) fn refused(&mut self, error: CloudError) -> Reconciled {
        let progress = judge(&error);
        self.refused = Some(error);
        Reconciled::only(progress)
    }
}

impl<T: Table, M, C: WallClock + Clone> Provision<T, M, C> {
    /// Takes the stack for this executor, as a new generation; `None` when another one has it.
    ///
    /// # Errors
    /// [`TableError`]
    pub(crate) async fn lease(&self, job: &Job<'_>, claim: &Claim) -> Result<Option<Leased<C>>, TableError> {
        let key = Keys::stack(&job.stack());
        let doc = self.table.get(&key).await?;
        let now_ms = self.clock.now_ms();
        let mut status = match doc.as_ref().map(Doc::read::<StackStatus>).transpose()? {
            Some(status) if status.leased_until_ms > now_ms => return Ok(None),
            Some(status) => status,
            None => new_status(job, now_ms),
        };
        status.pool.clone_from(&claim.pool);
        status.cidr = claim.cidr;
        status.account_name.clone_from(&job.member.account_name);
        status.domain.clone_from(&job.member.domain);
        status.environment.clone_from(&job.member.environment);
        status.availability_zones =
            job.fleet.region(job.region).map(|region| region.availability_zones.clone()).unwrap_or_default();
        status.generation += 1;
        status.leased_until_ms = now_ms + LEASE_MS;
        let work_time = WorkTime::of(self.clock.clone(), now_ms, status.generation);
        let write = Write::over(doc.as_ref(), key, &status);
        let doc = write.written();
        match self.table.write(vec![write]).await {
            Ok(()) => {
                let seen_ms = now_ms;
                Ok(Some(Leased { status, work_time, doc, inventory: None, seen_ms, refused: None }))
            }
            Err(TableError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes what was seen, with what is to be reported, and gives the stack free. An executor that lost
    /// its lease is refused, and tells nothing. `changed`: something may have been changed; `watched`:
    /// the stack's probes were observed too.
    ///
    /// # Errors
    /// [`TableError`]
    pub(crate) async fn release_lease(
        &self,
        job: &Job<'_>,
        (spec, before): (Option<&StackSpec>, &StackStatus),
        leased: Leased<C>,
        found: &Reconciled,
        (changed, watched): (bool, bool),
    ) -> Result<(), TableError> {
        let Leased { mut status, doc, inventory, seen_ms, refused, .. } = leased;
        status.updated_at_ms = self.clock.now_ms();
        // What was just made may not be seen yet, and whoever looks now would make it again.
        status.leased_until_ms = if changed { status.updated_at_ms + self.cooldown_ms } else { 0 };
        (status.phase, status.message) = match &found.progress {
            StackProgress::Converged => (Phase::Ready, converged_message(&status)),
            StackProgress::Later { reason, .. } | StackProgress::Outdated(reason) => {
                (Phase::Waiting, reason.clone())
            }
            StackProgress::Failed(reason) => (Phase::Failed, reason.clone()),
        };
        status.probe_code = probe_code(&status, (spec, watched), found);
        // Only probes that were observed are expected to report.
        if status.phase == Phase::Ready && watched {
            let StackStatus { availability_zones, ready_since_ms, parts_since_ms, updated_at_ms, .. } =
                &mut status;
            let parts = spec.and_then(|spec| spec.probe.as_ref()).map_or(1, |probe| probe.parts().count());
            parts_since_ms.retain(|part, _| *part < parts);
            for part in 1..parts {
                parts_since_ms.entry(part).or_insert(*updated_at_ms);
            }
            ready_since_ms.retain(|zone, _| availability_zones.contains(zone));
            for zone in availability_zones {
                ready_since_ms.entry(zone.clone()).or_insert(*updated_at_ms);
            }
        }
        let key = Keys::stack(&status.stack());
        let write = Write::over(doc.as_ref(), key, &status);
        let (now_ms, after) = (status.updated_at_ms, &status);
        let suspected = self.suspected(found).await?;
        let account_message = self.account_message(job, before, after).await?;
        let account_message = account_message.as_deref();
        self.write_notified(&job.stack(), Some(write), |notified, change_log| {
            let (inventory, refused) = (inventory.as_ref(), refused.as_ref());
            notify(
                notified,
                &Observed {
                    job,
                    spec,
                    before,
                    after,
                    found,
                    inventory,
                    refused,
                    seen_ms,
                    now_ms,
                    change_log,
                    suspected: &suspected,
                    account_message,
                },
            )
        })
        .await
    }

    /// Which incidents may have their cause in which stack, where there is anything to tell of this one. What cannot be
    /// read suspects nothing: then a message stands by itself.
    async fn suspected(&self, found: &Reconciled) -> Result<Suspected, TableError> {
        let differs = |plan: &Plan| !plan.steps.is_empty() || !plan.withheld.is_empty();
        if !found.plan.as_ref().is_some_and(differs) {
            return Ok(Suspected::default());
        }
        let doc = self.table.get(&Keys::suspected()).await?;
        Ok(readable(doc.as_ref()).unwrap_or_default())
    }

    /// The message that says how far the account is which is being made, where this may be what its network becomes ready
    /// with. What cannot be read is none: then a message stands by itself.
    async fn account_message(
        &self,
        job: &Job<'_>,
        before: &StackStatus,
        after: &StackStatus,
    ) -> Result<Option<String>, TableError> {
        let was_ready = before.network_ready && before.egress_ready;
        if was_ready || !after.network_ready {
            return Ok(None);
        }
        let doc = self.table.get(&Keys::vending_note(job.member.line().as_str())).await?;
        Ok(readable::<VendingNote>(doc.as_ref()).filter(|note| !note.over).map(|note| note.incident_id))
    }

    /// Writes what has been reported and the messages, together with `status`. Whoever has told something
    /// else meanwhile is taken into account; nothing is written when the status is no longer this executor's.
    ///
    /// # Errors
    /// [`TableError`]
    pub(crate) async fn write_notified(
        &self,
        stack: &StackId,
        status: Option<Write>,
        notify: impl Fn(Option<Notified>, &[ApiCall]) -> (Notified, Vec<Outgoing>) + Send + Sync,
    ) -> Result<(), TableError> {
        let key = Keys::stack_notices(stack);
        on_conflict(ATTEMPTS_MAX, async || {
            let (doc, change_log) =
                try_join(self.table.get(&key), self.table.get(&Keys::change_log(stack))).await?;
            // What cannot be read explains nothing, and must not keep the stack from being looked after.
            let change_log = readable::<ChangeLog>(change_log.as_ref()).unwrap_or_default();
            let before = readable::<Notified>(doc.as_ref());
            let (notified, outgoing) = notify(before.clone(), &change_log.api_calls);
            let mut writes: Vec<Write> = status.iter().cloned().collect();
            if before.as_ref() != Some(&notified) {
                writes.push(Write::over(doc.as_ref(), key.clone(), &notified));
            }
            writes.extend(outgoing.into_iter().map(|outgoing| {
                let key = Keys::outbox(outgoing.at_ms, &outgoing.id);
                Write::put(key, Expect::Absent, &Outboxed::new(outgoing))
            }));
            if writes.is_empty() {
                return Ok(());
            }
            self.table.write(writes).await
        })
        .await
    }
}

/// The code that the probes have, and since when. While a step of a plan gives one its code, or that is not known to
/// have gone, nobody knows which one runs.
fn probe_code(
    status: &StackStatus,
    (spec, watched): (Option<&StackSpec>, bool),
    found: &Reconciled,
) -> Option<ProbeCodeSince> {
    let gives_code = |step: &Step| {
        matches!(step.action, Action::CreateFunction { .. } | Action::UpdateFunctionCode { .. })
    };
    if found.plan.as_ref().is_some_and(|plan| plan.steps.iter().any(gives_code)) {
        return None;
    }
    let probe = spec.and_then(|spec| spec.probe.as_ref());
    let Some(probe) = probe.filter(|_| watched && status.phase == Phase::Ready) else {
        return status.probe_code.clone();
    };
    let known = status.probe_code.clone().filter(|known| known.code_sha256 == probe.code_sha256);
    let (code_sha256, since_ms) = (probe.code_sha256.clone(), status.updated_at_ms);
    known.or(Some(ProbeCodeSince { code_sha256, since_ms }))
}

fn readable<V: DeserializeOwned>(doc: Option<&Doc>) -> Option<V> {
    let doc = doc?;
    doc.read().inspect_err(|error| tracing::error!(%error, "ignored")).ok()
}

fn converged_message(status: &StackStatus) -> String {
    let mut message = "as declared".to_owned();
    if !status.connections_ready {
        message.push_str(", but a declared connection waits for the account at its other end");
    }
    match status.withheld.len() {
        0 => {}
        1 => message.push_str(", but for a change that needs permission"),
        number => message.push_str(&format!(", but for {number} changes that need permission")),
    }
    match status.until_in_force.len() {
        0 => {}
        1 => message.push_str("; a change that no rollback brings back waits until its version is in force"),
        number => message.push_str(&format!(
            "; {number} changes that no rollback brings back wait until its version is in force"
        )),
    }
    message
}

fn new_status(job: &Job<'_>, now_ms: u64) -> StackStatus {
    StackStatus {
        account: job.account.clone(),
        account_name: job.member.account_name.clone(),
        domain: job.member.domain.clone(),
        environment: job.member.environment.clone(),
        region: job.region.clone(),
        availability_zones: vec![],
        pool: String::new(),
        cidr: ipnet::Ipv4Net::default(),
        generation: 0,
        phase: Phase::Claimed,
        version: 0,
        network_ready: false,
        egress_ready: false,
        connections_ready: false,
        vpc_id: None,
        private_subnets: vec![],
        withheld: vec![],
        until_in_force: vec![],
        next_hour_ms: 0,
        opened: vec![],
        converged_spec: None,
        full_spec: None,
        agreed_version: 0,
        member_template: 0,
        outdated: None,
        known_probes: None,
        message: "addresses are claimed".to_owned(),
        first_seen_ms: now_ms,
        updated_at_ms: now_ms,
        ready_since_ms: BTreeMap::new(),
        parts_since_ms: BTreeMap::new(),
        probe_code: None,
        leased_until_ms: 0,
    }
}

#[cfg(test)]
mod tests;
