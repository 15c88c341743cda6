//! Giving a stack up: an account that left, is closed, or shall look after its network itself.

use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words, stable_id};
use phonehome_cloud::Class;
use phonehome_cloud::WallClock;
use phonehome_cloud::table::{Doc, Expect, Table, TableError, Write};
use phonehome_executor::{Executor, StackApi as _};
use phonehome_fleet::{Fleet, Line};
use phonehome_network::Kind;
use phonehome_planner::{Decommission, Limits, Plan, StackSpec, ZoneSpec, plan_decommission, render};
use phonehome_state::{Keys, LedgerError, Outboxed, Unread, readable, record_seen, release_block, unbind};
use phonehome_state::{Phase, StackStatus};
use phonehome_text::count;
use phonehome_wire::{AccountId, AzId, StackId};

use crate::progress::{Reconciled, StackProgress, after, judge};
use crate::provision::Provision;
use crate::time::{LEASE_MS, WorkTime};
use crate::{CannotPlan, Members};

impl<T: Table, M: Members, C: WallClock + Clone> Provision<T, M, C> {
    /// What [`Provision::decommission`] would do now.
    ///
    /// # Errors
    /// [`CannotPlan`]
    pub async fn preview_decommission(
        &self,
        status: &StackStatus,
        mode: Decommission,
    ) -> Result<Plan, CannotPlan> {
        let spec = spec_of(status);
        let stack = self.members.open(&spec, status.vpc_id.as_deref()).await?;
        let inventory = stack.observe(&Kind::ALL).await?;
        let plan = plan_decommission(&spec, &inventory, &Limits::DECOMMISSION, mode)?;
        let mut template = status.member_template;
        Ok(self.within_template(&stack, plan, &mut template).await?)
    }

    /// Gives one stack up: takes it away, or only phonehome's tags; then the block goes into quarantine
    /// and the status is deleted. Of an account that is `gone` nothing can be seen any more, and only
    /// the block is released.
    ///
    /// # Errors
    /// [`TableError`]
    pub async fn decommission(
        &self,
        stack: &StackId,
        mode: Decommission,
        gone: bool,
        quarantine_days: u32,
    ) -> Result<Reconciled, TableError> {
        let key = Keys::stack(stack);
        let Some(doc) = self.table.get(&key).await? else {
            return Ok(Reconciled::only(StackProgress::Converged));
        };
        let mut status: StackStatus = doc.read()?;
        let taken_at_ms = self.clock.now_ms();
        if status.leased_until_ms > taken_at_ms {
            return Ok(Reconciled::busy());
        }
        status.generation += 1;
        status.leased_until_ms = taken_at_ms + LEASE_MS;
        let work_time = WorkTime::of(self.clock.clone(), taken_at_ms, status.generation);
        let write = Write::over(Some(&doc), key.clone(), &status);
        let leased = write.written();
        match self.table.write(vec![write]).await {
            Ok(()) => {}
            Err(TableError::Conflict { .. }) => {
                return Ok(Reconciled::busy());
            }
            Err(error) => return Err(error),
        }
        let mut reconciled = if gone {
            // What is in it nobody can reach any more.
            record_seen(&self.table, stack, &[], self.clock.now_ms()).await?;
            Reconciled::only(StackProgress::Converged)
        } else {
            self.take_away(&status, mode, work_time).await?
        };
        if reconciled.progress == StackProgress::Converged {
            // The block first: should this stop half-way, the status still says that there is something to
            // do.
            match release_block(&self.table, stack, quarantine_days, self.clock.now_ms()).await {
                Ok(_) => {
                    let mut writes = vec![Write::delete(key, Expect::unchanged(leased.as_ref()))];
                    // That it was given up is the proof that phonehome looked after it, should it be closed.
                    let line = Line::new(&status.domain, &status.environment);
                    writes.push(self.decommissioned(&stack.account, &status.account_name, &line).await?);
                    // Should it come again, all of it is news again.
                    for noted in [Keys::inputs(stack), Keys::stack_notices(stack)] {
                        let doc = self.table.get(&noted).await?;
                        writes.extend(doc.map(|doc| Write::delete(noted, Expect::unchanged(Some(&doc)))));
                    }
                    self.table.write(writes).await?;
                    self.free(&stack.account).await?;
                    return Ok(reconciled);
                }
                Err(LedgerError::Table(error)) => return Err(error),
                Err(contended @ LedgerError::Contended) => {
                    reconciled.progress = StackProgress::later(contended, Class::Conflict);
                }
                Err(refused) => reconciled.progress = StackProgress::Failed(refused.to_string()),
            }
        }
        let changed = reconciled.plan.as_ref().is_some_and(|plan| !plan.steps.is_empty());
        let now_ms = self.clock.now_ms();
        status.leased_until_ms = if changed { now_ms + self.cooldown_ms } else { 0 };
        status.updated_at_ms = now_ms;
        (status.ready_since_ms, status.parts_since_ms) = Default::default();
        (status.phase, status.message) = match &reconciled.progress {
            StackProgress::Failed(reason) => (Phase::Failed, reason.clone()),
            StackProgress::Later { reason, .. } | StackProgress::Outdated(reason) => {
                (Phase::Waiting, format!("being released: {reason}"))
            }
            StackProgress::Converged => (Phase::Gone, "released".to_owned()),
        };
        self.table.write(vec![Write::over(leased.as_ref(), key, &status)]).await?;
        Ok(reconciled)
    }

    /// Forgets which line an account is that has no stack any more, but for those that are given up.
    /// Whoever rebinds it at the same moment knows better.
    ///
    /// # Errors
    /// [`TableError`]
    pub async fn free(&self, account: &AccountId) -> Result<(), TableError> {
        let stacks = readable::<StackStatus>(&self.table, Keys::STACKS).await?;
        let is_held = |status: &StackStatus| status.account == *account && status.phase != Phase::Gone;
        // One that cannot be read may be held.
        let is_its = |unread: &Unread| unread.stack().is_some_and(|stack| stack.account == *account);
        if stacks.found.iter().any(|(_, status)| is_held(status)) || stacks.unreadable.iter().any(is_its) {
            return Ok(());
        }
        match unbind(&self.table, account).await {
            Ok(_) | Err(TableError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn take_away(
        &self,
        status: &StackStatus,
        mode: Decommission,
        work_time: WorkTime<C>,
    ) -> Result<Reconciled, TableError> {
        let spec = spec_of(status);
        let stack = match self.members.open(&spec, status.vpc_id.as_deref()).await {
            Ok(stack) => stack,
            Err(error) => return Ok(Reconciled::only(judge(&error))),
        };
        let inventory = match stack.observe(&Kind::ALL).await {
            Ok(inventory) => inventory,
            Err(error) => return Ok(Reconciled::only(judge(&error))),
        };
        // What is gone has no addresses any more, and what is only forgotten still has some.
        self.note(&spec, &inventory).await?;
        let plan = match plan_decommission(&spec, &inventory, &Limits::DECOMMISSION, mode) {
            Ok(plan) => plan,
            Err(impossible) => return Ok(Reconciled::only(StackProgress::Failed(impossible.to_string()))),
        };
        let mut template = status.member_template;
        let plan = match self.within_template(&stack, plan, &mut template).await {
            Ok(plan) => plan,
            Err(error) => return Ok(Reconciled::only(judge(&error))),
        };
        if let Some(held) = plan.withheld.first() {
            let reason = format!("{} {}: {}", held.address, held.id, held.reason);
            return Ok(Reconciled::only(StackProgress::Failed(reason)));
        }
        if plan.is_converged() {
            return Ok(Reconciled::only(StackProgress::Converged));
        }
        let (account, region) = (spec.account.as_str(), spec.region.as_str());
        tracing::info!(account, region, plan = render::text(&plan), "release");
        let applied = Executor::new().apply(&stack, &plan, &work_time).await;
        let progress = after(&plan, &applied);
        Ok(Reconciled { plan: Some(plan), applied: Some(applied), ..Reconciled::only(progress) })
    }

    /// Notes on an account's stack, if it has one, that the account is closed or has left: its
    /// probes are no longer expected to report. What it holds is kept until it is released. `notice` is
    /// told with it, for each Region the same one.
    ///
    /// # Errors
    /// [`TableError`] when the state could not be read or written.
    pub async fn gone(&self, stack: &StackId, notice: Option<&Outgoing>) -> Result<(), TableError> {
        let key = Keys::stack(stack);
        let Some(doc) = self.table.get(&key).await? else { return Ok(()) };
        let mut status: StackStatus = Doc::read(&doc)?;
        if status.phase == Phase::Gone {
            return Ok(());
        }
        status.phase = Phase::Gone;
        status.message = "the account is closed or has left the organization; its block stays claimed until \
                          `phonehome decommission`"
            .to_owned();
        (status.ready_since_ms, status.parts_since_ms) = Default::default();
        status.updated_at_ms = self.clock.now_ms();
        let mut writes = vec![Write::over(Some(&doc), key, &status)];
        writes.extend(notice.map(|notice| {
            let notice = Outgoing { id: format!("{}/{}", notice.id, stack.region), ..notice.clone() };
            Write::put(Keys::outbox(notice.at_ms, &notice.id), Expect::Absent, &Outboxed::new(notice))
        }));
        match self.table.write(writes).await {
            // Someone works on it; the next event or sweep finds it again.
            Err(TableError::Conflict { .. }) => Ok(()),
            other => other,
        }
    }
}

/// Says that an account is closed or has left the organization, and what becomes of its addresses. None
/// for an account of which that is known, or that has no stack.
#[must_use]
pub fn account_closed_notice(
    fleet: &Fleet,
    stacks: &[StackStatus],
    has_left: bool,
    at_ms: u64,
) -> Option<Outgoing> {
    let open: Vec<&StackStatus> = stacks.iter().filter(|stack| stack.phase != Phase::Gone).collect();
    let first = *open.first()?;
    let what = if has_left { "has left the organization" } else { "is closed or suspended" };
    let text = Words::of(":door: ").name(&first.account_name).text(format!(" ({}) {what}", first.account));
    let blocks = open
        .iter()
        .map(|stack| Words::new().code(stack.cidr.to_string()).text(format!(" in {}", stack.region)))
        .collect();
    let stays = Words::of("Its network is no longer looked after, and its probes are no longer expected.");
    let then = Words::of("Nobody else gets these addresses until ")
        .code(format!("phonehome decommission {}", first.account))
        .text(format!(" and {} after it.", count(fleet.network.quarantine_days, "day")));
    let message = SlackMessage::new(text).section(stays).list("It still holds", blocks).section(then);
    let message = message.section(in_its_place(fleet, first, has_left));
    let channel = &fleet.route_for(&first.environment, &first.domain).slack_channel;
    let generations: Vec<String> =
        stacks.iter().map(|stack| format!("{}/{}", stack.region, stack.generation)).collect();
    let generations: Vec<&str> = generations.iter().map(String::as_str).collect();
    let incident_id = format!("closed/{}/{}", first.account, stable_id(&generations));
    let body = message.body(channel, SlackKind::Opened);
    Some(Outgoing { id: format!("{incident_id}/slack"), incident_id, at_ms, sequence: 0, body })
}

/// What is to be done about a line of the file that loses its account: no other one is made by itself.
fn in_its_place(fleet: &Fleet, status: &StackStatus, has_left: bool) -> Words {
    let line = Line::new(&status.domain, &status.environment);
    let Some(member) = fleet.member_at(&line) else { return Words::new() };
    let line = Words::new()
        .text(format!("{} is still in the fleet file, and no account is made in its place. ", member.line()));
    let back = if has_left { "" } else { "Within 90 days of its closing AWS Support brings it back. " };
    line.text(back)
        .text("Otherwise take the line out of the file, or give it another ")
        .code("account_name")
        .text(" (and ")
        .code("email")
        .text(") and permit an account for it.")
}

/// Declares nothing but the zones the stack has: its probes are found by their zones' names.
fn spec_of(status: &StackStatus) -> StackSpec {
    let nowhere = ipnet::Ipv4Net::default();
    let zone =
        |az_id: &AzId| ZoneSpec { az_id: az_id.clone(), public: nowhere, private: nowhere, nat_az_id: None };
    let zones = status.availability_zones.iter().map(zone).collect();
    StackSpec { zones, ..StackSpec::bare(&status.stack(), &status.account_name) }
}
