//! What noise costs: how long a lone path waits for it, and how often something is told that is not so.

use phonehome_localisation::Rules;

use crate::reruns::asked_s;
use crate::run::{INTERVAL_S, Options, Run, SILENT_RUN_S, latency_s, rules};
use crate::world::World;
use phonehome_bench_localisation::Random;

/// Levels of noise, in millionths.
const LEVELS: [u32; 9] = [100, 400, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000];

/// With nothing broken it is decided this often, in seconds: as else, as reruns hang on it.
const STEP_S: u32 = 5;

/// Prints, for each level of noise, how many results have to agree and what that takes.
pub(crate) fn curve(world: &World) {
    println!("\nA lone path, of {} in all, at most one false note a day, a run a minute", world.paths.len());
    println!("  noise    K of N    runs: mean, p95    p95 seconds, with reruns    false notes a day");
    let mut random = Random::new(1);
    for noise_ppm in LEVELS {
        let rules = rules(world, noise_ppm);
        let noise = f64::from(noise_ppm) / 1e6;
        let (mean, p95) = runs_needed(rules.failures(), 1.0 - noise);
        // The fault is anywhere in the interval before the first run.
        let seconds = f64::from(INTERVAL_S) * (p95 as f64 - 0.05);
        println!(
            "{:6.2} %   {:2} of {:2}   {mean:8.2} {p95:7}    {seconds:11.0} {:13}    {:17.3}",
            noise * 100.0,
            rules.failures(),
            rules.window(),
            with_reruns(rules.failures(), noise_ppm, &mut random),
            chance(&rules, noise) * world.paths.len() as f64 * 86_400.0 / f64::from(INTERVAL_S),
        );
    }
}

/// How many runs it takes until so many more have failed than passed, when each fails with this probability: the mean,
/// and what is enough in 95 of 100 cases.
fn runs_needed(failures: usize, fails: f64) -> (f64, usize) {
    let mut at = vec![0.0; failures];
    at[0] = 1.0;
    let (mut mean, mut told, mut p95) = (0.0, 0.0, 0);
    for run in 1..200 {
        let mut next = vec![0.0; failures];
        for (sum, share) in at.iter().enumerate() {
            next[sum.saturating_sub(1)] += share * (1.0 - fails);
            match next.get_mut(sum + 1) {
                Some(place) => *place += share * fails,
                None => {
                    mean += run as f64 * share * fails;
                    told += share * fails;
                }
            }
        }
        if told >= 0.95 && p95 == 0 {
            p95 = run;
        }
        at = next;
    }
    (mean, p95)
}

/// In how many seconds so many more results have failed than passed in 95 of 100 cases, where what is in doubt runs again;
/// nobody else is waited for.
fn with_reruns(failures: usize, noise_ppm: u32, random: &mut Random) -> u32 {
    const CASES: usize = 10_000;
    let mut seconds: Vec<u32> = (0..CASES).map(|_| case_with_reruns(failures, noise_ppm, random)).collect();
    seconds.sort_unstable();
    seconds[CASES * 95 / 100]
}

fn case_with_reruns(failures: usize, noise_ppm: u32, random: &mut Random) -> u32 {
    let (mut scheduled_s, mut rerun_s, mut sum) = (random.below(INTERVAL_S), None, 0_usize);
    loop {
        let at_s = rerun_s.map_or(scheduled_s, |rerun_s: u32| rerun_s.min(scheduled_s));
        if at_s == scheduled_s {
            scheduled_s += INTERVAL_S;
        } else {
            rerun_s = None;
        }
        let has_failed = !random.happens(noise_ppm);
        sum = if has_failed { sum + 1 } else { sum.saturating_sub(1) };
        // It is decided every few seconds.
        let known_s =
            at_s + if has_failed { SILENT_RUN_S } else { 0 } + latency_s(random) + random.below(STEP_S);
        if sum >= failures {
            return known_s;
        }
        if sum > 0 && rerun_s.is_none() {
            rerun_s = Some(known_s + asked_s(random));
        }
    }
}

/// How likely it is that a run of a path that works makes it be told, counted over every sequence of results.
fn chance(rules: &Rules, noise: f64) -> f64 {
    let (window, needed) = (rules.window(), i32::try_from(rules.failures()).unwrap_or(i32::MAX));
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
            let failed = i32::try_from(results.count_ones()).unwrap_or(0);
            let passed = i32::try_from(window + 1).unwrap_or(0) - failed;
            chance += noise.powi(failed) * (1.0 - noise).powi(passed);
        }
    }
    chance
}

/// Lets so many hours pass in which nothing breaks, and prints what was told.
pub(crate) fn quiet(world: &World, (noise_ppm, options): (u32, Options), hours: u32) {
    let mut random = Random::new(u64::from(noise_ppm) + 7);
    let mut run = Run::new(world, Vec::new(), noise_ppm, hours * 3600, options);
    run.quiet_until_s = 0;
    run.step_s = STEP_S;
    let outcomes = run.go(&mut random);
    let (told, a_minute) = (outcomes.told, outcomes.reruns as f64 / (f64::from(hours) * 60.0));
    let a_day = told.len() as f64 * 24.0 / f64::from(hours);
    let noise = f64::from(noise_ppm) / 1e4;
    println!(
        "noise {noise} %, nothing broken for {hours} h: {} told, {a_day:.1} a day; {a_minute:.1} reruns a minute",
        told.len()
    );
    for crate::run::Told { incident, .. } in &told {
        println!("  {} paths: {:?}", incident.paths.len(), incident.suspects);
    }
}
