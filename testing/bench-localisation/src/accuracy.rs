//! How often the right thing is named, how often once, and how soon.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use phonehome_localisation::{PathId, Suspect};

use crate::run::{Broken, INTERVAL_S, Options, Run, Told, rules};
use crate::world::World;
use phonehome_bench_localisation::Random;
use phonehome_bench_localisation::{Fault, KINDS};

/// What is counted of faults of one kind, or of all.
#[derive(Debug, Default, Clone)]
pub(crate) struct Count {
    pub(crate) faults: usize,
    pub(crate) found: usize,
    pub(crate) once: usize,
    /// How many were named together, in all.
    pub(crate) named: usize,
    /// Seconds from the fault to the incident, of faults that three paths or more see, that one or two see, and of probes
    /// that fall silent by themselves.
    pub(crate) delays: [Vec<u32>; 3],
    /// The same until the incident named it: what is told may become wider.
    pub(crate) right_after_s: [Vec<u32>; 3],
}

#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) kinds: BTreeMap<usize, Count>,
    pub(crate) incidents: usize,
    pub(crate) right: usize,
    /// Faults of which nothing was to be seen beside the others.
    pub(crate) hidden: usize,
    pub(crate) longest_s: f64,
    pub(crate) reruns: u64,
    /// The seeds in which something was not found, not once, not so, or late.
    pub(crate) remarkable: Vec<String>,
}

/// The accuracy at one level of noise, over so many seeds.
pub(crate) fn measure(
    world: &World,
    setting: (u32, Options),
    seeds: std::ops::Range<u32>,
    is_told: bool,
) -> Counts {
    let counts = Mutex::new(Counts::default());
    let next = AtomicU32::new(seeds.start);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let seen = Seen::of(world, setting, seed);
                    seen.count(
                        world,
                        &mut counts.lock().unwrap_or_else(PoisonError::into_inner),
                        is_told.then_some(seed),
                    );
                }
            });
        }
    });
    counts.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What came of one seed.
struct Seen {
    faults: Vec<Broken>,
    outcomes: crate::run::Outcomes,
}

impl Seen {
    fn of(world: &World, (noise_ppm, options): (u32, Options), seed: u32) -> Self {
        let mut random = Random::new(u64::from(seed));
        let rules = rules(world, noise_ppm);
        let window = u32::try_from(rules.window()).unwrap_or(0);
        let first_s = (window + 2) * INTERVAL_S;
        let count = 1 + random.below(3);
        let kinds = u32::try_from(KINDS.len()).unwrap_or(0);
        let mut faults = Vec::new();
        for number in 0..count {
            // Every kind comes as often as the others.
            let kind = if number == 0 { seed % kinds } else { random.below(kinds) };
            let fault = Fault::any(kind as usize, &world.fleet, &mut random);
            if !faults.iter().any(|known: &Broken| fault.is_same(known.fault)) {
                faults.push(Broken { fault, at_s: first_s + random.below(INTERVAL_S) });
            }
        }
        let until_ticks = first_s + (window + 4) * INTERVAL_S;
        let outcomes = Run::new(world, faults.clone(), noise_ppm, until_ticks, options).go(&mut random);
        Self { faults, outcomes }
    }

    fn count(&self, world: &World, counts: &mut Counts, told: Option<u32>) {
        let names_any = |it: &Told| self.faults.iter().any(|broken| it.names(&self.expected(world, broken)));
        let (right, wrong): (Vec<&Told>, Vec<&Told>) =
            self.outcomes.told.iter().partition(|it| names_any(it));
        counts.incidents += self.outcomes.told.len();
        counts.right += right.len();
        counts.reruns += self.outcomes.reruns;
        counts.longest_s = counts.longest_s.max(self.outcomes.longest_s);
        let visible = self.visible(world);
        counts.hidden += self.faults.len() - visible.len();
        let mut is_remarkable = !wrong.is_empty();
        for Visible { broken, seen_by, alone } in &visible {
            let class = class(broken.fault, *seen_by);
            let count = counts.kinds.entry(broken.fault.kind()).or_default();
            let expected = self.expected(world, broken);
            let found: Vec<&Told> = right.iter().copied().filter(|it| it.names(&expected)).collect();
            // Whatever names it is a message of it, and so is what names nothing rightly and is about any path that it breaks.
            let stray = wrong.iter().filter(|it| !it.incident.paths.is_disjoint(alone)).count();
            let is_once = found.len() + stray == 1;
            count.faults += 1;
            count.once += usize::from(is_once);
            is_remarkable |= !is_once || found.is_empty();
            if let Some(first) = found.first() {
                count.found += 1;
                count.named += first.incident.suspects.len();
                let delay_s = first.told_s(&expected, broken.at_s).saturating_sub(broken.at_s);
                is_remarkable |= WANTED_S[class].is_some_and(|wanted_s| delay_s > wanted_s);
                count.delays[class].push(delay_s);
                count.right_after_s[class].push(first.named_s(&expected).saturating_sub(broken.at_s));
            }
        }
        if let Some(seed) = told.filter(|_| is_remarkable) {
            counts.remarkable.push(self.described(world, seed, &visible));
        }
    }

    fn expected(&self, world: &World, broken: &Broken) -> Vec<Suspect> {
        self.outcomes.dependencies.expected(broken.fault, &world.fleet)
    }

    /// The faults of which anything is to be seen beside the others.
    fn visible(&self, world: &World) -> Vec<Visible> {
        let all: Vec<Fault> = self.faults.iter().map(|it| it.fault).collect();
        let (truth, whole) = (world.truth(&all), world.truth(&[]));
        let dependencies = &self.outcomes.dependencies;
        let of = |(number, broken): (usize, &Broken)| {
            let others: Vec<Fault> = (0..all.len()).filter(|it| *it != number).map(|it| all[it]).collect();
            let seen_by = dependencies.differing(world, &truth, &world.truth(&others)).len();
            let alone = dependencies.differing(world, &world.truth(&[broken.fault]), &whole);
            (seen_by > 0).then_some(Visible { broken: *broken, seen_by, alone })
        };
        self.faults.iter().enumerate().filter_map(of).collect()
    }

    /// What there was, and what was said.
    fn described(&self, world: &World, seed: u32, visible: &[Visible]) -> String {
        let fault = |broken: &Broken| {
            let seen = visible.iter().find(|it| it.broken.fault == broken.fault);
            let seen_by = seen.map_or(0, |it| it.seen_by);
            let expected = self.expected(world, broken);
            let found = self.outcomes.told.iter().filter(|it| it.names(&expected));
            let told: Vec<u32> = found.map(|it| it.told_s(&expected, broken.at_s)).collect();
            format!("\n    {:?} at {}, seen by {seen_by}, told at {told:?}", broken.fault, broken.at_s)
        };
        let said = |told: &Told| {
            let is_right = self.faults.iter().any(|broken| told.names(&self.expected(world, broken)));
            let word = if is_right { "said" } else { "WRONG" };
            format!("\n    {word} of {} paths: {:?}", told.incident.paths.len(), told.said)
        };
        let faults: String = self.faults.iter().map(fault).collect();
        let all: String = self.outcomes.told.iter().map(said).collect();
        format!("seed {seed}:{faults}{all}")
    }
}

/// A fault of which something is to be seen beside the others.
struct Visible {
    broken: Broken,
    /// How many paths and reports would be otherwise without it.
    seen_by: usize,
    /// What it breaks by itself.
    alone: BTreeSet<PathId>,
}

/// In how many seconds a fault is to be told, by the place in [`Count::delays`].
const WANTED_S: [Option<u32>; 3] = [Some(75), Some(135), None];

/// Which of the [`Count::delays`] a fault belongs to that so many paths see.
fn class(fault: Fault, seen_by: usize) -> usize {
    match (fault, seen_by) {
        (_, 3..) => 0,
        (Fault::Probe { .. }, _) => 2,
        _ => 1,
    }
}
