//! How often the right thing is named, how often once, and how soon.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use phonehome_localisation::{Incident, PathId};

use crate::run::{Broken, INTERVAL_S, Options, Run, names, rules};
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
    pub(crate) wrong: Vec<String>,
}

/// How many wrong ones are told by seed.
const TOLD: usize = 12;

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
        let all: Vec<Fault> = self.faults.iter().map(|it| it.fault).collect();
        let truth = world.truth(&all);
        let dependencies = &self.outcomes.dependencies;
        let whole = world.truth(&[]);
        let mut visible: Vec<(Broken, usize, BTreeSet<PathId>)> = Vec::new();
        for (number, broken) in self.faults.iter().enumerate() {
            let others: Vec<Fault> = (0..all.len()).filter(|it| *it != number).map(|it| all[it]).collect();
            let without = world.truth(&others);
            let seen_by = dependencies.differing(world, &truth, &without).len();
            if seen_by == 0 {
                counts.hidden += 1;
            } else {
                let alone = dependencies.differing(world, &world.truth(&[broken.fault]), &whole);
                visible.push((*broken, seen_by, alone));
            }
        }
        let expected = |broken: &Broken| dependencies.expected(broken.fault, &world.fleet);
        let incidents = &self.outcomes.incidents;
        let right =
            incidents.iter().filter(|it| self.faults.iter().any(|broken| names(it, &expected(broken))));
        counts.incidents += incidents.len();
        counts.right += right.count();
        counts.reruns += self.outcomes.reruns;
        counts.longest_s = counts.longest_s.max(self.outcomes.longest_s);
        for wrong in
            incidents.iter().filter(|it| !self.faults.iter().any(|broken| names(it, &expected(broken))))
        {
            if let Some(seed) = told {
                counts.wrong.push(format!(
                    "seed {seed}: wrong: {:?} {} paths opened {}; {:?}",
                    wrong.suspects,
                    wrong.paths.len(),
                    wrong.opened_ticks,
                    self.faults
                ));
            }
        }
        for (broken, seen_by, alone) in &visible {
            let count = counts.kinds.entry(broken.fault.kind()).or_default();
            let mut found = incidents.iter().filter(|it| names(it, &expected(broken))).peekable();
            // Incidents of it: more than half of what they are about is what it broke, and they do not name another fault
            // instead, which breaks the same paths.
            let names_other = |it: &&Incident| {
                let others = self.faults.iter().filter(|other| other.fault != broken.fault);
                !names(it, &expected(broken)) && others.into_iter().any(|other| names(it, &expected(other)))
            };
            let of_it = incidents.iter().filter(|it| !names_other(it)).filter(|it| {
                let about = it.paths.iter().filter(|path| alone.contains(path)).count();
                about * 2 > it.paths.len()
            });
            let of_it = of_it.count();
            count.faults += 1;
            count.once += usize::from(of_it == 1);
            if let Some(first) = found.peek() {
                count.found += 1;
                count.named += first.suspects.len();
                let delay = first.opened_ticks.saturating_sub(broken.at_s);
                count.delays[class(broken.fault, *seen_by)].push(delay);
            }
            if let Some(seed) =
                told.filter(|_| (found.peek().is_none() || of_it != 1) && counts.wrong.len() < TOLD)
            {
                let said: Vec<String> = incidents
                    .iter()
                    .map(|it| format!("{:?} of {} at {}", it.suspects, it.paths.len(), it.opened_ticks))
                    .collect();
                counts.wrong.push(format!(
                    "seed {seed}: {:?}, {} incidents of {broken:?}, seen by {}; said: {said:#?}",
                    all, of_it, *seen_by
                ));
            }
        }
    }
}

/// Which of the [`Count::delays`] a fault belongs to that so many paths see.
fn class(fault: Fault, seen_by: usize) -> usize {
    match (fault, seen_by) {
        (_, 3..) => 0,
        (Fault::Probe { .. }, _) => 2,
        _ => 1,
    }
}
