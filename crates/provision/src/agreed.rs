//! What was agreed to: where a version was published with its plan, the first plan of each stack under that
//! version is held against it, and nothing that differs is done.

use phonehome_cloud::WallClock;
use phonehome_cloud::table::{Table, TableError, Write};
use phonehome_network::Inventory;
use phonehome_planner::{Agreed, CONTRACT_FORM, Plan, StackSpec, Step, beyond, plan};
use phonehome_state::{Contract, Keys, StackStatus, version};
use phonehome_text::list;

use crate::lease::Leased;
use crate::limits::limits;
use crate::provision::{Job, Provision, Published};
use crate::template::note_outdated;
use crate::{CannotPlan, Members};

/// How many differences are named.
const NAMED: usize = 5;

impl<T: Table, M: Members, C: WallClock + Clone> Provision<T, M, C> {
    /// The plan, if it is what was agreed to, without what the account's roles are too old for and what has to wait for
    /// the next hour.
    ///
    /// # Errors
    /// [`CannotPlan`]
    pub(crate) async fn bound(
        &self,
        job: &Job<'_>,
        stack: &M::Stack,
        (spec, inventory): (&StackSpec, &Inventory),
        plan: Plan,
        leased: &mut Leased<C>,
    ) -> Result<Plan, CannotPlan> {
        // All of it was agreed to, whatever of it has to wait.
        self.agree(job, (spec, inventory, &plan), leased).await?;
        let status = &mut leased.status;
        // What is not done takes nothing of the hour.
        let plan = self.within_template(stack, plan, &mut status.member_template).await?;
        let plan = self.within_the_hour(job, spec, inventory, plan).await?;
        // It may have been planned anew.
        let plan = self.within_known_template(plan, status.member_template);
        note_outdated(&plan, status, self.clock.now_ms());
        Ok(plan)
    }

    /// Holds a plan against what was agreed to with the version, the first time that the stack is planned under
    /// it. That it was is noted before any call is made: whoever dies in between, what is left is done.
    ///
    /// # Errors
    /// [`CannotPlan::WorldMoved`] when the plan does what nobody agreed to.
    async fn agree(
        &self,
        job: &Job<'_>,
        (spec, inventory, plan): (&StackSpec, &Inventory, &Plan),
        leased: &mut Leased<C>,
    ) -> Result<(), CannotPlan> {
        let Some((number, contract)) = binding(job) else { return Ok(()) };
        let Some(calls) = contract.calls_of(&job.stack()) else { return Ok(()) };
        // A stack that goes back to a version is not at its first plan under it.
        if leased.status.agreed_version >= number {
            return Ok(());
        }
        let agreed = Agreed::from(calls.clone());
        if !beyond(plan, &agreed, None).is_empty() {
            let before = self.plan_before(job, (spec, inventory), contract.over, &leased.status).await?;
            let moved = beyond(plan, &agreed, before.as_ref());
            if !moved.is_empty() {
                return Err(CannotPlan::WorldMoved(world_moved(number, job, &moved)));
            }
        }
        leased.status.agreed_version = number;
        if plan.steps.is_empty() {
            return Ok(());
        }
        let write = Write::over(leased.doc.as_ref(), Keys::stack(&job.stack()), &leased.status);
        let doc = write.written();
        match self.table.write(vec![write]).await {
            Ok(()) => leased.doc = doc,
            Err(TableError::Conflict { .. }) => return Err(CannotPlan::Contended),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// What would be done by the version that was in force when this one was planned: repairs, which nobody has
    /// to agree to. `None` where it declares no such stack, or cannot be read.
    async fn plan_before(
        &self,
        job: &Job<'_>,
        (spec, inventory): (&StackSpec, &Inventory),
        number: u64,
        status: &StackStatus,
    ) -> Result<Option<Plan>, CannotPlan> {
        let before = version(&self.table, Some(number)).await;
        let Some(before) =
            before.inspect_err(|error| tracing::error!(%error, number, "ignored")).ok().flatten()
        else {
            return Ok(None);
        };
        let Ok(checked) = phonehome_fleet::read(&before.text) else { return Ok(None) };
        let fleet = checked.fleet;
        let members = fleet.members();
        let Some(member) = members.iter().find(|it| it.line() == job.member.line()) else { return Ok(None) };
        let authorities = before.authorities.as_deref();
        let probes = before.probes.as_ref();
        let published = job.published.map(|published| Published { probes, ..published });
        let job = Job { fleet: &fleet, member, authorities, published, ..*job };
        let spec = match self.spec(&job, spec.cidr, Some(status)).await {
            Ok(spec) => spec,
            Err(CannotPlan::Table(error)) => return Err(error.into()),
            Err(_) => return Ok(None),
        };
        Ok(plan(&spec, inventory, &limits(&job)).ok())
    }
}

/// The version that binds, where one does.
pub(crate) fn binding<'a>(job: &Job<'a>) -> Option<(u64, &'a Contract)> {
    let published = job.published?;
    let contract = published.accepted.contract.as_ref()?;
    (contract.form == CONTRACT_FORM).then_some((published.number, contract))
}

fn world_moved(number: u64, job: &Job<'_>, moved: &[&Step]) -> String {
    let steps = moved.iter().map(|step| format!("{} {}", step.change.kind().verb(), step.address));
    format!(
        "the world moved since version {number} was planned, and nothing is done here: its plan does not {}. See \
         `phonehome plan --account {}`, then publish again",
        list(steps, NAMED),
        job.account
    )
}
