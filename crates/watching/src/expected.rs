//! What is expected of the probes of a stack: which there are, what they test, and who hears of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use phonehome_alerting::{Checks, Paths, ProbeKey, ProbeView, Route, Shared, Unreadable};
use phonehome_fleet::{Fleet, Member, Nat};
use phonehome_state::{Expecting, StackStatus};
use phonehome_wire::{AzId, CheckId, StackId};

use crate::declared::{DeclaredChecks, DeclaredFleet};
use crate::parts::Watched;

/// What is expected of the probes of one stack.
struct Expected<'e> {
    /// The version that the stack has.
    fleet: &'e Fleet,
    /// The line of it that the account is.
    member: &'e Member,
    checks: DeclaredChecks,
}

/// The probes of all stacks, in the order of these, of which something is expected. `told`: of which checks, by stack,
/// it has been told that they fail, and not yet that this is over.
pub(crate) fn all_probes(
    in_force: &Fleet,
    expecting: &Expecting<'_>,
    declared: Option<&Arc<DeclaredFleet>>,
    stacks: &[StackStatus],
    told: &BTreeSet<(StackId, &CheckId)>,
) -> Vec<Watched> {
    // At once: a list that grows is there twice for a moment.
    let mut watched = Vec::with_capacity(stacks.iter().map(|it| it.ready_since_ms.len()).sum());
    for stack in stacks {
        let is_told = |check: &CheckId| told.contains(&(stack.stack(), check));
        if let Some(expected) = expected(expecting, declared, stack, is_told) {
            watched.extend(expected.probes(in_force, stack));
        }
    }
    watched
}

/// What is expected of a stack's probes; `None` where its account is no line of the version that the stack has.
/// `declared`: what the version in force declares, where there is no other. `is_told`: whether it has been told of a check
/// in this stack that it fails, and not yet that this is over.
fn expected<'e>(
    expecting: &'e Expecting<'_>,
    declared: Option<&'e Arc<DeclaredFleet>>,
    stack: &StackStatus,
    is_told: impl Fn(&CheckId) -> bool,
) -> Option<Expected<'e>> {
    if let Some(declared) = declared {
        let member = expecting.member(stack)?;
        let checks = declared.checks(member, &stack.region);
        return Some(Expected { fleet: &declared.in_force.fleet, member, checks });
    }
    let phonehome_state::Expected { fleet, member, checks } = expecting.of(stack, is_told)?;
    Some(Expected { fleet, member, checks: DeclaredChecks::of(checks) })
}

impl Expected<'_> {
    /// The probes of a stack that is, or was, ready: only then are reports due. What is stored of them is
    /// not yet in it. `in_force`: by whose routes people hear of them.
    fn probes(self, in_force: &Fleet, stack: &StackStatus) -> Vec<Watched> {
        let Self { fleet, member, checks: DeclaredChecks { checks, parts, digest } } = self;
        let route = Shared::from(route(in_force, fleet, member));
        let region = fleet.regions.iter().find(|region| region.name == stack.region);
        let zones = region.map_or(&[][..], |region| &region.availability_zones);
        let nat = fleet.environment(&member.environment).map_or(Nat::None, |environment| environment.nat);
        let view = |(availability_zone, &expected_since_ms): (&AzId, &u64)| ProbeView {
            key: ProbeKey {
                account: stack.account.clone(),
                region: stack.region.clone(),
                availability_zone: availability_zone.clone(),
            },
            account_name: member.account_name.clone(),
            domain: member.domain.clone(),
            environment: member.environment.clone(),
            expected_since_ms,
            nat_zone: nat.gateway_of(availability_zone, zones).cloned(),
            checks: Checks::clone(&checks),
            calm: None,
            heartbeat: None,
            crash: None,
            paths: Paths::new(),
            unreadable: Unreadable::default(),
            parts: vec![],
            route: route.clone(),
        };
        let watched = |view: ProbeView| Watched {
            view,
            parts,
            declared: digest,
            since_ms: stack.parts_since_ms.clone(),
        };
        stack.ready_since_ms.iter().map(view).map(watched).collect()
    }
}

/// Who hears of an account's trouble, by the routes in force. Nobody is paged for an environment without paging,
/// whatever its route; of an environment that is not in force yet the account's `own` version says whether.
pub(crate) fn route(fleet: &Fleet, own: &Fleet, member: &Member) -> Route {
    let notes = fleet.route_for(&member.environment, &member.domain);
    let pages = fleet.page_route_for(&member.environment, &member.domain);
    let environment = fleet.environment(&member.environment).or_else(|| own.environment(&member.environment));
    let paging = environment.is_some_and(|environment| environment.paging);
    let page = pages.page && paging;
    let page_channel = page.then(|| pages.slack_channel.clone()).filter(|it| *it != notes.slack_channel);
    Route { slack_channel: notes.slack_channel.clone(), page, page_channel }
}
