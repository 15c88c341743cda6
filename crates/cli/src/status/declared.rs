//! Which of the paths that are stored are declared still: what is known of the others stays for a while after their
//! declaration has gone, and says nothing of the network.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_alerting::{Incident, Paths, Symptom};
use phonehome_cloud::table::Table;
use phonehome_state::{LastRead, StackStatus, StateError, bindings};
use phonehome_wire::{CheckId, StackId};

use super::parts::keys;

/// Leaves the paths that are expected of each stack's probes, as the alerter does. Of an account that is no line of the
/// fleet file all are left: nothing is known to be expected of it.
///
/// # Errors
/// [`StateError`] when it is not known what is declared.
pub(super) async fn retain(
    table: &impl Table,
    stacks: &[StackStatus],
    incidents: &[Incident],
    paths: &mut BTreeMap<String, Paths>,
) -> Result<(), StateError> {
    let in_use = LastRead::default().in_use(table).await?;
    let bindings = bindings(table).await?;
    let expecting = in_use.expecting(&bindings, stacks);
    let told = told(incidents);
    for stack in stacks {
        let is_told = |check: &CheckId| told.contains(&(stack.stack(), check));
        let Some(expected) = expecting.of(stack, is_told) else { continue };
        let declared: BTreeSet<CheckId> = expected.checks.into_iter().map(|check| check.id).collect();
        for key in stack.availability_zones.iter().flat_map(|zone| keys(stack, zone)) {
            if let Some(paths) = paths.get_mut(&key) {
                paths.retain(|check, _| declared.contains(check));
            }
        }
    }
    Ok(())
}

/// What open incidents say is down: while a version is rolled out that is shown until it is over.
fn told(incidents: &[Incident]) -> BTreeSet<(StackId, &CheckId)> {
    let members = incidents.iter().flat_map(|incident| &incident.members);
    let down = members.filter_map(|member| match &member.symptom {
        Symptom::Down { check } => Some((member.probe.stack(), check)),
        Symptom::Silent | Symptom::Inconclusive => None,
    });
    down.collect()
}
