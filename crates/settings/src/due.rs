//! When the settings of an account in a Region are looked at: once a day, and at once where something else is declared.

use phonehome_cloud::day_of;

use crate::record::SettingsRecord;
use crate::setting::Wanted;

/// How often what did not come to an end is looked at again before the next day.
pub const TRIES_MAX: u32 = 4;
/// How soon, in milliseconds: what was just set may not be shown yet, and whoever throttled is to have a rest.
pub(crate) const SETTLED_MS: u64 = 10 * 60_000;

/// Whether to look now; `now_ms` since the Unix epoch. Each account's day begins at another time in each Region, so that a
/// sweep does not look everywhere at once.
#[must_use]
pub fn is_due(record: &SettingsRecord, wanted: &Wanted, now_ms: u64) -> bool {
    if record.wanted != *wanted {
        return true;
    }
    let place = record.stack().to_string();
    let is_another_day = day_of(&place, now_ms) > day_of(&place, record.looked_at_ms);
    let is_open = record.tries > 0 && record.tries < TRIES_MAX;
    is_another_day || (is_open && now_ms >= record.looked_at_ms.saturating_add(SETTLED_MS))
}
