//! How long what takes and is waited for; milliseconds.

const MINUTE_MS: u64 = 60_000;
pub(crate) const DAY_MS: u64 = 24 * 60 * MINUTE_MS;
/// For how long nothing is decided after something was changed: longer than whoever changed it can live, and than IAM
/// needs until all its answers show it.
pub const SETTLES_MS: u64 = 16 * MINUTE_MS;
/// How far the clocks of AWS and of whoever asked may be apart.
pub(crate) const SKEW_MS: u64 = 5 * MINUTE_MS;
/// For how long an old key is kept after it was switched off: it can be switched on again by hand.
pub(crate) const KEPT_OFF_MS: u64 = DAY_MS;
/// Within how long before the end of the overlap an old key counts as still used.
pub(crate) const STILL_USED_MS: u64 = DAY_MS;
/// After how long without any use a user is told of.
pub(crate) const UNUSED_MS: u64 = 90 * DAY_MS;
