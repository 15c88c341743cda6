//! How long connecting took in a probe's newest runs, and how often a segment had to be sent again: a few bytes for
//! each run, in which nothing need fail.

use phonehome_wire::{Approach, Attempt, Report};
use serde::{Deserialize, Serialize};

/// How many runs are kept of a probe.
pub const RUNS_KEPT: usize = 5;
/// How many times are kept of a run: of more, the order stays and every so many are left out.
const TIMES_MAX: usize = 16;
/// The most connects of a run that are believed; an input has fewer checks.
const CONNECTS_MAX: u32 = 500;
/// A run in which the probe itself stood still for longer than this (100 ms, in milliseconds) says nothing of times.
const STALLED_MS: u64 = 100;

/// The buckets of times: 64, each by a quarter of an octave (19 %) wider than the one before. The first is all below
/// 125 µs, the last all from 5.8 s on.
const BUCKETS: u8 = 64;
/// Where the first bucket ends, in microseconds.
const FIRST_US: u64 = 125;
/// Quarters of an octave, in thousandths: powers of the fourth root of 2.
const QUARTERS: [u64; 4] = [1000, 1189, 1414, 1682];
/// Each bucket is written as one of these.
const LETTERS: &[u8; BUCKETS as usize] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

/// One run: how many connects succeeded, how many segments were sent again in them, and the buckets of their times in
/// order, a letter for each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connects(pub u32, pub u32, pub String);

/// How many connects took how long, by bucket. Two of them are one by adding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Histogram([u32; BUCKETS as usize]);

impl Connects {
    /// Those of a run. What failed is told elsewhere, and later attempts go other ways.
    pub(crate) fn of(report: &Report) -> Self {
        let attempts = report.results.iter().flat_map(|result| &result.detail.attempts);
        let first = attempts.filter(|attempt| attempt.approach == Approach::First);
        let connected: Vec<(&Attempt, u64)> =
            first.filter_map(|attempt| Some((attempt, attempt.connect_us?))).collect();
        let count = u32::try_from(connected.len()).unwrap_or(u32::MAX).min(CONNECTS_MAX);
        let again =
            connected.iter().fold(0_u32, |sum, (attempt, _)| sum.saturating_add(attempt.retransmissions));
        let mut buckets: Vec<u8> = connected.iter().map(|(_, connect_us)| bucket(*connect_us)).collect();
        buckets.sort_unstable();
        if report.stalled_ms > STALLED_MS {
            buckets.clear();
        }
        let kept = buckets.len().min(TIMES_MAX);
        // The middle of each part of equal size.
        let chosen = (0..kept).map(|number| buckets[(2 * number + 1) * buckets.len() / (2 * kept)]);
        let times = chosen.map(|bucket| char::from(LETTERS[usize::from(bucket)])).collect();
        Self(count, again.min(count), times)
    }

    /// The newest runs, with one more.
    pub(crate) fn with(before: &[Self], report: &Report) -> Vec<Self> {
        let mut runs = before.to_vec();
        runs.push(Self::of(report));
        runs.drain(..runs.len().saturating_sub(RUNS_KEPT));
        runs
    }

    /// Its times. A letter that is none is left out.
    pub(crate) fn histogram(&self) -> Histogram {
        let mut histogram = Histogram([0; BUCKETS as usize]);
        for letter in self.2.bytes() {
            if let Some(bucket) = LETTERS.iter().position(|it| *it == letter) {
                histogram.0[bucket] += 1;
            }
        }
        histogram
    }
}

impl Histogram {
    /// All of these together.
    pub(crate) fn sum(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().fold(Self([0; BUCKETS as usize]), |mut sum, other| {
            sum.0.iter_mut().zip(other.0).for_each(|(count, more)| *count += more);
            sum
        })
    }

    pub(crate) fn count(&self) -> u32 {
        self.0.iter().sum()
    }

    /// The median's bucket, in microseconds: where that bucket ends.
    pub(crate) fn median_us(&self) -> Option<u64> {
        let half = self.count().div_ceil(2);
        let mut sum = 0;
        let buckets = (0..BUCKETS).zip(self.0).filter(|(_, count)| *count > 0);
        let mut reached = buckets.skip_while(|(_, count)| {
            sum += count;
            sum < half
        });
        reached.next().map(|(bucket, _)| end_us(bucket))
    }
}

/// Where a bucket ends, in microseconds.
fn end_us(bucket: u8) -> u64 {
    let (octave, quarter) = (bucket / 4, usize::from(bucket % 4));
    ((FIRST_US * QUARTERS[quarter]) << octave) / 1000
}

fn bucket(us: u64) -> u8 {
    (0..BUCKETS - 1).find(|bucket| us < end_us(*bucket)).unwrap_or(BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_is_wider_by_a_quarter_of_an_octave_and_every_time_has_one() {
        assert_eq!([end_us(0), end_us(4), end_us(8), end_us(62)], [125, 250, 500, 5_791_744]);
        for us in [0, 1, 124, 125, 999, 1_000, 50_000, 300_000, 7_000_000, u64::MAX] {
            let at = bucket(us);
            assert!(at == BUCKETS - 1 || us < end_us(at), "{us}");
            assert!(at == 0 || us >= end_us(at - 1), "{us}");
        }
    }

    #[test]
    fn the_median_of_the_sum_is_that_of_all_times_to_a_fifth() {
        let run = |times_us: &[u64]| {
            let letters = times_us.iter().map(|us| char::from(LETTERS[usize::from(bucket(*us))])).collect();
            Connects(0, 0, letters).histogram()
        };
        let sum = Histogram::sum([run(&[200, 300, 1_000]), run(&[40_000, 50_000])]);
        let median_us = sum.median_us().unwrap();
        assert!((1_000..1_200).contains(&median_us), "{median_us}");
        assert_eq!(Histogram::sum([]).median_us(), None);
    }
}
