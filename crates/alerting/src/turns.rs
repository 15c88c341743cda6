//! How often something turned lately: what flaps is a state of its own, and is told once.

use serde::{Deserialize, Serialize};

/// For how long a turn counts: an hour, in minutes. As many as a mask has bits for, and a few.
const COUNTS_MINUTES: u64 = 60;
/// So often within an hour it was bad enough to be told by itself, and it flaps.
const DOWNS: u32 = 3;
/// So often within an hour it failed anew, for however short, and it flaps.
const FAILURES: u32 = 7;
/// What flaps is calm when it has not failed anew for as long: 30 minutes.
const CALM_MINUTES: u64 = 30;
const MINUTE_MS: u64 = 60_000;

/// When something failed anew within the last hour, by minutes: bounded, however often that is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turns {
    /// The minute of the newest turn, since the Unix epoch; 0 where there was none.
    minute: u64,
    /// The minutes in which it failed after it had been well: bit 0 is `minute`, bit 1 the one before.
    failed: u64,
    /// Those in which it became bad enough to be told by itself.
    down: u64,
}

impl Turns {
    /// Whether there was none.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// It failed anew in a run that began then, or became bad enough to be told by itself (`is_down`).
    pub(crate) fn note(&mut self, at_ms: u64, is_down: bool) {
        let minute = at_ms / MINUTE_MS;
        let past = minute.saturating_sub(self.minute);
        let shifted = |mask: u64| u32::try_from(past).ok().and_then(|by| mask.checked_shl(by)).unwrap_or(0);
        let bit =
            1_u64.checked_shl(u32::try_from(self.minute.saturating_sub(minute)).unwrap_or(64)).unwrap_or(0);
        (self.failed, self.down) = (shifted(self.failed), shifted(self.down));
        *if is_down { &mut self.down } else { &mut self.failed } |= bit;
        self.minute = self.minute.max(minute);
    }

    /// How often it failed within the hour before, where that is so often that it flaps and it is not calm yet.
    pub(crate) fn flaps(&self, now_ms: u64) -> Option<u32> {
        let age = (now_ms / MINUTE_MS).saturating_sub(self.minute);
        let count = |mask: u64| (mask & counted(age)).count_ones();
        let (failed, down) = (count(self.failed), count(self.down));
        let is_often = failed >= FAILURES || down >= DOWNS;
        (is_often && age < CALM_MINUTES).then_some(failed.max(down))
    }
}

/// The bits of minutes within the last hour, where the newest is so old.
fn counted(age: u64) -> u64 {
    match COUNTS_MINUTES.saturating_sub(age) {
        0 => 0,
        bits => u64::MAX >> (64 - bits.min(64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Flaps as of each minute, after failures in these.
    fn flaps(downs: &[u64], failures: &[u64], now: u64) -> Option<u32> {
        let mut turns = Turns::default();
        let base = 1_000_000;
        failures.iter().for_each(|minute| turns.note((base + minute) * MINUTE_MS, false));
        downs.iter().for_each(|minute| turns.note((base + minute) * MINUTE_MS, true));
        turns.flaps((base + now) * MINUTE_MS)
    }

    #[test]
    fn three_outages_or_seven_failures_in_an_hour_flap_until_it_is_calm_for_half_an_hour() {
        assert_eq!(flaps(&[0, 5], &[], 6), None);
        assert_eq!(flaps(&[0, 5, 10], &[], 10), Some(3));
        assert_eq!(flaps(&[0, 5, 10], &[], 39), Some(3));
        assert_eq!(flaps(&[0, 5, 10], &[], 40), None);
        assert_eq!(flaps(&[0, 30, 59], &[], 59), Some(3));
        assert_eq!(flaps(&[0, 30, 60], &[], 60), None, "the first one is an hour ago");
        assert_eq!(flaps(&[], &[0, 3, 6, 9, 12, 15], 15), None);
        assert_eq!(flaps(&[], &[0, 3, 6, 9, 12, 15, 18], 18), Some(7));
        assert_eq!(flaps(&[0, 1000], &[], 1000), None);
    }

    #[test]
    fn a_turn_that_comes_late_counts_when_it_was() {
        assert_eq!(flaps(&[10, 5, 0], &[], 10), Some(3));
        assert_eq!(flaps(&[100, 5, 0], &[], 100), None);
    }

    #[test]
    fn whatever_happens_it_is_as_small() {
        let mut turns = Turns::default();
        (0..10_000)
            .for_each(|minute| turns.note(29_000_000 * MINUTE_MS + minute * MINUTE_MS, minute % 2 == 0));
        assert!(serde_json::to_string(&turns).unwrap().len() < 90);
    }
}
