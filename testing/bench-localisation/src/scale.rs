//! A large fleet: how long a decision takes, and how much memory what it is made from.

use std::time::Instant;

use phonehome_localisation::{Outcome, State};

use crate::dependencies::Dependencies;
use crate::faults::Fault;
use crate::fleet::ZONES;
use crate::random::Random;
use crate::run::{INTERVAL_S, names_of, rules};
use crate::world::{Truth, World};

const ACCOUNTS: u32 = 10_000;

/// With so many connections of each account a probe has twenty paths.
const CONNECTIONS: u32 = 9;

/// How many things break at once.
const CAUSES: u32 = 200;

/// Measures, and says it.
pub(crate) fn measure() {
    let world = World::of(ACCOUNTS, CONNECTIONS);
    let start = Instant::now();
    let dependencies = Dependencies::of(&world.fleet, &world.paths);
    println!("{} paths, collected in {:.2} s", world.paths.len(), start.elapsed().as_secs_f64());
    let faults = causes(&world);
    let expected: Vec<_> = faults.iter().map(|fault| dependencies.expected(*fault, &world.fleet)).collect();
    let Dependencies { topology, probes, paths, .. } = dependencies;
    let mut state = State::new(topology, rules(&world, 10_000));
    let per_probe: Vec<u32> =
        (0..u32::try_from(probes.len()).unwrap_or(0)).map(|probe| probe * 7919 % INTERVAL_S).collect();
    let minute = |state: &mut State, truth: &Truth, minute: u32| {
        let start = Instant::now();
        for (number, path) in world.paths.iter().enumerate() {
            let at_s = minute * INTERVAL_S + per_probe[(path.account * ZONES + path.zone) as usize];
            state.observe(paths[number], at_s, truth.outcomes[number]);
        }
        for (probe, id) in probes.iter().enumerate() {
            if truth.reports[probe] {
                state.report(*id, minute * INTERVAL_S + per_probe[probe]);
            }
        }
        start.elapsed().as_secs_f64()
    };
    let whole = world.truth(&[]);
    let broken = world.truth(&faults);
    for number in 1..=5 {
        minute(&mut state, &whole, number);
    }
    let folded_s = minute(&mut state, &whole, 6);
    let start = Instant::now();
    let nothing = state.explain(7 * INTERVAL_S);
    println!(
        "nothing fails: {:.6} s, {} causes; {} bytes",
        start.elapsed().as_secs_f64(),
        nothing.causes.len(),
        state.bytes()
    );
    println!("a minute of results: {:.1} M a second", world.paths.len() as f64 / folded_s / 1e6);
    for number in 7..=9 {
        minute(&mut state, &broken, number);
        state.miss((number + 1) * INTERVAL_S);
        let failing =
            broken.outcomes.iter().filter(|it| !matches!(it, Outcome::Pass | Outcome::Inconclusive)).count();
        let start = Instant::now();
        let explanation = state.explain((number + 1) * INTERVAL_S);
        let took_s = start.elapsed().as_secs_f64();
        let found = expected
            .iter()
            .filter(|it| explanation.causes.iter().any(|cause| names_of(&cause.suspects, it)))
            .count();
        println!(
            "{failing} paths fail of {CAUSES} causes: {took_s:.3} s, {} causes, {found} right; {} bytes; unsettled {}",
            explanation.causes.len(),
            state.bytes(),
            state.unsettled()
        );
    }
    let mut random = Random::new(1);
    for noise in [10_000, 50_000] {
        let mut noisy = broken.clone();
        for outcome in &mut noisy.outcomes {
            if random.happens(noise) && *outcome == Outcome::Pass {
                *outcome = Outcome::Silence;
            }
        }
        minute(&mut state, &noisy, if noise == 10_000 { 10 } else { 11 });
        let start = Instant::now();
        let explanation = state.explain(12 * INTERVAL_S);
        println!("noise {noise}: {:.3} s {} causes", start.elapsed().as_secs_f64(), explanation.causes.len());
    }
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
