//! Which version of `infra/member-role.yaml` an account has: asked for only when a plan needs more than is known.

use phonehome_cloud::{Class, CloudError};
use phonehome_executor::{Applied, StackApi, StepError, StepOutcome};
use phonehome_planner::{FIRST_TEMPLATE, Plan};
use phonehome_state::{Outdated, StackStatus};
use phonehome_text::agree;

use crate::Members;
use crate::progress::StackProgress;
use crate::provision::Provision;

/// For how long a newer template counts as on its way, in milliseconds: 30 minutes. A StackSet updates one account after
/// the other, each within minutes, and until then the account is looked at again by itself.
pub const TEMPLATE_ARRIVES_MS: u64 = 30 * 60_000;

impl<T, M: Members, C> Provision<T, M, C> {
    /// The plan without what the account's roles are too old for. `known` is the version that it is known to have, 0 for
    /// none; where the plan needs more, the account is asked.
    ///
    /// # Errors
    /// [`CloudError`] when the account was asked and gave no answer.
    pub(crate) async fn within_template(
        &self,
        stack: &M::Stack,
        plan: Plan,
        known: &mut u32,
    ) -> Result<Plan, CloudError> {
        let needed = plan.needs_template(|action| self.members.needs_template(action));
        if needed > (*known).max(FIRST_TEMPLATE) {
            *known = template_of(stack, needed).await?;
        }
        Ok(self.within_known_template(plan, *known))
    }

    /// The same by what is known.
    pub(crate) fn within_known_template(&self, plan: Plan, known: u32) -> Plan {
        plan.within_template(known.max(FIRST_TEMPLATE), |action| self.members.needs_template(action))
    }
}

/// The version that an account has, as far as it matters: not beyond `needed`. That many calls at most, and one where
/// it is new enough.
async fn template_of(stack: &impl StackApi, needed: u32) -> Result<u32, CloudError> {
    for version in (FIRST_TEMPLATE + 1..=needed).rev() {
        if stack.has_template(version).await? {
            return Ok(version);
        }
    }
    Ok(FIRST_TEMPLATE)
}

/// Notes what of a plan waits for a newer template, and since when.
pub(crate) fn note_outdated(plan: &Plan, status: &mut StackStatus, now_ms: u64) {
    let since_ms = status.outdated.map_or(now_ms, |known| known.since_ms);
    let outdated = plan.needed_template();
    status.outdated = outdated.map(|it| Outdated { needed: it.needed, there: it.there, since_ms });
}

/// What is known of a template is known no more when a call was denied: somebody may have put back an older one.
pub(crate) fn forget_when_denied(applied: &Applied, status: &mut StackStatus) {
    let is_denied = |outcome: &StepOutcome| {
        matches!(outcome, StepOutcome::Waiting(error) | StepOutcome::Failed(StepError::Cloud(error))
            if error.class() == Class::Denied)
    };
    if applied.outcomes.iter().any(|(_, outcome)| is_denied(outcome)) {
        status.member_template = 0;
    }
}

/// How far a stack is of which nothing is left to do but what waits for a newer template.
pub(crate) fn outdated(plan: &Plan, status: &StackStatus, now_ms: u64) -> Option<StackProgress> {
    let Outdated { since_ms, .. } = status.outdated?;
    let needed = plan.needed_template()?;
    let changes = plan.withheld.iter().filter(|held| held.needed_template().is_some()).count();
    let changes = agree(changes, "change is", "changes are");
    let reason = format!("{changes} withheld: that {needed}. Update the StackSet");
    Some(match now_ms.saturating_sub(since_ms) < TEMPLATE_ARRIVES_MS {
        true => StackProgress::later(reason, Class::AccountNotReady),
        false => StackProgress::Outdated(reason),
    })
}
