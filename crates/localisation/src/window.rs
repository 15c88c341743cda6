//! The newest results of a path.

use crate::outcome::Outcome;
use crate::rules::WINDOW_MAX;

/// Results, the oldest first. Times are in ticks, on whatever scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    len: u8,
    outcomes: [Outcome; WINDOW_MAX],
    at_ticks: [u32; WINDOW_MAX],
}

impl Window {
    pub(crate) const EMPTY: Self =
        Self { len: 0, outcomes: [Outcome::Pass; WINDOW_MAX], at_ticks: [0; WINDOW_MAX] };

    /// As many passes, the newest at `newest_ticks`, one interval apart.
    pub(crate) fn passes(count: u8, newest_ticks: u32, interval_ticks: u32) -> Self {
        let mut window = Self::EMPTY;
        for age in (0..u32::from(count)).rev() {
            window.insert(newest_ticks.saturating_sub(age * interval_ticks), Outcome::Pass, WINDOW_MAX);
        }
        window
    }

    pub(crate) fn results(&self) -> impl DoubleEndedIterator<Item = (u32, Outcome)> + Clone + '_ {
        let len = usize::from(self.len);
        self.at_ticks[..len].iter().copied().zip(self.outcomes[..len].iter().copied())
    }

    /// Puts a result where it belongs in time, and keeps the newest `most`. Of two at one moment the first counts.
    pub(crate) fn insert(&mut self, at_ticks: u32, outcome: Outcome, most: usize) {
        let len = usize::from(self.len);
        let place = self.at_ticks[..len].partition_point(|at| *at < at_ticks);
        if place < len && self.at_ticks[place] == at_ticks {
            return;
        }
        if len < most.min(WINDOW_MAX) {
            self.at_ticks.copy_within(place..len, place + 1);
            self.outcomes.copy_within(place..len, place + 1);
            (self.at_ticks[place], self.outcomes[place]) = (at_ticks, outcome);
            self.len += 1;
        } else if place > 0 {
            // The oldest goes.
            self.at_ticks.copy_within(1..place, 0);
            self.outcomes.copy_within(1..place, 0);
            (self.at_ticks[place - 1], self.outcomes[place - 1]) = (at_ticks, outcome);
        }
    }

    /// Forgets the results of which `is_wrong` says so.
    pub(crate) fn forget(&mut self, is_wrong: impl Fn(u32, Outcome) -> bool) {
        let before = *self;
        *self = Self::EMPTY;
        for (at_ticks, outcome) in
            before.results().filter(|(at_ticks, outcome)| !is_wrong(*at_ticks, *outcome))
        {
            self.insert(at_ticks, outcome, WINDOW_MAX);
        }
    }

    /// Forgets what is over, as [`is_over`] says.
    pub(crate) fn close(&mut self, passes: usize) {
        if is_over(self.results().rev().map(|(_, outcome)| outcome), passes) {
            let newest = self.results().rev().take_while(|(_, outcome)| *outcome == Outcome::Pass);
            let since_ticks = newest.last().map_or(0, |(at_ticks, _)| at_ticks);
            self.forget(|at_ticks, _| at_ticks < since_ticks);
        }
    }

    /// How many passes there are and when the newest was, where there is nothing else.
    pub(crate) fn only_passes(&self) -> Option<(u8, u32)> {
        let newest = self.results().next_back().map_or(0, |(at_ticks, _)| at_ticks);
        self.results().all(|(_, outcome)| outcome == Outcome::Pass).then_some((self.len, newest))
    }
}

/// Whether what was wrong with a path is over, by its results from the newest to the oldest: as many passed in a row.
/// Of an isolation that takes at least two: once it may have been a target that was just dying.
pub fn is_over(newest_first: impl Iterator<Item = Outcome> + Clone, passes: usize) -> bool {
    let is_isolation = newest_first.clone().any(|outcome| outcome == Outcome::Open);
    let passed = newest_first.take_while(|outcome| *outcome == Outcome::Pass).count();
    passed >= passes.max(if is_isolation { 2 } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_kept_in_the_order_of_time_and_only_the_newest() {
        let mut window = Window::passes(3, 300, 60);
        window.insert(360, Outcome::Silence, 4);
        window.insert(210, Outcome::Refused, 4);
        window.insert(360, Outcome::Pass, 4);
        let seen: Vec<_> = window.results().collect();
        let expected =
            [(210, Outcome::Refused), (240, Outcome::Pass), (300, Outcome::Pass), (360, Outcome::Silence)];
        assert_eq!(seen, expected);
        window.insert(100, Outcome::Silence, 4);
        assert_eq!(window.results().next(), Some((210, Outcome::Refused)));
    }

    #[test]
    fn what_only_passed_needs_no_window() {
        let mut window = Window::passes(4, 300, 60);
        assert_eq!(window.only_passes(), Some((4, 300)));
        window.insert(360, Outcome::Silence, 4);
        assert_eq!(window.only_passes(), None);
        window.forget(|_, outcome| outcome == Outcome::Silence);
        assert_eq!(window.only_passes(), Some((3, 300)));
    }
}
