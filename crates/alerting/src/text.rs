//! Times, lists and limits in words.

use jiff::Timestamp;

pub(crate) use crate::words::clip;
pub(crate) use phonehome_text::{agree, count, joined, list};

/// The texts with something between them.
pub(crate) fn joined_by(between: &str, texts: impl Iterator<Item = String>) -> String {
    texts.collect::<Vec<_>>().join(between)
}

/// `2026-11-05T10:15:00Z`.
pub(crate) fn instant(at_ms: u64) -> String {
    format(at_ms, "%Y-%m-%dT%H:%M:%SZ")
}

/// `20261105T101500Z`, for identifiers.
pub(crate) fn compact_instant(at_ms: u64) -> String {
    format(at_ms, "%Y%m%dT%H%M%SZ")
}

fn format(at_ms: u64, pattern: &str) -> String {
    let timestamp = i64::try_from(at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    timestamp.unwrap_or(Timestamp::MAX).strftime(pattern).to_string()
}

/// The two largest units: `45 s`, `12 min`, `2 h 5 min`, `3 d 4 h`.
pub(crate) fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min"),
        3600..86400 if minutes.is_multiple_of(60) => format!("{hours} h"),
        3600..86400 => format!("{hours} h {} min", minutes % 60),
        _ if hours.is_multiple_of(24) => format!("{days} d"),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// An error as it is stored of a member and of a path: at most 160 characters.
pub(crate) fn detail(error: &str) -> String {
    clip(error, 160)
}

/// One line for each as long as they fit into `room` characters, and a last one that says how
/// many are left out.
pub(crate) fn lines<I: IntoIterator<Item = String>>(items: I, at_most: usize, room: usize) -> String {
    let lines: Vec<String> = items.into_iter().map(|item| format!("• {item}\n")).collect();
    let last_line = "• and 1000000 more".len();
    let mut used = last_line;
    let fits = |line: &&String| {
        used += line.chars().count();
        used <= room
    };
    let shown: Vec<&str> = lines.iter().take(at_most).take_while(fits).map(String::as_str).collect();
    match lines.len() - shown.len() {
        0 => shown.concat().trim_end().to_owned(),
        more => format!("{}• and {more} more", shown.concat()),
    }
}

/// At most `limit` characters; dots show where something was left out, also in ASCII.
pub(crate) fn clip_ascii(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit.saturating_sub(2)).chain("..".chars()).collect()
}

/// Printable ASCII on one line, at most `limit` characters.
pub(crate) fn ascii(text: &str, limit: usize) -> String {
    let plain = text.replace('→', "->");
    plain.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).take(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_at_most_two_units() {
        let minute = 60_000;
        let table = [
            (0, "0 s"),
            (45_999, "45 s"),
            (minute, "1 min"),
            (125 * minute, "2 h 5 min"),
            (120 * minute, "2 h"),
            ((3 * 24 + 4) * 60 * minute, "3 d 4 h"),
            (48 * 60 * minute, "2 d"),
        ];
        for (ms, expected) in table {
            assert_eq!(duration(ms), expected);
        }
    }

    #[test]
    fn instants_are_in_utc_and_absurd_ones_do_not_panic() {
        assert_eq!(instant(1_793_873_700_000), "2026-11-05T10:15:00Z");
        assert_eq!(instant(u64::MAX), "9999-12-30T22:00:00Z");
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let items = ["a", "b", "c"].map(String::from);
        assert_eq!(lines(items.clone(), 1, 100), "• a\n• and 2 more");
        assert_eq!(lines(items.clone(), 3, 28), "• a\n• b\n• and 1 more");
        assert_eq!(lines(items, 3, 32), "• a\n• b\n• c");
    }

    #[test]
    fn a_subject_is_one_line_of_ascii() {
        assert_eq!(ascii("shop → pay\nments ü", 15), "shop -> pay?men");
    }
}
