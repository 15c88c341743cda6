//! The benchmark of localisation: `cargo xtask bench localisation` breaks simulated networks and counts how often the
//! right thing is named, how often once, and how soon; and measures what a decision takes in a large fleet.

mod accuracy;
mod dependencies;
mod noise;
mod report;
mod reruns;
mod run;
mod scale;
mod world;

use std::time::Instant;

use clap::{Parser, ValueEnum};

/// How many others each account of the simulated fleet connects to.
const CONNECTIONS: u32 = 2;

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Faults, and whether they are found
    Accuracy,
    /// How long a lone path waits, by noise
    Curve,
    /// Nothing breaks, and what is told all the same
    Quiet,
    /// 10,000 accounts
    Scale,
}

/// Faults in simulated networks, and what is said of them.
#[derive(Debug, Parser)]
#[command(name = "bench-localisation")]
struct Arguments {
    /// A part of it only
    #[arg(long)]
    only: Option<Part>,
    /// How many seeds at each level of noise
    #[arg(long, default_value_t = 1000)]
    seeds: u32,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u32,
    /// How many accounts
    #[arg(long, default_value_t = 130, value_parser = clap::value_parser!(u32).range(20..))]
    accounts: u32,
    /// How many of a million results are wrong by chance; each level in turn
    #[arg(long, value_delimiter = ',', default_values_t = [0, 10_000, 50_000])]
    noise: Vec<u32>,
    /// How many hours in which nothing breaks, at each level of noise
    #[arg(long, default_value_t = 24)]
    hours: u32,
    /// Have nothing run once more, as it was before decision 0030
    #[arg(long)]
    without_reruns: bool,
    /// Let scheduled runs in which nobody answers take their six seconds, too
    #[arg(long)]
    slow_runs: bool,
    /// Say in which seed something was not found, not once, or not so
    #[arg(long)]
    verbose: bool,
}

fn main() {
    let arguments = Arguments::parse();
    let is_asked = |part| arguments.only.is_none_or(|only| only == part);
    let options = run::Options { reruns: !arguments.without_reruns, slow_runs: arguments.slow_runs };
    let world = world::World::of(arguments.accounts, CONNECTIONS);
    println!("{} accounts with 3 zones each, {} paths", arguments.accounts, world.paths.len());
    if is_asked(Part::Accuracy) {
        for noise_ppm in &arguments.noise {
            let start = Instant::now();
            let seeds = arguments.from..arguments.from.saturating_add(arguments.seeds);
            let counts = accuracy::measure(&world, (*noise_ppm, options), seeds, arguments.verbose);
            report::print(*noise_ppm, &counts, start.elapsed().as_secs_f64());
        }
    }
    if is_asked(Part::Curve) {
        noise::curve(&world);
    }
    if is_asked(Part::Quiet) {
        arguments
            .noise
            .iter()
            .for_each(|noise_ppm| noise::quiet(&world, (*noise_ppm, options), arguments.hours));
    }
    if is_asked(Part::Scale) {
        scale::measure();
    }
}
