//! How long what takes and is waited for; milliseconds.

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
/// For how long whoever began something may still be at it: longer than a function can live.
pub const SETTLES_MS: u64 = 16 * MINUTE_MS;
/// After how long an account that was asked for, of which no answer came and which no list shows, is asked for again. The
/// vendor says nowhere how soon a list shows it, and a second one could not be taken back.
pub const LISTED_MS: u64 = HOUR_MS;
/// When a set-up that is as declared is looked at again.
pub(crate) const DAILY_MS: u64 = 24 * HOUR_MS;
/// When one is looked at again with which something is wrong that people have to mend.
pub(crate) const TOLD_MS: u64 = 6 * HOUR_MS;
/// When one is looked at again that waits for the vendor.
pub(crate) const SOON_MS: u64 = 5 * MINUTE_MS;
/// For how long a refused link is tried again without a word: a role takes a while until every one of AWS's machines knows it.
pub(crate) const ROLE_SEEN_MS: u64 = HOUR_MS;
/// How often an account is asked for of which no answer comes.
pub const ASKED_MAX: u32 = 3;
/// How many lost keys are remembered by name in a Region.
pub(crate) const LOST_MAX: usize = 8;
