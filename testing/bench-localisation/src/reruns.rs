//! Reruns: what the hub has run once more while results are in doubt, and how long that takes.
//!
//! The bounds and times are those of `crates/alerting/src/reruns.rs`, written down a second time.

use phonehome_bench_localisation::Random;
use phonehome_bench_localisation::ZONES;
use phonehome_localisation::Outcome;

/// How long it takes from a decision to the moment at which a probe runs, in seconds: at least, and how much more at
/// most. A message to a queue, a role that is assumed, a schedule that is read, an invocation; now and then a cold start.
const ASKED_S: (u32, u32) = (1, 3);
/// For how long an answer is waited for, in seconds.
const ANSWERED_WITHIN_S: u32 = 20;
/// How many reruns are asked for in a minute: in all, and of one probe.
const FLEET_A_MINUTE: usize = 120;
const PROBE_A_MINUTE: usize = 6;
/// How many of an account are waited for at once.
const ACCOUNT_AT_ONCE: usize = 3;

/// One that was asked for.
#[derive(Debug, Clone, Copy)]
struct Asked {
    at_s: u32,
    probe: u32,
    is_answered: bool,
}

/// What was asked for within the last minute, and how many reruns there were in all.
#[derive(Debug, Default)]
pub(crate) struct Reruns {
    asked: Vec<Asked>,
    pub(crate) count: u64,
}

impl Reruns {
    /// Which probes are asked now, and when each runs. `doubtful`: by probe, those with the most evidence first.
    pub(crate) fn ask(&mut self, doubtful: &[u32], now_s: u32, random: &mut Random) -> Vec<(u32, u32)> {
        self.asked.retain(|it| now_s < it.at_s + 60);
        let mut runs = Vec::new();
        for probe in doubtful {
            let waits = |it: &&Asked| !it.is_answered && now_s < it.at_s + ANSWERED_WITHIN_S;
            let of_probe = || self.asked.iter().filter(|it| it.probe == *probe);
            let of_account = self.asked.iter().filter(waits).filter(|it| it.probe / ZONES == probe / ZONES);
            let is_allowed = self.asked.len() < FLEET_A_MINUTE
                && of_probe().count() < PROBE_A_MINUTE
                && !of_probe().any(|it| waits(&it))
                && of_account.count() < ACCOUNT_AT_ONCE;
            if is_allowed {
                self.asked.push(Asked { at_s: now_s, probe: *probe, is_answered: false });
                self.count += 1;
                runs.push((*probe, now_s + asked_s(random)));
            }
        }
        runs
    }

    /// A rerun of a probe was heard of.
    pub(crate) fn answered(&mut self, probe: u32) {
        self.asked.iter_mut().filter(|it| it.probe == probe).for_each(|it| it.is_answered = true);
    }
}

/// How long it takes until a probe runs that is asked now, in seconds.
pub(crate) fn asked_s(random: &mut Random) -> u32 {
    ASKED_S.0 + random.below(ASKED_S.1 + 1)
}

/// A rerun on its way.
#[derive(Debug, Clone)]
pub(crate) struct Coming {
    /// When its report arrives, and when the run began.
    pub(crate) arrives_s: u32,
    pub(crate) at_s: u32,
    pub(crate) probe: u32,
    /// What came of each of its paths.
    pub(crate) results: Vec<(usize, Outcome)>,
}
