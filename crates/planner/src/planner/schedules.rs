//! The schedules of the probes: when each runs, and what it is asked to test.

use std::collections::{BTreeSet, HashSet};
use std::mem::{Discriminant, discriminant};
use std::net::IpAddr;

use phonehome_wire::{AzId, Check, CheckKind, ProbeInput, REPORT_VERSION, WIRE_VERSION};

use super::Planner;
use super::nat::WayOut;
use super::probes::Differences;
use crate::{Action, Disruption, ProbeSpec, Readiness, Ref, StackSpec, Wait, ZoneSpec, schedule_digest};
use phonehome_network::{Address, FunctionState, NatState, Schedule};
use phonehome_text::{count, joined};

/// How often a probe runs; the heartbeat's clock.
pub const SCHEDULE_EXPRESSION: &str = "rate(1 minute)";

/// One schedule of a zone: that of a part of its checks.
struct At<'z> {
    zone: &'z ZoneSpec,
    part: u32,
}

impl At<'_> {
    fn name(&self) -> String {
        StackSpec::schedule_name(&self.zone.az_id, self.part)
    }

    fn address(&self) -> Address {
        Address::part_schedule(&self.zone.az_id, self.part)
    }

    fn probe(&self) -> Address {
        Address::probe(&self.zone.az_id)
    }
}

impl Planner<'_> {
    /// The schedules of a zone: one for each part of its checks.
    pub(super) fn schedules(&mut self, probe: &ProbeSpec, zone: &ZoneSpec) {
        let parts = probe.parts();
        for part in 0..parts.count() {
            let checks = parts.checks_of(&probe.checks, part).cloned().collect();
            let wanted = self.probe_input(probe, zone, part, checks);
            self.schedule(probe, &At { zone, part }, wanted);
        }
    }

    fn schedule(&mut self, probe: &ProbeSpec, at: &At<'_>, wanted: ProbeInput) {
        let az_id = &at.zone.az_id;
        let function_arn = self.spec.probe_arn(az_id);
        if self.is_unchanged(probe, at, &wanted) {
            return;
        }
        let is_known = self.knows_new_input(probe, az_id);
        let Some(seen) = self.seen_schedule(&at.name()) else {
            if !is_known {
                return self.wait_for_code(at, &count_checks(&wanted.checks));
            }
            let action = Action::CreateSchedule { name: at.name(), function_arn, input: wanted };
            return self.create(at.address(), action, vec![at.probe()]);
        };
        let repairs = setting_differences(probe, seen, &function_arn);
        let news = input_differences(seen.input.as_ref(), &wanted);
        match &seen.input {
            Some(old) if news.reason.is_some() && !is_known => {
                self.update_schedule(at, &repairs, old.clone());
                self.wait_for_code(at, &news.to_string());
            }
            // One by one: a step that changes no more than this is nobody's change of the schedule.
            Some(old) if repairs.reason.is_some() && follows_way_out(old, &wanted) => {
                self.update_schedule(at, &repairs, old.clone());
            }
            _ => self.update_schedule(at, &repairs.and(news), wanted),
        }
    }

    /// Whether a schedule was not read again, and was as it is wanted now when it was.
    fn is_unchanged(&self, probe: &ProbeSpec, at: &At<'_>, wanted: &ProbeInput) -> bool {
        let wanted = || Schedule {
            name: at.name(),
            expression: SCHEDULE_EXPRESSION.to_owned(),
            enabled: true,
            target_arn: self.spec.probe_arn(&at.zone.az_id),
            role_arn: probe.schedule_role_arn.clone(),
            input: Some(wanted.clone()),
            modified_ms: None,
        };
        self.seen.unchanged_schedules.get(&at.name()).is_some_and(|read| *read == schedule_digest(&wanted()))
    }

    fn seen_schedule(&self, name: &str) -> Option<&Schedule> {
        self.seen.schedules.iter().find(|schedule| schedule.name == name)
    }

    /// Whether a probe is asked for more than the wanted code may know, while the code in force knows what is wanted:
    /// by a newer build, after this one was rolled back; or for kinds of checks that are wanted no more, after a version
    /// was taken back. Then the input goes first.
    pub(super) fn input_is_ahead(&self, az_id: &AzId) -> bool {
        let is_ahead = |input: &ProbeInput| {
            input.version > WIRE_VERSION
                || input.report_version > REPORT_VERSION
                || input.checks.iter().any(|check| check.kind == CheckKind::Unknown)
        };
        let of_zone = |it: &&Schedule| StackSpec::of_schedule(&it.name).is_some_and(|it| it.0 == &**az_id);
        let mut schedules = self.seen.schedules.iter().filter(of_zone);
        let mut inputs = schedules.clone().filter_map(|seen| seen.input.as_ref());
        schedules.any(|seen| seen.input.as_ref().is_none_or(is_ahead)) || self.only_loses_kinds(&mut inputs)
    }

    /// Whether kinds of checks go that these inputs have, and none comes.
    fn only_loses_kinds(&self, inputs: &mut dyn Iterator<Item = &ProbeInput>) -> bool {
        let kinds = |checks: &mut dyn Iterator<Item = &Check>| -> HashSet<Discriminant<CheckKind>> {
            checks.map(|check| discriminant(&check.kind)).collect()
        };
        let wanted = self.spec.probe.iter().flat_map(|probe| &probe.checks);
        let (old, new) = (kinds(&mut inputs.flat_map(|it| &it.checks)), kinds(&mut wanted.into_iter()));
        new.is_subset(&old) && old != new
    }

    /// Whether the code in force knows what the new input asks for: it is the wanted code, or newer than that; or
    /// there is none, and the wanted one is made. Any other may be older, and so may the one in force while an
    /// update is under way.
    fn knows_new_input(&self, probe: &ProbeSpec, az_id: &AzId) -> bool {
        let name = StackSpec::probe_name(az_id);
        let function = self.seen.functions.iter().find(|function| function.name == name);
        self.input_is_ahead(az_id)
            || function.is_none_or(|function| {
                function.state == FunctionState::Active
                    && function.code_sha256 == probe.code_sha256
                    // The input says the time limit.
                    && function.timeout_s == probe.timeout_s
            })
    }

    fn update_schedule(&mut self, at: &At<'_>, differences: &Differences, input: ProbeInput) {
        let Some(reason) = differences.reason else { return };
        let az_id = &at.zone.az_id;
        let (name, function_arn) = (at.name(), self.spec.probe_arn(az_id));
        let function = StackSpec::probe_name(az_id);
        let has_function = self.seen.functions.iter().any(|it| it.name == function);
        // A function that is there may fail to be updated for ever: a repair does not wait for that.
        let after = if has_function { vec![] } else { vec![at.probe()] };
        let action = Action::UpdateSchedule { name, function_arn, input };
        self.push(at.address(), differences.change(), Disruption::None, action, reason, after);
    }

    /// The next plan that sees the code in place gives the new input.
    fn wait_for_code(&mut self, at: &At<'_>, input: &str) {
        let probe = at.probe();
        self.wait(Wait {
            address: at.address(),
            id: at.name(),
            what: format!("waits until {probe} is updated, so that its code knows the new input: {input}"),
            holds_up: Readiness::Network,
        });
    }

    fn probe_input(
        &self,
        probe: &ProbeSpec,
        zone: &ZoneSpec,
        part: u32,
        mut checks: Vec<Check>,
    ) -> ProbeInput {
        let addresses = self.way_out_addresses(zone);
        for check in &mut checks {
            if let CheckKind::Egress { expected, .. } = &mut check.kind
                && expected.is_empty()
            {
                expected.clone_from(&addresses);
            }
        }
        ProbeInput {
            version: WIRE_VERSION,
            generation: probe.generation,
            report_version: REPORT_VERSION,
            timeout_s: u32::try_from(probe.timeout_s).unwrap_or_default(),
            region: self.spec.region.clone(),
            availability_zone: zone.az_id.clone(),
            part,
            rerun: false,
            checks,
        }
    }

    /// The public addresses that a zone's private subnet is seen from, in order. None while it has no way out
    /// of its own, or that is not available, or its traffic still leaves through another.
    fn way_out_addresses(&self, zone: &ZoneSpec) -> Vec<IpAddr> {
        let WayOut::Through(Ref::Id(id)) = self.way_out(zone.nat_az_id.as_deref()) else { return vec![] };
        let route = Address::default_route(&Address::private_route_table(&zone.az_id));
        if self.is_withheld(&route) || self.awaits(&route) {
            return vec![];
        }
        let nats = self.seen.nat_gateways.iter();
        let available = nats.filter(|nat| nat.id == id && nat.state == NatState::Available);
        let mut addresses: Vec<IpAddr> = available.flat_map(|nat| nat.public_ips.clone()).collect();
        addresses.sort();
        addresses.dedup();
        addresses
    }
}

/// In what a schedule differs, beside its input.
fn setting_differences(probe: &ProbeSpec, seen: &Schedule, function_arn: &str) -> Differences {
    let mut found = Differences::default();
    if !seen.enabled {
        found.add("is disabled", "disabled", "enabled");
    }
    if seen.expression != SCHEDULE_EXPRESSION {
        found.add("runs at other times", &seen.expression, SCHEDULE_EXPRESSION);
    }
    if seen.target_arn != function_arn {
        found.add("invokes something else", &seen.target_arn, function_arn);
    }
    if seen.role_arn != probe.schedule_role_arn {
        found.add("has another role", &seen.role_arn, &probe.schedule_role_arn);
    }
    found
}

/// In what an input differs. Not its generation alone: that only says which plan wrote the rest.
fn input_differences(old: Option<&ProbeInput>, new: &ProbeInput) -> Differences {
    let mut found = Differences::default();
    let Some(old) = old else {
        found.add("other checks", "unreadable", &count_checks(&new.checks));
        return found;
    };
    let place = |input: &ProbeInput| (input.region.clone(), input.availability_zone.clone(), input.part);
    let of = |input: &ProbeInput| (input.version, place(input));
    if differ_in_way_out_alone(&old.checks, &new.checks) {
        let (before, after) = (expected(&old.checks), expected(&new.checks));
        found.add("expects other addresses of the way out", &before, &after);
    } else if old.checks != new.checks || of(old) != of(new) {
        let after = format!("{} ({})", count_checks(&new.checks), news(&old.checks, &new.checks));
        found.add("other checks", &count_checks(&old.checks), &after);
    }
    if old.report_version != new.report_version {
        let version = |input: &ProbeInput| format!("version {}", input.report_version);
        found.add("asks for another version of reports", &version(old), &version(new));
    }
    if old.timeout_s != new.timeout_s {
        let limit = |input: &ProbeInput| match input.timeout_s {
            0 => "no time limit".to_owned(),
            seconds => format!("a time limit of {seconds} s"),
        };
        found.add("tells another time limit", &limit(old), &limit(new));
    }
    found
}

/// Whether two inputs differ in nothing but what says which plan wrote them and through which public addresses
/// the way out leads: such a difference follows from another one, in the way out.
#[must_use]
pub fn follows_way_out(old: &ProbeInput, new: &ProbeInput) -> bool {
    let as_new = ProbeInput { generation: new.generation, checks: new.checks.clone(), ..old.clone() };
    as_new == *new && differ_in_way_out_alone(&old.checks, &new.checks)
}

/// The ids of the checks that are the same in both, but for the public addresses of the way out.
pub(super) fn kept_checks(old: &ProbeInput, new: &ProbeInput) -> BTreeSet<String> {
    let old = without_expected(&old.checks);
    let kept = without_expected(&new.checks).into_iter().filter(|check| old.contains(check));
    kept.map(|check| check.id.0).collect()
}

fn differ_in_way_out_alone(old: &[Check], new: &[Check]) -> bool {
    old != new && without_expected(old) == without_expected(new)
}

fn without_expected(checks: &[Check]) -> Vec<Check> {
    let mut checks = checks.to_vec();
    for check in &mut checks {
        if let CheckKind::Egress { expected, .. } = &mut check.kind {
            expected.clear();
        }
    }
    checks
}

/// The public addresses that checks expect of the way out, for people.
fn expected(checks: &[Check]) -> String {
    let of = |check: &Check| match &check.kind {
        CheckKind::Egress { expected, .. } => expected.clone(),
        _ => vec![],
    };
    let addresses: BTreeSet<IpAddr> = checks.iter().flat_map(of).collect();
    if addresses.is_empty() { "any".to_owned() } else { joined(addresses.iter().map(ToString::to_string)) }
}

fn count_checks(checks: &[Check]) -> String {
    count(checks.len(), "check")
}

/// What became of the checks: `1 new, 2 gone`.
fn news(old: &[Check], new: &[Check]) -> String {
    let in_old = |check: &&Check| old.iter().any(|other| other.id == check.id);
    let in_new = |check: &&Check| new.iter().any(|other| other.id == check.id);
    let added = new.iter().filter(|check| !in_old(check)).count();
    let gone = old.iter().filter(|check| !in_new(check)).count();
    let changed = new.iter().filter(|check| in_old(check) && !old.contains(check)).count();
    let counts = [(added, "new"), (gone, "gone"), (changed, "changed")];
    let words: Vec<String> = counts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}"))
        .collect();
    if words.is_empty() { "written anew".to_owned() } else { words.join(", ") }
}
