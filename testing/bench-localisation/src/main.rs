//! The benchmark of localisation: `cargo xtask bench localisation` breaks networks and counts how often the right
//! thing is named, how often once, and how soon.

mod accuracy;
mod dependencies;
mod faults;
mod fleet;
mod network;
mod random;
mod run;
mod scale;
mod world;

use clap::Parser;

/// Faults in simulated networks, and what is said of them.
#[derive(Debug, Parser)]
#[command(name = "bench-localisation")]
struct Arguments {
    /// How many seeds at each level of noise
    #[arg(long, default_value_t = 1000)]
    seeds: u32,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u32,
    /// How many accounts
    #[arg(long, default_value_t = 130)]
    accounts: u32,
    /// How many of a million results are wrong by chance; each level in turn
    #[arg(long, value_delimiter = ',', default_values_t = [0, 10_000, 50_000])]
    noise: Vec<u32>,
    #[arg(long)]
    only_scale: bool,
    /// Say of what was not found, or not once, in which seed it was
    #[arg(long)]
    verbose: bool,
}

fn main() {
    let arguments = Arguments::parse();
    if arguments.only_scale {
        scale::measure();
        return;
    }
    let world = world::World::of(arguments.accounts, 2);
    println!("{} paths of {} accounts", world.paths.len(), arguments.accounts);
    for noise_ppm in &arguments.noise {
        let start = std::time::Instant::now();
        let seeds = arguments.from..arguments.from + arguments.seeds;
        let counts = accuracy::measure(&world, *noise_ppm, seeds, arguments.verbose);
        println!(
            "noise {noise_ppm}: incidents {} right {} hidden {} longest {:.4}",
            counts.incidents, counts.right, counts.hidden, counts.longest_s
        );
        let mut total = accuracy::Count::default();
        for (kind, count) in &counts.kinds {
            let mut d: Vec<u32> = count.delays.concat();
            d.sort_unstable();
            let p95 = d.get(d.len() * 95 / 100).copied().unwrap_or(0);
            println!(
                "{p95:4} {:25} {:4} found {:4} once {:4} first {:4} named {:4}",
                faults::KINDS[*kind],
                count.faults,
                count.found,
                count.once,
                count.first,
                count.named
            );
            total.faults += count.faults;
            total.found += count.found;
            total.once += count.once;
            for i in 0..2 {
                total.delays[i].extend(&count.delays[i]);
            }
        }
        println!(
            "precision {:.4} recall {:.4} once {:.4}",
            counts.right as f64 / counts.incidents as f64,
            total.found as f64 / total.faults as f64,
            total.once as f64 / total.faults as f64
        );
        for d in &mut total.delays {
            d.sort_unstable();
            if !d.is_empty() {
                println!(
                    "p50 {} p95 {} max {} of {}",
                    d[d.len() / 2],
                    d[d.len() * 95 / 100],
                    d[d.len() - 1],
                    d.len()
                );
            }
        }
        for w in &counts.wrong {
            println!("{w}");
        }
        println!("{:.1} s", start.elapsed().as_secs_f64());
    }
}
