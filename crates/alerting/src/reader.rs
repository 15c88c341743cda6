//! Who reads messages: whose clocks show what, and where the runbook is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::words::Words;
use crate::{text, zones};

/// What the fleet file says of who reads messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reader {
    /// The name of the time zone, as IANA has it, in which times are told beside UTC: `Europe/Berlin`.
    pub time_zone: Option<String>,
    /// The URL of the runbook, without a `#`.
    pub runbook: Option<String>,
}

impl Reader {
    /// `2026-11-05T10:15:00Z, 11:15 in Europe/Berlin`; with the day where that is another one there.
    pub(crate) fn time(&self, at_ms: u64) -> String {
        let utc = text::instant(at_ms);
        match self.local(at_ms) {
            Some(local) => format!("{utc}, {local}"),
            None => utc,
        }
    }

    fn local(&self, at_ms: u64) -> Option<String> {
        let name = self.time_zone.as_ref()?;
        let at = Timestamp::from_millisecond(i64::try_from(at_ms).ok()?).ok()?;
        let there = at.to_zoned(zones::zone(name)?);
        let is_same_day = there.date() == at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let shown = there.strftime(if is_same_day { "%H:%M" } else { "%Y-%m-%d %H:%M" });
        Some(format!("{shown} in {name}"))
    }

    /// The URL of a section of the runbook.
    pub(crate) fn section(&self, section: &str) -> Option<String> {
        Some(format!("{}#{section}", self.runbook.as_ref()?))
    }

    /// A link to a section of the runbook; nothing where the fleet file names no runbook.
    pub(crate) fn link(&self, section: &str) -> Words {
        match self.section(section) {
            Some(url) => Words::of(" ").link(&url, "runbook"),
            None => Words::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON_MS: u64 = 1_793_873_700_000;

    fn shown(time_zone: Option<&str>, at_ms: u64) -> String {
        Reader { time_zone: time_zone.map(str::to_owned), runbook: None }.time(at_ms)
    }

    #[test]
    fn times_are_told_in_utc_and_by_the_clocks_of_who_reads_them() {
        let table = [
            (None, NOON_MS, "2026-11-05T10:15:00Z"),
            (Some("Europe/Berlin"), NOON_MS, "2026-11-05T10:15:00Z, 11:15 in Europe/Berlin"),
            // In summer the clocks there are an hour ahead.
            (
                Some("Europe/Berlin"),
                NOON_MS - 120 * 86_400_000,
                "2026-07-08T10:15:00Z, 12:15 in Europe/Berlin",
            ),
            (
                Some("Pacific/Auckland"),
                NOON_MS + 3_600_000,
                "2026-11-05T11:15:00Z, 2026-11-06 00:15 in Pacific/Auckland",
            ),
            (Some("Nowhere/Else"), NOON_MS, "2026-11-05T10:15:00Z"),
        ];
        for (time_zone, at_ms, expected) in table {
            assert_eq!(shown(time_zone, at_ms), expected);
        }
        assert_eq!(shown(Some("Europe/Berlin"), u64::MAX), "9999-12-30T22:00:00Z", "an absurd time is UTC");
    }
}
