//! Probes whose function failed before it could test: what Lambda said of it.

use std::collections::BTreeMap;

use phonehome_wire::{AccountId, AzId, RUN_ID_CHARS_MAX, Region};
use serde::{Deserialize, Serialize};

use crate::{ProbeKey, words};

/// Of how many probes of an account it is kept that they crashed, the newest: more than any has.
pub const CRASHES_KEPT: usize = 32;
/// The longest error that is stored, in characters.
const ERROR_CHARS_MAX: usize = 160;

/// The newest crash of each probe of one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crashes {
    /// Whose probes they are: from the event's envelope.
    pub account: AccountId,
    /// By Region and AZ ID, `us-east-1/use1-az1`; at most [`CRASHES_KEPT`].
    pub probes: BTreeMap<String, Crash>,
}

/// A probe's newest crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crash {
    /// When the news of it came into the hub's queue; milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// The invocation that failed.
    pub run_id: String,
    /// What Lambda or the function said, for people; at most 160 characters.
    pub error: String,
}

impl Crash {
    /// One with its texts clipped.
    #[must_use]
    pub fn of(at_ms: u64, run_id: &str, error: &str) -> Self {
        let run_id = run_id.chars().take(RUN_ID_CHARS_MAX).collect();
        Self { at_ms, run_id, error: words::clip(&words::one_line(error), ERROR_CHARS_MAX) }
    }
}

impl Crashes {
    /// With one more; `None` where that changes nothing: it is known, or a later one is.
    #[must_use]
    pub fn with(
        before: Option<Self>,
        account: &AccountId,
        place: (&Region, &AzId),
        crash: Crash,
    ) -> Option<Self> {
        let mut crashes =
            before.unwrap_or_else(|| Self { account: account.clone(), probes: BTreeMap::new() });
        let name = name(place.0, place.1);
        if let Some(known) = crashes.probes.get(&name)
            && (known.run_id == crash.run_id || known.at_ms > crash.at_ms)
        {
            return None;
        }
        crashes.probes.insert(name, crash);
        if crashes.probes.len() > CRASHES_KEPT {
            let oldest = crashes.probes.iter().min_by_key(|(_, crash)| crash.at_ms);
            let oldest = oldest.map(|(name, _)| name.clone()).unwrap_or_default();
            crashes.probes.remove(&oldest);
        }
        Some(crashes)
    }

    /// The newest crash of a probe.
    #[must_use]
    pub fn of(&self, probe: &ProbeKey) -> Option<&Crash> {
        self.probes.get(&name(&probe.region, &probe.availability_zone))
    }
}

fn name(region: &Region, zone: &AzId) -> String {
    format!("{region}/{zone}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AccountId {
        "111122223333".parse().unwrap()
    }

    fn with(before: Option<Crashes>, zone: &str, at_ms: u64, run_id: &str) -> Option<Crashes> {
        let (region, zone) = ("us-east-1".parse().unwrap(), zone.parse().unwrap());
        Crashes::with(before, &account(), (&region, &zone), Crash::of(at_ms, run_id, "killed"))
    }

    #[test]
    fn the_same_crash_counts_once_and_an_older_one_not_at_all() {
        let first = with(None, "use1-az1", 5, "a").unwrap();
        assert_eq!(with(Some(first.clone()), "use1-az1", 9, "a"), None);
        assert_eq!(with(Some(first.clone()), "use1-az1", 4, "b"), None);
        let next = with(Some(first), "use1-az1", 6, "b").unwrap();
        let probe = ProbeKey {
            account: account(),
            region: "us-east-1".parse().unwrap(),
            availability_zone: "use1-az1".parse().unwrap(),
        };
        assert_eq!(next.of(&probe).unwrap().run_id, "b");
    }

    #[test]
    fn however_many_crash_and_whatever_they_say_what_is_kept_is_bounded() {
        let mut crashes = None;
        for number in 0..100_u64 {
            let (region, zone) = ("us-east-1".parse().unwrap(), format!("use1-az{number}").parse().unwrap());
            let crash = Crash::of(number, &"r".repeat(1_000), &"\u{202e}é\n".repeat(1_000));
            crashes = Crashes::with(crashes, &account(), (&region, &zone), crash);
        }
        let crashes = crashes.unwrap();
        assert_eq!(crashes.probes.len(), CRASHES_KEPT);
        assert!(crashes.probes.contains_key("us-east-1/use1-az99"));
        assert!(serde_json::to_string(&crashes).unwrap().len() < 20_000);
    }
}
