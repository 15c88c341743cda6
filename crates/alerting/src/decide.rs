//! The decision: from the world to incidents and messages.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::StackId;

use crate::continuity::assign;
use crate::doubt::doubts;
use crate::evaluation::Evaluation;
use crate::incident::Incidents;
use crate::inference::Group;
use crate::{Decision, Incident, World, lifecycle, outbox, suspected};

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
    let open = world.open.iter().filter(|incident| incident.is_open());
    let known: BTreeMap<&String, &Incident> = open.map(|incident| (&incident.id, incident)).collect();
    let mut incidents: Incidents =
        known.iter().map(|(id, incident)| ((*id).clone(), (*incident).clone())).collect();
    for _ in 0..ROUNDS {
        let next = round(&evaluation, &groups, &incidents);
        if next == incidents {
            break;
        }
        incidents = next;
    }

    let waits_until_ms = evaluation.groups.iter().filter_map(|group| group.waits_until_ms).min();
    let suspected = suspected(&evaluation, &incidents);
    let doubts = doubts(&evaluation, &incidents);
    let mut decision = Decision { waits_until_ms, suspected, doubts, ..Decision::default() };
    let mut unchanged = Vec::new();
    for (id, incident) in incidents {
        let before = known.get(&id).copied();
        // What opened and ended within this decision was only a step on the way.
        let stored = incident.clone().bounded();
        let is_due = next_ms(world, &incident).is_some_and(|at_ms| at_ms <= world.now_ms);
        if is_due || (before != Some(&stored) && (before.is_some() || incident.is_open())) {
            outbox::record(&evaluation, before, incident, &mut decision);
        } else {
            unchanged.push(incident);
        }
    }
    let next = decision.incidents.iter().chain(&unchanged).filter_map(|incident| next_ms(world, incident));
    // What is told later than that is found when it is looked anyway.
    let soon = next.filter(|at_ms| *at_ms < world.now_ms + world.policy.interval_ms);
    decision.waits_until_ms = soon.chain(decision.waits_until_ms).min();
    decision.outbox.sort_by(|a, b| (!a.body.is_page(), &a.id).cmp(&(!b.body.is_page(), &b.id)));
    decision
}

/// When something of an incident is told that waits for its turn; milliseconds since the Unix epoch.
fn next_ms(world: &World, incident: &Incident) -> Option<u64> {
    let waits = incident.is_open() && incident.untold > 0 && !incident.silenced;
    let update = waits.then(|| incident.may_tell_from_ms(world.policy.edits_apart_ms()));
    update.into_iter().chain(incident.page_due_ms()).min()
}

/// Where the cause may be of what is open, with the incidents that suspect it, and of what is not told yet.
fn suspected(evaluation: &Evaluation<'_>, incidents: &Incidents) -> BTreeMap<StackId, BTreeSet<String>> {
    let mut suspected: BTreeMap<StackId, BTreeSet<String>> = BTreeMap::new();
    for incident in incidents.values().filter(|incident| incident.is_open()) {
        for stack in suspected::of_incident(evaluation, incident) {
            suspected.entry(stack).or_default().insert(incident.id.clone());
        }
    }
    // Where runs are seconds apart, what is looked for so soon is mended before anybody is told.
    let is_early =
        |group: &&Group| group.waits_until_ms.is_some() && !evaluation.world.policy.is_time_short();
    for group in evaluation.groups.iter().filter(is_early) {
        for stack in suspected::of_group(evaluation, group) {
            suspected.entry(stack).or_default();
        }
    }
    suspected
}

/// One round of giving groups to incidents. The incidents that are over stay as they are.
fn round(evaluation: &Evaluation<'_>, groups: &[Group], incidents: &Incidents) -> Incidents {
    let open: Vec<&Incident> = incidents.values().filter(|incident| incident.is_open()).collect();
    let assignment = assign(evaluation, &open, groups.to_vec());
    let over = incidents.iter().filter(|(_, incident)| !incident.is_open());
    let mut next: Incidents = over.map(|(id, incident)| (id.clone(), incident.clone())).collect();
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
