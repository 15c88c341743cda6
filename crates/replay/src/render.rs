//! What a replay says, for people.

use std::fmt::Write as _;

use jiff::Timestamp;
use phonehome_alerting::SlackKind;
use phonehome_text::{count, joined};

use crate::{Changed, Difference, Entry, Notes, Replayed, Summary, Told};

/// As text; `rules`: the name of the other fleet file.
#[must_use]
pub fn render(replayed: &Replayed, rules: &str) -> String {
    let Replayed { from_ms, to_ms, told, then, since_then, notes, .. } = replayed;
    let mut text = format!(
        "{} to {}: {} of {}\n\n",
        time(*from_ms),
        time(*to_ms),
        count(notes.reports, "report"),
        count(notes.probes as u64, "probe"),
    );
    text.extend(told.timeline.iter().map(entry));
    let _ = writeln!(
        text,
        "{}{}",
        if told.timeline.is_empty() { "" } else { "\n" },
        sum("by the rules of then", told)
    );
    if !then.is_empty() || !since_then.is_nothing() {
        let paged = then.iter().filter(|it| it.paged).count();
        let _ = writeln!(text, "told then: {}, {}", incidents(then.len()), pages(paged));
        text.push_str(&difference(since_then, "only told then", "only told by the replay"));
    }
    if let (Some(others), Some(by_rules)) = (&replayed.with_rules, &replayed.difference) {
        let _ = writeln!(text, "\n{}", sum(&format!("with {rules}"), others));
        text.push_str(&difference(by_rules, "would not have been told", "would have been told"));
        text.push_str(&of_rules(others));
    }
    let noted = noted(told, notes);
    if !noted.is_empty() {
        let _ = write!(text, "\n{}", noted.iter().map(|it| format!("note: {it}\n")).collect::<String>());
    }
    text
}

fn incidents(number: usize) -> String {
    count(number as u64, "incident")
}

fn pages(number: usize) -> String {
    count(number as u64, "page")
}

fn sum(whose: &str, told: &Told) -> String {
    let messages = count(told.messages as u64, "message");
    format!("{whose}: {}, {}, {messages} in Slack", incidents(told.incidents.len()), pages(told.pages))
}

fn entry(entry: &Entry) -> String {
    match entry {
        Entry::Incident { at_ms, incident, change } => format!("{}  {incident}  {change}\n", time(*at_ms)),
        Entry::Slack { at_ms, incident, channel, kind, .. } => {
            let verb = match kind {
                SlackKind::Opened => "new message in",
                SlackKind::Updated => "message edited in",
                SlackKind::Resolved => "last edit in",
            };
            format!("{}  {incident}    {verb} {channel}\n", time(*at_ms))
        }
        Entry::Page { at_ms, incident, resolved, subject } => {
            let verb = if *resolved { "page ends" } else { "PAGE" };
            format!("{}  {incident}    {verb}: {subject}\n", time(*at_ms))
        }
    }
}

fn difference(difference: &Difference, gone: &str, new: &str) -> String {
    let Difference { same, changed, gone: no_more, new: only_now, pages_before, pages_after } = difference;
    if difference.is_nothing() {
        return "  the same\n".to_owned();
    }
    let mut text = String::new();
    let _ = writeln!(
        text,
        "  {} the same, {} otherwise; pages: {pages_before} before, {pages_after} after",
        incidents(*same),
        changed.len()
    );
    text.extend(no_more.iter().map(|it| format!("  {gone}: {}\n", short(it))));
    text.extend(only_now.iter().map(|it| format!("  {new}: {}\n", short(it))));
    text.extend(changed.iter().map(|it| format!("  otherwise: {}\n    {}\n", short(&it.before), how(it))));
    text
}

fn short(summary: &Summary) -> String {
    let paged = if summary.paged { ", paged" } else { "" };
    format!("{}{paged}: {}", summary.id, summary.title)
}

fn how(changed: &Changed) -> String {
    let Changed { before, after, told_later_ms, paged_later_ms, over_later_ms } = changed;
    let mut parts = Vec::new();
    let mut when = |what: &str, ms: i64| {
        if ms != 0 {
            parts.push(format!("{what} {}", minutes(ms)));
        }
    };
    when("told", *told_later_ms);
    paged_later_ms.iter().for_each(|ms| when("paged", *ms));
    over_later_ms.iter().for_each(|ms| when("over", *ms));
    match (before.paged, after.paged) {
        (true, false) => parts.push("pages nobody".to_owned()),
        (false, true) => parts.push("pages".to_owned()),
        _ => {}
    }
    match (before.resolved_at_ms, after.resolved_at_ms) {
        (Some(_), None) => parts.push("not over at the end".to_owned()),
        (None, Some(_)) => parts.push("over before the end".to_owned()),
        _ => {}
    }
    if before.channels != after.channels {
        parts.push(format!("told in {} instead of {}", channels(after), channels(before)));
    }
    if before.keys != after.keys {
        parts.push(format!("about {} instead of {} paths and probes", after.members, before.members));
    }
    if before.title != after.title {
        parts.push(format!("as {}", after.title));
    }
    parts.join("; ")
}

fn channels(summary: &Summary) -> String {
    if summary.channels.is_empty() { "no channel".to_owned() } else { joined(&summary.channels) }
}

/// How much later, or earlier.
fn minutes(ms: i64) -> String {
    let seconds = ms.unsigned_abs().div_ceil(1000);
    let (minutes, rest) = (seconds / 60, seconds % 60);
    let much = if minutes > 0 { format!("{minutes} min {rest} s") } else { format!("{rest} s") };
    format!("{much} {}", if ms < 0 { "earlier" } else { "later" })
}

fn of_rules(others: &Told) -> String {
    let mut text = String::new();
    if others.untested > 0 {
        let untested = count(others.untested as u64, "check");
        let _ = writeln!(text, "  {untested} of these rules nobody ran then: nothing is known of them");
    }
    if others.undeclared_results > 0 {
        let results = count(others.undeclared_results, "result");
        let _ = writeln!(text, "  {results} of checks that these rules do not have do not count");
    }
    text
}

/// What is to be known of the recording.
fn noted(told: &Told, notes: &Notes) -> Vec<String> {
    let mut noted = Vec::new();
    if notes.bad_lines > 0 {
        noted.push(format!("{} cannot be read, and is left out:", count(notes.bad_lines, "line")));
        noted.extend(notes.first_bad_lines.iter().map(|it| format!("  line {}: {}", it.line, it.problem)));
    }
    if notes.is_cut {
        noted.push("the file ends in the middle, and is replayed to its last report".to_owned());
    }
    for gap in &notes.first_gaps {
        let (from, to) = (time(gap.from_ms), time(gap.to_ms));
        noted.push(format!(
            "no report at all from {from} to {to}: nobody reported, or an object was not fetched"
        ));
    }
    if told.never_seen_working > 0 {
        noted.push(format!(
            "{} failed from the first result in the recording on: as if it had never worked, which pages nobody; begin \
             the recording earlier",
            count(told.never_seen_working as u64, "path")
        ));
    }
    let refused = notes.refused.iter().map(|(word, number)| format!("{number} {word}"));
    let refused: Vec<String> = refused.collect();
    if !refused.is_empty() {
        noted.push(format!("reports refused: {}", refused.join(", ")));
    }
    for (number, what) in [
        (notes.crashes, "probe crash"),
        (notes.unjudged, "report of before a fleet file was in force"),
        (notes.outside, "report of before or after the recording's time"),
        (notes.out_of_order, "report out of order, taken as coming then"),
    ] {
        if number > 0 {
            noted.push(format!("{number} × {what}"));
        }
    }
    noted
}

fn time(ms: u64) -> String {
    let timestamp = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    timestamp.map_or("unknown".to_owned(), |timestamp| timestamp.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}
