//! What the probes are given to test, noted before it is deployed: the collector takes reports of nothing
//! else.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_alerting::{Endpoints, Given, Inputs, endpoints};
use phonehome_cloud::WallClock;
use phonehome_cloud::table::{Doc, Table, TableError, Write, on_conflict};
use phonehome_network::Inventory;
use phonehome_planner::{Action, Plan, ProbeSpec, StackSpec};
use phonehome_state::{Keys, set_aside};
use phonehome_wire::AzId;

use crate::provision::Provision;

/// How often it is tried again when an executor that has lost its lease writes at the same moment.
const ATTEMPTS_MAX: u32 = 3;

impl<T: Table, M, C: WallClock + Clone> Provision<T, M, C> {
    /// Notes which inputs the stack's probes have and which the plan gives them. Call it before the plan
    /// is applied: a report of a new input must not come before the note of it; and should the plan come
    /// to nothing, what is deployed is noted as well.
    ///
    /// # Errors
    /// [`TableError`]
    pub(crate) async fn note_inputs(
        &self,
        spec: &StackSpec,
        inventory: &Inventory,
        plan: &Plan,
    ) -> Result<(), TableError> {
        let Some(probe) = &spec.probe else { return Ok(()) };
        let given = given(spec, probe, inventory, plan);
        let key = Keys::inputs(&spec.stack());
        on_conflict(ATTEMPTS_MAX, async || {
            let doc = self.table.get(&key).await?;
            let before = doc.as_ref().map(Doc::read::<Inputs>);
            let unread = doc.as_ref().filter(|_| matches!(before, Some(Err(_))));
            let before = before.and_then(Result::ok).unwrap_or_default();
            let Some(after) = before.with(probe.generation, &given, &zones(spec, probe, inventory, &before))
            else {
                return Ok(());
            };
            let mut writes = vec![Write::over(doc.as_ref(), key.clone(), &after)];
            if let Some(unread) = unread {
                tracing::error!(
                    partition = unread.key.partition,
                    sort = unread.key.sort,
                    "unreadable item set aside"
                );
                writes.push(set_aside(unread, self.clock.now_ms()));
            }
            self.table.write(writes).await
        })
        .await
    }
}

/// By part, the zones whose probes count: those declared, and those noted before whose schedule is still there.
fn zones(
    spec: &StackSpec,
    probe: &ProbeSpec,
    inventory: &Inventory,
    before: &Inputs,
) -> BTreeMap<u32, BTreeSet<AzId>> {
    let declared = probe.parts().count();
    let parts = (0..declared).chain(before.parts.keys().copied().filter(|part| *part >= declared));
    let of_part = |part: u32| {
        let is_scheduled = |zone: &&AzId| {
            let name = StackSpec::schedule_name(zone, part);
            inventory.schedules.iter().any(|schedule| schedule.name == name)
        };
        let noted = match part {
            0 => Some(&before.zones),
            part => before.parts.get(&part).map(|inputs| &inputs.zones),
        };
        let noted = noted.into_iter().flat_map(BTreeMap::keys).filter(is_scheduled).cloned();
        let zones = spec.zones.iter().filter(|_| part < declared).map(|zone| zone.az_id.clone());
        (part, zones.chain(noted).collect())
    };
    parts.map(of_part).collect()
}

/// Of each zone and part, what the plan gives its probe, then what it has. Of an input only the checks count that
/// are declared now: what else it tests is observed by nobody, and may have been written by anybody.
fn given(spec: &StackSpec, probe: &ProbeSpec, inventory: &Inventory, plan: &Plan) -> Vec<Given> {
    let declared = endpoints(&probe.checks);
    let known = |mut checks: Endpoints| {
        checks.retain(|id, endpoint| declared.get(id) == Some(endpoint));
        checks
    };
    let planned = plan.steps.iter().filter_map(|step| match &step.action {
        Action::CreateSchedule { input, .. } | Action::UpdateSchedule { input, .. } => Some(Given {
            availability_zone: input.availability_zone.clone(),
            part: input.part,
            generation: input.generation,
            checks: known(endpoints(&input.checks)),
        }),
        _ => None,
    });
    // Zone and part are those in the schedule's name: what its input says anybody in the account may write.
    let seen = inventory.schedules.iter().filter_map(|schedule| {
        let (az_id, part) = StackSpec::of_schedule(&schedule.name)?;
        let zone = spec.zones.iter().find(|zone| *zone.az_id == *az_id)?;
        let input = schedule.input.as_ref()?;
        Some(Given {
            availability_zone: zone.az_id.clone(),
            part,
            generation: input.generation,
            checks: known(endpoints(&input.checks)),
        })
    });
    planned.chain(seen).collect()
}
