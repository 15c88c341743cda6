//! The benchmark of account vending: `cargo xtask bench vending` makes accounts of a simulated organization in virtual
//! time, and counts what crashes and lost answers make of them.

use std::time::Instant;

use clap::Parser;
use phonehome_bench_vending::{Deaths, Faults, Run, Score};

/// Account vending, in virtual time.
#[derive(Debug, Parser)]
#[command(name = "bench-vending")]
struct Arguments {
    /// How many accounts
    #[arg(long, default_value_t = 1000)]
    accounts: usize,
    /// How many seeds with crashes, lost answers and two at work
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
}

fn main() {
    let arguments = Arguments::parse();
    undisturbed(arguments.accounts);
    storms(&arguments);
    each_point();
}

fn undisturbed(accounts: usize) {
    let start = Instant::now();
    let score = Run::new(accounts, 1, Faults::default(), Deaths::default()).go(1);
    println!(
        "{accounts} accounts, nothing goes wrong ({:.1} s of this machine's time)",
        start.elapsed().as_secs_f64()
    );
    let factor = score.took_ms as f64 / score.least_ms as f64;
    let (took_s, least_s) = (score.took_ms / 1000, score.least_ms / 1000);
    println!(
        "  {took_s} s of virtual time, the least that Organizations' limits allow is {least_s} s: {factor:.3} ×"
    );
    print(&score);
}

fn storms(arguments: &Arguments) {
    let (mut sum, mut points) = (Score::default(), 0);
    for seed in arguments.from..arguments.from + arguments.seeds {
        let mut run = Run::new(60, seed, Faults::STORM, Deaths { at: None, ppm: 10_000 });
        run.go(2);
        // What is heard when all are done counts as well.
        run.clock.pass(10 * 60_000);
        let score = run.go(2);
        if score.duplicates + score.orphans + score.open + score.stopped > 0 {
            println!("seed {seed}: {score:?}");
        }
        add(&mut sum, &score);
        points += run.points();
    }
    println!(
        "{} seeds of 60 accounts, two at work, each dies at 1 % of {points} points; 5 % of calls lost each way, 3 % late",
        arguments.seeds
    );
    print(&sum);
}

fn each_point() {
    let (mut sum, mut points) = (Score::default(), 0);
    for shared_emails in [false, true] {
        let faults = Faults { shared_emails, ..Faults::default() };
        let mut whole = Run::new(8, 7, faults, Deaths::default());
        whole.go(1);
        for at in 0..whole.points() {
            let score = Run::new(8, 7, faults, Deaths { at: Some(at), ppm: 0 }).go(1);
            add(&mut sum, &score);
            points += 1;
        }
    }
    println!(
        "8 accounts, a death before and after each of {} calls, with and without unique addresses",
        points / 2
    );
    print(&sum);
}

fn add(sum: &mut Score, score: &Score) {
    sum.duplicates += score.duplicates;
    sum.orphans += score.orphans;
    sum.made += score.made;
    sum.stopped += score.stopped;
    sum.open += score.open;
    for (operation, (calls, refused)) in &score.calls {
        let count = sum.calls.entry(operation).or_default();
        *count = (count.0 + calls, count.1 + refused);
    }
}

fn print(score: &Score) {
    let Score { duplicates, orphans, made, stopped, open, .. } = score;
    println!("  {made} made, {duplicates} made twice, {orphans} orphans, {stopped} stopped, {open} open");
    let calls: Vec<String> = score
        .calls
        .iter()
        .map(|(name, (calls, refused))| format!("{name} {calls} ({refused} refused)"))
        .collect();
    println!("  {}", calls.join(", "));
}
