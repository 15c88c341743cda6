//! The newest results of a path.

use crate::outcome::Outcome;
use crate::rules::WINDOW_MAX;

/// Results, the oldest first. Times are in seconds, on whatever scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    len: u8,
    outcomes: [Outcome; WINDOW_MAX],
    at_s: [u32; WINDOW_MAX],
}

impl Window {
    pub(crate) const EMPTY: Self =
        Self { len: 0, outcomes: [Outcome::Pass; WINDOW_MAX], at_s: [0; WINDOW_MAX] };

    /// As many passes, the newest at `newest_s`, one interval apart.
    pub(crate) fn passes(count: u8, newest_s: u32, interval_s: u32) -> Self {
        let mut window = Self::EMPTY;
        for age in (0..u32::from(count)).rev() {
            window.insert(newest_s.saturating_sub(age * interval_s), Outcome::Pass, WINDOW_MAX);
        }
        window
    }

    pub(crate) fn results(&self) -> impl DoubleEndedIterator<Item = (u32, Outcome)> + '_ {
        let len = usize::from(self.len);
        self.at_s[..len].iter().copied().zip(self.outcomes[..len].iter().copied())
    }

    /// Puts a result where it belongs in time, and keeps the newest `most`. Of two at one moment the first counts.
    pub(crate) fn insert(&mut self, at_s: u32, outcome: Outcome, most: usize) {
        let len = usize::from(self.len);
        let place = self.at_s[..len].partition_point(|at| *at < at_s);
        if place < len && self.at_s[place] == at_s {
            return;
        }
        if len < most.min(WINDOW_MAX) {
            self.at_s.copy_within(place..len, place + 1);
            self.outcomes.copy_within(place..len, place + 1);
            (self.at_s[place], self.outcomes[place]) = (at_s, outcome);
            self.len += 1;
        } else if place > 0 {
            // The oldest goes.
            self.at_s.copy_within(1..place, 0);
            self.outcomes.copy_within(1..place, 0);
            (self.at_s[place - 1], self.outcomes[place - 1]) = (at_s, outcome);
        }
    }

    /// Forgets the results of which `is_wrong` says so.
    pub(crate) fn forget(&mut self, is_wrong: impl Fn(u32, Outcome) -> bool) {
        let before = *self;
        *self = Self::EMPTY;
        for (at_s, outcome) in before.results().filter(|(at_s, outcome)| !is_wrong(*at_s, *outcome)) {
            self.insert(at_s, outcome, WINDOW_MAX);
        }
    }

    /// What was open is not once it has been proven twice since: once it may have been a target that was just dying.
    pub(crate) fn close(&mut self) {
        let newest = self.results().rev().take(2);
        if newest.filter(|(_, outcome)| *outcome == Outcome::Pass).count() == 2 {
            self.forget(|_, outcome| outcome == Outcome::Open);
        }
    }

    /// How many passes there are and when the newest was, where there is nothing else.
    pub(crate) fn only_passes(&self) -> Option<(u8, u32)> {
        let newest = self.results().next_back().map_or(0, |(at_s, _)| at_s);
        self.results().all(|(_, outcome)| outcome == Outcome::Pass).then_some((self.len, newest))
    }
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
