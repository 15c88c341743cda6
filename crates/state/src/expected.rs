//! What is expected of the probes of each stack, while some have a version and others are yet to get it.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_fleet::{Bindings, Fleet, Member, Mixed};
use phonehome_wire::{AccountId, Check, CheckId, Region};

use crate::StackStatus;
use crate::desired::{InUse, Rolling};
use crate::in_force::InForce;

/// What is expected of the probes of every stack: what a version declares that the stack is to have, and has.
///
/// A stack has the version that is rolled out once it has converged to it, and until it has converged to the one in
/// force again. A connection counts once both of its ends have a version that declares it, and as long as both are to
/// have one. What a stack has and is not to have any more may go at any moment, so that its failing is no news; what has
/// been told of it is over when the stack has another version, and not before.
#[derive(Debug)]
pub struct Expecting<'u> {
    base: Arm<'u>,
    rolling: Option<Both<'u>>,
}

/// A version in use, and which account each of its lines is.
#[derive(Debug)]
struct Arm<'u> {
    in_force: &'u InForce,
    members: BTreeMap<AccountId, Member>,
}

/// What there is beside the version in force while another one is rolled out.
#[derive(Debug)]
struct Both<'u> {
    target: Arm<'u>,
    turned: &'u BTreeSet<AccountId>,
    /// As accounts are to have it.
    desired: Mixed,
    /// As they have it, by Region.
    running: BTreeMap<Region, Running>,
}

#[derive(Debug)]
struct Running {
    /// The accounts whose stack in this Region has converged to the version that is rolled out.
    converged: BTreeSet<AccountId>,
    mixed: Mixed,
}

/// What is expected of the probes of one stack.
#[derive(Debug)]
pub struct Expected<'e> {
    /// The version that the stack has.
    pub fleet: &'e Fleet,
    /// The line of it that the account is.
    pub member: &'e Member,
    /// What counts of what its probes test.
    pub checks: Vec<Check>,
}

impl InUse {
    /// What is expected of the probes of these stacks. `bindings`: who is who.
    #[must_use]
    pub fn expecting<'u, 's>(
        &'u self,
        bindings: &Bindings,
        stacks: impl IntoIterator<Item = &'s StackStatus>,
    ) -> Expecting<'u> {
        let arm = |in_force: &'u InForce| Arm { in_force, members: in_force.fleet.bound_members(bindings) };
        let base = arm(&self.base);
        let rolling = self.rolling.as_ref().map(|Rolling { target, turned }| {
            let mixed = |turned: &_| Mixed::of(&self.base.fleet, &target.fleet, turned, bindings);
            let mut converged: BTreeMap<Region, BTreeSet<AccountId>> = BTreeMap::new();
            for stack in stacks {
                let of_region = converged.entry(stack.region.clone()).or_default();
                if stack.version == target.number {
                    of_region.insert(stack.account.clone());
                }
            }
            let running = |(region, converged)| (region, Running { mixed: mixed(&converged), converged });
            Both {
                target: arm(target),
                turned,
                desired: mixed(turned),
                running: converged.into_iter().map(running).collect(),
            }
        });
        Expecting { base, rolling }
    }
}

impl Expecting<'_> {
    /// The line that a stack's account is by the version that the stack has; `None` where it is none of it.
    #[must_use]
    pub fn member(&self, stack: &StackStatus) -> Option<&Member> {
        self.has(stack).map(|(_, member)| member)
    }

    /// What is expected of a stack's probes; `None` where its account is no line of the version that the stack has.
    /// `is_told`: whether it has been told of a check in this stack that it fails, and not yet that this is over.
    #[must_use]
    pub fn of(&self, stack: &StackStatus, is_told: impl Fn(&CheckId) -> bool) -> Option<Expected<'_>> {
        let (fleet, member) = self.has(stack)?;
        let mut checks = fleet.checks_for(member, &stack.region);
        if let Some(rolling) = &self.rolling {
            let desired = self.to_have(rolling, stack);
            checks.retain(|check| desired.contains(&check.id) || is_told(&check.id));
        }
        Some(Expected { fleet, member, checks })
    }

    /// The version that a stack has, and its account's line in it.
    fn has(&self, stack: &StackStatus) -> Option<(&Fleet, &Member)> {
        let running = self.rolling.as_ref().and_then(|it| Some((&it.target, it.running.get(&stack.region)?)));
        let (fleet, arm) = match running {
            Some((target, it)) if it.converged.contains(&stack.account) => (&it.mixed.target, target),
            Some((_, it)) => (&it.mixed.base, &self.base),
            None => (&self.base.in_force.fleet, &self.base),
        };
        Some((fleet, arm.members.get(&stack.account)?))
    }

    /// What the probes of a stack are to test.
    fn to_have(&self, rolling: &Both<'_>, stack: &StackStatus) -> BTreeSet<CheckId> {
        let (fleet, arm) = match rolling.turned.contains(&stack.account) {
            true => (&rolling.desired.target, &rolling.target),
            false => (&rolling.desired.base, &self.base),
        };
        let member = arm.members.get(&stack.account);
        let checks = member.map(|member| fleet.checks_for(member, &stack.region)).unwrap_or_default();
        checks.into_iter().map(|check| check.id).collect()
    }
}

#[cfg(test)]
mod tests;
