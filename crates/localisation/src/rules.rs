//! How much evidence is enough, derived from how noisy results are and how often one may be wrong.

use crate::component::Component;
use crate::fixed::ln_milli;
use crate::outcome::Outcome;

/// The most results that are kept of a path.
pub(crate) const WINDOW_MAX: usize = 12;

/// How many results of a path are kept where so many failures are enough by themselves: two more, as some may pass in
/// between.
#[must_use]
pub fn kept(failures: usize) -> usize {
    failures.max(FAILURES_MIN).saturating_add(2).min(WINDOW_MAX)
}

/// So many failures a lone path takes at least.
const FAILURES_MIN: usize = 2;

/// With so many paths, one run of each is enough to tell.
pub(crate) const SHARED_BY: usize = 3;

const MS_OF_A_DAY: u64 = 24 * 60 * 60 * 1000;

/// The least and the most noise that is believed, in millionths.
const NOISE_PPM: [u32; 2] = [100, 100_000];

/// What is declared of the results, and what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How many of a million results are wrong by chance, independently of each other, after the tries within a
    /// run. Taken as at least 100 and at most 100,000.
    pub noise_ppm: u32,
    /// How many of a million reports are missing by chance when they are due: late, lost, or in a batch with which
    /// whoever collects them dies. Taken as at least as many as results are wrong, and at most 100,000.
    pub lost_ppm: u32,
    /// How long a tick is, the unit of all times here, in milliseconds.
    pub tick_ms: u32,
    /// How far apart two runs of a probe are, in ticks.
    pub interval_ticks: u32,
    /// How much longer than that a report may take before it is missing, in ticks.
    pub grace_ticks: u32,
    /// So many passes in a row, and what was before them is over.
    pub passes: u32,
    /// How many paths there are in all.
    pub paths: u32,
    /// How many incidents a day may be opened by chance.
    pub false_notes_per_day: u32,
}

/// What follows from a [`Policy`]. Weights and costs are logarithms of likelihood ratios, in milli-nats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    policy: Policy,
    weight: i64,
    lost: i64,
    alone: i64,
    further: i64,
}

impl Rules {
    /// Explanations whose likelihoods differ by less than a factor of e are told as ties.
    pub const TIE: i64 = 1000;

    /// What is less likely by a factor of e⁵, about 150, is refuted. Of components with the same evidence the rarest is
    /// not.
    pub(crate) const REFUTED: i64 = 5000;

    /// The greatest evidence that three paths give in one run each, at 1 % noise: 3 · ln 99. What has at least three
    /// paths is told at this.
    const PROMPT: i64 = 13_785;

    /// The rules that keep to a policy.
    ///
    /// A result that is wrong with probability ε changes the odds by (1 − ε)/ε. By chance a path that works opens an
    /// incident as often as (ε/(1 − ε))^K in a run, with K results more that fail than pass; so there are at most
    /// `false_notes_per_day` when K · ln((1 − ε)/ε) ≥ ln(runs of all paths in a day / false notes).
    #[must_use]
    pub fn of(policy: Policy) -> Self {
        let noise = u64::from(policy.noise_ppm.clamp(NOISE_PPM[0], NOISE_PPM[1]));
        let interval_ms = u64::from(policy.interval_ticks) * u64::from(policy.tick_ms);
        let runs = u64::from(policy.paths.max(1)) * MS_OF_A_DAY / interval_ms.max(1);
        let alone = ln_milli(runs, u64::from(policy.false_notes_per_day.max(1))).max(Self::PROMPT);
        let further = if noise > 10_000 { alone - Self::PROMPT } else { 0 };
        let lost = u64::from(policy.lost_ppm.min(NOISE_PPM[1])).max(noise);
        let odds = |share: u64| ln_milli(1_000_000 - share, share);
        Self { policy, weight: odds(noise), lost: odds(lost), alone, further }
    }

    /// The rules with which a lone path is told when so many more of its results fail than pass, at the greatest
    /// noise that allows it. 2 is the least, and what takes more than a tenth of the results to be wrong is not
    /// believed. `policy.noise_ppm` does not matter.
    #[must_use]
    pub fn with_failures(failures: usize, policy: Policy) -> Self {
        let with = |noise_ppm| Self::of(Policy { noise_ppm, ..policy });
        let [mut enough, mut too_much] = NOISE_PPM;
        if with(too_much).failures() <= failures {
            return with(too_much);
        }
        while enough + 1 < too_much {
            let noise = enough.midpoint(too_much);
            *if with(noise).failures() <= failures { &mut enough } else { &mut too_much } = noise;
        }
        with(enough)
    }

    /// The policy that they keep to.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// K: how many more results of a lone path have to fail than pass before it is told; at least 2.
    #[must_use]
    pub fn failures(&self) -> usize {
        let more_than_chance = usize::try_from(self.alone + 1).unwrap_or(usize::MAX);
        more_than_chance.div_ceil(self.weight.unsigned_abs() as usize).max(FAILURES_MIN)
    }

    /// N: how many results of a path are looked at, two more than K.
    #[must_use]
    pub fn window(&self) -> usize {
        kept(self.failures())
    }

    /// How far back results count, in ticks.
    pub(crate) fn window_ticks(&self) -> u32 {
        self.policy.interval_ticks * u32::try_from(self.window()).unwrap_or(u32::MAX)
    }

    /// What one result says for its cause.
    pub(crate) fn weight(&self, outcome: Outcome) -> i64 {
        match outcome {
            Outcome::Open => self.alone + self.weight,
            _ => self.weight,
        }
    }

    /// How much less a missing report says than a failed result, as it is missing by chance more often; 0 or more.
    pub(crate) fn lost(&self) -> i64 {
        self.weight - self.lost
    }

    /// What a path by itself has to overcome.
    pub(crate) fn alone(&self) -> i64 {
        self.alone
    }

    /// What a component has to overcome that so many paths depend on. Where they are fewer than three, chance is as
    /// likely as for a single one.
    pub(crate) fn cost(&self, component: Component, paths: usize) -> i64 {
        let cost = component.rarity() + self.further;
        if paths < SHARED_BY { cost.max(self.alone) } else { cost }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(noise_ppm: u32) -> Rules {
        Rules::of(Policy {
            noise_ppm,
            lost_ppm: noise_ppm,
            tick_ms: 1000,
            interval_ticks: 60,
            grace_ticks: 15,
            passes: 2,
            paths: 4000,
            false_notes_per_day: 1,
        })
    }

    #[test]
    fn the_noisier_results_are_the_more_of_them_have_to_agree() {
        let table = [(0, 2), (400, 2), (1_000, 3), (5_000, 3), (10_000, 4), (50_000, 6), (100_000, 8)];
        for (noise_ppm, failures) in table {
            assert_eq!(rules(noise_ppm).failures(), failures, "{noise_ppm} ppm");
        }
    }

    #[test]
    fn reports_are_missing_by_chance_as_often_as_is_declared_and_no_more_seldom_than_results_are_wrong() {
        let policy = *rules(10_000).policy();
        // ln 99 less ln of the odds that a report is there: 32, and 9 where it is one of ten or less that is.
        for (lost_ppm, less) in [(0, 0), (10_000, 0), (30_000, 1_119), (100_000, 2_398), (u32::MAX, 2_398)] {
            assert!(Rules::of(Policy { lost_ppm, ..policy }).lost().abs_diff(less) <= 1, "{lost_ppm} ppm");
        }
    }

    #[test]
    fn as_many_failures_are_enough_as_were_asked_for() {
        for (asked, enough) in [(0, 2), (1, 2), (2, 2), (3, 3), (4, 4), (6, 6), (8, 8), (60, 8)] {
            let rules = Rules::with_failures(asked, *rules(0).policy());
            assert_eq!(rules.failures(), enough, "{asked}");
        }
    }

    /// Counted out over every sequence of results: how often the last K of N more fail than pass, and did not one
    /// run earlier.
    #[test]
    fn by_chance_a_lone_path_is_told_no_more_often_than_allowed() {
        for noise_ppm in [400, 1_000, 5_000, 10_000, 20_000, 50_000, 100_000] {
            let rules = rules(noise_ppm);
            let (window, needed) = (rules.window(), rules.failures() as i32);
            let noise = f64::from(noise_ppm) / 1e6;
            let is_told = |results: u32| {
                let mut sum = 0;
                (0..window).any(|age| {
                    sum += if results >> age & 1 == 1 { 1 } else { -1 };
                    sum >= needed
                })
            };
            let mut chance = 0.0;
            for results in 0..1_u32 << (window + 1) {
                if is_told(results) && !is_told(results >> 1) {
                    let failed = results.count_ones() as i32;
                    chance += noise.powi(failed) * (1.0 - noise).powi(window as i32 + 1 - failed);
                }
            }
            let a_day = chance * 4000.0 * 1440.0;
            assert!(a_day <= 1.0, "{noise_ppm} ppm: {a_day} a day");
        }
    }

    #[test]
    fn three_paths_are_enough_in_one_run_up_to_one_percent() {
        let mut names = crate::names::Collected::default();
        let name = names.name("a");
        for component in [
            Component::Target(name),
            Component::Nat(name),
            Component::Peering(name),
            Component::Account(name),
            Component::Resolver(name),
            Component::WayOut(name),
            Component::Subnet(name),
        ] {
            for noise_ppm in [100, 10_000] {
                let rules = rules(noise_ppm);
                assert!(3 * rules.weight(Outcome::Silence) >= rules.cost(component, 3), "{component:?}");
                assert!(rules.cost(component, 2) >= rules.alone());
            }
        }
    }
}
