//! When windows are where clocks change.

use std::collections::BTreeSet;

use jiff::Timestamp;
use phonehome_alerting::{Matcher, Window, WindowEnd, WindowKind};
use proptest::prelude::*;

use crate::support::MINUTE_MS;

const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

fn ms(at: &str) -> u64 {
    at.parse::<Timestamp>().unwrap().as_millisecond().try_into().unwrap()
}

fn minute(clock: &str) -> u16 {
    let (hour, minute) = clock.split_once(':').unwrap();
    hour.parse::<u16>().unwrap() * 60 + minute.parse::<u16>().unwrap()
}

fn window(zone: &str, weekdays: &[i8], from: &str, end: WindowEnd) -> Window {
    Window {
        kind: WindowKind::Maintenance,
        time_zone: zone.to_owned(),
        weekdays: weekdays.iter().copied().collect(),
        from_minute: minute(from),
        end,
        matcher: Matcher::default(),
        reason: String::new(),
    }
}

/// The times of a window on a day of UTC's and on the one before it, those that begin in them.
fn times(window: &Window, day: &str) -> Vec<String> {
    let midnight = ms(&format!("{day}T00:00:00Z"));
    let span = midnight - DAY_MS..midnight + DAY_MS;
    let shown = |at: u64| Timestamp::from_millisecond(at.try_into().unwrap()).unwrap().strftime("%d %H:%M");
    window
        .times(span.clone())
        .into_iter()
        .filter(|time| span.contains(&time.start))
        .map(|time| format!("{} to {}", shown(time.start), shown(time.end)))
        .collect()
}

const SUNDAY: &[i8] = &[7];

/// Each row: zone, from, to, the day on which its clocks change, and when the window is, in UTC.
#[test]
fn a_window_is_once_a_day_whatever_the_clocks_do() {
    for (zone, from, to, day, expected) in [
        // From 02:00 CET to 03:00 CEST, at 01:00 UTC: the hour from two to three is left out.
        ("Europe/Berlin", "01:00", "04:00", "2026-03-29", "29 00:00 to 29 02:00"),
        ("Europe/Berlin", "02:00", "04:00", "2026-03-29", "29 01:00 to 29 02:00"),
        ("Europe/Berlin", "02:30", "04:00", "2026-03-29", "29 01:30 to 29 02:00"),
        ("Europe/Berlin", "01:00", "02:30", "2026-03-29", "29 00:00 to 29 01:30"),
        ("Europe/Berlin", "02:15", "02:45", "2026-03-29", "29 01:15 to 29 01:45"),
        // It would begin when its end is over: it is as long as ever.
        ("Europe/Berlin", "02:30", "03:00", "2026-03-29", "29 01:30 to 29 02:00"),
        ("Europe/Berlin", "22:00", "06:00", "2026-03-29", "29 20:00 to 30 04:00"),
        // Back from 03:00 CEST to 02:00 CET, at 01:00 UTC: that hour comes twice.
        ("Europe/Berlin", "02:15", "02:45", "2026-10-25", "25 00:15 to 25 00:45"),
        ("Europe/Berlin", "02:00", "03:00", "2026-10-25", "25 00:00 to 25 02:00"),
        ("Europe/Berlin", "01:00", "02:30", "2026-10-25", "24 23:00 to 25 00:30"),
        ("Europe/Berlin", "02:30", "04:00", "2026-10-25", "25 00:30 to 25 03:00"),
        // At 07:00 UTC, and back at 06:00 UTC.
        ("America/New_York", "02:30", "04:30", "2026-03-08", "08 07:30 to 08 08:30"),
        ("America/New_York", "01:30", "01:45", "2026-11-01", "01 05:30 to 01 05:45"),
        ("America/New_York", "01:30", "02:00", "2026-11-01", "01 05:30 to 01 07:00"),
        // Half an hour, from 10:30 to 11:00 before UTC at 15:30 UTC the day before, and back at 15:00 UTC.
        ("Australia/Lord_Howe", "02:00", "04:00", "2026-10-04", "03 15:30 to 03 17:00"),
        ("Australia/Lord_Howe", "02:15", "04:00", "2026-10-04", "03 15:45 to 03 17:00"),
        ("Australia/Lord_Howe", "02:15", "02:30", "2026-10-04", "03 15:45 to 03 16:00"),
        ("Australia/Lord_Howe", "01:45", "03:00", "2026-04-05", "04 14:45 to 04 16:30"),
        ("Australia/Lord_Howe", "01:45", "01:55", "2026-04-05", "04 14:45 to 04 14:55"),
        // An hour before UTC but in Ramadan: back at 02:00 UTC, and on again at 02:00 UTC a month later.
        ("Africa/Casablanca", "02:15", "02:45", "2026-02-15", "15 01:15 to 15 01:45"),
        ("Africa/Casablanca", "02:30", "04:00", "2026-02-15", "15 01:30 to 15 04:00"),
        ("Africa/Casablanca", "02:30", "04:00", "2026-03-22", "22 02:30 to 22 03:00"),
        ("Africa/Casablanca", "01:00", "02:30", "2026-03-22", "22 01:00 to 22 02:30"),
        // No clock changes.
        ("UTC", "23:00", "23:00", "2026-11-01", "01 23:00 to 02 23:00"),
        ("Asia/Kolkata", "05:00", "05:30", "2026-11-01", "31 23:30 to 01 00:00"),
    ] {
        let window = window(zone, SUNDAY, from, WindowEnd::At(minute(to)));
        assert_eq!(times(&window, day), [expected], "{zone} {from} to {to} on {day}");
    }
}

#[test]
fn a_window_of_a_length_is_that_long_whatever_the_clocks_do() {
    for (zone, from, minutes, day, expected) in [
        ("Europe/Berlin", "01:00", 120, "2026-03-29", "29 00:00 to 29 02:00"),
        ("Europe/Berlin", "02:30", 30, "2026-03-29", "29 01:30 to 29 02:00"),
        ("Europe/Berlin", "02:30", 90, "2026-10-25", "25 00:30 to 25 02:00"),
        ("America/New_York", "00:00", 1440, "2026-11-01", "01 04:00 to 02 04:00"),
        ("Australia/Lord_Howe", "01:45", 60, "2026-04-05", "04 14:45 to 04 15:45"),
        ("Africa/Casablanca", "02:30", 4320, "2026-03-22", "22 02:30 to 25 02:30"),
    ] {
        let window = window(zone, SUNDAY, from, WindowEnd::After(minutes));
        assert_eq!(times(&window, day), [expected], "{zone} {from} for {minutes} on {day}");
    }
}

#[test]
fn a_window_begins_on_its_days_and_ends_on_whichever_it_does() {
    let friday = window("Europe/Berlin", &[5], "18:00", WindowEnd::After(62 * 60));
    assert_eq!(times(&friday, "2026-11-06"), ["06 17:00 to 09 07:00"]);
    let monday = ms("2026-11-09T06:59:00Z");
    assert_eq!(friday.times(monday..monday + 1).len(), 1);
    assert!(friday.times(monday + MINUTE_MS..monday + 2 * MINUTE_MS).is_empty());
    let all = window("Europe/Berlin", &[], "18:00", WindowEnd::After(60));
    assert_eq!(times(&all, "2026-11-06").len(), 2);
}

#[test]
fn a_day_that_a_zone_leaves_out_ends_what_began_before_it() {
    // Samoa went over the date line: no 30 December 2011 there.
    let nightly = window("Pacific/Apia", &[], "22:00", WindowEnd::At(minute("02:00")));
    let span = ms("2011-12-28T00:00:00Z")..ms("2012-01-02T00:00:00Z");
    for time in nightly.times(span) {
        assert!(time.end - time.start <= 28 * 60 * MINUTE_MS, "{time:?}");
    }
}

proptest! {
    /// Where no clock changes, a window is when the clocks show a time in it.
    #[test]
    fn without_a_change_a_window_is_when_the_clocks_say(
        weekdays in proptest::collection::btree_set(1..=7i8, 1..8),
        from in 0..1440u16,
        to in 0..1440u16,
        at in 0..20_000u64,
    ) {
        let at_ms = ms("2026-06-01T00:00:00Z") + at * MINUTE_MS;
        let zone = window("Europe/Berlin", &[], "00:00", WindowEnd::At(to));
        let window = Window { weekdays: weekdays.clone(), from_minute: from, ..zone };
        // Two hours before UTC all the while; 1 June 2026 is a Monday.
        let (local, days) = ((at + 120) % 1440, (at + 120) / 1440);
        let is_of = |days: u64| BTreeSet::contains(&weekdays, &i8::try_from((days + 6) % 7 + 1).unwrap());
        let (local, yesterday) = (u16::try_from(local).unwrap(), days + 6);
        let today = is_of(days + 1);
        let expected = if from < to {
            today && (from..to).contains(&local)
        } else {
            (today && local >= from) || (is_of(yesterday + 1) && local < to)
        };
        prop_assert_eq!(!window.times(at_ms..at_ms + 1).is_empty(), expected);
    }
}

/// Neither the machine's database nor its own zone is read: they are not compiled in.
#[test]
fn time_zones_are_those_in_the_binary() {
    let berlin = window("Europe/Berlin", &[], "02:00", WindowEnd::After(60));
    assert!(!times(&berlin, "2026-06-01").is_empty());
    let machines = jiff::tz::TimeZoneDatabase::from_dir("/usr/share/zoneinfo");
    assert!(machines.is_err(), "jiff's feature tzdb-zoneinfo is on: see the workspace's Cargo.toml");
}
