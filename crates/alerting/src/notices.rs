//! Trouble of phonehome's own that is reported once: what is stored and cannot be read, and accounts whose
//! reports are refused again and again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Incident, Outgoing, Refusals, SlackKind, SlackMessage, Suspect, Words, text, titles};

/// Of how many troubles at once it is remembered that they were reported. Of what is beyond, only the number
/// is reported.
const REMEMBERED_MAX: usize = 200;
/// How many reasons a line names.
const NAMED: usize = 10;

/// Something that somebody of the platform team has to look into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// A stored item cannot be read.
    Unreadable {
        /// Its partition key.
        partition: String,
        /// Its sort key.
        sort: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An incident cannot be stored, so that nobody hears of it otherwise.
    Unstored {
        /// What it is about.
        suspect: Suspect,
        /// What it says in its title.
        title: String,
        /// Why it cannot be stored.
        problem: String,
    },
    /// An account's reports have been refused for some time.
    Refused(Refusals),
}

/// What has been reported and is not over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notices {
    /// The names of the troubles.
    #[serde(rename = "told")]
    pub notified: BTreeSet<String>,
}

impl Trouble {
    /// That this incident cannot be stored, and why.
    #[must_use]
    pub fn unstored(incident: &Incident, problem: String) -> Self {
        Self::Unstored { suspect: incident.suspect.clone(), title: titles::title(incident), problem }
    }

    fn name(&self) -> String {
        match self {
            Self::Unreadable { partition, sort, .. } => format!("unreadable/{partition}/{sort}"),
            // Each run opens it anew, with another id.
            Self::Unstored { suspect, .. } => format!("unstored/{}", serde_json::json!(suspect)),
            Self::Refused(refusals) => format!("refused/{}", refusals.account),
        }
    }

    fn line(&self) -> Words {
        match self {
            Self::Unreadable { partition, sort, problem } => Words::of("the item ")
                .code(format!("{partition} | {sort}"))
                .text(" cannot be read, so nothing is decided of it: ")
                .code(problem),
            Self::Unstored { title, problem, .. } => {
                Words::of("an incident cannot be stored, so nobody is told of it: ")
                    .code(title)
                    .text(": ")
                    .code(problem)
            }
            Self::Refused(refusals) => {
                let reasons = refusals.reasons.iter().map(|(reason, count)| format!("{count} {reason}"));
                Words::of(format!("{} of account ", text::count(refusals.count, "report")))
                    .code(&refusals.account)
                    .text(format!(" refused since {}: ", text::instant(refusals.since_ms)))
                    .text(text::list(reasons, NAMED))
                    .text("; the newest: ")
                    .code(&refusals.problem)
            }
        }
    }
}

/// What is to be remembered, and what to be said, because there are these troubles now; `None` when both
/// stay as they are. What is over is forgotten, and reported again should it come back.
#[must_use]
pub fn notices(
    troubles: &[Trouble],
    before: &Notices,
    channel: &str,
    now_ms: u64,
) -> Option<(Notices, Option<Outgoing>)> {
    let mut named: Vec<(String, &Trouble)> = troubles.iter().map(|it| (it.name(), it)).collect();
    // What was reported before comes first: nothing is told twice because there is much of it.
    named.sort_by(|(a, _), (b, _)| (!before.notified.contains(a), a).cmp(&(!before.notified.contains(b), b)));
    let beyond = named.split_off(named.len().min(REMEMBERED_MAX)).len();
    let after = Notices { notified: named.iter().map(|(name, _)| name.clone()).collect() };
    if after == *before {
        return None;
    }
    let news = named.iter().filter(|(name, _)| !before.notified.contains(name));
    let lines: Vec<Words> = news.map(|(_, trouble)| trouble.line()).collect();
    let message = (!lines.is_empty() && !channel.is_empty()).then(|| message(lines, beyond, channel, now_ms));
    Some((after, message))
}

fn message(lines: Vec<Words>, beyond: usize, channel: &str, now_ms: u64) -> Outgoing {
    let more = if beyond > 0 {
        Words::of(format!("{} not named.", text::agree(beyond, "more is", "more are")))
    } else {
        Words::new()
    };
    let body = SlackMessage::new(
        Words::new()
            .markup(":warning: *phonehome itself needs a look.* ")
            .text("The runbook says what to do."),
    )
    .list("", lines)
    .section(more)
    .body(channel, SlackKind::Opened);
    let incident_id = format!("notice/{now_ms}");
    Outgoing { id: format!("{incident_id}/slack/{channel}"), incident_id, at_ms: now_ms, sequence: 0, body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OutgoingBody;

    fn unreadable(number: usize) -> Trouble {
        let (partition, sort) = ("paths".to_owned(), format!("{number:04}"));
        Trouble::Unreadable { partition, sort, problem: "<!channel>".to_owned() }
    }

    fn notified(troubles: &[Trouble], before: &Notices) -> (Notices, Option<String>) {
        let Some((after, message)) = notices(troubles, before, "#net", 1) else {
            return (before.clone(), None);
        };
        let text = message.map(|message| match message.body {
            OutgoingBody::Slack { blocks, .. } => blocks.to_string(),
            OutgoingBody::Page { text, .. } => text,
        });
        (after, text)
    }

    #[test]
    fn trouble_is_reported_once_and_again_only_when_it_comes_back() {
        let (one, text) = notified(&[unreadable(1)], &Notices::default());
        assert!(text.unwrap().contains("paths | 0001"));
        assert_eq!(notified(&[unreadable(1)], &one), (one.clone(), None));
        let (two, text) = notified(&[unreadable(1), unreadable(2)], &one);
        let text = text.unwrap();
        assert!(text.contains("0002") && !text.contains("0001"), "{text}");
        let (over, text) = notified(&[], &two);
        assert_eq!((over.clone(), text), (Notices::default(), None));
        assert!(notified(&[unreadable(1)], &over).1.is_some());
    }

    #[test]
    fn much_trouble_is_one_short_message_and_nothing_in_it_is_markup() {
        let many: Vec<Trouble> = (0..1000).map(unreadable).collect();
        let (after, text) = notified(&many, &Notices::default());
        let text = text.unwrap();
        assert!(text.chars().count() <= 4000 && text.contains("800 more"), "{text}");
        assert!(!text.contains("<!channel>"), "{text}");
        assert_eq!(after.notified.len(), REMEMBERED_MAX);
        assert_eq!(notified(&many, &after).1, None);
    }
}
