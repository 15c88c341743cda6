//! Times as the inference has them.

use phonehome_localisation::Policy;
use phonehome_wire::Expect;

use crate::calm::CalmPath;
use crate::{Aim, Heartbeat, World};

/// How far back times are told from, in milliseconds: ten years. What fails is told by its oldest results, and may fail
/// for long.
const REACH_MS: u64 = 10 * 365 * 24 * 60 * 60 * 1000;
/// With runs at least so far apart, in milliseconds, times are told in seconds, and else in tenths of a second.
const COARSE_FROM_MS: u64 = 10_000;

/// How many of a million reports are missing by chance when they are due: 3 in 100, as many as while whoever collects them
/// dies in one of twenty batches, which come again after three minutes.
const LOST_PPM: u32 = 30_000;

/// Times as the inference has them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticks {
    /// Where they begin; milliseconds since the Unix epoch.
    from_ms: u64,
    /// How long one is, in milliseconds.
    pub(crate) tick_ms: u64,
    /// How far apart runs are, in ticks.
    interval: u32,
    /// How much later a report may be, in ticks.
    grace: u32,
    passes: u32,
}

impl Ticks {
    pub(crate) fn of(world: &World) -> Self {
        let policy = &world.policy;
        let interval_ms = policy.interval_ms.max(1);
        let tick_ms = if interval_ms >= COARSE_FROM_MS { 1000 } else { 100 };
        let ticks = |ms: u64| u32::try_from(ms.div_ceil(tick_ms)).unwrap_or(u32::MAX);
        Self {
            // A moment is the same tick whenever it is looked at.
            from_ms: world.now_ms.saturating_sub(REACH_MS) / tick_ms * tick_ms,
            tick_ms,
            interval: ticks(interval_ms),
            grace: ticks(policy.grace_ms()),
            passes: policy.up_after,
        }
    }

    /// The policy where there are so many paths, with the reports of the probes.
    pub(crate) fn policy(&self, paths: usize) -> Policy {
        Policy {
            noise_ppm: 0,
            lost_ppm: LOST_PPM,
            tick_ms: u32::try_from(self.tick_ms).unwrap_or(u32::MAX),
            interval_ticks: self.interval,
            grace_ticks: self.grace,
            passes: self.passes,
            paths: u32::try_from(paths).unwrap_or(u32::MAX),
            false_notes_per_day: 1,
        }
    }

    /// When a path that only passes passed last, and how often in a row.
    pub(crate) fn passes(&self, aim: Aim<'_>, known: CalmPath, heartbeat: &Heartbeat) -> (u32, usize) {
        let newest_ticks = self.at(newest_pass_ms(aim, known, heartbeat));
        let lasts = newest_ticks.saturating_sub(self.at(known.last_since_ms));
        (newest_ticks, 1 + (lasts / self.interval.max(1)) as usize)
    }

    /// When a probe ran last, and how often in a row that was heard of.
    pub(crate) fn reports(&self, heartbeat: &Heartbeat) -> (u32, usize) {
        let newest_ticks = self.at(heartbeat.last_started_at_ms);
        // It is not known of earlier releases.
        let since_ms = Some(heartbeat.heard_since_ms).filter(|since_ms| *since_ms > 0);
        let lasts = newest_ticks.saturating_sub(since_ms.map_or(newest_ticks, |since_ms| self.at(since_ms)));
        (newest_ticks, 1 + (lasts / self.interval.max(1)) as usize)
    }

    pub(crate) fn at(&self, ms: u64) -> u32 {
        u32::try_from(ms.saturating_sub(self.from_ms) / self.tick_ms).unwrap_or(u32::MAX).max(1)
    }

    pub(crate) fn ms(&self, ticks: u32) -> u64 {
        self.from_ms + u64::from(ticks) * self.tick_ms
    }
}

/// When a path that only passes passed last. What is not tested in every run passed when it was, at the latest known.
fn newest_pass_ms(aim: Aim<'_>, known: CalmPath, heartbeat: &Heartbeat) -> u64 {
    match (aim.expect, aim.is_in_every_run) {
        (Expect::Deny, _) => heartbeat.isolations_at_ms.max(known.last_since_ms),
        (Expect::Connect, true) => heartbeat.last_started_at_ms,
        (Expect::Connect, false) => known.last_since_ms,
    }
}
