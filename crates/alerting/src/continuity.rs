//! Which incident a group belongs to: the same cause stays the same incident while its
//! explanation widens, narrows or moves.

use std::collections::{BTreeMap, BTreeSet};

use crate::evaluation::Evaluation;
use crate::lifecycle::is_frozen;
use crate::localise::Group;
use crate::{Incident, MemberKey, Suspect, Symptom};

/// Every group in exactly one place.
#[derive(Debug, Default)]
pub(crate) struct Assignment {
    /// By incident id: what it is about now.
    pub(crate) continued: BTreeMap<String, Vec<Group>>,
    /// By incident id: the incident it turned out to be the same as.
    pub(crate) merged: BTreeMap<String, String>,
    /// What no open incident accounts for.
    pub(crate) fresh: Vec<Group>,
}

/// Finds the incident of each group.
///
/// 1. Each incident goes on as the group with its suspect, else as the one it shares most with.
/// 2. Incidents that go on as the same group are the same cause: one survives, the rest merge
///    into it. A paged one survives before others, so that a page is never repeated; then the
///    oldest.
/// 3. A group nobody goes on as is the remainder of an incident when that incident has had an
///    explanation for all of it (an account was lost; two of its targets still are). Otherwise it
///    is something new, and takes its members along.
pub(crate) fn assign(evaluation: &Evaluation<'_>, open: &[&Incident], groups: Vec<Group>) -> Assignment {
    let mut assignment = Assignment::default();
    let mut claims: BTreeMap<usize, Vec<&Incident>> = BTreeMap::new();
    for incident in open {
        if let Some(index) = successor(incident, &groups) {
            claims.entry(index).or_default().push(incident);
        }
    }
    for claimants in claims.values_mut() {
        claimants.sort_by_key(|incident| precedence(incident));
        // One of which a part cannot be seen does not end, so it does not end as part of another either.
        for loser in claimants[1..].iter().filter(|loser| !is_frozen(evaluation, loser)) {
            assignment.merged.insert(loser.id.clone(), claimants[0].id.clone());
        }
    }
    let mut unclaimed = Vec::new();
    for (index, group) in groups.into_iter().enumerate() {
        match claims.get(&index) {
            Some(claimants) => {
                assignment.continued.entry(claimants[0].id.clone()).or_default().push(group);
            }
            None => unclaimed.push(group),
        }
    }
    for group in unclaimed {
        match remainder_of(evaluation, open, &group) {
            Some(incident) => {
                let id = assignment.merged.get(&incident.id).unwrap_or(&incident.id).clone();
                assignment.continued.entry(id).or_default().push(group);
            }
            None => assignment.fresh.push(group),
        }
    }
    assignment
}

fn precedence(incident: &Incident) -> (bool, u64, String) {
    (!incident.paged, incident.opened_at_ms, incident.id.clone())
}

fn successor(incident: &Incident, groups: &[Group]) -> Option<usize> {
    if let Some(index) = groups.iter().position(|group| group.suspect == incident.suspect) {
        return Some(index);
    }
    let shared = groups.iter().map(|group| shared(incident, group));
    let (index, most) = shared.enumerate().max_by_key(|(index, shared)| (*shared, usize::MAX - index))?;
    (most > 0).then_some(index)
}

fn shared(incident: &Incident, group: &Group) -> usize {
    let keys: BTreeSet<MemberKey> = incident.members.iter().map(crate::IncidentMember::key).collect();
    keys.intersection(&group.members).count()
}

fn remainder_of<'i>(
    evaluation: &Evaluation<'_>,
    open: &[&'i Incident],
    group: &Group,
) -> Option<&'i Incident> {
    let explained = |incident: &&&Incident| {
        shared(incident, group) > 0
            && incident
                .suspects
                .iter()
                .any(|suspect| group.members.iter().all(|key| explains(evaluation, suspect, key)))
    };
    open.iter().filter(explained).min_by_key(|incident| precedence(incident)).copied()
}

/// Whether this is what one would see if the suspect were to blame.
fn explains(evaluation: &Evaluation<'_>, suspect: &Suspect, key: &MemberKey) -> bool {
    let probe = &key.probe;
    let target = evaluation.check(key).map(|check| &check.target);
    match suspect {
        Suspect::Collector => key.symptom == Symptom::Silent,
        Suspect::Account { account, region } => probe.account == *account && probe.region == *region,
        Suspect::AvailabilityZone { account, availability_zone } => {
            probe.availability_zone == *availability_zone
                && account.as_ref().is_none_or(|account| probe.account == *account)
        }
        Suspect::Target { endpoint, account } => {
            target.is_some_and(|target| target.endpoint == *endpoint && target.account == *account)
        }
        Suspect::Isolation { account, region, endpoint } => {
            probe.account == *account
                && probe.region == *region
                && target.is_some_and(|target| target.endpoint == *endpoint)
        }
        Suspect::Path { .. } | Suspect::Probe { .. } | Suspect::Prober { .. } => false,
    }
}
