//! Whom it concerns that something is wrong: of all others it only counts that they pass, and when they did.

use std::collections::{BTreeSet, HashSet};

use crate::{Aim, PathState, PathStatus, ProbeView, World};

/// How many ticks earlier a report counts as missing here than in the inference, which rounds its times.
const EARLIER_TICKS: u64 = 2;

/// A host as the fleet file has it, and the name of the account that it belongs to, where that is one of the fleet's.
pub(crate) type Host<'w> = (&'w str, Option<&'w str>);

/// What nothing is wrong with, and is in none of these accounts, shares no more with what is wrong than what it shares
/// with everybody (the fleet, its Region, its zone, the collector), and these hosts and the way to these accounts.
#[derive(Debug, Default)]
pub(crate) struct Concern<'w> {
    /// The accounts, by their names, in which something is wrong, or that own a target of something that is.
    accounts: BTreeSet<&'w str>,
    /// The targets of what is wrong.
    hosts: HashSet<Host<'w>>,
    /// Whether it is about everybody.
    is_everybody: bool,
}

impl<'w> Concern<'w> {
    /// As of when everything until `heard_until_ms` has been read, with ticks of so many milliseconds. `None` where
    /// nothing is wrong: nothing failed that still counts, and no report is missing.
    pub(crate) fn of(world: &'w World, heard_until_ms: u64, tick_ms: u64) -> Option<Self> {
        let mut concern = Self::default();
        let at_ms = heard_until_ms + EARLIER_TICKS * tick_ms;
        for view in &world.probes {
            // Whatever it is that could not be read, it accuses nobody.
            let is_silent =
                view.is_missing(&world.policy, at_ms) || view.is_any_part_missing(&world.policy, at_ms);
            if view.paths.values().all(is_quiet) && !is_silent {
                continue;
            }
            concern.accounts.insert(&view.account_name);
            for check in &view.checks {
                if view.paths.get(&check.id).is_some_and(|path| !is_quiet(path)) {
                    let target = target(Aim::of(check));
                    concern.accounts.extend(target.1);
                    concern.hosts.insert(target);
                }
            }
        }
        (!concern.accounts.is_empty()).then_some(concern)
    }

    /// The same, and nothing is told together.
    #[cfg(test)]
    pub(crate) fn everybody(world: &'w World, tick_ms: u64) -> Self {
        let concern = Self::of(world, world.heard_until_ms(), tick_ms).unwrap_or_default();
        Self { is_everybody: true, ..concern }
    }

    /// Whether a probe is looked at by itself. Of one whose heartbeat is not there, or that tells in several reports, it
    /// could not be said when its paths passed.
    pub(crate) fn is_about(&self, view: &ProbeView) -> bool {
        let is_plain = view.parts.is_empty() && view.heartbeat.is_some() && !view.unreadable.heartbeat;
        self.is_everybody || !is_plain || self.accounts.contains(view.account_name.as_str())
    }

    /// Whether something is wrong in this account, or with what it owns.
    pub(crate) fn is_account(&self, name: &str) -> bool {
        self.accounts.contains(name)
    }

    /// Whether something is wrong on a way to this host.
    pub(crate) fn is_target(&self, aim: Aim<'_>) -> bool {
        self.hosts.contains(&target(aim))
    }
}

/// Whether nothing that is known of a path accuses anything.
fn is_quiet(path: &PathState) -> bool {
    path.results.is_empty() && path.status != PathStatus::Down
}

fn target(aim: Aim<'_>) -> Host<'_> {
    (aim.host, aim.account)
}
