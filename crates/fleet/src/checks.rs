//! From declarations to the checks of a probe.

mod environments;
mod ids;
mod made;

use std::collections::BTreeMap;

use phonehome_wire::{Check, CheckId, CheckKind, Expect};

pub(crate) use self::environments::{
    connection_environments, isolation_environments, team_check_environments,
};
pub(crate) use self::ids::{connection_id, egress_id, expand, isolation_id, team_check_id};
pub(crate) use self::made::{Origin, connection, egress, isolation, team_check};
use crate::members::Member;
use crate::model::{Domain, Fleet, Nat, Region};
use crate::parts::Parts;

/// Somebody who may connect to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Whose probes do.
    pub member: Member,
    /// Where, with its Availability Zones.
    pub region: Region,
    /// By which check.
    pub check: CheckId,
    /// In which part of their checks that is.
    pub part: u32,
}

impl Fleet {
    /// What the probes of a member test in a Region: its declared connections, its own checks, the
    /// isolations, and its way out unless the environment has none. Each in the file's order; ids are
    /// unique.
    ///
    /// Empty where the member has no network.
    pub fn checks_for(&self, member: &Member, region: &str) -> Vec<Check> {
        if self.pool_for(&member.environment, region).is_none() {
            return vec![];
        }
        let origin = Origin { environment: &member.environment, region, probing: &self.probing };
        let mut checks = self.connection_checks(member, origin);
        checks.extend(self.team_checks(member, origin));
        checks.extend(self.isolation_checks(member, origin));
        let has_way_out = self.environment(&member.environment).is_some_and(|e| e.nat != Nat::None);
        if has_way_out {
            checks.extend(self.probing.egress.iter().map(|target| egress(target, origin)));
        }
        checks
    }

    fn connection_checks(&self, member: &Member, origin: Origin<'_>) -> Vec<Check> {
        let mut checks = vec![];
        for it in self.connections.iter().filter(|it| it.from == member.domain) {
            let Some((from, to)) = self.domain(&it.from).zip(self.domain(&it.to)) else { continue };
            if connection_environments(it, from, to).contains(&origin.environment) {
                checks.extend(it.ports.iter().map(|port| connection(it, *port, to, origin)));
            }
        }
        checks
    }

    fn team_checks(&self, member: &Member, origin: Origin<'_>) -> Vec<Check> {
        let is_tested = |from: &Domain, it| team_check_environments(it, from).contains(&origin.environment);
        let own = self.checks.iter().filter(|it| it.from == member.domain);
        let tested = own.filter(|it| self.domain(&it.from).is_some_and(|from| is_tested(from, it)));
        tested.map(|it| team_check(it, origin)).collect()
    }

    fn isolation_checks(&self, member: &Member, origin: Origin<'_>) -> Vec<Check> {
        let mut checks = vec![];
        for it in self.isolations.iter().filter(|it| it.from == member.domain) {
            let Some((from, to)) = self.domain(&it.from).zip(self.domain(&it.to)) else { continue };
            if isolation_environments(it, from, to).contains(&origin.environment) {
                checks.push(isolation(it, to, origin));
            }
        }
        checks
    }
}

/// Whose probes may connect to what others must not, of these members with the file that each has: by endpoint
/// (`host:port`) of each isolation, in their order. An endpoint that nobody may connect to has none.
///
/// It makes the checks of every account: ask once for many reports.
pub fn isolated<'f>(members: impl IntoIterator<Item = (&'f Fleet, Member)>) -> BTreeMap<String, Vec<Source>> {
    let mut isolated: BTreeMap<String, Vec<Source>> = BTreeMap::new();
    let mut sources = Vec::new();
    for (fleet, member) in members {
        for region in &fleet.regions {
            let checks = fleet.checks_for(&member, &region.name);
            let parts = Parts::of(&checks);
            for check in checks {
                if check.expect == Expect::Deny {
                    isolated.entry(check.target.endpoint).or_default();
                } else if is_witness(&check) {
                    let (member, region, part) = (member.clone(), region.clone(), parts.part_of(&check));
                    sources.push((check.target.endpoint, Source { member, region, check: check.id, part }));
                }
            }
        }
    }
    for (endpoint, source) in sources {
        if let Some(sources) = isolated.get_mut(&endpoint) {
            sources.push(source);
        }
    }
    isolated
}

/// Whether what a check says proves that its target is there, for others that must not reach it. It says so of
/// its newest run, and when that was is known of the probe, not of each check: so it has to be in every run.
pub(crate) fn is_witness(check: &Check) -> bool {
    is_control(check) && check.every_minutes == 1
}

/// Whether a check connects to something: looking up a name is not reaching what it names.
pub(crate) fn is_control(check: &Check) -> bool {
    check.expect == Expect::Connect && !matches!(check.kind, CheckKind::Dns { .. })
}
