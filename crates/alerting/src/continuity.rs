//! Which incident a group belongs to: the same cause stays the same incident while its
//! explanation widens, narrows or moves.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::{AccountId, AzId, Check, Purpose, Region, StackId};

use crate::evaluation::Evaluation;
use crate::inference::Group;
use crate::lifecycle::is_frozen;
use crate::{Aim, Incident, MemberKey, ProbeKey, Suspect, Symptom};

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
/// 1. Each incident goes on as the group with its suspect, else as the one it shares most with; as phonehome's own silence
///    only when nothing in it failed.
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
        if let Some(index) = successor(evaluation, incident, &groups) {
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

fn successor(evaluation: &Evaluation<'_>, incident: &Incident, groups: &[Group]) -> Option<usize> {
    if let Some(index) = groups.iter().position(|group| *group.suspect() == incident.suspect) {
        return Some(index);
    }
    // phonehome's own silence explains reports that are missing, and nothing that failed.
    let fails = incident.members.iter().any(|it| it.state.is_open() && it.symptom != Symptom::Silent);
    let may_be = |group: &Group| !(fails && *group.suspect() == Suspect::Collector);
    let in_common = |group: &Group| if may_be(group) { shared(incident, group) } else { 0 };
    // Of two with as much of it, the one that has nothing else.
    let rank = |group: &Group| (in_common(group), is_explained(evaluation, incident, group));
    let ranks = groups.iter().map(rank).zip((0..).map(Reverse));
    let ((most, _), Reverse(index)) = ranks.max()?;
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
    // Of what is not stored nobody knows whether it was in it: what its suspects explain was.
    let may_have_had = |incident: &Incident| incident.omitted > 0 || shared(incident, group) > 0;
    let explained =
        |incident: &&&Incident| may_have_had(incident) && is_explained(evaluation, incident, group);
    open.iter().filter(explained).min_by_key(|incident| precedence(incident)).copied()
}

/// Whether something that the incident was about explains all of it.
fn is_explained(evaluation: &Evaluation<'_>, incident: &Incident, group: &Group) -> bool {
    let explains_all = |suspect: &Suspect| group.members.iter().all(|key| explains(evaluation, suspect, key));
    incident.suspects.iter().any(explains_all)
}

/// Whether this is what one would see if the suspect were to blame.
fn explains(evaluation: &Evaluation<'_>, suspect: &Suspect, key: &MemberKey) -> bool {
    let probe = &key.probe;
    let check = evaluation.check(key);
    let is_egress = || check.is_some_and(|check| check.purpose == Purpose::Egress);
    let is_owner = |name: &String| check.is_some_and(|check| check.target.account.as_ref() == Some(name));
    let is_named =
        |name: &String| evaluation.probes.get(probe).is_some_and(|probe| probe.view.account_name == *name);
    match suspect {
        Suspect::Collector => key.symptom == Symptom::Silent,
        // Also what others cannot reach in it.
        Suspect::Account { account, region } => {
            let name = evaluation.account_name(&StackId::new(account, region));
            is_of(probe, account, region, None) || name.is_some_and(is_owner)
        }
        Suspect::AvailabilityZone { account, availability_zone } => {
            probe.availability_zone == *availability_zone
                && account.as_ref().is_none_or(|account| probe.account == *account)
        }
        Suspect::Target { endpoint, account } => {
            check.is_some_and(|check| is_at(check, endpoint) && check.target.account == *account)
        }
        Suspect::Connection { account, region, endpoint, to } => {
            let is_to = |check: &Check| is_at(check, endpoint) && check.target.account == *to;
            is_of(probe, account, region, None) && check.is_some_and(is_to)
        }
        Suspect::Isolation { account, region, endpoint } => {
            probe.account == *account
                && probe.region == *region
                && check.is_some_and(|check| is_at(check, endpoint))
        }
        Suspect::Fleet => true,
        Suspect::Region { region } => probe.region == *region,
        Suspect::Reporting { account, region } => {
            key.symptom == Symptom::Silent && probe.account == *account && probe.region == *region
        }
        Suspect::Resolver { account, region, availability_zone: zone } => {
            check.is_some() && is_of(probe, account, region, zone.as_ref())
        }
        Suspect::WayOut { account, region } | Suspect::NatGateway { account, region, .. } => {
            is_egress() && is_of(probe, account, region, None)
        }
        Suspect::InternetRoute { account, region, availability_zone: zone } => {
            is_egress() && is_of(probe, account, region, Some(zone))
        }
        Suspect::Peering { accounts: [one, other] } => {
            [(one, other), (other, one)].iter().any(|(from, to)| is_named(from) && is_owner(to))
        }
        Suspect::PeerRoute { account, availability_zone: zone, to } => {
            let is_there = zone.as_ref().is_none_or(|zone| probe.availability_zone == *zone);
            is_there && ((is_named(account) && is_owner(to)) || (is_named(to) && is_owner(account)))
        }
        Suspect::Network { account } | Suspect::SecurityGroup { account } => is_owner(account),
        Suspect::Path { .. } | Suspect::Probe { .. } | Suspect::Prober { .. } => false,
    }
}

fn is_of(probe: &ProbeKey, account: &AccountId, region: &Region, zone: Option<&AzId>) -> bool {
    let is_there = zone.is_none_or(|zone| probe.availability_zone == *zone);
    is_there && probe.account == *account && probe.region == *region
}

/// Whether a check aims at this endpoint, or at this host.
fn is_at(check: &Check, endpoint: &str) -> bool {
    let Aim { host, endpoint: own, .. } = Aim::of(check);
    own == endpoint || host == endpoint
}

#[cfg(test)]
mod tests;
