//! What need not be asked for again (docs/decisions/0028-fewer-calls.md).

use phonehome_network::{
    Address, ElasticIp, Inventory, KnownFunction, KnownProbes, KnownSchedule, NatGateway, NatState, Resource,
    Schedule, Tagged as _,
};
use phonehome_wire::ProbeInput;

use crate::{Plan, StackSpec, sha256};

/// At one in how many observations of a stack that was as declared everything is looked for that there can be, and
/// nothing is spared: with a sweep every half an hour, once in eight hours.
const ALL_EVERY: u64 = 16;

impl StackSpec {
    /// Whether everything is looked for that there can be, and not just what is declared. What is left of an earlier
    /// declaration was looked for until there was none; after that only a hand can have made something with a probe's
    /// name, and that can wait. It is more than half of the calls to Lambda and Scheduler.
    pub fn looks_for_all(&self) -> bool {
        let Some(probe) = &self.probe else { return true };
        !self.history.was_as_declared || probe.generation.is_multiple_of(ALL_EVERY)
    }
}

impl Plan {
    /// Whether there is nothing to do, to wait for or to tell: the only plan that may rest on what was not read again.
    pub fn is_nothing(&self) -> bool {
        self.steps.is_empty()
            && self.waits.is_empty()
            && self.withheld.is_empty()
            && self.postponed.is_empty()
            && self.unseen.is_empty()
    }
}

/// What tells a schedule from any other: all that is compared of one, but which plan wrote its input. In hexadecimal
/// digits, 128 bits.
pub fn schedule_digest(schedule: &Schedule) -> String {
    let Schedule { name, expression, enabled, target_arn, role_arn, input, modified_ms: _ } = schedule;
    let input = input.as_ref().map(|input| ProbeInput { generation: 0, ..input.clone() });
    let input = serde_json::to_string(&input).unwrap_or_default();
    let mut digest = sha256(&[name, expression, &enabled.to_string(), target_arn, role_arn, &input]);
    digest.truncate(32);
    digest
}

/// The stack's elastic IPs, as its NAT gateways say what they have: `DescribeAddresses` would answer nothing else that
/// matters while each of them is available. `None`: that cannot be said, and has to be asked for.
///
/// What is not seen is whether an address has lost its tags, or another one of the stack's is there that nothing uses.
pub fn addresses_in_use(spec: &StackSpec, nat_gateways: &[NatGateway]) -> Option<Vec<ElasticIp>> {
    if spec.adopt.is_some() {
        return None;
    }
    let mut found = Vec::new();
    for nat in nat_gateways.iter().filter(|nat| nat.state != NatState::Gone) {
        let Some(address) = nat.address() else { continue };
        let Resource::NatGateway { az_id } = &address.resource else { continue };
        let ([id], [ip], NatState::Available) = (&nat.allocation_ids[..], &nat.public_ips[..], nat.state)
        else {
            return None;
        };
        found.push(ElasticIp {
            allocation_id: id.clone(),
            tags: spec.tags_of(&Address::elastic_ip(az_id)),
            public_ip: ip.to_string(),
            association_id: Some(format!("of {}", nat.id)),
        });
    }
    Some(found)
}

/// How long a schedule must not have been changed when it is read, so that it is known from then on, in milliseconds: ten
/// minutes. AWS tells the time of a change, and nobody says how exactly: what is changed within the same second would
/// go unseen. Here alone the hub's clock counts, and AWS refuses calls whose clock is off by more than five minutes.
const UNCHANGED_MS: u64 = 10 * 60_000;
/// The longest name of a revision that is kept, in bytes: twice Lambda's.
const REVISION_MAX: usize = 72;

/// What is known of the probes of a stack that was just found as declared: what was read of them, and of what was not
/// read again what was known before. `seen_ms`: when was looked, by the hub's clock, in milliseconds since the Unix epoch.
pub fn known_probes(
    spec: &StackSpec,
    seen: &Inventory,
    before: Option<&KnownProbes>,
    seen_ms: u64,
) -> KnownProbes {
    let zones = || spec.zones.iter().map(|zone| &zone.az_id);
    let parts = spec.probe.as_ref().map_or(0, |probe| probe.parts().count());
    let functions = zones().filter_map(|az_id| {
        let name = StackSpec::probe_name(az_id);
        let function = seen.functions.iter().find(|it| it.name == name)?;
        let revision = function.revision.clone().filter(|it| it.len() <= REVISION_MAX)?;
        let known = before.and_then(|before| before.functions.get(&name));
        let not_read = known.filter(|known| known.revision == revision && known.still_reports);
        let destination_ms = not_read.map_or(seen_ms, |known| known.destination_ms);
        Some((name, KnownFunction { revision, destination_ms, still_reports: false }))
    });
    let names = zones().flat_map(|az_id| (0..parts).map(move |part| StackSpec::schedule_name(az_id, part)));
    let schedules = names.filter_map(|name| {
        if seen.unchanged_schedules.contains_key(&name) {
            let known = before?.schedules.get(&name)?.clone();
            return Some((name, known));
        }
        let schedule = seen.schedules.iter().find(|it| it.name == name)?;
        let modified_ms = schedule.modified_ms?;
        let is_old = u64::try_from(modified_ms).is_ok_and(|it| it.saturating_add(UNCHANGED_MS) <= seen_ms);
        let generation = schedule.input.as_ref().filter(|_| is_old)?.generation;
        Some((name, KnownSchedule { modified_ms, digest: schedule_digest(schedule), generation }))
    });
    KnownProbes {
        functions: functions.collect(),
        schedules: schedules.collect(),
        lists: before.map(|before| before.lists).unwrap_or_default(),
        is_futile: false,
    }
}
