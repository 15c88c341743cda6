//! Maintenance windows and quiet hours.

use super::items::{Distinct, reference};
use crate::model::{Weekday, Window, WindowMatch};
use crate::names::Kind;
use crate::place::Flaw;
use crate::reader::{Cursor, Map, Reader};
use crate::rules;
use crate::times;

/// Characters of a reason: it stands in a message.
const REASON_MAX: usize = 200;

pub(super) fn window(cursor: &Cursor, reader: &mut Reader) -> Option<Window> {
    let mut map = cursor.map(reader)?;
    let time_zone = map.required("time_zone").and_then(|c| c.parsed(reader, times::time_zone));
    let weekdays = map.optional("weekdays").map(|list| weekdays(&list, reader));
    let from = map.required("from").and_then(|c| c.parsed(reader, times::time_of_day));
    let (has_to, has_duration) = (map.has("to"), map.has("duration_minutes"));
    let to = map.optional("to").and_then(|c| c.parsed(reader, times::time_of_day));
    let duration = map.optional("duration_minutes");
    let duration = duration.and_then(|c| c.integer(reader, "`duration_minutes`", 1..=4320));
    match (has_to, has_duration) {
        (false, false) => {
            let flaw = Flaw::new("this never ends: it has neither `to` nor `duration_minutes`");
            reader.report(&cursor.place, flaw);
        }
        (true, true) => {
            let flaw = Flaw::new("this has two ends: `to` and `duration_minutes`");
            reader.report(&cursor.place, flaw.hint("remove one of them"));
        }
        _ => {}
    }
    let matching = map.required("match").and_then(|c| window_match(&c, reader));
    let reason = map.required("reason").and_then(|c| c.parsed(reader, reason));
    map.finish(reader);
    Some(Window {
        time_zone: time_zone?,
        weekdays: weekdays.unwrap_or_default(),
        from: from?,
        to,
        duration_minutes: duration,
        r#match: matching?,
        reason: reason.unwrap_or_default(),
    })
}

fn weekdays(list: &Cursor, reader: &mut Reader) -> Vec<Weekday> {
    let mut days = Distinct::default();
    for cursor in list.filled_list(reader, "weekday").unwrap_or_default() {
        if let Some(day) = cursor.choice(reader, &Weekday::ALL) {
            days.push(&cursor, day, reader);
        }
    }
    days.items
}

fn window_match(cursor: &Cursor, reader: &mut Reader) -> Option<WindowMatch> {
    let mut map = cursor.map(reader)?;
    let account = map.optional("account").and_then(|c| account(&c, reader));
    let mut named = |key, kind, map: &mut Map| map.optional(key).and_then(|c| reference(&c, kind, reader));
    let domain = named("domain", Kind::Domain, &mut map);
    let environment = named("environment", Kind::Environment, &mut map);
    let availability_zone =
        map.optional("availability_zone").and_then(|c| c.parsed(reader, |text| rules::az_id(text, None)));
    let check = map.optional("check").and_then(|c| c.parsed(reader, rules::filled));
    let endpoint = map.optional("endpoint").and_then(|c| c.parsed(reader, rules::filled));
    let is_empty = map.is_empty();
    map.finish(reader);
    if is_empty {
        let flaw = Flaw::new("a window that is for everything");
        let hint = "say what it is for: an account, a domain, an environment, a zone, a check or an endpoint";
        reader.report(&cursor.place, flaw.hint(hint));
        return None;
    }
    Some(WindowMatch { account, domain, environment, availability_zone, check, endpoint })
}

/// The name of an account of the file, or any account's id: not every account has its id in the file.
fn account(cursor: &Cursor, reader: &mut Reader) -> Option<String> {
    let text = cursor.text(reader)?;
    if rules::account_id(&text).is_err() {
        reader.names.refer(Kind::Account, &text, &cursor.place);
    }
    Some(text)
}

fn reason(text: &str) -> Result<String, Flaw> {
    let length = text.chars().count();
    if length > REASON_MAX {
        return Err(Flaw::new(format!("a reason has at most {REASON_MAX} characters, this one {length}")));
    }
    rules::filled(text)
}
