//! What is told otherwise.

use std::cmp::Reverse;

use serde::Serialize;

use crate::told::Summary;

/// From what is told by some rules to what is told by others.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Difference {
    /// How many incidents are told as before.
    pub same: usize,
    /// Those that are told otherwise.
    pub changed: Vec<Changed>,
    /// Those that are not told any more.
    pub gone: Vec<Summary>,
    /// Those that are told now.
    pub new: Vec<Summary>,
    /// Pages before.
    pub pages_before: usize,
    /// Pages after.
    pub pages_after: usize,
}

/// An incident that is told otherwise. Of each time, how much later it comes, in milliseconds; less than nothing is
/// earlier.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changed {
    /// As it was.
    pub before: Summary,
    /// As it is.
    pub after: Summary,
    /// When it is told.
    pub told_later_ms: i64,
    /// When on-call is paged; absent where it is not in both, or not known of both.
    pub paged_later_ms: Option<i64>,
    /// When it is over; absent where it is not in both.
    pub over_later_ms: Option<i64>,
}

impl Difference {
    /// Incidents that have most in common at the same time are the same, told otherwise.
    #[must_use]
    pub fn of(before: &[Summary], after: &[Summary]) -> Self {
        let mut pairs: Vec<(Reverse<usize>, u64, usize, usize)> = Vec::new();
        for (left, a) in before.iter().enumerate() {
            for (right, b) in after.iter().enumerate() {
                let common = a.keys.intersection(&b.keys).count();
                if common > 0 && overlap(a, b) {
                    pairs.push((Reverse(common), a.opened_at_ms.abs_diff(b.opened_at_ms), left, right));
                }
            }
        }
        pairs.sort_unstable();
        let mut matched: Vec<Option<usize>> = vec![None; before.len()];
        let mut taken = vec![false; after.len()];
        for (_, _, left, right) in pairs {
            if matched[left].is_none() && !taken[right] {
                matched[left] = Some(right);
                taken[right] = true;
            }
        }
        let paged = |all: &[Summary]| all.iter().filter(|it| it.paged).count();
        let mut difference =
            Self { pages_before: paged(before), pages_after: paged(after), ..Self::default() };
        for (a, right) in before.iter().zip(matched) {
            match right.map(|right| Changed::of(a, &after[right])) {
                None => difference.gone.push(a.clone()),
                Some(changed) if changed.is_nothing() => difference.same += 1,
                Some(changed) => difference.changed.push(changed),
            }
        }
        let new = after.iter().zip(taken).filter(|(_, taken)| !taken);
        difference.new = new.map(|(summary, _)| summary.clone()).collect();
        difference
    }

    /// Whether all is told as before.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.changed.is_empty() && self.gone.is_empty() && self.new.is_empty()
    }
}

/// Whether both lasted at the same moment. What one set of rules tells late may be over by the other's.
fn overlap(a: &Summary, b: &Summary) -> bool {
    let end = |it: &Summary| it.resolved_at_ms.unwrap_or(u64::MAX);
    a.since_ms.min(a.opened_at_ms) <= end(b) && b.since_ms.min(b.opened_at_ms) <= end(a)
}

fn later(before: u64, after: u64) -> i64 {
    i64::try_from(after).unwrap_or(i64::MAX).saturating_sub(i64::try_from(before).unwrap_or(i64::MAX))
}

/// What is told within so much of the same moment is told at the same time, in milliseconds: reports wait for each
/// other for 5 seconds, and the alerter's looks have seconds of their own in each minute.
const SAME_MS: u64 = 10_000;

impl Changed {
    fn of(before: &Summary, after: &Summary) -> Self {
        let both = |a: Option<u64>, b: Option<u64>| Some(later(a?, b?));
        Self {
            before: before.clone(),
            after: after.clone(),
            told_later_ms: later(before.opened_at_ms, after.opened_at_ms),
            paged_later_ms: both(before.paged_at_ms, after.paged_at_ms),
            over_later_ms: both(before.resolved_at_ms, after.resolved_at_ms),
        }
    }

    fn is_nothing(&self) -> bool {
        let Self { before, after, .. } = self;
        let is_same_time = |ms: i64| ms.unsigned_abs() <= SAME_MS;
        is_same_time(self.told_later_ms)
            && self.paged_later_ms.is_none_or(is_same_time)
            && self.over_later_ms.is_none_or(is_same_time)
            && before.resolved_at_ms.is_some() == after.resolved_at_ms.is_some()
            && (before.paged, &before.channels, &before.keys) == (after.paged, &after.channels, &after.keys)
    }
}
