//! One seed: probes report at their own second of the minute, things break, and the incidents that are opened.

use phonehome_localisation::{Component, Incident, Incidents, Outcome, Policy, Rules, State, Suspect};

use crate::dependencies::Dependencies;
use crate::world::{Truth, World};
use phonehome_bench_localisation::Fault;
use phonehome_bench_localisation::Random;
use phonehome_bench_localisation::{Aim, Path, ZONES};

/// How far apart two runs of a probe are, in seconds.
pub(crate) const INTERVAL_S: u32 = 60;

/// How much later a report may come without being missed, in seconds.
pub(crate) const GRACE_S: u32 = 10;

/// How often it is decided, in seconds: reports are folded together for as long.
const STEP_S: u32 = 5;

/// How long a report takes to the table, in seconds: at least, and how much more at most.
const LATENCY_S: (u32, u32) = (1, 5);

/// A fault, and when it happens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Broken {
    pub(crate) fault: Fault,
    pub(crate) at_s: u32,
}

/// What was opened in a run.
pub(crate) struct Outcomes {
    /// As they were in the end, or when they ended.
    pub(crate) incidents: Vec<Incident>,
    /// The topology that they speak of.
    pub(crate) dependencies: Dependencies,
    /// How long the longest decision took, in seconds.
    pub(crate) longest_s: f64,
}

/// One run: what is broken when, how noisy results are, and until when.
pub(crate) struct Run<'w> {
    pub(crate) world: &'w World,
    pub(crate) faults: Vec<Broken>,
    pub(crate) noise_ppm: u32,
    pub(crate) until_ticks: u32,
    /// Until then nothing is decided: nothing broke, and paths only get a past.
    pub(crate) quiet_until_s: u32,
    pub(crate) step_s: u32,
}

/// A report on its way: when it arrives, when its run began, of which probe.
type OnItsWay = (u32, u32, u32);

impl<'w> Run<'w> {
    pub(crate) fn new(world: &'w World, faults: Vec<Broken>, noise_ppm: u32, until_ticks: u32) -> Self {
        let quiet_until_s = faults.iter().map(|it| it.at_s).min().unwrap_or(0).saturating_sub(INTERVAL_S);
        Self { world, faults, noise_ppm, until_ticks, quiet_until_s, step_s: STEP_S }
    }

    pub(crate) fn go(&self, random: &mut Random) -> Outcomes {
        let dependencies = Dependencies::of(&self.world.fleet, &self.world.paths);
        let (probes, paths) = (dependencies.probes.clone(), dependencies.paths.clone());
        let Dependencies { topology, .. } = Dependencies::of(&self.world.fleet, &self.world.paths);
        let mut state = State::new(topology, rules(self.world, self.noise_ppm));
        let mut incidents = Incidents::default();
        let mut told: Vec<Incident> = Vec::new();
        let truths = self.truths();
        let mut longest_s = 0_f64;
        let mut waiting = self.runs(random);
        waiting.sort_unstable();
        let mut next = waiting.into_iter().peekable();
        let per_probe = self.paths_of_probes();
        let mut now_s = self.step_s;
        while now_s <= self.until_ticks {
            while let Some((_, at_s, probe)) = next.next_if(|(arrives_s, _, _)| *arrives_s <= now_s) {
                let truth =
                    &truths.iter().rev().find(|(since_s, _)| *since_s <= at_s).unwrap_or(&truths[0]).1;
                if !truth.reports[probe as usize] || random.happens(self.noise_ppm) {
                    continue;
                }
                state.report(probes[probe as usize], at_s);
                for path in per_probe[probe as usize].clone() {
                    let outcome = self.noisy(truth.outcomes[path], &self.world.paths[path], random);
                    state.observe(paths[path], at_s, outcome);
                }
            }
            if now_s >= self.quiet_until_s {
                state.miss(now_s);
                let start = std::time::Instant::now();
                let explanation = state.explain(now_s);
                longest_s = longest_s.max(start.elapsed().as_secs_f64());
                told.extend(incidents.follow(&state, &explanation, now_s));
                for open in &incidents.open {
                    if let Some(known) = told.iter_mut().find(|it| it.id == open.id) {
                        known.suspects.clone_from(&open.suspects);
                        known.paths.extend(&open.paths);
                    }
                }
            }
            now_s += self.step_s;
        }
        Outcomes { incidents: told, dependencies, longest_s }
    }

    /// A result is wrong by chance: it fails though it works, or passes though it does not. That a packet crossed is
    /// a fact, so an isolation that fails by chance proves nothing instead.
    fn noisy(&self, outcome: Outcome, path: &Path, random: &mut Random) -> Outcome {
        if !random.happens(self.noise_ppm) {
            return outcome;
        }
        match (outcome, path.aim) {
            (Outcome::Pass | Outcome::Open, Aim::Closed { .. }) => Outcome::Inconclusive,
            (Outcome::Pass, _) => Outcome::Silence,
            (Outcome::Inconclusive, _) => Outcome::Inconclusive,
            _ => Outcome::Pass,
        }
    }

    /// What is true since when, the first since the beginning.
    fn truths(&self) -> Vec<(u32, Truth)> {
        let mut times: Vec<u32> = self.faults.iter().map(|it| it.at_s).collect();
        times.push(0);
        times.sort_unstable();
        times.dedup();
        let at = |now_s: u32| {
            let broken = self.faults.iter().filter(|it| it.at_s <= now_s && it.at_s > 0);
            let faults: Vec<Fault> = broken.map(|it| it.fault).collect();
            (now_s, self.world.truth(&faults))
        };
        times.into_iter().map(at).collect()
    }

    /// When each probe runs and when the report arrives.
    fn runs(&self, random: &mut Random) -> Vec<OnItsWay> {
        let mut runs = Vec::new();
        for probe in 0..u32::try_from(self.world.fleet.accounts.len()).unwrap_or(0) * ZONES {
            let mut at_s = 1 + random.below(INTERVAL_S);
            while at_s < self.until_ticks {
                runs.push((at_s + LATENCY_S.0 + random.below(LATENCY_S.1), at_s, probe));
                at_s += INTERVAL_S;
            }
        }
        runs
    }

    fn paths_of_probes(&self) -> Vec<std::ops::Range<usize>> {
        let mut start = 0;
        let chunks = self.world.paths.chunk_by(|a, b| (a.account, a.zone) == (b.account, b.zone));
        let range = |chunk: &[Path]| {
            start += chunk.len();
            start - chunk.len()..start
        };
        chunks.map(range).collect()
    }
}

/// The rules for a fleet whose results are as noisy.
pub(crate) fn rules(world: &World, noise_ppm: u32) -> Rules {
    let paths = u32::try_from(world.paths.len()).unwrap_or(u32::MAX);
    Rules::of(Policy {
        noise_ppm,
        tick_ms: 1000,
        interval_ticks: INTERVAL_S,
        grace_ticks: GRACE_S,
        passes: 2,
        paths,
        false_notes_per_day: 1,
    })
}

/// Whether one of these is among the suspects.
pub(crate) fn names_of(suspects: &[Suspect], expected: &[Component]) -> bool {
    suspects.iter().any(|it| matches!(it, Suspect::Component(component) if expected.contains(component)))
}

/// Whether an incident names one of these.
pub(crate) fn names(incident: &Incident, expected: &[Component]) -> bool {
    names_of(&incident.suspects, expected)
}
