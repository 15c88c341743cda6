//! What is said: Slack messages and pages.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::Stage;
use serde_json::{Value, json};

use crate::evidence::Evidence;
use crate::text::{self, code, escape, escape_clipped};
use crate::{
    Incident, IncidentState, Member, MemberState, OutgoingBody, Resolution, Severity, SlackKind, Suspect,
    Symptom,
};

/// Slack's limits, in characters.
const HEADER_LIMIT: usize = 150;
const SECTION_LIMIT: usize = 3000;
/// SNS takes 100 characters for a subject.
const SUBJECT_LIMIT: usize = 100;
/// What a heading may take of a section.
const LIST_ROOM: usize = SECTION_LIMIT - 100;
/// How many lines of a list are shown.
const SHOWN_LINES: usize = 10;
const LINE_LIMIT: usize = 350;

/// The message in a Slack channel.
pub(crate) fn slack(
    incident: &Incident,
    evidence: &Evidence,
    now_ms: u64,
    channel: &str,
    kind: SlackKind,
    change: &str,
) -> OutgoingBody {
    let headline = headline(incident);
    let mut blocks = vec![json!({
        "type": "header",
        "text": { "type": "plain_text", "text": escape_clipped(&headline, HEADER_LIMIT), "emoji": true }
    })];
    blocks.push(section(&summary(incident, evidence, now_ms)));
    for (state, heading) in [
        (MemberState::Failing, "Failing"),
        (MemberState::Unheard, "Failed, and not heard of since"),
        (MemberState::Recovered, "Works again"),
        (MemberState::Undeclared, "No longer declared"),
    ] {
        let lines = slack_lines(incident, state);
        if !lines.is_empty() {
            blocks.push(section(&format!("*{heading}*\n{}", text::lines(lines, SHOWN_LINES, LIST_ROOM))));
        }
    }
    if incident.is_open() && !evidence.works.is_empty() {
        let works = evidence.works.iter().map(|line| escape_clipped(line, LINE_LIMIT));
        blocks
            .push(section(&format!("*What else is known*\n{}", text::lines(works, SHOWN_LINES, LIST_ROOM))));
    }
    let footer = format!("Incident {} · revision {}", incident.id, incident.revision);
    blocks.push(json!({ "type": "context", "elements": [{ "type": "mrkdwn", "text": escape(&footer) }] }));
    let at = text::instant(now_ms);
    let thread_text =
        (kind != SlackKind::Opened).then(|| escape_clipped(&format!("{at} {change}"), SECTION_LIMIT));
    OutgoingBody::Slack {
        channel: channel.to_owned(),
        kind,
        text: escape_clipped(&headline, SECTION_LIMIT),
        blocks: Value::Array(blocks),
        thread_text,
    }
}

/// The page to on-call, or its end.
pub(crate) fn page(incident: &Incident, evidence: &Evidence, now_ms: u64) -> OutgoingBody {
    let resolved = !incident.is_open();
    let prefix = if resolved { "RESOLVED" } else { "PAGE" };
    let title = title(incident);
    let mut text = format!("{title}\n");
    if resolved {
        text.push_str(&ending(incident, now_ms));
    } else {
        text.push_str(&format!("Since {}.\n", since(incident, now_ms)));
        text.push_str(&format!("Is it the network? {}\n\n", evidence.network));
        text.push_str(&text::lines(plain_lines(incident, MemberState::Failing), SHOWN_LINES, LIST_ROOM));
        if !evidence.works.is_empty() {
            text.push_str("\n\nWhat else is known:\n");
            text.push_str(&text::lines(evidence.works.iter().cloned(), SHOWN_LINES, LIST_ROOM));
        }
    }
    text.push_str(&format!("\n\nIncident {}\n", incident.id));
    OutgoingBody::Page { subject: text::ascii(&format!("{prefix}: {title}"), SUBJECT_LIMIT), text, resolved }
}

/// What is wrong, in one line of plain text.
pub(crate) fn title(incident: &Incident) -> String {
    let open = incident.members.iter().filter(|member| member.state.is_open());
    let mut members: Vec<&Member> = open.collect();
    if members.is_empty() {
        members = incident.members.iter().collect();
    }
    let down = members.iter().any(|member| matches!(member.symptom, Symptom::Down { .. }));
    let names: BTreeSet<&str> = members.iter().map(|member| member.account_name.as_str()).collect();
    let who = text::list(names.iter().map(|name| (*name).to_owned()), 3);
    let answers = members.iter().all(|m| m.stage.is_some_and(|stage| stage > Stage::Connect));
    let zones: BTreeSet<&str> = members.iter().map(|m| m.probe.availability_zone.as_str()).collect();
    let zones = text::list(zones.iter().map(|zone| (*zone).to_owned()), 3);
    match &incident.suspect {
        Suspect::Collector => {
            format!("phonehome itself: no reports from {}", text::count(names.len(), "account"))
        }
        Suspect::Account { region, .. } if down => format!("{who}: nothing gets out in {region}"),
        Suspect::Account { region, .. } => format!("{who} has fallen silent in {region}"),
        Suspect::AvailabilityZone { availability_zone, .. } if down => {
            format!("{who}: nothing gets out of {availability_zone}")
        }
        Suspect::AvailabilityZone { availability_zone, .. } => {
            format!("{who}: probes in {availability_zone} have fallen silent")
        }
        Suspect::Target { endpoint, account } => {
            let owner = account.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
            let verb = if answers { "answers wrongly to" } else { "cannot be reached from" };
            let zones = if names.len() == 1 { format!(" ({zones})") } else { String::new() };
            format!("{endpoint}{owner} {verb} {who}{zones}")
        }
        Suspect::Isolation { endpoint, .. } => format!("{who} reaches {endpoint}, which it must not"),
        Suspect::Path { .. } => {
            let target = members.iter().find_map(|member| member.target.as_ref());
            let endpoint = target.map_or("its target", |target| &target.endpoint);
            let verb = if answers { "gets wrong answers from" } else { "cannot reach" };
            format!("{who} ({zones}) {verb} {endpoint}")
        }
        Suspect::Probe { .. } => format!("{who}: the probe in {zones} has fallen silent"),
        Suspect::Prober { .. } => format!("{who}: the probes in {zones} run but cannot tell"),
    }
}

/// A member in a few words of plain text.
pub(crate) fn member_name(member: &Member) -> String {
    let place = format!("{}/{}", member.account_name, member.probe.availability_zone);
    match (&member.symptom, &member.target) {
        (Symptom::Down { .. }, Some(target)) => format!("{place} → {}", target.endpoint),
        (Symptom::Down { check }, None) => format!("{place} → {check}"),
        (Symptom::Silent, _) => format!("{place} (silent)"),
        (Symptom::Unclear, _) => format!("{place} (cannot tell)"),
    }
}

fn headline(incident: &Incident) -> String {
    let title = title(incident);
    match (&incident.state, incident.severity) {
        (IncidentState::Open, Severity::Page) => format!(":red_circle: {title}"),
        (IncidentState::Open, Severity::Note) => format!(":warning: {title}"),
        (IncidentState::Resolved { resolution: Resolution::Recovered, .. }, _) => {
            format!(":white_check_mark: Resolved: {title}")
        }
        (IncidentState::Resolved { .. }, _) => format!(":heavy_check_mark: Closed: {title}"),
    }
}

fn summary(incident: &Incident, evidence: &Evidence, now_ms: u64) -> String {
    if !incident.is_open() {
        return escape_clipped(&ending(incident, now_ms), SECTION_LIMIT);
    }
    let severity = match (incident.severity, incident.paged) {
        (Severity::Page, _) => "page: on-call has been called",
        (Severity::Note, true) => "note; on-call was called earlier",
        (Severity::Note, false) => "note, nobody is paged",
    };
    format!(
        "*Is it the network?* {}\n*Since* {}\n*Severity* {severity}",
        escape_clipped(&evidence.network, SECTION_LIMIT - 200),
        since(incident, now_ms)
    )
}

fn since(incident: &Incident, now_ms: u64) -> String {
    let lasted = now_ms.saturating_sub(incident.since_ms);
    format!("{} ({})", text::instant(incident.since_ms), text::duration(lasted))
}

fn ending(incident: &Incident, now_ms: u64) -> String {
    let lasted = text::duration(now_ms.saturating_sub(incident.since_ms));
    let (from, until) = (text::instant(incident.since_ms), text::instant(now_ms));
    match &incident.state {
        IncidentState::Resolved { resolution: Resolution::NoLongerDeclared, .. } => {
            format!("No longer declared in the fleet file. It had lasted {lasted}, from {from} to {until}.")
        }
        IncidentState::Resolved { resolution: Resolution::Merged { into }, .. } => {
            format!("Same cause as incident {into}, which goes on. It began at {from}.")
        }
        IncidentState::Resolved { .. } | IncidentState::Open => {
            format!("It works again. It lasted {lasted}, from {from} to {until}.")
        }
    }
}

/// One line for each account and what fails there, with the zones it fails from.
struct Line<'m> {
    member: &'m Member,
    zones: BTreeSet<&'m str>,
}

fn grouped(incident: &Incident, state: MemberState) -> Vec<Line<'_>> {
    let mut lines: BTreeMap<_, Line<'_>> = BTreeMap::new();
    for member in incident.members_in(state) {
        let key = (&member.account_name, &member.probe.region, &member.symptom, member.stage);
        let line = lines.entry(key).or_insert_with(|| Line { member, zones: BTreeSet::new() });
        line.zones.insert(&member.probe.availability_zone);
    }
    lines.into_values().collect()
}

fn slack_lines(incident: &Incident, state: MemberState) -> Vec<String> {
    let lines = grouped(incident, state).into_iter();
    lines
        .map(|line| {
            describe(&line, state, &|name| escape(&text::clip(name, 60)), &|text| {
                code(&text::clip(text, 100))
            })
        })
        .collect()
}

fn plain_lines(incident: &Incident, state: MemberState) -> Vec<String> {
    let lines = grouped(incident, state).into_iter();
    lines.map(|line| describe(&line, state, &str::to_owned, &str::to_owned)).collect()
}

/// `shop-prod → payments:443 (payments-prod) fails at TCP connect from use1-az1: refused`.
fn describe(
    line: &Line<'_>,
    state: MemberState,
    name: &dyn Fn(&str) -> String,
    literal: &dyn Fn(&str) -> String,
) -> String {
    let member = line.member;
    let account = name(&member.account_name);
    let zones = text::list(line.zones.iter().map(|zone| (*zone).to_owned()), 3);
    let zones = name(&zones);
    let failing = state == MemberState::Failing;
    let detail = if failing && !member.detail.is_empty() {
        format!(": {}", literal(&member.detail))
    } else {
        String::new()
    };
    let at = member.stage.filter(|_| failing).map(|stage| match stage {
        Stage::Open => " connects, and must not,".to_owned(),
        stage => format!(" fails at {}", stage.as_str()),
    });
    match (&member.symptom, &member.target) {
        (Symptom::Silent, _) if failing => {
            format!("{account}: no report from {zones} since {}", text::instant(member.since_ms))
        }
        (Symptom::Silent, _) => format!("{account}: the probe in {zones}"),
        (Symptom::Unclear, _) => format!("{account}: cannot tell from {zones}{detail}"),
        (Symptom::Down { check }, target) => {
            let endpoint = target.as_ref().map_or(check.0.as_str(), |target| &target.endpoint);
            let owner = target.as_ref().and_then(|target| target.account.as_ref());
            let owner = owner.map(|owner| format!(" ({})", name(owner))).unwrap_or_default();
            let (endpoint, at) = (literal(endpoint), at.unwrap_or_default());
            format!("{account} → {endpoint}{owner}{at} from {zones}{detail}")
        }
    }
}

fn section(text: &str) -> Value {
    debug_assert!(text.chars().count() <= SECTION_LIMIT, "lists are capped so that a section fits");
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
}
