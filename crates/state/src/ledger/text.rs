//! Times in words, and how long lists may be.

use jiff::Timestamp;

/// More than this many items of a list are only counted: a message must fit on a screen.
pub(crate) const LISTED_MAX: usize = 10;

/// `2026-11-05T10:15:00Z`.
pub(crate) fn instant(at_ms: u64) -> String {
    let timestamp = i64::try_from(at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    timestamp.unwrap_or(Timestamp::MAX).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
