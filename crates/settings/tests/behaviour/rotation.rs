//! When settings are looked at.

use phonehome_settings::{SettingsRecord, TRIES_MAX, Wanted, is_due};

use crate::world::{DAY_MS, all};

const SWEEP_MS: u64 = 30 * 60_000;

fn looked_at(place: &str, at_ms: u64) -> SettingsRecord {
    let record = SettingsRecord::new(&place.parse().unwrap());
    SettingsRecord { wanted: all(), looked_at_ms: at_ms, ..record }
}

#[test]
fn what_is_as_declared_is_looked_at_once_a_day_each_at_its_own_time_of_day() {
    let mut sweeps = [0_usize; 48];
    for account in 0..1_000_u64 {
        let place = format!("{:012}/eu-west-1", 100_000_000_000 + account);
        let mut record = looked_at(&place, 0);
        let mut looks = 0;
        // Ten days of sweeps; the first day finds out when its day begins.
        for sweep in 0..480 {
            let now_ms = 1_000 * DAY_MS + sweep * SWEEP_MS;
            if is_due(&record, &all(), now_ms) {
                record.looked_at_ms = now_ms;
                looks += 1;
                if sweep >= 48 {
                    sweeps[usize::try_from(sweep % 48).unwrap()] += 1;
                }
            }
        }
        assert!((10..=11).contains(&looks), "{place}: {looks} in ten days");
    }
    // 1,000 accounts in 48 sweeps are 21 in each, nine days long.
    assert!(sweeps.iter().all(|looks| (90..=300).contains(looks)), "{sweeps:?}");
}

#[test]
fn what_is_declared_otherwise_is_looked_at_at_once() {
    let record = looked_at("111111111111/eu-west-1", 1_000 * DAY_MS);
    let now_ms = 1_000 * DAY_MS + 1;
    assert!(!is_due(&record, &all(), now_ms));
    assert!(is_due(&record, &Wanted { tokens_required: false, ..all() }, now_ms));
    let new = SettingsRecord::new(&record.stack());
    assert!(is_due(&new, &all(), now_ms), "nobody has looked yet");
}

#[test]
fn what_came_to_no_end_is_looked_at_again_soon_and_a_few_times_a_day() {
    let at_ms = 1_000 * DAY_MS + 12 * 60 * 60_000;
    let record = |tries| SettingsRecord { tries, ..looked_at("111111111111/eu-west-1", at_ms) };
    for (tries, after_ms, is) in [
        (0, SWEEP_MS, false),
        (1, 1_000, false),
        (1, SWEEP_MS, true),
        (TRIES_MAX - 1, SWEEP_MS, true),
        (TRIES_MAX, SWEEP_MS, false),
        (TRIES_MAX, DAY_MS, true),
    ] {
        assert_eq!(is_due(&record(tries), &all(), at_ms + after_ms), is, "{tries} {after_ms}");
    }
}
