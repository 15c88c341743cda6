//! What is sent because an incident changed.

use std::collections::{BTreeMap, BTreeSet};

use crate::evaluation::Evaluation;
use crate::evidence::Evidence;
use crate::routing::{loudness, routes};
use crate::{
    Decision, Incident, IncidentMember, IncidentState, MemberKey, MemberState, Outgoing, OutgoingBody,
    Resolution, Route, Severity, SlackKind, Suspect, WhySilent, messages, text, titles,
};

/// How many members a timeline entry names.
const NAMED_MEMBERS: usize = 5;
/// How many changes that were not told before are named when the next one is.
const UNTOLD_NAMED: usize = 3;
/// Members moved to another incident, or fail at another stage than before.
const DETAILS: &str = "details changed";

/// Adds a new or changed incident to the decision, with its next revision and its messages.
///
/// While an incident is silenced nothing is sent; but who has been notified of it is reported its end.
pub(crate) fn record(
    evaluation: &Evaluation<'_>,
    before: Option<&Incident>,
    mut incident: Incident,
    decision: &mut Decision,
) {
    let now_ms = evaluation.world.now_ms;
    incident.revision += 1;
    incident.updated_at_ms = now_ms;
    let new = change(evaluation, before, &incident.clone().bounded());
    let change = with_untold(&incident, &new);
    incident.note(now_ms, new);
    let may_tell = incident.may_tell_from_ms(evaluation.world.policy.edits_apart_ms()) <= now_ms;
    let evidence = Evidence::of(evaluation, &incident);
    let mut sent = Vec::new();
    let mut send = |suffix: String, body| sent.push((suffix, body));
    if incident.is_open() && !incident.silenced {
        let is_worth_a_page = incident.severity == Severity::Page && !incident.paged;
        if is_worth_a_page {
            incident.wait_for_repair(&evaluation.world.policy, now_ms);
        }
        let pages = is_worth_a_page && incident.page_waits_until_ms.is_none_or(|until_ms| until_ms <= now_ms);
        let tells = before.is_none() || pages || may_tell;
        if pages {
            send("page".to_owned(), messages::page(&incident, &evidence, now_ms));
            incident.paged = true;
        }
        let mut channels = channels(evaluation, &incident);
        channels.extend(incident.channels.iter().cloned());
        for channel in channels.iter().filter(|channel| tells || !incident.channels.contains(*channel)) {
            let known = incident.channels.contains(channel);
            let kind = if known { SlackKind::Updated } else { SlackKind::Opened };
            let body = messages::slack(&incident, &evidence, now_ms, channel, kind, &change);
            send(format!("slack/{channel}"), body);
        }
        incident.channels = channels;
        match (before.is_none() || pages, tells) {
            (true, _) => incident.untold = 0,
            (false, true) => incident.tell(now_ms),
            (false, false) => incident.untold += 1,
        }
        if tells {
            incident.told_at_ms = now_ms;
        }
    }
    if !incident.is_open() {
        if incident.paged {
            send("page".to_owned(), messages::page(&incident, &evidence, now_ms));
        }
        for of in ended_with(&incident) {
            send(format!("{of}/page"), messages::page_of(&incident, of, &evidence, now_ms));
        }
        for channel in &incident.channels {
            let body = messages::slack(&incident, &evidence, now_ms, channel, SlackKind::Resolved, &change);
            send(format!("slack/{channel}"), body);
        }
    }
    decision.outbox.extend(sent.into_iter().map(|(suffix, body)| Outgoing {
        id: format!("{}/{}/{suffix}", incident.id, incident.revision),
        incident_id: incident.id.clone(),
        at_ms: now_ms,
        sequence: sequence(&incident, &body),
        body,
    }));
    decision.incidents.push(incident.bounded());
}

/// What changed, with what was not told before it: each of a few changes, the number of many.
fn with_untold(incident: &Incident, change: &str) -> String {
    let untold = incident.untold as usize;
    let before = incident.timeline.iter().rev().take(untold).rev().map(|entry| entry.text.as_str());
    let all: Vec<&str> = before.chain([change]).filter(|text| *text != DETAILS).collect();
    match untold {
        0 => change.to_owned(),
        1..=UNTOLD_NAMED if !all.is_empty() => all.join("; "),
        _ => format!("{} before it; {change}", text::count(untold, "change")),
    }
}

/// A merged incident's page ends with a message of another incident, after all of its own.
fn sequence(incident: &Incident, body: &OutgoingBody) -> u32 {
    match body {
        OutgoingBody::Page { of: Some(of), .. } => incident.absorbed.get(of).copied().unwrap_or(u32::MAX),
        OutgoingBody::Page { .. } | OutgoingBody::Slack { .. } => incident.revision,
    }
}

/// The incidents whose pages end with this one. Of one that goes on as another they end with that.
fn ended_with(incident: &Incident) -> impl Iterator<Item = &String> {
    let merged =
        matches!(incident.state, IncidentState::Resolved { resolution: Resolution::Merged { .. }, .. });
    incident.absorbed.keys().filter(move |_| !merged)
}

fn channels(evaluation: &Evaluation<'_>, incident: &Incident) -> BTreeSet<String> {
    let routes: Vec<&Route> = match (&incident.suspect, &evaluation.world.policy.platform_route) {
        (Suspect::Collector, Some(route)) => vec![route],
        _ => {
            let open = incident.members.iter().filter(|member| member.state.is_open());
            let keys: Vec<MemberKey> = open.map(IncidentMember::key).collect();
            keys.iter().flat_map(|key| routes(evaluation, key)).collect()
        }
    };
    let channels = routes.iter().map(|route| route.channel(loudness(incident)));
    channels.filter(|channel| !channel.is_empty()).cloned().collect()
}

/// What changed, in words.
fn change(evaluation: &Evaluation<'_>, before: Option<&Incident>, after: &Incident) -> String {
    let mut changes = Vec::new();
    match before {
        None => {
            changes.push(format!("opened: {}", titles::title(after)));
            let unseen = evaluation.world.unseen.incidents.iter().map(|unseen| &unseen.id);
            let unseen = text::list(unseen, NAMED_MEMBERS);
            if !unseen.is_empty() {
                changes.push(format!("it may be a part of {unseen}, which cannot be read"));
            }
        }
        Some(before) if before.suspect != after.suspect => {
            changes.push(format!("now explained as: {}", titles::title_as(after, &after.suspect)));
        }
        Some(_) => {}
    }
    if before.is_some_and(|before| before.severity != after.severity) {
        changes.push(match after.severity {
            Severity::Page => "now worth a page".to_owned(),
            Severity::Note => "no longer worth a page".to_owned(),
        });
    }
    for (state, verb) in [
        (MemberState::Failing, "failing"),
        (MemberState::Stale, "not heard of any more"),
        (MemberState::Recovered, "recovered"),
        (MemberState::Undeclared, "no longer declared"),
    ] {
        let was: BTreeSet<MemberKey> =
            before.into_iter().flat_map(|before| before.members_in(state)).map(IncidentMember::key).collect();
        let entered = after.members_in(state).filter(|member| !was.contains(&member.key()));
        let names: Vec<String> = entered.map(messages::member_name).collect();
        if !names.is_empty() && before.is_some() {
            changes.push(format!("{verb}: {}", text::list(names, NAMED_MEMBERS)));
        }
    }
    changes.extend(found_change(before, after));
    changes.extend(reason_change(before, after));
    changes.extend(flapping_change(before, after));
    changes.extend(silence_change(evaluation, before, after));
    if let IncidentState::Resolved { resolution, .. } = &after.state {
        changes.push(match resolution {
            Resolution::Recovered => "resolved".to_owned(),
            Resolution::NoLongerDeclared => "closed: no longer declared".to_owned(),
            Resolution::Merged { into } => format!("goes on as {into}"),
        });
    }
    if changes.is_empty() {
        changes.push(DETAILS.to_owned());
    }
    changes.join("; ")
}

/// What was found of its cause, and what became of that.
fn found_change(before: Option<&Incident>, after: &Incident) -> Option<String> {
    let known = before.map_or(&[][..], |before| &before.findings);
    let news: Vec<String> = after.findings.iter().filter_map(|finding| finding.news(known)).collect();
    (!news.is_empty()).then(|| text::list(news, NAMED_MEMBERS))
}

/// Which probes are known by now to be silent for another reason.
fn reason_change(before: Option<&Incident>, after: &Incident) -> Option<String> {
    let known: BTreeMap<MemberKey, Option<WhySilent>> =
        before?.members.iter().map(|old| (old.key(), old.why_silent)).collect();
    let is_other = |member: &&IncidentMember| {
        known.get(&member.key()).is_some_and(|why| why.is_some() && *why != member.why_silent)
    };
    let names: Vec<String> =
        after.members_in(MemberState::Failing).filter(is_other).map(messages::member_name).collect();
    (!names.is_empty()).then(|| format!("known by now: {}", text::list(names, NAMED_MEMBERS)))
}

/// What is found to flap.
fn flapping_change(before: Option<&Incident>, after: &Incident) -> Option<String> {
    let known: BTreeSet<MemberKey> = before
        .iter()
        .flat_map(|it| &it.members)
        .filter(|old| old.flaps > 0)
        .map(IncidentMember::key)
        .collect();
    let flapping = after.members_in(MemberState::Failing).filter(|member| member.flaps > 0);
    let flapping = flapping.filter(|member| !known.contains(&member.key()));
    let named =
        flapping.map(|member| format!("{} {}", messages::member_name(member), messages::often(member.flaps)));
    let names: Vec<String> = named.collect();
    (!names.is_empty()).then(|| format!("flaps: {}", text::list(names, NAMED_MEMBERS)))
}

fn silence_change(
    evaluation: &Evaluation<'_>,
    before: Option<&Incident>,
    after: &Incident,
) -> Option<String> {
    let was_silenced = before.is_some_and(|before| before.silenced);
    if was_silenced && !after.silenced {
        return Some("no longer silenced".to_owned());
    }
    if was_silenced || !after.silenced {
        return None;
    }
    let silences = evaluation.world.silences.iter().filter(|silence| {
        let matcher = &silence.matcher;
        silence.expires_at_ms > evaluation.world.now_ms && after.members.iter().any(|m| matcher.matches(m))
    });
    if let Some(silence) =
        silences.max_by_key(|silence| (silence.expires_at_ms, &silence.by, &silence.reason))
    {
        let until = text::instant(silence.expires_at_ms);
        return Some(format!("silenced by {} until {until}: {}", silence.by, silence.reason));
    }
    let open = after.members.iter().filter(|member| member.state.is_open());
    let holds = open.filter_map(|member| evaluation.schedule.hold(member, loudness(after)));
    let hold = holds.max_by_key(|hold| (hold.ends_ms, &hold.window.reason))?;
    let until = text::instant(hold.ends_ms);
    Some(format!("silenced by {} until {until}: {}", hold.window.kind, hold.window.reason))
}
