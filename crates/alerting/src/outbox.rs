//! What is sent because an incident changed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::evaluation::Evaluation;
use crate::evidence::Evidence;
use crate::{
    Decision, Incident, IncidentMember, IncidentState, MemberState, Resolution, Route, Severity, SlackBlocks,
    SlackText, Suspect, messages, text,
};

/// How many members a timeline entry names.
const NAMED_MEMBERS: usize = 5;

/// One message to deliver.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outgoing {
    /// `<incident>/<revision>/slack/<channel>` or `<incident>/<revision>/page`: the same decision
    /// taken twice has the same ids.
    pub id: String,
    /// The incident it is about. There is one Slack message for each incident and channel.
    pub incident_id: String,
    /// When it was decided; milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// What to deliver, and where.
    pub body: OutgoingBody,
}

/// What to deliver, and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum OutgoingBody {
    /// The incident's message in a Slack channel.
    Slack {
        /// The channel.
        channel: String,
        /// Whether to post or to edit.
        kind: SlackKind,
        /// For notifications: at most 3,000 characters.
        text: SlackText,
        /// The message, as Block Kit.
        blocks: SlackBlocks,
        /// What changed, for the message's thread; absent when the message is new.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thread_text: Option<SlackText>,
    },
    /// A page to on-call, or its end.
    Page {
        /// At most 100 printable ASCII characters.
        subject: String,
        /// Plain text.
        text: String,
        /// Whether this ends an earlier page.
        #[serde(default)]
        resolved: bool,
    },
}

/// Whether to post or to edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlackKind {
    /// Post it.
    Opened,
    /// Edit the incident's message in this channel; post it if there is none.
    Updated,
    /// As `Updated`, for the last time.
    Resolved,
}

/// A name for what these texts name together, for ids of incidents that are about something with a name
/// from outside: 12 hexadecimal digits, the same for the same texts.
#[must_use]
pub fn stable_id(parts: &[&str]) -> String {
    let digest = Sha256::digest(serde_json::json!(parts).to_string());
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

impl OutgoingBody {
    /// Whether it goes to on-call.
    #[must_use]
    pub fn is_page(&self) -> bool {
        matches!(self, Self::Page { .. })
    }
}

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
    let change = change(evaluation, before, &incident);
    incident.note(now_ms, change.clone());
    let mut send = |suffix: String, body| {
        let id = format!("{}/{}/{suffix}", incident.id, incident.revision);
        decision.outbox.push(Outgoing { id, incident_id: incident.id.clone(), at_ms: now_ms, body });
    };
    let evidence = Evidence::of(evaluation, &incident);
    if incident.is_open() && !incident.silenced {
        if incident.severity == Severity::Page && !incident.paged {
            send("page".to_owned(), messages::page(&incident, &evidence, now_ms));
            incident.paged = true;
        }
        let mut channels = channels(evaluation, &incident);
        channels.extend(incident.channels.iter().cloned());
        for channel in &channels {
            let known = incident.channels.contains(channel);
            let kind = if known { SlackKind::Updated } else { SlackKind::Opened };
            let body = messages::slack(&incident, &evidence, now_ms, channel, kind, &change);
            send(format!("slack/{channel}"), body);
        }
        incident.channels = channels;
    }
    if !incident.is_open() {
        if incident.paged {
            send("page".to_owned(), messages::page(&incident, &evidence, now_ms));
        }
        for channel in &incident.channels {
            let body = messages::slack(&incident, &evidence, now_ms, channel, SlackKind::Resolved, &change);
            send(format!("slack/{channel}"), body);
        }
    }
    decision.incidents.push(incident);
}

fn channels(evaluation: &Evaluation<'_>, incident: &Incident) -> BTreeSet<String> {
    let routes: Vec<&Route> = match (&incident.suspect, &evaluation.world.policy.platform_route) {
        (Suspect::Collector, Some(route)) => vec![route],
        _ => {
            let open = incident.members.iter().filter(|member| member.state.is_open());
            open.filter_map(|member| Some(&evaluation.probes.get(&member.probe)?.view.route)).collect()
        }
    };
    routes.iter().map(|route| route.slack_channel.clone()).filter(|channel| !channel.is_empty()).collect()
}

/// What changed, in words.
fn change(evaluation: &Evaluation<'_>, before: Option<&Incident>, after: &Incident) -> String {
    let mut changes = Vec::new();
    match before {
        None => {
            changes.push(format!("opened: {}", messages::title(after)));
            let unseen = evaluation.world.unseen.incidents.iter().map(|unseen| unseen.id.clone());
            let unseen = text::list(unseen, NAMED_MEMBERS);
            if !unseen.is_empty() {
                changes.push(format!("it may be a part of {unseen}, which cannot be read"));
            }
        }
        Some(before) if before.suspect != after.suspect => {
            changes.push(format!("now explained as: {}", messages::title(after)));
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
        let entered = after.members_in(state).filter(|member| !was(before, member, state));
        let names: Vec<String> = entered.map(messages::member_name).collect();
        if !names.is_empty() && before.is_some() {
            changes.push(format!("{verb}: {}", text::list(names, NAMED_MEMBERS)));
        }
    }
    changes.extend(silence_change(evaluation, before, after));
    if let IncidentState::Resolved { resolution, .. } = &after.state {
        changes.push(match resolution {
            Resolution::Recovered => "resolved".to_owned(),
            Resolution::NoLongerDeclared => "closed: no longer declared".to_owned(),
            Resolution::Merged { into } => format!("goes on as {into}"),
        });
    }
    if changes.is_empty() {
        // Members moved to another incident, or fail at another stage than before.
        changes.push("details changed".to_owned());
    }
    changes.join("; ")
}

fn was(before: Option<&Incident>, member: &IncidentMember, state: MemberState) -> bool {
    let key = member.key();
    before.is_some_and(|before| before.members_in(state).any(|old| old.key() == key))
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
    let silence = silences.max_by_key(|silence| (silence.expires_at_ms, &silence.by, &silence.reason))?;
    let until = text::instant(silence.expires_at_ms);
    Some(format!("silenced by {} until {until}: {}", silence.by, silence.reason))
}
