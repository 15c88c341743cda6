//! Time zones, and what clocks show.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::model::TimeOfDay;
use crate::place::Flaw;
use crate::rules::Rule;
use crate::spelling::closest;

/// Those in this binary, and not what the machine has: a file is right everywhere or nowhere.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone, by its name.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    let zone = ZONES.get(name).ok().filter(|zone| !zone.is_unknown())?;
    (zone.iana_name() == Some(name)).then_some(zone)
}

/// The name of a time zone, written as the database has it.
pub(crate) fn time_zone(text: &str) -> Rule<String> {
    if zone(text).is_some() {
        return Ok(text.to_owned());
    }
    let flaw = Flaw::new(format!("`{text}` is not the name of a time zone"));
    let names: Vec<String> = ZONES.available().map(|name| name.to_string()).collect();
    Err(match closest(text, names.iter().map(String::as_str)) {
        Some(meant) => flaw.hint(format!("did you mean `{meant}`?")),
        None => flaw.hint("write it as the IANA database has it: Europe/Berlin, America/New_York, UTC"),
    })
}

/// What a clock shows.
pub(crate) fn time_of_day(text: &str) -> Rule<TimeOfDay> {
    let number = |digits: &str, below: u16| {
        let is_two_digits = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|number| is_two_digits && *number < below)
    };
    let parts = text.split_once(':');
    match parts.and_then(|(hour, minute)| Some((number(hour, 24)?, number(minute, 60)?))) {
        Some((hour, minute)) => Ok(TimeOfDay { minute: hour * 60 + minute }),
        None => Err(Flaw::new(format!("`{text}` is no time of day"))
            .hint("write hour and minute with two digits each, from \"00:00\" to \"23:59\"")),
    }
}
