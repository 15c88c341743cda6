//! Whether maintenance windows and quiet hours end, and are for something.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Rules;
use super::tested::Tests;
use crate::model::Window;
use crate::place::{Flaw, Place};
use crate::times;

const DAY: i64 = 24 * 60;
const WEEK: i64 = 7 * DAY;

/// 15 January and 15 July 2026, 12:00 UTC, in seconds since the Unix epoch: a winter's and a summer's difference
/// from UTC, wherever clocks change. No clock is asked, so that a file is right today and tomorrow.
const SEASONS: [i64; 2] = [1_768_478_400, 1_784_116_800];

/// Windows by their numbers in the file, quiet hours after maintenance.
type Together = BTreeSet<usize>;

impl<'a> Rules<'a> {
    /// What is held back has to be told some time: whatever a window is for, there is a time in each week in which
    /// neither it nor another one is.
    pub(super) fn windows_end(&mut self) {
        let windows = self.windows();
        let mut reported = BTreeSet::new();
        for (together, account) in self.together(&windows) {
            if !SEASONS.iter().any(|season| are_always(&windows, &together, *season)) {
                continue;
            }
            let (Some(last), false) = (together.last(), together.iter().any(|it| reported.contains(it)))
            else {
                continue;
            };
            reported.insert(*last);
            let (place, window) = windows[*last];
            let others: Vec<String> =
                together.iter().filter(|it| *it != last).map(|it| windows[*it].0.line.to_string()).collect();
            let of = account.map(|account| format!(" of {account}")).unwrap_or_default();
            let flaw = Flaw::new(match others.as_slice() {
                [] => "this window never ends: it begins again before it is over".to_owned(),
                [one] => format!("with the window on line {one} this never ends: nothing would be told{of}"),
                _ => {
                    let lines = others.join(", ");
                    format!("with the windows on lines {lines} this never ends: nothing would be told{of}")
                }
            });
            let key = if window.to.is_some() { ".to" } else { ".duration_minutes" };
            self.report(place, key, flaw.hint("leave a time in each week in which it is told"));
        }
    }

    /// A window that is for nothing is noticed at night.
    pub(super) fn windows_are_for_something(&mut self, tests: &Tests) {
        let zones: BTreeSet<_> = self
            .draft
            .regions
            .values()
            .flat_map(|region| region.availability_zones.iter().cloned())
            .collect();
        let is_complete = self.controls_complete();
        for (place, window) in self.windows() {
            if let Some(zone) = &window.r#match.availability_zone
                && self.draft.regions.complete
                && !zones.contains(zone)
            {
                let flaw = Flaw::new(format!("no Region of this file has the zone `{zone}`"));
                self.report(place, ".match.availability_zone", flaw.for_publishing());
            }
            if let Some(check) = &window.r#match.check
                && is_complete
                && !tests.has(check)
            {
                let flaw = Flaw::new(format!("no account has a check `{check}` that must connect"));
                let hint = "`phonehome status ACCOUNT` lists those of an account; of isolations nothing is held back";
                self.report(place, ".match.check", flaw.hint(hint).for_publishing());
            }
        }
    }

    fn windows(&self) -> Vec<(&'a Place, &'a Window)> {
        let draft = self.draft;
        let both = draft.maintenance.found.iter().chain(&draft.quiet_hours.found);
        both.map(|(place, window)| (place, window)).collect()
    }

    /// The windows that are for one thing, for each such thing, the fewest first; and an account that has it.
    fn together(&self, windows: &[(&Place, &Window)]) -> Vec<(Together, Option<String>)> {
        let mut of_accounts: BTreeMap<Together, Option<String>> =
            (0..windows.len()).map(|number| (Together::from([number]), None)).collect();
        for domain in self.draft.domains.values() {
            for entry in &domain.environments {
                let name = entry.account_name(&domain.name);
                let takes = |(_, window): &(&Place, &Window)| {
                    window.r#match.takes_of(&name, entry.account_id.as_ref(), &domain.name, &entry.name)
                };
                let all: Together = (0..windows.len()).filter(|it| takes(&windows[*it])).collect();
                of_accounts.entry(all).or_insert(Some(name));
            }
        }
        let mut together: BTreeMap<Together, Option<String>> = BTreeMap::new();
        for (all, account) in of_accounts {
            // What some window is for, and what any is: other parts of the account are in fewer of them.
            for it in &all {
                let part = &windows[*it].1.r#match;
                let parts = all.iter().copied().filter(|it| windows[*it].1.r#match.takes_all_of(part));
                together.entry(parts.collect()).or_insert_with(|| account.clone());
            }
        }
        let mut together: Vec<_> = together.into_iter().collect();
        together.sort_by_key(|(windows, _)| windows.len());
        together
    }
}

/// Whether at each moment of a week one of these is.
fn are_always(windows: &[(&Place, &Window)], together: &Together, season: i64) -> bool {
    let mut times: Vec<(i64, i64)> =
        together.iter().flat_map(|it| in_a_week(windows[*it].1, season)).collect();
    times.sort_unstable();
    let covered = times.into_iter().fold(0, |covered, (from, to)| {
        // A gap: nothing after it closes it.
        if from > covered { covered } else { covered.max(to) }
    });
    covered >= WEEK
}

/// When a window is, in minutes of UTC's week, those before it and after it cut off.
fn in_a_week(window: &Window, season: i64) -> Vec<(i64, i64)> {
    let Some(zone) = times::zone(&window.time_zone) else { return vec![] };
    let Ok(at) = Timestamp::from_second(season) else { return vec![] };
    let ahead = i64::from(zone.to_offset(at).seconds()) / 60;
    let from = i64::from(window.from.minute);
    let length = match (window.to, window.duration_minutes) {
        (Some(to), _) => (i64::from(to.minute) - from - 1).rem_euclid(DAY) + 1,
        (None, Some(minutes)) => i64::from(minutes),
        (None, None) => return vec![],
    };
    let is_on = |day: i64| {
        window.weekdays.is_empty() || window.weekdays.iter().any(|it| i64::from(it.number()) == day + 1)
    };
    let begins = (0..7).filter(|day| is_on(*day)).map(|day| (day * DAY + from - ahead).rem_euclid(WEEK));
    // The one of the week before may last into this one.
    let times = begins.flat_map(|begin| [begin - WEEK, begin]).map(|begin| (begin.max(0), begin + length));
    times.filter(|(_, end)| *end > 0).collect()
}
