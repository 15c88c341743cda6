//! What is said: Slack messages and pages.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::Stage;

use crate::evidence::Evidence;
use crate::runbook::{Advice, advice};
use crate::text;
use crate::titles::{causes, title, title_within};
use crate::words::{SlackMessage, Words};
use crate::{
    Finding, Incident, IncidentMember, IncidentState, MemberState, OutgoingBody, Reader, RepairState,
    Resolution, Severity, SlackKind, Symptom, WhySilent,
};

/// SNS takes 100 characters for a subject.
const SUBJECT_LIMIT: usize = 100;
/// Characters of a subject beside state and title: `: ""`.
const SUBJECT_MARKS: usize = 4;
/// What a title may take of the subject of a page.
const SUBJECT_ROOM: usize = SUBJECT_LIMIT - "ALARM".len() - SUBJECT_MARKS;
/// How many characters a list in a page has, of how many lines, and a line of it.
const LIST_ROOM: usize = 2900;
const SHOWN_LINES: usize = 10;
const LINE_LIMIT: usize = 350;
/// How many accounts a page names to whom counts them.
const ACCOUNTS_LIMIT: usize = 50;
/// How many characters a title or an answer has in a page.
const SENTENCE_LIMIT: usize = 1000;
/// For how long after its beginning a message says that the accounts concerned are observed, in milliseconds: what
/// there is to find is found by then.
const OBSERVED_MS: u64 = 5 * 60_000;

/// The message in a Slack channel.
pub(crate) fn slack(
    incident: &Incident,
    evidence: &Evidence,
    now_ms: u64,
    channel: &str,
    kind: SlackKind,
    change: &str,
) -> OutgoingBody {
    let mut message = SlackMessage::headed(Words::of(headline(incident)));
    message = message.section(summary(incident, evidence, now_ms));
    for (state, heading) in [
        (MemberState::Failing, "Failing"),
        (MemberState::Stale, "Failed, and not heard of since"),
        (MemberState::Recovered, "Works again"),
        (MemberState::Undeclared, "No longer declared"),
    ] {
        message = message.list(heading, lines(incident, state));
    }
    if incident.is_open() {
        message = message.list("What was changed lately", evidence.lately.iter().map(Words::of).collect());
        message = message.list("What else is known", evidence.works.iter().map(Words::of).collect());
    }
    let footer = format!("Incident {} · revision {}", incident.id, incident.revision);
    let thread = format!("{} {change}", text::instant(now_ms));
    let thread = (kind != SlackKind::Opened).then(|| Words::of(thread));
    message.footer(Words::of(footer)).thread(thread).body(channel, kind)
}

/// The page to on-call, or its end.
pub(crate) fn page(incident: &Incident, evidence: &Evidence, now_ms: u64) -> OutgoingBody {
    let merged_into = match &incident.state {
        IncidentState::Resolved { resolution: Resolution::Merged { into }, .. } => Some(into.clone()),
        IncidentState::Resolved { .. } | IncidentState::Open => None,
    };
    page_with(incident, evidence, now_ms, None, merged_into)
}

/// The end of the page of an incident that was merged into this one.
pub(crate) fn page_of(incident: &Incident, of: &str, evidence: &Evidence, now_ms: u64) -> OutgoingBody {
    page_with(incident, evidence, now_ms, Some(of.to_owned()), None)
}

fn page_with(
    incident: &Incident,
    evidence: &Evidence,
    now_ms: u64,
    of: Option<String>,
    merged_into: Option<String>,
) -> OutgoingBody {
    let resolved = !incident.is_open();
    let title = Words::of(title(incident)).plain(SENTENCE_LIMIT);
    let mut text = format!("{title}\n");
    let list = |lines: Vec<Words>| {
        text::lines(lines.iter().map(|line| line.plain(LINE_LIMIT)), SHOWN_LINES, LIST_ROOM)
    };
    if resolved {
        text.push_str(&ending(incident, &evidence.reader, now_ms));
    } else {
        text.push_str(&format!("Since {}.\n", since(incident, &evidence.reader, now_ms)));
        let network = Words::of(&evidence.network).plain(SENTENCE_LIMIT);
        text.push_str(&format!("Is it the network? {network}\n"));
        if let Some(cause) = cause(incident) {
            text.push_str(&format!("Cause: {}.\n", Words::of(cause).plain(SENTENCE_LIMIT)));
        }
        if let Some(doing) = doing(incident, evidence, now_ms) {
            text.push_str(&format!("Being done: {}.\n", Words::of(doing).plain(SENTENCE_LIMIT)));
        }
        text.push_str(&format!(
            "What to do: {}.\n",
            what_to_do(incident, &evidence.reader).plain(SENTENCE_LIMIT)
        ));
        if !evidence.ask.is_empty() {
            text.push_str(&format!("Ask {}.\n", Words::of(&evidence.ask).plain(SENTENCE_LIMIT)));
        }
        text.push('\n');
        text.push_str(&list(lines(incident, MemberState::Failing)));
        if !evidence.lately.is_empty() {
            text.push_str("\n\nWhat was changed lately:\n");
            text.push_str(&list(evidence.lately.iter().map(Words::of).collect()));
        }
        if !evidence.works.is_empty() {
            text.push_str("\n\nWhat else is known:\n");
            text.push_str(&list(evidence.works.iter().map(Words::of).collect()));
        }
    }
    let was = of.as_ref().map(|of| format!(", as which {of} went on")).unwrap_or_default();
    text.push_str(&format!("\n\nIncident {}{was}\n", incident.id));
    let subject = subject(&subject_title(incident), resolved);
    let names = incident.members.iter().map(|member| member.account_name.clone());
    let accounts = names.collect::<BTreeSet<String>>().into_iter().take(ACCOUNTS_LIMIT).collect();
    OutgoingBody::Page { subject, text, resolved, title: Some(title), accounts, of, merged_into }
}

/// What the subject of a page says: what is wrong and, where it was found and there is room, why.
fn subject_title(incident: &Incident) -> String {
    let cause = incident.findings.first().map(|finding| format!(": {}", finding.part.short()));
    let cause = cause.unwrap_or_default();
    let title = title_within(incident, SUBJECT_ROOM - cause.len());
    let both = format!("{title}{cause}");
    if text::ascii(&both, usize::MAX).len() <= SUBJECT_ROOM {
        both
    } else {
        title_within(incident, SUBJECT_ROOM)
    }
}

/// The subject of a page, or of its end, as CloudWatch writes that of an alarm: paging services go by its
/// first word. At most 100 printable ASCII characters.
#[must_use]
pub fn subject(title: &str, resolved: bool) -> String {
    let state = if resolved { "OK" } else { "ALARM" };
    let room = SUBJECT_LIMIT - state.len() - SUBJECT_MARKS;
    format!("{state}: \"{}\"", text::ascii(&title.replace('"', "'"), room))
}

/// `7 times in the last hour`.
pub(crate) fn often(times: u32) -> String {
    format!("{} in the last hour", text::count(times as usize, "time"))
}

/// A member in a few words of plain text.
pub(crate) fn member_name(member: &IncidentMember) -> String {
    let place = format!("{}/{}", member.account_name, member.probe.availability_zone);
    match (&member.symptom, &member.target) {
        (Symptom::Down { .. }, Some(target)) => format!("{place} → {}", target.endpoint),
        (Symptom::Down { check }, None) => format!("{place} → {check}"),
        (Symptom::Silent, _) => match member.why_silent {
            Some(WhySilent::Crashed) => format!("{place} (crashes)"),
            Some(WhySilent::NeverEnrolled) => format!("{place} (never heard of)"),
            Some(WhySilent::Late) | None => format!("{place} (silent)"),
        },
        (Symptom::Inconclusive, _) => format!("{place} (cannot tell)"),
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

fn summary(incident: &Incident, evidence: &Evidence, now_ms: u64) -> Words {
    if !incident.is_open() {
        return Words::of(ending(incident, &evidence.reader, now_ms));
    }
    let severity = match (incident.severity, incident.paged) {
        (Severity::Page, true) => "page: on-call has been called",
        (Severity::Page, false) => "page: on-call is called if the repair does not end it within moments",
        (Severity::Note, true) => "note; on-call was called earlier",
        (Severity::Note, false) => "note, nobody is paged",
    };
    let since = since(incident, &evidence.reader, now_ms);
    let ask = match evidence.ask.as_str() {
        "" => Words::new(),
        ask => Words::new().markup("\n*Ask* ").text(text::clip(ask, SENTENCE_LIMIT)),
    };
    let cause = match cause(incident) {
        Some(cause) => Words::new().markup("\n*Cause* ").text(text::clip(&cause, SENTENCE_LIMIT)),
        None => Words::new(),
    };
    let doing = match doing(incident, evidence, now_ms) {
        Some(doing) => Words::new().markup("\n*Being done* ").text(text::clip(&doing, SENTENCE_LIMIT)),
        None => Words::new(),
    };
    Words::new()
        .markup("*Is it the network?* ")
        .text(text::clip(&evidence.network, SENTENCE_LIMIT))
        .then(cause)
        .markup("\n*Since* ")
        .text(since)
        .markup("\n*Severity* ")
        .text(severity)
        .then(doing)
        .markup("\n*What to do* ")
        .then(what_to_do(incident, &evidence.reader))
        .then(ask)
}

/// What was found to be its cause; otherwise what may be.
fn cause(incident: &Incident) -> Option<String> {
    let apart = |finding: &&Finding| finding.told_in.as_ref() != Some(&incident.id);
    let found = text::joined_by("; ", incident.findings.iter().map(Finding::words));
    match incident.findings.iter().find(apart) {
        _ if incident.findings.is_empty() => causes(incident),
        Some(_) => Some(format!("{found} (told in a message of its own, too)")),
        None => Some(found),
    }
}

/// What phonehome does about it.
fn doing(incident: &Incident, evidence: &Evidence, now_ms: u64) -> Option<String> {
    let is_any = |repair| incident.findings.iter().any(|finding| finding.repair == repair);
    if is_any(RepairState::Withheld) {
        return Some("nothing: the repair needs permission".to_owned());
    }
    if is_any(RepairState::UnderWay) {
        return Some("the repair is under way".to_owned());
    }
    if is_any(RepairState::Repaired) {
        return Some("it is repaired; this ends when the probes say so".to_owned());
    }
    let is_new = now_ms.saturating_sub(incident.opened_at_ms) < OBSERVED_MS && !evidence.looked_at.is_empty();
    let accounts = text::list(&evidence.looked_at, 3);
    is_new.then(|| format!("{accounts} is observed again, and what differs is repaired"))
}

/// The runbook's line, and where it goes on.
fn what_to_do(incident: &Incident, reader: &Reader) -> Words {
    let Advice { line, section } = advice(incident);
    Words::of(line).then(reader.link(section))
}

fn since(incident: &Incident, reader: &Reader, now_ms: u64) -> String {
    let lasted = now_ms.saturating_sub(incident.since_ms);
    format!("{} ({})", reader.time(incident.since_ms), text::duration(lasted))
}

fn ending(incident: &Incident, reader: &Reader, now_ms: u64) -> String {
    let lasted = text::duration(now_ms.saturating_sub(incident.since_ms));
    let (from, until) = (reader.time(incident.since_ms), reader.time(now_ms));
    match &incident.state {
        IncidentState::Resolved { resolution: Resolution::NoLongerDeclared, .. } => {
            format!("No longer declared in the fleet file. It had lasted {lasted}, from {from} to {until}.")
        }
        IncidentState::Resolved { resolution: Resolution::Merged { into }, .. } => {
            format!("Same cause as incident {into}, which goes on. It began at {from}.")
        }
        IncidentState::Resolved { .. } | IncidentState::Open => {
            let spared = match incident.page_was_avoided() {
                true => " Nobody was called: its cause was repaired first.",
                false => "",
            };
            format!("It works again. It lasted {lasted}, from {from} to {until}.{spared}")
        }
    }
}

/// One line for each account and what fails there, with the zones it fails from.
struct Line<'m> {
    member: &'m IncidentMember,
    zones: BTreeSet<&'m str>,
}

fn grouped(incident: &Incident, state: MemberState) -> Vec<Line<'_>> {
    let mut lines: BTreeMap<_, Line<'_>> = BTreeMap::new();
    for member in incident.members_in(state) {
        let what = (&member.symptom, member.why_silent, member.stage);
        let key = (&member.account_name, &member.probe.region, what);
        let line = lines.entry(key).or_insert_with(|| Line { member, zones: BTreeSet::new() });
        line.zones.insert(&member.probe.availability_zone);
    }
    lines.into_values().collect()
}

fn lines(incident: &Incident, state: MemberState) -> Vec<Words> {
    grouped(incident, state).iter().map(|line| describe(line, state)).collect()
}

/// `shop-prod → payments:443 (payments-prod) fails at TCP connect from use1-az1: refused`.
fn describe(line: &Line<'_>, state: MemberState) -> Words {
    let member = line.member;
    let account = Words::new().name(&member.account_name);
    let zones = text::list(&line.zones, 3);
    let failing = state == MemberState::Failing;
    let detail = match member.detail.as_str() {
        detail if failing && !detail.is_empty() => Words::of(": ").code(detail),
        _ => Words::new(),
    };
    let flaps = match member.flaps {
        0 => Words::new(),
        times => Words::of(format!("; flaps: {} when it was told", often(times))),
    };
    let detail = detail.then(if failing { flaps } else { Words::new() });
    match (&member.symptom, &member.target) {
        (Symptom::Silent, _) if failing => {
            let nothing = match member.why_silent {
                Some(WhySilent::NeverEnrolled) => ": never a report from ",
                Some(WhySilent::Late | WhySilent::Crashed) | None => ": no report from ",
            };
            let since = format!(" since {}", text::instant(member.since_ms));
            account.text(nothing).name(zones).text(since).then(detail)
        }
        (Symptom::Silent, _) => account.text(": the probe in ").name(zones),
        (Symptom::Inconclusive, _) => account.text(": cannot tell from ").name(zones).then(detail),
        (Symptom::Down { check }, target) => {
            let endpoint = target.as_ref().map_or(check.0.as_str(), |target| &target.endpoint);
            let owner = target.as_ref().and_then(|target| target.account.as_ref());
            let owner = owner.map(|owner| Words::of(" (").name(owner).text(")")).unwrap_or_default();
            let at = match member.stage.filter(|_| failing) {
                Some(Stage::Open) => " connects, and must not,".to_owned(),
                Some(stage) => format!(" fails at {}", stage.as_str()),
                None => String::new(),
            };
            let path = account.text(" → ").code(endpoint).then(owner).text(at);
            path.text(" from ").name(zones).then(detail)
        }
    }
}
