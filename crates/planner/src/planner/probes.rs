//! The probe half of a stack: Lambda and EventBridge Scheduler.

use std::fmt;

use phonehome_wire::AzId;

use super::Planner;
use crate::Disruption;
use crate::{Action, Change, ProbeSpec, Readiness, Ref, StackSpec, Wait};
use phonehome_network::{Address, Function, FunctionState, Kind, Tier};

impl Planner<'_> {
    pub(super) fn probes(&mut self) {
        let Some(probe) = &self.spec.probe else { return };
        if !self.sees(Kind::Function) || !self.sees(Kind::Schedule) || !self.sees(Kind::SecurityGroup) {
            return;
        }
        for zone in self.zones() {
            if self.waits_for_code(probe, &zone.az_id) {
                continue;
            }
            // A probe whose code does not know what its input asks for refuses all of it. So the code comes
            // first, and after a roll-back the input does.
            if self.input_is_ahead(&zone.az_id) {
                self.schedules(probe, zone);
                self.function(probe, &zone.az_id);
            } else {
                self.function(probe, &zone.az_id);
                self.schedules(probe, zone);
            }
        }
    }

    /// Whether a zone's probe has to wait for code that is not at hand. Then its schedule is left as well: the code that
    /// it has may not know what is declared now.
    fn waits_for_code(&mut self, probe: &ProbeSpec, az_id: &AzId) -> bool {
        let name = StackSpec::probe_name(az_id);
        let seen = self.seen.functions.iter().find(|function| function.name == name);
        let Some(problem) = probe.lacks_code(seen) else { return false };
        let (address, what) = (Address::probe(az_id), problem.to_owned());
        self.wait(Wait { address, id: name, what, holds_up: Readiness::Network });
        true
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
                let schedules = (0..probe.parts().count()).map(|part| Address::part_schedule(az_id, part));
                self.create(address, action, schedules.collect());
                self.destination(probe, az_id, None);
            }
            Some(function) if function.state == FunctionState::Pending => self.wait(Wait {
                address,
                id: name,
                what: "Lambda is still attaching the function to the VPC".into(),
                holds_up: Readiness::Network,
            }),
            Some(function) => {
                self.function_update(probe, az_id, function, subnet, security_group);
                self.destination(probe, az_id, function.destination.as_deref());
            }
        }
    }

    /// At most one update a plan: Lambda refuses a second one while the first is under way, and
    /// the next plan sees what is left.
    fn function_update(
        &mut self,
        probe: &ProbeSpec,
        az_id: &AzId,
        seen: &Function,
        subnet: Ref,
        security_group: Ref,
    ) {
        let (address, name) = (Address::probe(az_id), seen.name.clone());
        let differences = configuration_differences(seen, probe, &subnet, &security_group);
        if let Some(reason) = differences.reason {
            let action = Action::UpdateFunctionConfiguration { name, subnet, security_group };
            self.push(address, differences.change(), Disruption::None, action, reason, vec![]);
        } else if seen.code_sha256 != probe.code_sha256 && self.input_is_ahead(az_id) {
            self.wait(Wait {
                address,
                id: name,
                what:
                    "its code may not know what its schedule asks for, and waits until the schedule asks for \
                       what is declared"
                        .into(),
                holds_up: Readiness::Network,
            });
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
    if !seen.environment.is_empty() {
        found.add("has environment variables", &seen.environment.join(" + "), "none");
    }
    found
}

/// In what something differs, for people.
#[derive(Default)]
pub(super) struct Differences {
    /// Why it matters: that of the first difference.
    pub(super) reason: Option<&'static str>,
    before: Vec<String>,
    after: Vec<String>,
}

impl Differences {
    pub(super) fn add(&mut self, reason: &'static str, before: &str, after: &str) {
        self.reason.get_or_insert(reason);
        self.before.push(before.to_owned());
        self.after.push(after.to_owned());
    }

    /// These, then those of another.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.reason = self.reason.or(other.reason);
        self.before.extend(other.before);
        self.after.extend(other.after);
        self
    }

    pub(super) fn change(&self) -> Change {
        Change::Update { before: self.before.join(", "), after: self.after.join(", ") }
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({} → {})",
            self.reason.unwrap_or_default(),
            self.before.join(", "),
            self.after.join(", ")
        )
    }
}

/// Enough of a hash to tell two apart.
fn short(hash: &str) -> String {
    hash.chars().take(8).collect()
}
