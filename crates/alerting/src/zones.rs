//! Time zones, by their names.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Those in this binary. What the machine has is not asked: two builds decide the same.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone, by the name that IANA has for it.
pub(crate) fn zone(name: &str) -> Option<TimeZone> {
    ZONES.get(name).ok()
}
