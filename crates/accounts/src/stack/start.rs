//! In which second of the minute a probe starts.

use aws_sdk_scheduler::primitives::DateTime;
use phonehome_network::PARTS_MAX;
use phonehome_wire::{AccountId, AzId};
use sha2::{Digest as _, Sha256};

const MINUTE_S: u64 = 60;

/// From when on a probe's schedule counts its minutes, when it is written at this moment (milliseconds since the
/// Unix epoch): from the next second of a minute that is this zone's of this account, always the same one.
/// `rate(1 minute)` would count from the moment of writing: a fleet that is rolled out at once would start all
/// its probes at once, and what they test would be asked by all of them at once.
///
/// It is 1 to 60 s ahead, so that a probe that gets another input misses no run: with `overdue_after_seconds`
/// at its least, 90, two minutes would count as silence. AWS refuses what is more than 5 minutes in the past.
pub(super) fn start_date(account: &AccountId, az_id: &AzId, part: u32, now_ms: u64) -> DateTime {
    let now_s = now_ms / 1000;
    let this_minute_s = now_s - now_s % MINUTE_S + second(account, az_id, part);
    let at_s = if this_minute_s > now_s { this_minute_s } else { this_minute_s + MINUTE_S };
    DateTime::from_secs(i64::try_from(at_s).unwrap_or(i64::MAX))
}

/// 0 to 59. The parts of a probe's checks start as far apart as they can, so that as few as can be run at once.
fn second(account: &AccountId, az_id: &AzId, part: u32) -> u64 {
    let digest = Sha256::digest(format!("{account}/{az_id}"));
    let number = digest.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    (number % MINUTE_S + u64::from(part) * (MINUTE_S / u64::from(PARTS_MAX))) % MINUTE_S
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// 2023-11-14T22:13:20Z
    const NOW_MS: u64 = 1_700_000_000_000;

    fn start_s(account: u64, zone: usize, now_ms: u64) -> u64 {
        let account = format!("{account:012}").parse().unwrap();
        let az_id = format!("use1-az{zone}").parse().unwrap();
        u64::try_from(start_date(&account, &az_id, 0, now_ms).secs()).unwrap()
    }

    #[test]
    fn a_probe_starts_within_a_minute_and_always_in_the_same_second_of_it() {
        for account in 1..100 {
            let second = start_s(account, 1, NOW_MS) % 60;
            for later_ms in (0..180_000).step_by(7_003) {
                let (now_ms, start_s) = (NOW_MS + later_ms, start_s(account, 1, NOW_MS + later_ms));
                assert_eq!(start_s % 60, second);
                let ahead_ms = start_s * 1000 - now_ms;
                assert!((1..=60_000).contains(&ahead_ms), "{now_ms}: {ahead_ms} ms");
            }
        }
    }

    #[test]
    fn the_parts_of_a_probes_checks_start_ten_seconds_apart() {
        let (account, az_id) = ("444455556666".parse().unwrap(), "use1-az1".parse().unwrap());
        let mut seconds: Vec<i64> =
            (0..PARTS_MAX).map(|part| start_date(&account, &az_id, part, NOW_MS).secs() % 60).collect();
        assert_eq!(seconds[0], start_date(&account, &az_id, 0, NOW_MS).secs() % 60);
        seconds.sort_unstable();
        let apart: Vec<i64> = seconds.windows(2).map(|two| two[1] - two[0]).collect();
        assert_eq!(apart, [10; 5]);
    }

    #[test]
    fn the_probes_of_a_fleet_are_spread_over_the_minute() {
        let mut starts: BTreeMap<u64, usize> = BTreeMap::new();
        for account in 100_000_000_000..100_000_000_200_u64 {
            for zone in 1..=3 {
                *starts.entry(start_s(account, zone, NOW_MS) % 60).or_default() += 1;
            }
        }
        // 600 probes: 10 in each second, and by chance a few more or less.
        assert_eq!(starts.len(), 60);
        assert!(starts.values().all(|count| (1..=25).contains(count)), "{starts:?}");
    }
}
