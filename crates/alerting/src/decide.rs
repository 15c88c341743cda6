//! The decision: from the world to incidents and messages.

use crate::continuity::assign;
use crate::evaluation::Evaluation;
use crate::incident::Incidents;
use crate::inference::Group;
use crate::{Decision, Incident, World, lifecycle, outbox};

/// Members that move between incidents can change which group another incident goes on as, so
/// the assignment is repeated until it rests. It does after two or three rounds; the bound only
/// guards against a cycle nobody has thought of, where any round's result is a valid one.
const ROUNDS: usize = 8;

/// Decides what has to be said, now.
///
/// Pure, and independent of the order in the lists. When its result has been stored, the same
/// world leads to an empty decision.
#[must_use]
pub fn decide(world: &World) -> Decision {
    // What nothing tells apart is named in the order of the probes.
    if !world.probes.is_sorted_by(|a, b| a.key <= b.key) {
        let mut sorted = world.clone();
        sorted.probes.sort_by(|a, b| a.key.cmp(&b.key));
        return decide(&sorted);
    }
    let evaluation = Evaluation::of(world);
    let groups = evaluation.told();
    let known: Incidents = world
        .open
        .iter()
        .filter(|incident| incident.is_open())
        .map(|incident| (incident.id.clone(), incident.clone()))
        .collect();
    let mut incidents = known.clone();
    for _ in 0..ROUNDS {
        let next = round(&evaluation, &groups, &incidents);
        if next == incidents {
            break;
        }
        incidents = next;
    }

    let waits_until_ms = evaluation.groups.iter().filter_map(|group| group.waits_until_ms).min();
    let mut decision = Decision { waits_until_ms, ..Decision::default() };
    for (id, incident) in incidents {
        let before = known.get(&id);
        // What opened and ended within this decision was only a step on the way.
        let stored = incident.clone().bounded();
        let is_due = incident.untold > 0 && incident.is_open() && incident.may_tell(world.now_ms);
        if is_due || (before != Some(&stored) && (before.is_some() || incident.is_open())) {
            outbox::record(&evaluation, before, incident, &mut decision);
        }
    }
    decision.outbox.sort_by(|a, b| (!a.body.is_page(), &a.id).cmp(&(!b.body.is_page(), &b.id)));
    decision
}

/// One round of giving groups to incidents. The incidents that are over stay as they are.
fn round(evaluation: &Evaluation<'_>, groups: &[Group], incidents: &Incidents) -> Incidents {
    let open: Vec<&Incident> = incidents.values().filter(|incident| incident.is_open()).collect();
    let assignment = assign(evaluation, &open, groups.to_vec());
    let mut next = incidents.clone();
    for current in &open {
        let absorbed: Vec<&Incident> = open
            .iter()
            .filter(|other| assignment.merged.get(&other.id) == Some(&current.id))
            .copied()
            .collect();
        let incident = match assignment.merged.get(&current.id) {
            Some(into) => lifecycle::merge(evaluation, current, into),
            None => {
                let groups = assignment.continued.get(&current.id).map_or(&[][..], Vec::as_slice);
                lifecycle::advance(evaluation, current, &absorbed, groups)
            }
        };
        next.insert(incident.id.clone(), incident);
    }
    for group in assignment.fresh.iter().filter(|group| !lifecycle::is_notified_unseen(evaluation, group)) {
        let incident = lifecycle::open(evaluation, group, &next);
        next.insert(incident.id.clone(), incident);
    }
    next
}
