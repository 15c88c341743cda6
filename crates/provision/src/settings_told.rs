//! What people hear of an account's settings: what is otherwise than declared, once, and that it no longer is.

use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words};
use phonehome_settings::{SettingsRecord, Told};

use crate::notices::incident;
use crate::observed::{ask, message_of, place};
use crate::provision::Job;

/// The message about what was seen, where it says something new. The record says then what was told. What is not known to
/// the end changes nothing of it.
pub(crate) fn told(job: &Job<'_>, record: &mut SettingsRecord, now_ms: u64) -> Option<Outgoing> {
    let (otherwise, known) = (record.otherwise(), record.told.clone());
    let about = otherwise.join("\n");
    if otherwise.is_empty() {
        let known = known.filter(|_| record.is_closed())?;
        record.told = None;
        let headline =
            Words::of(":white_check_mark: ").then(place(job)).text(": its settings are as declared");
        return Some(over(job, &known, headline, "as declared again", now_ms));
    }
    if !record.is_closed() || known.as_ref().is_some_and(|known| known.about == about) {
        return None;
    }
    let kind = if known.is_some() { SlackKind::Updated } else { SlackKind::Opened };
    let incident_id = known.map_or_else(|| incident(job, "settings", now_ms), |known| known.incident_id);
    let headline = Words::of(":warning: ").then(place(job)).text(": settings of the account");
    let sections = otherwise.iter().map(|line| Words::new().text(line));
    let message = sections.fold(SlackMessage::new(headline), SlackMessage::section).section(ask(job));
    let outgoing = message_of(job, &incident_id, now_ms, kind, &message);
    record.told = Some(Told { incident_id, about });
    Some(outgoing)
}

/// The message that no settings are declared any more, where people were told of some.
pub(crate) fn ended(job: &Job<'_>, record: &mut SettingsRecord, now_ms: u64) -> Option<Outgoing> {
    let known = record.told.take()?;
    let headline = Words::of(":information_source: ").then(place(job));
    let headline =
        headline.text(": none of its settings is declared any more, and all of them stay as they are");
    Some(over(job, &known, headline, "no longer declared", now_ms))
}

fn over(job: &Job<'_>, known: &Told, headline: Words, thread: &str, now_ms: u64) -> Outgoing {
    let was = Words::new().markup("*Was* ").text(&known.about);
    let message = SlackMessage::new(headline).section(was).thread(Some(Words::of(thread)));
    message_of(job, &known.incident_id, now_ms, SlackKind::Resolved, &message)
}
