//! What is told of a recording.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_alerting::{
    Decision, Incident, IncidentState, MemberKey, Outgoing, OutgoingBody, Resolution, Severity, SlackKind,
    title,
};
use serde::Serialize;

/// Everything that is told.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Told {
    /// What happened, the oldest first.
    pub timeline: Vec<Entry>,
    /// The incidents, by when they were opened.
    pub incidents: Vec<Summary>,
    /// Pages that were sent; their ends are not counted.
    pub pages: usize,
    /// Messages in Slack, edits not counted.
    pub messages: usize,
    /// Paths whose first results failed: whether they ever worked before is not known, and what never worked pages
    /// nobody.
    pub never_seen_working: usize,
    /// Checks that are declared, of probes that reported, and have no result in the recording.
    pub untested: usize,
    /// Results of checks that are not declared.
    pub undeclared_results: u64,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Entry {
    /// An incident was opened, changed or ended.
    Incident {
        /// When; milliseconds since the Unix epoch.
        at_ms: u64,
        /// Its id.
        incident: String,
        /// What changed, for people.
        change: String,
    },
    /// Something is told in a Slack channel.
    Slack {
        /// When; milliseconds since the Unix epoch.
        at_ms: u64,
        /// The incident, or the notice.
        incident: String,
        /// The channel.
        channel: String,
        /// Whether it is a new message or an edit.
        kind: SlackKind,
        /// The message, for people.
        text: String,
    },
    /// On-call is told.
    Page {
        /// When; milliseconds since the Unix epoch.
        at_ms: u64,
        /// The incident whose page it is.
        incident: String,
        /// Whether it ends.
        resolved: bool,
        /// What it says.
        subject: String,
    },
}

/// An incident, in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Its id.
    pub id: String,
    /// What is wrong, in one line.
    pub title: String,
    /// When the earliest of its failures began; milliseconds since the Unix epoch.
    pub since_ms: u64,
    /// When it was told.
    pub opened_at_ms: u64,
    /// When it was over; absent while it is open.
    pub resolved_at_ms: Option<u64>,
    /// The incident that it went on as.
    pub merged_into: Option<String>,
    /// Whether on-call was paged for it.
    pub paged: bool,
    /// When, where that is known.
    pub paged_at_ms: Option<u64>,
    /// Where it is told in Slack.
    pub channels: BTreeSet<String>,
    /// How many things it is about.
    pub members: usize,
    #[serde(skip)]
    pub(crate) keys: BTreeSet<MemberKey>,
}

impl Summary {
    /// An incident as it is now; `paged_at_ms`: when on-call was paged.
    #[must_use]
    pub fn of(incident: &Incident, paged_at_ms: Option<u64>) -> Self {
        let (resolved_at_ms, merged_into) = match &incident.state {
            IncidentState::Open => (None, None),
            IncidentState::Resolved { at_ms, resolution: Resolution::Merged { into } } => {
                (Some(*at_ms), Some(into.clone()))
            }
            IncidentState::Resolved { at_ms, .. } => (Some(*at_ms), None),
        };
        let keys: BTreeSet<MemberKey> = incident.members.iter().map(|member| member.key()).collect();
        Self {
            id: incident.id.clone(),
            title: title(incident),
            since_ms: incident.since_ms,
            opened_at_ms: incident.opened_at_ms,
            resolved_at_ms,
            merged_into,
            paged: incident.paged,
            paged_at_ms,
            channels: incident.channels.clone(),
            members: keys.len(),
            keys,
        }
    }

    /// Whether it was open at some moment in this time.
    pub(crate) fn is_within(&self, from_ms: u64, to_ms: u64) -> bool {
        self.opened_at_ms <= to_ms && self.resolved_at_ms.is_none_or(|at_ms| at_ms >= from_ms)
    }
}

/// What is told so far.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    timeline: Vec<Entry>,
    incidents: BTreeMap<String, Incident>,
    paged_at_ms: BTreeMap<String, u64>,
    messages: usize,
}

impl Telling {
    pub(crate) fn decided(&mut self, at_ms: u64, decision: &Decision) {
        for incident in &decision.incidents {
            let known = self.incidents.get(&incident.id).map_or(0, |known| known.revision);
            let news = incident.timeline.iter().filter(|entry| entry.revision > known);
            let changes: Vec<&str> = news.map(|entry| entry.text.as_str()).collect();
            let severity = if incident.severity == Severity::Page { " (worth a page)" } else { "" };
            let change = changes.join("; ") + severity;
            self.timeline.push(Entry::Incident { at_ms, incident: incident.id.clone(), change });
            self.incidents.insert(incident.id.clone(), incident.clone());
        }
    }

    pub(crate) fn sent(&mut self, outgoing: &Outgoing) {
        let at_ms = outgoing.at_ms;
        self.timeline.push(match &outgoing.body {
            OutgoingBody::Slack { channel, kind, text, .. } => {
                self.messages += usize::from(*kind == SlackKind::Opened);
                let (incident, channel) = (outgoing.incident_id.clone(), channel.clone());
                Entry::Slack { at_ms, incident, channel, kind: *kind, text: text.to_string() }
            }
            OutgoingBody::Page { subject, resolved, .. } => {
                let incident = outgoing.page_key().to_owned();
                if !resolved {
                    self.paged_at_ms.entry(incident.clone()).or_insert(at_ms);
                }
                Entry::Page { at_ms, incident, resolved: *resolved, subject: subject.clone() }
            }
        });
    }

    pub(crate) fn told(self) -> Told {
        let Self { timeline, incidents, paged_at_ms, messages } = self;
        let summary = |it: &Incident| Summary::of(it, paged_at_ms.get(&it.id).copied());
        let mut incidents: Vec<Summary> = incidents.values().map(summary).collect();
        incidents.sort_by(|a, b| (a.opened_at_ms, &a.id).cmp(&(b.opened_at_ms, &b.id)));
        Told { timeline, incidents, pages: paged_at_ms.len(), messages, ..Told::default() }
    }
}
