//! A large fleet: how long a decision takes, and how much memory what it is made from.

use std::sync::OnceLock;
use std::time::Instant;

use phonehome_localisation::{Explanation, Outcome, PathId, ProbeId, State, Suspect};

use crate::dependencies::Dependencies;
use crate::run::{INTERVAL_S, names_of, rules};
use crate::world::{Truth, World};
use phonehome_bench_localisation::Fault;
use phonehome_bench_localisation::Random;
use phonehome_bench_localisation::ZONES;

const ACCOUNTS: u32 = 10_000;

/// With so many connections of each account a probe has twenty paths.
const CONNECTIONS: u32 = 9;

/// How many of a million results are taken to be wrong.
const NOISE_PPM: u32 = 10_000;

/// How many things break at once.
const CAUSES: u32 = 200;

/// A fleet whose probes report.
struct Reporting<'w> {
    world: &'w World,
    state: State,
    probes: Vec<ProbeId>,
    paths: Vec<PathId>,
}

impl Reporting<'_> {
    /// A minute in which everything is tested once; how many seconds taking it in took.
    fn minute(&mut self, truth: &Truth, minute: u32, noise_ppm: u32, random: &mut Random) -> f64 {
        let start_s = cpu_s();
        let at_s = |probe: u32| minute * INTERVAL_S + probe * 7919 % INTERVAL_S;
        for ((path, id), outcome) in self.world.paths.iter().zip(&self.paths).zip(&truth.outcomes) {
            let is_wrong = noise_ppm > 0 && *outcome == Outcome::Pass && random.happens(noise_ppm);
            let outcome = if is_wrong { Outcome::Silence } else { *outcome };
            self.state.observe(*id, at_s(path.account * ZONES + path.zone), outcome);
        }
        for ((probe, id), reports) in (0..).zip(&self.probes).zip(&truth.reports) {
            if *reports {
                self.state.report(*id, at_s(probe));
            }
        }
        self.state.miss((minute + 1) * INTERVAL_S);
        cpu_s() - start_s
    }

    /// Decides, and says what it took.
    fn decide(&self, what: &str, minute: u32) -> Explanation {
        let start_s = cpu_s();
        let explanation = self.state.explain((minute + 1) * INTERVAL_S);
        let (took_s, causes) = (cpu_s() - start_s, explanation.causes.len());
        let (unsettled, bytes) = (self.state.unsettled(), self.state.bytes() as f64 / 1e6);
        println!(
            "  {what}: {took_s:.3} s, {causes} causes; {unsettled} paths with failures, {bytes:.1} MB of state"
        );
        explanation
    }
}

/// Measures, and says it.
pub(crate) fn measure() {
    let world = World::of(ACCOUNTS, CONNECTIONS);
    let start_s = cpu_s();
    let dependencies = Dependencies::of(&world.fleet, &world.paths);
    let (count, took_s) = (world.paths.len(), cpu_s() - start_s);
    println!(
        "\n{ACCOUNTS} accounts, {count} paths; what they depend on is collected in {took_s:.1} s (seconds of CPU)"
    );
    let faults = causes(&world);
    let expected: Vec<_> = faults.iter().map(|fault| dependencies.expected(*fault, &world.fleet)).collect();
    let Dependencies { topology, probes, paths, .. } = dependencies;
    let state = State::new(topology, rules(&world, NOISE_PPM));
    let mut fleet = Reporting { world: &world, state, probes, paths };
    let (whole, broken) = (world.truth(&[]), world.truth(&faults));
    let mut random = Random::new(1);
    let took_s = (1..=6).map(|minute| fleet.minute(&whole, minute, 0, &mut random)).fold(f64::MAX, f64::min);
    println!("  results are taken in at {:.0} M a second", count as f64 / took_s / 1e6);
    fleet.decide("nothing fails", 6);
    for minute in 7..=9 {
        fleet.minute(&broken, minute, 0, &mut random);
        let explanation = fleet.decide(&format!("{CAUSES} faults, minute {}", minute - 6), minute);
        let is_named =
            |it: &&Vec<Suspect>| explanation.causes.iter().any(|cause| names_of(&cause.suspects, it));
        println!("    {} of {CAUSES} named", expected.iter().filter(is_named).count());
    }
    fleet.minute(&broken, 10, NOISE_PPM, &mut random);
    fleet.decide("the same, at 1 % noise", 10);
}

/// How long this thread has had the CPU, in seconds: the machine may be shared. Where the system does not say, how long
/// it has been.
fn cpu_s() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let on_cpu = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = on_cpu.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| START.get_or_init(Instant::now).elapsed().as_secs_f64(), |it| it / 1e9)
}

/// Hosts, gateways, peerings and accounts, far enough from each other.
fn causes(world: &World) -> Vec<Fault> {
    let accounts = u32::try_from(world.fleet.accounts.len()).unwrap_or(1);
    let fault = |number: u32| {
        let account = number * (accounts / CAUSES);
        match number % 10 {
            0..=6 => Fault::Host { account },
            7 => Fault::Nat { account, zone: number % ZONES },
            8 => Fault::Peering { connection: account * CONNECTIONS },
            _ => Fault::Account { account, is_silent: number % 20 == 9 },
        }
    };
    (0..CAUSES).map(fault).collect()
}
