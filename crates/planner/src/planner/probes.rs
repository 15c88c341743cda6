//! The probe half of a stack: Lambda and EventBridge Scheduler.

use phonehome_wire::{AzId, Check, ProbeInput, WIRE_VERSION};

use super::Planner;
use crate::Disruption;
use crate::{Action, Change, ProbeSpec, Readiness, Ref, StackSpec, Wait};
use phonehome_network::{Address, Function, FunctionState, Kind, Schedule, Tier};
use phonehome_text::count;

/// How often a probe runs; the heartbeat's clock.
pub const SCHEDULE_EXPRESSION: &str = "rate(1 minute)";

impl Planner<'_> {
    pub(super) fn probes(&mut self) {
        let Some(probe) = &self.spec.probe else { return };
        if !self.sees(Kind::Function) || !self.sees(Kind::Schedule) || !self.sees(Kind::SecurityGroup) {
            return;
        }
        for zone in self.zones() {
            self.function(probe, &zone.az_id);
            self.schedule(probe, &zone.az_id);
        }
    }

    fn function(&mut self, probe: &ProbeSpec, az_id: &AzId) {
        let address = Address::probe(az_id);
        let name = StackSpec::probe_name(az_id);
        let (subnet, security_group) = (
            self.subnet_ref(Tier::Private, az_id),
            self.reference(&Address::probe_security_group(), &self.seen.security_groups),
        );
        match self.seen.functions.iter().find(|function| function.name == name) {
            None => {
                let action = Action::CreateFunction { name, subnet, security_group };
                self.create(address, action, vec![]);
                self.destination(probe, az_id, None);
            }
            Some(function) if function.state == FunctionState::Pending => self.wait(Wait {
                address,
                id: name,
                what: "Lambda is still attaching the function to the VPC".into(),
                holds_up: Readiness::Network,
            }),
            Some(function) => {
                self.function_update(probe, address, function, subnet, security_group);
                self.destination(probe, az_id, function.destination.as_deref());
            }
        }
    }

    /// At most one update a plan: Lambda refuses a second one while the first is under way, and
    /// the next plan sees what is left.
    fn function_update(
        &mut self,
        probe: &ProbeSpec,
        address: Address,
        seen: &Function,
        subnet: Ref,
        security_group: Ref,
    ) {
        let name = seen.name.clone();
        let differences = configuration_differences(seen, probe, &subnet, &security_group);
        if let Some(reason) = differences.reason {
            let action = Action::UpdateFunctionConfiguration { name, subnet, security_group };
            self.push(address, differences.change(), Disruption::None, action, reason, vec![]);
        } else if seen.code_sha256 != probe.code_sha256 {
            let change =
                Change::Update { before: short(&seen.code_sha256), after: short(&probe.code_sha256) };
            let action = Action::UpdateFunctionCode { name };
            self.push(address, change, Disruption::None, action, "another version of the probe", vec![]);
        }
    }

    fn destination(&mut self, probe: &ProbeSpec, az_id: &AzId, seen: Option<&str>) {
        let bus = &probe.bus_arn;
        if seen == Some(bus) {
            return;
        }
        let (change, reason) = match seen {
            None => (Change::Create, "not there"),
            Some(seen) => {
                (Change::Update { before: seen.to_owned(), after: bus.clone() }, "reports go elsewhere")
            }
        };
        let action = Action::PutDestination { name: StackSpec::probe_name(az_id) };
        // After every other call on the function: Lambda refuses concurrent updates.
        let address = Address::probe_destination(az_id);
        self.push(address, change, Disruption::None, action, reason, vec![Address::probe(az_id)]);
    }

    fn schedule(&mut self, probe: &ProbeSpec, az_id: &AzId) {
        let address = Address::probe_schedule(az_id);
        let name = StackSpec::probe_name(az_id);
        let function_arn = self.spec.probe_arn(az_id);
        let input = self.probe_input(probe, az_id);
        let Some(seen) = self.seen.schedules.iter().find(|schedule| schedule.name == name) else {
            let action = Action::CreateSchedule { name, function_arn, input };
            return self.create(address, action, vec![Address::probe(az_id)]);
        };
        let differences = schedule_differences(probe, seen, &function_arn, &input);
        let Some(reason) = differences.reason else { return };
        let action = Action::UpdateSchedule { name, function_arn, input };
        self.push(address, differences.change(), Disruption::None, action, reason, vec![]);
    }

    fn probe_input(&self, probe: &ProbeSpec, az_id: &AzId) -> ProbeInput {
        ProbeInput {
            version: WIRE_VERSION,
            generation: probe.generation,
            report_version: 1,
            timeout_s: 0,
            region: self.spec.region.clone(),
            availability_zone: az_id.clone(),
            checks: probe.checks.clone(),
        }
    }
}

/// In what a schedule differs. Not its generation alone: that only says which plan wrote the
/// rest.
fn schedule_differences(
    probe: &ProbeSpec,
    seen: &Schedule,
    function_arn: &str,
    input: &ProbeInput,
) -> Differences {
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
    match &seen.input {
        None => found.add("other checks", "unreadable", &count_checks(&input.checks)),
        Some(old) if ProbeInput { generation: input.generation, ..old.clone() } == *input => {}
        Some(old) => {
            let news = news(&old.checks, &input.checks);
            let after = format!("{} ({news})", count_checks(&input.checks));
            found.add("other checks", &count_checks(&old.checks), &after);
        }
    }
    found
}

/// In what a function's configuration differs.
fn configuration_differences(
    seen: &Function,
    probe: &ProbeSpec,
    subnet: &Ref,
    security_group: &Ref,
) -> Differences {
    let mut found = Differences::default();
    if seen.state == FunctionState::Failed {
        found.add("Lambda could not set it up", "failed", "active");
    }
    for (ids, wanted) in [(&seen.subnet_ids, subnet), (&seen.security_group_ids, security_group)] {
        if !matches!(wanted, Ref::Id(id) if *ids == [id.as_str()]) {
            let mut ids = ids.clone();
            ids.sort();
            let before = if ids.is_empty() { "in no VPC".to_owned() } else { ids.join(" + ") };
            found.add("is placed elsewhere", &before, &wanted.to_string());
        }
    }
    for (unit, old, new) in [("MB", seen.memory_mb, probe.memory_mb), ("s", seen.timeout_s, probe.timeout_s)]
    {
        if old != new {
            found.add("other limits", &format!("{old} {unit}"), &format!("{new} {unit}"));
        }
    }
    if seen.role_arn != probe.role_arn {
        found.add("has another role", &seen.role_arn, &probe.role_arn);
    }
    found
}

/// In what something differs, for people.
#[derive(Default)]
struct Differences {
    /// Why it matters: that of the first difference.
    reason: Option<&'static str>,
    before: Vec<String>,
    after: Vec<String>,
}

impl Differences {
    fn add(&mut self, reason: &'static str, before: &str, after: &str) {
        self.reason.get_or_insert(reason);
        self.before.push(before.to_owned());
        self.after.push(after.to_owned());
    }

    fn change(&self) -> Change {
        Change::Update { before: self.before.join(", "), after: self.after.join(", ") }
    }
}

/// Enough of a hash to tell two apart.
fn short(hash: &str) -> String {
    hash.chars().take(8).collect()
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
