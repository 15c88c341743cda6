//! How an incident opens, changes and ends.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::{CheckId, Expect, Purpose};

use crate::evaluation::{Evaluation, Health};
use crate::incident::Incidents;
use crate::inference::Group;
use crate::routing::{loudness, routes};
use crate::{
    Incident, IncidentMember, IncidentState, MemberKey, MemberState, ProbeKey, Resolution, Severity, Suspect,
    Symptom,
};

type Members = BTreeMap<MemberKey, IncidentMember>;
/// What is stored of members.
type Known<'m> = BTreeMap<MemberKey, &'m IncidentMember>;

/// A new incident, with an id that none of the others has.
pub(crate) fn open(evaluation: &Evaluation<'_>, group: &Group, others: &Incidents) -> Incident {
    let now_ms = evaluation.world.now_ms;
    let mut id = Incident::id_of(group.suspect(), now_ms);
    // Two decisions within one millisecond, the first of which has moved on to another suspect.
    let unseen = &evaluation.world.unseen.incidents;
    while others.contains_key(&id) || unseen.iter().any(|other| other.id == id) {
        id.push('x');
    }
    let mut incident = Incident {
        id,
        suspect: group.suspect().clone(),
        alternatives: group.suspects[1..].to_vec(),
        suspects: BTreeSet::from([group.suspect().clone()]),
        widest: None,
        severity: Severity::Note,
        state: IncidentState::Open,
        since_ms: now_ms,
        opened_at_ms: now_ms,
        updated_at_ms: now_ms,
        revision: 0,
        members: Vec::new(),
        omitted: 0,
        timeline: Vec::new(),
        paged: false,
        absorbed: BTreeMap::new(),
        silenced: false,
        channels: BTreeSet::new(),
        updates_ms: Vec::new(),
        untold: 0,
        told_at_ms: 0,
        findings: vec![],
        page_waits_until_ms: None,
    };
    reassess(evaluation, &mut incident, &Known::new(), std::slice::from_ref(group));
    incident
}

/// An open incident as it is now. `absorbed` are those that merge into it; `groups` is what it
/// is about.
pub(crate) fn advance(
    evaluation: &Evaluation<'_>,
    stored: &Incident,
    absorbed: &[&Incident],
    groups: &[Group],
) -> Incident {
    let mut incident = stored.clone();
    let mut known = Known::new();
    // The incident's own view of a member comes first.
    for member in stored.members.iter().chain(absorbed.iter().flat_map(|other| &other.members)) {
        known.entry(member.key()).or_insert(member);
    }
    for other in absorbed {
        incident.suspects.extend(other.suspects.iter().cloned());
        incident.since_ms = incident.since_ms.min(other.since_ms);
        incident.absorbed.extend(other.absorbed.clone());
        if other.paged {
            // The merge is its next message, the end the one after.
            incident.absorbed.insert(other.id.clone(), other.revision + 2);
        }
    }
    // With several groups the last explanation that covered them all is still the best one; and so it
    // is while a part of it cannot be seen, or may wait for the collector.
    if let ([group], false) = (groups, is_frozen(evaluation, stored) || is_unread(evaluation, stored)) {
        incident.suspect = group.suspect().clone();
        incident.alternatives = group.suspects[1..].to_vec();
        incident.suspects.insert(group.suspect().clone());
    }
    reassess(evaluation, &mut incident, &known, groups);
    incident.widest = widest(stored, &incident);
    incident
}

/// The wider cause that still stands in the title, if any. It falls when a narrower one explains all there
/// was: then it was never that. While a part has recovered it was, and the rest is what is left of it.
fn widest(before: &Incident, now: &Incident) -> Option<Suspect> {
    let wider = before.headline();
    let recovered = now.members.iter().any(|member| !member.state.is_open());
    let stands = recovered && wider.breadth() < now.suspect.breadth();
    stands.then(|| wider.clone())
}

/// Whether something is open in it that cannot be seen now. It is not over before that is seen.
pub(crate) fn is_frozen(evaluation: &Evaluation<'_>, incident: &Incident) -> bool {
    let mut open = incident.members.iter().filter(|member| member.state.is_open());
    open.any(|member| evaluation.health(&member.key()) == Health::Unseen)
}

/// Whether a probe in it is taken for silent still because the collector is behind: its reports may be in the queue.
fn is_unread(evaluation: &Evaluation<'_>, incident: &Incident) -> bool {
    let mut silent =
        incident.members_in(MemberState::Failing).filter(|member| member.symptom == Symptom::Silent);
    silent.any(|member| evaluation.health(&member.key()) == Health::Undecided)
}

/// Whether an incident that cannot be read has this group told already: all of it was in that incident
/// before that was last written. A page that nobody is known to have got is not held back.
pub(crate) fn is_notified_unseen(evaluation: &Evaluation<'_>, group: &Group) -> bool {
    let members: BTreeSet<&MemberKey> = group.members.iter().collect();
    let pages = severity(evaluation, group.suspect(), &members) == Severity::Page;
    evaluation.world.unseen.incidents.iter().filter_map(|unseen| unseen.salvaged.as_ref()).any(|salvaged| {
        let notified = |key: &MemberKey| {
            salvaged.members.contains(key)
                && evaluation.member(key).is_some_and(|member| member.since_ms <= salvaged.updated_at_ms)
        };
        (salvaged.paged || !pages) && group.members.iter().all(notified)
    })
}

/// An incident that goes on as another one.
pub(crate) fn merge(evaluation: &Evaluation<'_>, stored: &Incident, into: &str) -> Incident {
    let resolution = Resolution::Merged { into: into.to_owned() };
    let state = IncidentState::Resolved { at_ms: evaluation.world.now_ms, resolution };
    Incident { state, ..stored.clone() }
}

fn reassess(evaluation: &Evaluation<'_>, incident: &mut Incident, known: &Known<'_>, groups: &[Group]) {
    let failing: BTreeSet<&MemberKey> = groups.iter().flat_map(|group| &group.members).collect();
    let mut members = remaining(evaluation, known, &failing);
    for key in &failing {
        if let Some(member) = failing_member(evaluation, key, known.get(*key).copied()) {
            members.insert((*key).clone(), member);
        }
    }
    let undeclared = members.values().any(|member| {
        member.state == MemberState::Undeclared && known[&member.key()].state != MemberState::Undeclared
    });
    incident.members = members.into_values().collect();
    let since = incident.members.iter().map(|member| member.since_ms).min();
    incident.since_ms = incident.since_ms.min(since.unwrap_or(u64::MAX));
    incident.join(evaluation.world);
    if !incident.members.iter().any(|member| member.state.is_open()) {
        let resolution = if undeclared { Resolution::NoLongerDeclared } else { Resolution::Recovered };
        incident.state = IncidentState::Resolved { at_ms: evaluation.world.now_ms, resolution };
        return;
    }
    // While nothing can be heard of its members, it stays as loud as it was.
    if !failing.is_empty() {
        let severity = severity(evaluation, &incident.suspect, &failing);
        let frozen = is_frozen(evaluation, incident);
        incident.severity = if frozen { severity.max(incident.severity) } else { severity };
    }
    // No window holds back phonehome's own trouble: nothing else is seen while that lasts.
    let held_back = (incident.suspect != Suspect::Collector).then(|| loudness(incident));
    incident.silenced = is_silenced(evaluation, &incident.members, held_back);
}

/// The members that do not fail as part of this incident: recovered, unheard, undeclared. Those
/// that now fail as part of another incident are gone from this one.
fn remaining(evaluation: &Evaluation<'_>, known: &Known<'_>, failing: &BTreeSet<&MemberKey>) -> Members {
    let mut members = Members::new();
    for (key, member) in known.iter().filter(|(key, _)| !failing.contains(key)) {
        let state = match evaluation.health(key) {
            Health::Bad if evaluation.is_waiting(key) => member.state,
            Health::Bad => continue,
            Health::Good => MemberState::Recovered,
            Health::Undeclared => MemberState::Undeclared,
            Health::Unknown if member.state == MemberState::Failing => MemberState::Stale,
            Health::Unknown | Health::Undecided | Health::Unseen => member.state,
        };
        members.insert(key.clone(), IncidentMember { state, ..(*member).clone() });
    }
    members
}

/// What is stored of a failing member changes only with its stage, as errors are for people; and where a probe was heard
/// of since, or is silent for another reason.
fn failing_member(
    evaluation: &Evaluation<'_>,
    key: &MemberKey,
    known: Option<&IncidentMember>,
) -> Option<IncidentMember> {
    let fresh = evaluation.member(key)?;
    // Earlier versions have stored no reason, which is no news.
    let flaps_now = |known: &IncidentMember| known.flaps == 0 && fresh.flaps > 0;
    let is_other = |known: &IncidentMember| {
        key.symptom == Symptom::Silent
            && (fresh.since_ms > known.since_ms
                || known.why_silent.is_some_and(|why| Some(why) != fresh.why_silent))
    };
    match known {
        Some(known)
            if known.state == MemberState::Failing
                && known.stage == fresh.stage
                && !is_other(known)
                && !flaps_now(known) =>
        {
            Some(known.clone())
        }
        // That it flaps is said once, until it is over.
        Some(known) if known.flaps > 0 => Some(IncidentMember { flaps: known.flaps, ..fresh }),
        _ => Some(fresh),
    }
}

/// Whether a silence, or a window that holds back what is so loud, covers each open member.
fn is_silenced(evaluation: &Evaluation<'_>, members: &[IncidentMember], held_back: Option<Severity>) -> bool {
    let now_ms = evaluation.world.now_ms;
    let active = || evaluation.world.silences.iter().filter(|silence| silence.expires_at_ms > now_ms);
    let mut open = members.iter().filter(|member| member.state.is_open());
    open.all(|member| {
        active().any(|silence| silence.matcher.matches(member))
            || held_back.is_some_and(|severity| evaluation.schedule.hold(member, severity).is_some())
    })
}

/// Someone has to get up for a lost account, a declared connection or the way out that no zone of an
/// account has any more, and a broken isolation; and only where the route says so, of an isolation that of
/// either end. One lost zone is never a page, nor is what has never worked.
fn severity(evaluation: &Evaluation<'_>, suspect: &Suspect, failing: &BTreeSet<&MemberKey>) -> Severity {
    let pages = match (&evaluation.world.policy.platform_route, suspect) {
        (Some(route), Suspect::Collector) => route.page,
        _ => failing.iter().any(|key| is_worth_a_page(evaluation, key)),
    };
    if pages { Severity::Page } else { Severity::Note }
}

fn is_worth_a_page(evaluation: &Evaluation<'_>, key: &MemberKey) -> bool {
    let routed = routes(evaluation, key).any(|route| route.page);
    let breach = evaluation.check(key).is_some_and(|check| check.expect == Expect::Deny);
    routed
        && key.symptom != Symptom::Inconclusive
        && (breach
            || (is_lost(evaluation, &key.probe) && evaluation.ever_worked(&key.probe))
            || is_lost_connection(evaluation, key)
            || is_lost_way_out(evaluation, key))
}

/// Whether no zone of the account gets out any more, and this is what speaks for it: of several checks of one
/// way out the first, so that it is one page.
fn is_lost_way_out(evaluation: &Evaluation<'_>, key: &MemberKey) -> bool {
    let Some(check) = evaluation.check(key).filter(|check| check.purpose == Purpose::Egress) else {
        return false;
    };
    let mut lost: BTreeMap<&CheckId, &str> = BTreeMap::new();
    for probe in evaluation.witnesses(&key.probe).filter(|probe| !probe.is_gone()) {
        let egress = || probe.connects().filter(|(check, _)| check.purpose == Purpose::Egress);
        let down = || egress().filter(|(_, health)| *health == Health::Bad);
        if egress().any(|(_, health)| health == Health::Good) || down().next().is_none() {
            return false;
        }
        lost.extend(down().map(|(check, _)| (&check.id, check.target.endpoint.as_str())));
    }
    let speaks = |id: &&&CheckId| {
        let key = MemberKey { probe: key.probe.clone(), symptom: Symptom::Down { check: (**id).clone() } };
        evaluation
            .member(&key)
            .is_some_and(|member| !is_silenced(evaluation, &[member], Some(Severity::Page)))
    };
    lost.keys().find(speaks) == Some(&&check.id)
        && lost.keys().any(|id| evaluation.has_worked(&key.probe, id))
        && !is_far_end(evaluation, &key.probe, &lost.into_values().collect())
}

/// Whether the one thing that is not reached is lost to others too, and reached by none: then it is that, and
/// not the way there. The internet does not fail for one alone.
fn is_far_end(evaluation: &Evaluation<'_>, probe: &ProbeKey, lost: &BTreeSet<&str>) -> bool {
    let mut lost = lost.iter();
    let (Some(endpoint), None) = (lost.next(), lost.next()) else { return false };
    evaluation.world.unseen.stacks.is_empty() && evaluation.elsewhere(endpoint).is_lost_to_all(&probe.stack())
}

/// Whether nothing of the stack is left: every probe is silent or gets nothing out.
fn is_lost(evaluation: &Evaluation<'_>, probe: &ProbeKey) -> bool {
    evaluation.witnesses(probe).all(|probe| probe.is_gone() || probe.is_dead())
}

fn is_lost_connection(evaluation: &Evaluation<'_>, key: &MemberKey) -> bool {
    let Some(check) = evaluation.check(key).filter(|check| check.purpose == Purpose::Connection) else {
        return false;
    };
    let mut reporting = evaluation
        .witnesses(&key.probe)
        .filter(|probe| !probe.is_gone_with(&check.id) && probe.checks().contains_key(&check.id));
    reporting.all(|probe| probe.path(&check.id) == Health::Bad)
        && evaluation.has_worked(&key.probe, &check.id)
}
