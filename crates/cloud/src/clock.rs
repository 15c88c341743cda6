//! The time of day.

use std::time::{SystemTime, UNIX_EPOCH};

/// A clock that says what time it is. It may be set, to either side; intervals are not measured by it.
pub trait WallClock: Send + Sync {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;
}

impl<C: WallClock> WallClock for &C {
    fn now_ms(&self) -> u64 {
        C::now_ms(self)
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl WallClock for SystemClock {
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

const DAY_MS: u64 = 24 * 60 * 60_000;

/// The number of the day at a time, in milliseconds since the Unix epoch, for whatever has this name. Each name's day begins
/// at another time, so that what is done once a day is not done everywhere at once.
#[must_use]
pub fn day_of(name: &str, at_ms: u64) -> u64 {
    // FNV-1a of the name, as a time of day.
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let begins_ms = name.bytes().fold(0xcbf2_9ce4_8422_2325, fold) % DAY_MS;
    at_ms.saturating_add(begins_ms) / DAY_MS
}
