//! Maintenance windows and quiet hours: when they are, and what they hold back.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use phonehome_wire::Purpose;
use serde::{Deserialize, Serialize};

use crate::{IncidentMember, Matcher, Severity, zones};

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// How long a window may be, in milliseconds: three days. From Friday evening to Monday morning is less.
const LENGTH_MAX_MS: u64 = 3 * DAY_MS;

/// For how long windows that follow each other may hold something back, in milliseconds. Each window is the same
/// from week to week, so what is held back for more than a week is for ever; a day is for changes of the clocks.
const HELD_MAX_MS: u64 = 8 * DAY_MS;

/// A time that comes again each week and in which something is not told. What is still wrong at its end is told then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// What it holds back.
    pub kind: WindowKind,
    /// The name of its time zone, as IANA has it: `Europe/Berlin`. A window of an unknown one is never.
    pub time_zone: String,
    /// On which days it begins, from 1, Monday, to 7, Sunday (ISO 8601); on every one when empty.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub weekdays: BTreeSet<i8>,
    /// When it begins, in minutes after midnight on the clocks there; less than 1,440.
    pub from_minute: u16,
    /// When it ends.
    pub end: WindowEnd,
    /// What it is for.
    pub matcher: Matcher,
    /// Why.
    pub reason: String,
}

/// What a window holds back. Breaches of isolation and trouble of phonehome itself none does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// Notes and pages.
    Maintenance,
    /// Notes.
    QuietHours,
}

/// When a window ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowEnd {
    /// When the clocks there next show this, in minutes after midnight; less than 1,440.
    At(u16),
    /// After so many minutes, whatever the clocks show; three days at most.
    After(u16),
}

/// The windows of a decision, with the times at which they are: from those that are now to a week from now.
pub(crate) struct Schedule<'w> {
    now_ms: u64,
    windows: Vec<(&'w Window, Vec<Range<u64>>)>,
}

/// That something is held back.
#[derive(Clone, Copy)]
pub(crate) struct Hold<'w> {
    /// By which window; of several that are now by the one that ends last.
    pub(crate) window: &'w Window,
    /// When no window holds it back any more, in milliseconds since the Unix epoch.
    pub(crate) ends_ms: u64,
}

impl fmt::Display for WindowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Maintenance => "maintenance",
            Self::QuietHours => "quiet hours",
        })
    }
}

impl Window {
    /// When it is, as far as that touches `span`, the earliest first; milliseconds since the Unix epoch, each without
    /// its end.
    #[must_use]
    pub fn times(&self, span: Range<u64>) -> Vec<Range<u64>> {
        let Some(zone) = zones::zone(&self.time_zone) else { return Vec::new() };
        let day = |ms: u64| Some(zone.to_datetime(timestamp(ms)?).date());
        // A day more on both sides: a window's day may begin or end beside it, where the clocks change.
        let first = span.start.saturating_sub(LENGTH_MAX_MS + DAY_MS);
        let (Some(first), Some(last)) = (day(first), day(span.end.saturating_add(DAY_MS))) else {
            return Vec::new();
        };
        let days = first.series(1.day()).take_while(|day| *day <= last).filter(|day| self.begins_on(*day));
        days.filter_map(|day| self.on(day, &zone))
            .filter(|time| time.start < span.end && time.end > span.start)
            .collect()
    }

    fn begins_on(&self, day: Date) -> bool {
        self.weekdays.is_empty() || self.weekdays.contains(&day.weekday().to_monday_one_offset())
    }

    /// When it is that begins on this day.
    fn on(&self, day: Date, zone: &TimeZone) -> Option<Range<u64>> {
        let start = instant(zone, day, self.from_minute)?;
        let end = match self.end {
            WindowEnd::After(minutes) => start + minutes_ms(minutes),
            WindowEnd::At(minute) if minute > self.from_minute => instant(zone, day, minute)?,
            WindowEnd::At(minute) => instant(zone, day.tomorrow().ok()?, minute)?,
        };
        // Its beginning fell into an hour that does not exist, and came after its end: it is as long as ever.
        let end = if end > start { end } else { start + self.length_ms() };
        Some(start..end.min(start + LENGTH_MAX_MS))
    }

    /// How long it is when no clock changes, in milliseconds.
    fn length_ms(&self) -> u64 {
        match self.end {
            WindowEnd::After(minutes) => minutes_ms(minutes),
            WindowEnd::At(minute) if minute > self.from_minute => minutes_ms(minute - self.from_minute),
            WindowEnd::At(minute) => DAY_MS + minutes_ms(minute) - minutes_ms(self.from_minute),
        }
    }

    fn holds_back(&self, severity: Severity) -> bool {
        self.kind == WindowKind::Maintenance || severity == Severity::Note
    }
}

impl<'w> Schedule<'w> {
    pub(crate) fn of(windows: &'w [Window], now_ms: u64) -> Self {
        let span = now_ms..now_ms.saturating_add(HELD_MAX_MS);
        let times = |window: &'w Window| (window, window.times(span.clone()));
        Self { now_ms, windows: windows.iter().map(times).collect() }
    }

    /// Whether something that is this loud is held back now, and until when. What would be for ever is not.
    pub(crate) fn hold(&self, member: &IncidentMember, severity: Severity) -> Option<Hold<'w>> {
        if member.purpose == Some(Purpose::Isolation) {
            return None;
        }
        let (window, mut ends_ms) = self.latest_end(member, severity, self.now_ms)?;
        while let Some((_, end)) = self.latest_end(member, severity, ends_ms) {
            ends_ms = end;
            if ends_ms - self.now_ms > HELD_MAX_MS {
                return None;
            }
        }
        Some(Hold { window, ends_ms })
    }

    /// Of the windows that are at a moment the one that ends last, with its end.
    fn latest_end(
        &self,
        member: &IncidentMember,
        severity: Severity,
        at_ms: u64,
    ) -> Option<(&'w Window, u64)> {
        let windows = self.windows.iter().filter(|(window, times)| {
            !times.is_empty() && window.holds_back(severity) && window.matcher.matches(member)
        });
        let at = windows.flat_map(|(window, times)| {
            times.iter().filter(|time| time.contains(&at_ms)).map(|time| (*window, time.end))
        });
        at.max_by_key(|(_, end)| *end)
    }
}

fn minutes_ms(minutes: u16) -> u64 {
    u64::from(minutes) * MINUTE_MS
}

fn timestamp(ms: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()
}

/// When the clocks of a zone show this on this day, as RFC 5545 has it (3.3.5): a time that they leave out is
/// counted on from before they change, one that they show twice is the first.
fn instant(zone: &TimeZone, day: Date, minute: u16) -> Option<u64> {
    let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
    let civil = day.to_datetime(Time::new(hour, minute, 0, 0).ok()?);
    u64::try_from(zone.to_timestamp(civil).ok()?.as_millisecond()).ok()
}
