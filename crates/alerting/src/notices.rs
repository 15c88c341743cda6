//! Trouble of phonehome's own that is reported once: what is stored and cannot be read, and accounts whose
//! reports are refused again and again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Incident, Outgoing, Refusals, SlackKind, SlackMessage, Suspect, Words, text, titles};

/// Of how many troubles at once it is remembered that they were reported. Of what is beyond, only the number
/// is reported.
const REMEMBERED_MAX: usize = 200;
/// How often what nothing is decided of is looked through, in milliseconds: ten minutes.
pub const LOOKED_THROUGH_EVERY_MS: u64 = 10 * 60_000;
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
    /// The names of those that were found in the ledger, when it was looked through last: documents of the first version
    /// have them among the others.
    #[serde(default)]
    pub of_ledger: BTreeSet<String>,
    /// When that was; milliseconds since the Unix epoch, 0 in documents of the first version.
    #[serde(default)]
    pub looked_through_ms: u64,
}

impl Notices {
    /// Whether the ledger, of which nothing is decided, is to be looked through now, milliseconds since the Unix epoch. A
    /// clock that was put back puts nothing off for long.
    #[must_use]
    pub fn is_look_due(&self, now_ms: u64) -> bool {
        self.looked_through_ms.abs_diff(now_ms) >= LOOKED_THROUGH_EVERY_MS
    }

    fn has(&self, name: &str) -> bool {
        self.notified.contains(name) || self.of_ledger.contains(name)
    }
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

/// What is to be remembered, and what to be said, because there are these troubles now, and those of the ledger where it
/// was looked through; `None` when both stay as they are. What is over is forgotten, and reported again should it come
/// back. While nobody looks, what was told of the ledger stays told.
#[must_use]
pub fn notices(
    troubles: &[Trouble],
    of_ledger: Option<&[Trouble]>,
    before: &Notices,
    channel: &str,
    now_ms: u64,
) -> Option<(Notices, Option<Outgoing>)> {
    let kept = if of_ledger.is_some() { BTreeSet::new() } else { before.of_ledger.clone() };
    let others = troubles.iter().map(|it| (it.name(), it, false));
    let of_ledger_now = of_ledger.unwrap_or_default().iter().map(|it| (it.name(), it, true));
    let mut named: Vec<(String, &Trouble, bool)> = others.chain(of_ledger_now).collect();
    // What was reported before comes first: nothing is told twice because there is much of it.
    named.sort_by(|(a, ..), (b, ..)| (!before.has(a), a).cmp(&(!before.has(b), b)));
    let room = REMEMBERED_MAX.saturating_sub(kept.len());
    let beyond = named.split_off(named.len().min(room)).len();
    let names = |is_of_ledger: bool| {
        named.iter().filter(move |it| it.2 == is_of_ledger).map(|(name, ..)| name.clone())
    };
    let after = Notices {
        notified: names(false).collect(),
        of_ledger: kept.into_iter().chain(names(true)).collect(),
        looked_through_ms: if of_ledger.is_some() { now_ms } else { before.looked_through_ms },
    };
    if after == *before {
        return None;
    }
    let news = named.iter().filter(|(name, ..)| !before.has(name));
    let lines: Vec<Words> = news.map(|(_, trouble, _)| trouble.line()).collect();
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

    const NOW_MS: u64 = 1_778_833_634_000;

    fn unreadable(number: usize) -> Trouble {
        let (partition, sort) = ("paths".to_owned(), format!("{number:04}"));
        Trouble::Unreadable { partition, sort, problem: "<!channel>".to_owned() }
    }

    fn notified(troubles: &[Trouble], before: &Notices) -> (Notices, Option<String>) {
        looked(Some(&[]), troubles, before)
    }

    fn looked(
        of_ledger: Option<&[Trouble]>,
        troubles: &[Trouble],
        before: &Notices,
    ) -> (Notices, Option<String>) {
        let Some((after, message)) = notices(troubles, of_ledger, before, "#net", NOW_MS) else {
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
        assert_eq!((over.notified.len(), text), (0, None));
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

    fn of(partition: &str, sort: &str) -> Trouble {
        let (partition, sort) = (partition.to_owned(), sort.to_owned());
        Trouble::Unreadable { partition, sort, problem: "nonsense".to_owned() }
    }

    #[test]
    fn what_was_told_of_the_ledger_stays_told_until_somebody_looks_and_nothing_else_does() {
        let found = [of("ledger", "10.0.0.0/18"), of("ledger/seen", "111122223333/us-east-1")];
        let (told, text) = looked(Some(&found), &[of("paths", "ledger/1")], &Notices::default());
        assert!(text.is_some(), "{told:?}");
        assert_eq!((told.notified.len(), told.of_ledger.len()), (1, 2));
        let (still, text) = looked(None, &[], &told);
        assert_eq!((still.notified.len(), &still.of_ledger, text), (0, &told.of_ledger, None));
        // A look finds one of them mended: it is forgotten, and told again should it come back.
        let (one, text) = looked(Some(&found[..1]), &[], &still);
        assert_eq!((one.of_ledger.len(), text), (1, None));
        let (_, text) = looked(Some(&found), &[], &one);
        assert!(text.is_some_and(|text| text.contains("ledger/seen") && !text.contains("10.0.0.0/18")));
    }

    #[test]
    fn what_stays_told_takes_no_more_room_than_there_is() {
        let ledger: Vec<Trouble> = (0..150).map(|number| of("ledger", &format!("{number:04}"))).collect();
        let (told, _) = looked(Some(&ledger), &[], &Notices::default());
        let many: Vec<Trouble> = (0..100).map(unreadable).collect();
        let (after, text) = looked(None, &many, &told);
        assert_eq!(after.notified.len() + after.of_ledger.len(), REMEMBERED_MAX);
        assert!(text.is_some_and(|text| text.contains("50 more")));
        assert_eq!(looked(None, &many, &after), (after.clone(), None));
    }

    #[test]
    fn a_look_is_due_ten_minutes_after_the_last_one_and_none_counts_that_is_far_in_the_future() {
        let (looked_once, _) = notified(&[], &Notices::default());
        assert_eq!(looked_once.looked_through_ms, NOW_MS);
        assert_eq!(looked(None, &[], &looked_once).0.looked_through_ms, NOW_MS);
        let is_due = |now_ms| looked_once.is_look_due(now_ms);
        let last_ms = LOOKED_THROUGH_EVERY_MS - 1;
        assert_eq!([NOW_MS, NOW_MS + last_ms, NOW_MS - last_ms].map(is_due), [false; 3]);
        assert_eq!([NOW_MS + last_ms + 1, NOW_MS - last_ms - 1, 0].map(is_due), [true; 3]);
        assert!(Notices::default().is_look_due(NOW_MS));
    }

    #[test]
    fn a_document_of_the_first_version_says_of_no_look() {
        let old: Notices = serde_json::from_str(r#"{"told": ["unreadable/ledger/10.0.0.0/18"]}"#).unwrap();
        assert!(old.is_look_due(NOW_MS));
        // And what it has told stays told.
        let (after, text) = looked(Some(&[of("ledger", "10.0.0.0/18")]), &[], &old);
        assert_eq!((after.of_ledger, after.notified.len(), text), (old.notified, 0, None));
    }
}
