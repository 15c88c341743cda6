//! One seed: probes report at their own second of the minute, things break, and the incidents that are opened.

use phonehome_localisation::{Incident, Incidents, Outcome, PathId, Policy, Rules, State, Suspect};

use crate::dependencies::Dependencies;
use crate::reruns::{Coming, Reruns};
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

/// How long a run takes in which nobody answers, in seconds: three tries of two seconds, side by side.
pub(crate) const SILENT_RUN_S: u32 = 6;

/// A fault, and when it happens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Broken {
    pub(crate) fault: Fault,
    pub(crate) at_s: u32,
}

/// An incident.
pub(crate) struct Told {
    /// As it was in the end, or when it ended.
    pub(crate) incident: Incident,
    /// What it named since when, in seconds.
    pub(crate) said: Vec<(u32, Vec<Suspect>)>,
}

impl Told {
    /// Whether it named one of these in the end.
    pub(crate) fn names(&self, expected: &[Suspect]) -> bool {
        names_of(&self.incident.suspects, expected)
    }

    /// Since when it names one of these.
    pub(crate) fn named_s(&self, expected: &[Suspect]) -> u32 {
        let newest = self.said.iter().rev().take_while(|(_, suspects)| names_of(suspects, expected));
        newest.last().map_or(self.incident.opened_ticks, |(since_s, _)| *since_s)
    }

    /// When it told of a fault: it was opened since that, or has named it since.
    pub(crate) fn told_s(&self, expected: &[Suspect], fault_s: u32) -> u32 {
        let opened_s = self.incident.opened_ticks;
        if opened_s >= fault_s { opened_s } else { self.named_s(expected) }
    }
}

/// What was opened in a run.
pub(crate) struct Outcomes {
    /// The oldest first.
    pub(crate) told: Vec<Told>,
    /// The topology that they speak of.
    pub(crate) dependencies: Dependencies,
    /// How long the longest decision took, in seconds.
    pub(crate) longest_s: f64,
    /// How many reruns were asked for.
    pub(crate) reruns: u64,
}

/// One run: what is broken when, how noisy results are, and until when.
pub(crate) struct Run<'w> {
    pub(crate) world: &'w World,
    pub(crate) faults: Vec<Broken>,
    pub(crate) noise_ppm: u32,
    pub(crate) until_ticks: u32,
    /// Until then nothing is told: nothing broke, and paths only get a past. For a minute before it is decided already, so
    /// that what is in doubt has run again as it would have.
    pub(crate) quiet_until_s: u32,
    pub(crate) step_s: u32,
    pub(crate) options: Options,
}

/// What is simulated, and what is not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// The hub has probes run again what is in doubt.
    pub(crate) reruns: bool,
    /// A scheduled run in which nobody answers takes its time, too; that of a rerun always does.
    pub(crate) slow_runs: bool,
}

/// A report on its way: when it arrives, when its run began, of which probe.
type OnItsWay = (u32, u32, u32);

impl<'w> Run<'w> {
    pub(crate) fn new(
        world: &'w World,
        faults: Vec<Broken>,
        noise_ppm: u32,
        until_ticks: u32,
        options: Options,
    ) -> Self {
        let quiet_until_s = faults.iter().map(|it| it.at_s).min().unwrap_or(0).saturating_sub(INTERVAL_S);
        Self { world, faults, noise_ppm, until_ticks, quiet_until_s, step_s: STEP_S, options }
    }

    pub(crate) fn go(&self, random: &mut Random) -> Outcomes {
        let dependencies = Dependencies::of(&self.world.fleet, &self.world.paths);
        let Dependencies { topology, .. } = Dependencies::of(&self.world.fleet, &self.world.paths);
        let mut hub = Hub {
            state: State::new(topology, rules(self.world, self.noise_ppm)),
            newest_s: vec![0; dependencies.probes.len()],
            reruns: Reruns::default(),
            coming: Vec::new(),
            incidents: Incidents::default(),
            told: Vec::new(),
            longest_s: 0.0,
        };
        let (truths, per_probe) = (self.truths(), self.paths_of_probes());
        let mut waiting = self.runs(&truths, random);
        waiting.sort_unstable();
        let mut next = waiting.into_iter().peekable();
        let mut now_s = self.step_s;
        while now_s <= self.until_ticks {
            while let Some((_, at_s, probe)) = next.next_if(|(arrives_s, _, _)| *arrives_s <= now_s) {
                let paths = per_probe[probe as usize].clone();
                let results = self.results(truth_at(&truths, at_s), probe, paths, random);
                if let Some(results) = results {
                    hub.report(&dependencies, (probe, at_s), &results);
                }
            }
            hub.take_in_reruns(&dependencies, now_s);
            if now_s == self.quiet_until_s.next_multiple_of(self.step_s) {
                hub.incidents = Incidents::default();
                hub.told.clear();
            }
            if now_s + INTERVAL_S >= self.quiet_until_s {
                let asked = hub.decide(&dependencies, now_s, self.options.reruns, random);
                for (probe, at_s, paths) in asked {
                    let results = self.results(truth_at(&truths, at_s), probe, paths, random);
                    let coming = results.map(|results| {
                        let arrives_s = at_s + run_s(results.iter().map(|(_, it)| *it)) + latency_s(random);
                        Coming { arrives_s, at_s, probe, results }
                    });
                    hub.coming.extend(coming);
                }
            }
            now_s += self.step_s;
        }
        let Hub { told, longest_s, reruns, .. } = hub;
        Outcomes { told, dependencies, longest_s, reruns: reruns.count }
    }

    /// What a run of a probe says of these paths; nothing where no report comes.
    fn results(
        &self,
        truth: &Truth,
        probe: u32,
        paths: impl IntoIterator<Item = usize>,
        random: &mut Random,
    ) -> Option<Vec<(usize, Outcome)>> {
        if !truth.reports[probe as usize] || random.happens(self.noise_ppm) {
            return None;
        }
        let of = |path: usize| (path, self.noisy(truth.outcomes[path], &self.world.paths[path], random));
        Some(paths.into_iter().map(of).collect())
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
    fn runs(&self, truths: &[(u32, Truth)], random: &mut Random) -> Vec<OnItsWay> {
        let per_probe = self.paths_of_probes();
        let mut runs = Vec::new();
        for probe in 0..u32::try_from(self.world.fleet.accounts.len()).unwrap_or(0) * ZONES {
            let mut at_s = 1 + random.below(INTERVAL_S);
            while at_s < self.until_ticks {
                let outcomes = per_probe[probe as usize].clone();
                let outcomes = outcomes.map(|path| truth_at(truths, at_s).outcomes[path]);
                let run_s = if self.options.slow_runs { run_s(outcomes) } else { 0 };
                runs.push((at_s + run_s + latency_s(random), at_s, probe));
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

/// What the hub knows and says.
struct Hub {
    state: State,
    /// When the newest run of each probe began that its schedule started.
    newest_s: Vec<u32>,
    reruns: Reruns,
    coming: Vec<Coming>,
    incidents: Incidents,
    told: Vec<Told>,
    longest_s: f64,
}

impl Hub {
    /// A report of all that a probe tests arrives.
    fn report(
        &mut self,
        dependencies: &Dependencies,
        (probe, at_s): (u32, u32),
        results: &[(usize, Outcome)],
    ) {
        self.state.report(dependencies.probes[probe as usize], at_s);
        let newest_s = &mut self.newest_s[probe as usize];
        *newest_s = at_s.max(*newest_s);
        for (path, outcome) in results {
            self.state.observe(dependencies.paths[*path], at_s, *outcome);
        }
    }

    /// The reports of reruns that have arrived.
    fn take_in_reruns(&mut self, dependencies: &Dependencies, now_s: u32) {
        let mut arrived = Vec::new();
        self.coming.retain(|it| {
            let is_there = it.arrives_s <= now_s;
            arrived.extend(is_there.then(|| it.clone()));
            !is_there
        });
        arrived.sort_unstable_by_key(|it| (it.at_s, it.probe));
        for Coming { at_s, probe, results, .. } in arrived {
            self.reruns.answered(probe);
            for (path, outcome) in results {
                let path = dependencies.paths[path];
                // Of a path that works meanwhile it says nothing, but where it is the newest.
                if !self.state.is_settled(path) || at_s > self.newest_s[probe as usize] {
                    self.state.observe(path, at_s, outcome);
                }
            }
        }
    }

    /// Decides, and returns which probes are to run which paths once more, and when they do.
    fn decide(
        &mut self,
        dependencies: &Dependencies,
        now_s: u32,
        asks: bool,
        random: &mut Random,
    ) -> Vec<(u32, u32, Vec<usize>)> {
        self.state.miss(now_s);
        let start = std::time::Instant::now();
        let explanation = self.state.explain(now_s);
        self.longest_s = self.longest_s.max(start.elapsed().as_secs_f64());
        let opened = self.incidents.follow(&self.state, &explanation, now_s);
        self.told.extend(opened.into_iter().map(|incident| Told { incident, said: Vec::new() }));
        for open in &self.incidents.open {
            if let Some(known) = self.told.iter_mut().find(|it| it.incident.id == open.id) {
                known.incident.paths.extend(&open.paths);
                if known.said.last().is_none_or(|(_, suspects)| *suspects != open.suspects) {
                    known.incident.suspects.clone_from(&open.suspects);
                    known.said.push((now_s, open.suspects.clone()));
                }
            }
        }
        if !asks {
            return Vec::new();
        }
        let is_told = |path: &PathId| self.incidents.open.iter().any(|it| it.paths.contains(path));
        let wanted = self.state.wanted(&explanation, now_s, |_| true);
        let wanted: Vec<(u32, usize)> = wanted
            .into_iter()
            .filter(|path| !is_told(path))
            .filter_map(|path| dependencies.place_of(path))
            .filter(|(_, path)| dependencies.is_connection(*path))
            .collect();
        let mut probes: Vec<u32> = Vec::new();
        wanted.iter().for_each(|(probe, _)| {
            if !probes.contains(probe) {
                probes.push(*probe);
            }
        });
        let paths_of = |probe: u32| wanted.iter().filter(move |it| it.0 == probe).map(|it| it.1).collect();
        let asked = self.reruns.ask(&probes, now_s, random);
        asked.into_iter().map(|(probe, at_s)| (probe, at_s, paths_of(probe))).collect()
    }
}

/// What is true at a moment.
fn truth_at(truths: &[(u32, Truth)], at_s: u32) -> &Truth {
    &truths.iter().rev().find(|(since_s, _)| *since_s <= at_s).unwrap_or(&truths[0]).1
}

/// How long a run takes with these results, in seconds.
fn run_s(mut outcomes: impl Iterator<Item = Outcome>) -> u32 {
    let waits = |outcome: Outcome| matches!(outcome, Outcome::Silence | Outcome::Unresolved);
    if outcomes.any(waits) { SILENT_RUN_S } else { 0 }
}

pub(crate) fn latency_s(random: &mut Random) -> u32 {
    LATENCY_S.0 + random.below(LATENCY_S.1)
}

/// The rules for a fleet whose results are as noisy.
pub(crate) fn rules(world: &World, noise_ppm: u32) -> Rules {
    let paths = u32::try_from(world.paths.len()).unwrap_or(u32::MAX);
    Rules::of(Policy {
        noise_ppm,
        // Reports get lost as often as results are wrong.
        lost_ppm: noise_ppm,
        tick_ms: 1000,
        interval_ticks: INTERVAL_S,
        grace_ticks: GRACE_S,
        passes: 2,
        paths,
        false_notes_per_day: 1,
    })
}

/// Whether one of these is among the suspects.
pub(crate) fn names_of(suspects: &[Suspect], expected: &[Suspect]) -> bool {
    suspects.iter().any(|it| expected.contains(it))
}
